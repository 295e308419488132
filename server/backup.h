/* A copy of all that a server has, taken while it serves: the journal first, then the accounts, so that no message in the copy is of a user whom the copy
 * does not know. chatd starts from it as from its own data; what can be made anew (index, heads, admin token) is not copied. A thread that may block. */
#ifndef CHAT_SERVER_BACKUP_H
#define CHAT_SERVER_BACKUP_H
#include "server/accounts/accounts.h"
#include "server/journal/journal.h"

struct backup {
	unsigned files;
	uint64_t bytes;
};
/* `from`: the data directory. `to`: absolute; empty, or not there. 0; -1 with a sentence in why, and what was written is left as it is. */
int backup_take(
	struct journal *j, struct accounts *a, const char *from, const char *to, struct backup *out, char why[256]);
#endif
