/* What is sent: a printable header that makes a message accountable, then contents of the wanted length. The header is
 *	~ RRRRRR PPPPPP CCCCCC TTTTTTT SSSSSS	(without the blanks; 32 bytes: no payload is shorter)
 * run, pair, counter, intended time (microseconds since the run's start), checksum of all the rest, each in digits of base64url, the highest first. */
#ifndef CHAT_BENCH_PAYLOAD_H
#define CHAT_BENCH_PAYLOAD_H
#include "cli/bench/scenario.h"

enum { PAYLOAD_FILE_MAX = 16 << 20, PAYLOAD_LINES_MAX = 1000000 };

struct payload_head {
	uint32_t run, pair, counter;
	uint64_t at; /* below 2^42 */
};
struct payload {
	struct payload_spec spec;
	uint64_t seed;
	uint32_t run; /* tells runs on one server apart; drawn by whoever starts the run */
	char *text;   /* what contents are cut from */
	size_t n_text;
	struct str *lines; /* PAYLOAD_FILE: of the text */
	unsigned n_lines;
};
/* Reads the file of a PAYLOAD_FILE, from `folder` unless its name is absolute. 0; -1 with a sentence in why. Read only from then on. */
int payload_init(struct payload *p, const struct scenario *s, const char *folder, uint32_t run, char why[256]);
void payload_release(struct payload *p);
/* The body of a message: valid UTF-8, PAYLOAD_MIN to PAYLOAD_MAX bytes, always the same for the same counter. Not yet JSON. Answers the length. */
size_t payload_make(const struct payload *p, uint32_t counter, uint32_t pair, uint64_t at, char out[PAYLOAD_MAX]);
size_t payload_length(const struct payload *p, uint32_t counter); /* what payload_make aims at */

enum payload_verdict { PAYLOAD_GOOD, PAYLOAD_FOREIGN, PAYLOAD_CORRUPT };
/* FOREIGN: no header at all, so not of any run. GOOD and CORRUPT (checksum) fill in *h; whether h->run is this run is for the caller to see. */
enum payload_verdict payload_read(struct str body, struct payload_head *h);
#endif
