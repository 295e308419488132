/* Small files of the journal's directory that are written whole: temporary name, fsync, rename, fsync of the directory. Any thread that
 * may block; a writer belongs to one of them. */
#ifndef CHAT_JOURNAL_FILES_H
#define CHAT_JOURNAL_FILES_H
#include "server/journal/token.h"

/* The key and the epoch in the file "meta", drawn when there is none (not when read_only). 0, or -1 with why. */
int meta_load(int dir_fd, bool read_only, struct token_key *key, char why[256]);

/* Gathers output in a buffer, keeps a running crc32c. Begin, put, commit. */
struct file_writer {
	int dir_fd, fd;
	char tmp[80], name[64];
	uint8_t *chunk;
	size_t used;
	uint32_t crc;
	bool failed;
};
int file_writer_begin(struct file_writer *w, int dir_fd, const char *name);
void file_writer_put(struct file_writer *w, const void *p, size_t n); /* errors are kept for the end */
/* Makes the file visible under its name, durably. 0, or -1: nothing is left of it; errno says why. */
int file_writer_commit(struct file_writer *w);
#endif
