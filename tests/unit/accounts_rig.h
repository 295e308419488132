/* A folder of its own for a test of accounts: made before it, removed with the database behind it. */
#ifndef CHAT_TEST_ACCOUNTS_RIG_H
#define CHAT_TEST_ACCOUNTS_RIG_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct rig_folder {
	char dir[64], path[96]; /* path: the database */
};

static inline int rig_folder_make(struct rig_folder *f)
{
	strcpy(f->dir, "/tmp/chat-accounts.XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof f->path, "%s/accounts.db", f->dir);
	return 0;
}

static inline void rig_folder_remove(const struct rig_folder *f)
{
	static const char *const tails[] = {"", "-wal", "-shm"};
	char path[128];

	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s%s", f->path, tails[i]);
		unlink(path);
	}
	rmdir(f->dir);
}
#endif
