/* The journal: append-only segment files in one directory. A position counts bytes from the journal's beginning; a segment file's name is the position
 * of its first byte, and its first SEGMENT_HEAD bytes are a header, so no record stands at position 0.
 *
 * One thread appends (the queue's); any number read at the same time. An error of fdatasync is final: the caller stops without an answer. */
#ifndef CHAT_JOURNAL_H
#define CHAT_JOURNAL_H
#include "server/journal/record.h"
#include "server/journal/token.h"
#include <sys/types.h>

enum { SEGMENT_HEAD = 64 };

struct journal;
struct journal_config {
	const char *dir;        /* made with mode 0700 when missing */
	uint64_t segment_bytes; /* a segment is sealed once it is this long */
	bool read_only;         /* offline tools: nothing is made, cut or written */
};

struct journal_segment {
	uint64_t base, end; /* positions: [base, end) */
};

/* Opens the directory, reads or draws the meta file (key, epoch), lists the segments and checks that they follow each other. The tail
 * is not looked at yet: journal_recover() does that. 0, or -1 with a sentence in why. */
int journal_open(struct journal **out, const struct journal_config *c, char why[256]);
void journal_close(struct journal *j);
const struct token_key *journal_key(const struct journal *j);

/* Called for each valid record. Answers 0 to go on. */
typedef int journal_visit(void *ctx, const struct record *r, const uint8_t *bytes);

/* Reads the records of segment number i (from position `from` if that is inside) in order, verifying each checksum. *end: where the first
 * byte stands that is no valid record (the segment's end when all is well). 0; -1: read error; else what visit answered. */
int journal_scan(struct journal *j, unsigned i, uint64_t from, journal_visit *visit, void *ctx, uint64_t *end);
unsigned journal_segments(struct journal *j);
struct journal_segment journal_segment(struct journal *j, unsigned i);

/* Cuts the last segment at `pos` (the torn tail is kept beside it as torn-POS), makes everything that was replayed durable, directory
 * included. Must come before the first append. 0 or -1. */
int journal_recover(struct journal *j, uint64_t pos, char why[256]);

uint64_t journal_tail(const struct journal *j); /* where the next record will stand (appending thread) */
bool journal_full(
	const struct journal *j); /* the active segment has reached its size: seal it before the next append */
/* Seals the active segment and starts the next one, durable in the directory. 0; 1: no space now (nothing changed); -1: final. */
int journal_roll(struct journal *j);

/* Appends whole records at the tail. 0; 1: no space (ENOSPC, EDQUOT), nothing was kept; -1: final, errno says why. */
int journal_append(struct journal *j, const uint8_t *bytes, size_t n);
/* Is there space for a batch? Writes one and cuts it off again. 0; 1: no; -1: it could not be cut off: the next append writes over it. */
int journal_probe(struct journal *j);
/* 0, or -1: final (fsyncgate): never call it again, never acknowledge. */
int journal_sync(struct journal *j);

/* Any thread: the record at `at`, checksum verified and equal to at.crc. Its bytes go to *bytes, a buffer of *cap that is grown (caller frees).
 * 1 found; 0 there is no such record; -1 read error. */
int journal_read(struct journal *j, struct place at, struct record *r, uint8_t **bytes, size_t *cap);

/* Replaceable system calls, so that tests can make the n-th one fail. */
struct journal_io {
	ssize_t (*pwrite)(int fd, const void *p, size_t n, off_t at);
	int (*fdatasync)(int fd);
	int (*ftruncate)(int fd, off_t len);
};
extern struct journal_io journal_io;

/* chatd journal dump|verify DIR: an exit code. */
int journal_tool(int argc, char **argv);
#endif
