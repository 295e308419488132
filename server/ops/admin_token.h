/* The token of the operators' interface: 32 random bytes as text in a file that only the server's user can read, drawn at the first start. */
#ifndef CHAT_OPS_ADMIN_TOKEN_H
#define CHAT_OPS_ADMIN_TOKEN_H
#include "common/base/str.h"

enum { ADMIN_TOKEN_TEXT = 43 };
struct admin_token {
	char text[ADMIN_TOKEN_TEXT + 1];
	bool drawn; /* by this start */
};
/* Reads the file, or makes it durably with mode 0600. 0, or -1 with a sentence in why. */
int admin_token_load(struct admin_token *t, const char *path, char why[256]);
/* In a time that does not depend on where they differ. */
bool admin_token_is(const struct admin_token *t, struct str text);
#endif
