/* chatd journal dump|verify: looks at a journal without a running server. */
#include "common/base/clock.h"
#include "server/journal/journal.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

struct tally {
	uint64_t records, messages, marks, body_bytes;
	bool print, bodies;
};

static const char *const type_word[] = {
	[RECORD_MESSAGE] = "message", [RECORD_DELIVERED] = "delivered", [RECORD_READ] = "read"};

static void print_text(const char *name, struct str s)
{
	printf(",\"%s\":\"", name);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static int visit(void *ctx, const struct record *r, const uint8_t *bytes)
{
	struct tally *t = ctx;
	char time[CLOCK_TEXT + 1];

	(void)bytes;
	t->records++;
	t->messages += r->type == RECORD_MESSAGE;
	t->marks += r->type != RECORD_MESSAGE;
	t->body_bytes += r->body.n;
	if (!t->print)
		return 0;
	clock_format(r->time_ms, time);
	printf("{\"pos\":%" PRIu64
	       ",\"type\":\"%s\",\"time\":\"%s\",\"actor\":%u,\"peer\":%u,\"ordinal\":%u,\"crc\":\"%08x\"",
		r->at.pos, type_word[r->type], time, r->actor, r->peer, r->ordinal, r->at.crc);
	printf(",\"prev_actor\":%" PRIu64 ",\"prev_peer\":%" PRIu64 ",\"link\":%" PRIu64, r->prev_actor.pos,
		r->prev_peer.pos, r->link.pos);
	if (r->type != RECORD_MESSAGE)
		printf(",\"up_to\":%s", r->flags & RECORD_UP_TO ? "true" : "false");
	else
		print_text("client_id", r->client_id);
	if (r->type == RECORD_MESSAGE && t->bodies)
		print_text("body", r->body);
	else if (r->type == RECORD_MESSAGE)
		printf(",\"body_bytes\":%zu", r->body.n);
	puts("}");
	return 0;
}

/* 0: whole; 1: a torn tail, which the next start cuts; 2: damaged. */
static int walk(struct journal *j, struct tally *t)
{
	unsigned n = journal_segments(j);

	for (unsigned i = 0; i < n; i++) {
		struct journal_segment s = journal_segment(j, i);
		uint64_t end;
		if (journal_scan(j, i, 0, visit, t, &end)) {
			fprintf(stderr, "chatd: cannot read segment %020" PRIu64 ".seg: %s\n", s.base, strerror(errno));
			return 2;
		}
		if (end < s.end) {
			fprintf(stderr,
				"chatd: segment %020" PRIu64 ".seg: no valid record at %" PRIu64 ", %" PRIu64
				" bytes before its end%s\n",
				s.base, end, s.end - end, i + 1 < n ? ": damaged" : ": a torn tail");
			return i + 1 < n ? 2 : 1;
		}
	}
	return 0;
}

static const char usage[] = "usage: chatd journal dump|verify [--bodies] DIR\n"
			    "  DIR is the server's data directory (or its journal folder); the server may be running.\n"
			    "  dump prints one JSON object a record; message texts only with --bodies.\n"
			    "  verify checks every checksum. Exit: 0 whole, 1 torn tail (the next start cuts it), 2 "
			    "damaged or unreadable.\n";

/* The directory; NULL: not as the usage says. */
static const char *read_arguments(int argc, char **argv, struct tally *t)
{
	const char *verb = argc > 1 ? argv[1] : "", *dir = NULL;

	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "--bodies") == 0)
			t->bodies = true;
		else if (!dir && argv[i][0] != '-' && argv[i][0])
			dir = argv[i];
		else
			return NULL;
	}
	t->print = strcmp(verb, "dump") == 0;
	return t->print || strcmp(verb, "verify") == 0 ? dir : NULL;
}

/* A data directory, or the journal folder itself. */
static int open_either(const char *dir, struct journal **out)
{
	char why[256], second[256], folder[4096];
	struct journal_config conf = {.dir = folder, .read_only = true};

	snprintf(folder, sizeof folder, "%s/journal", dir);
	if (journal_open(out, &conf, why) == 0)
		return 0;
	conf.dir = dir;
	if (journal_open(out, &conf, second) == 0)
		return 0;
	fprintf(stderr, "chatd: %s\n", why);
	return -1;
}

int journal_tool(int argc, char **argv)
{
	struct tally t = {0};
	struct journal *j;

	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		fputs(usage, stdout);
		return 0;
	}
	const char *dir = read_arguments(argc, argv, &t);
	if (!dir) {
		fputs(usage, stderr);
		return 2;
	}
	if (open_either(dir, &j))
		return 2;
	int rc = walk(j, &t);
	fprintf(stderr,
		"%" PRIu64 " records, %" PRIu64 " messages with %" PRIu64 " bytes of text, %" PRIu64
		" marks, %u segments: %s\n",
		t.records, t.messages, t.body_bytes, t.marks, journal_segments(j),
		rc == 0   ? "whole"
		: rc == 1 ? "torn tail"
			  : "damaged");
	journal_close(j);
	return rc;
}
