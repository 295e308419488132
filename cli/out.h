/* What goes to stdout. Peers' words are made safe in every text form; JSON is exact. */
#ifndef CHAT_CLI_OUT_H
#define CHAT_CLI_OUT_H
#include "cli/verb.h"
#include <cjson/cJSON.h>

/* A list of objects (messages, devices …) goes out one by one: begin, item, end. columns: the fields of csv, tsv and text, NULL ends. */
struct out {
	struct cli *cli;
	const char *const *columns;
	unsigned n;
	bool single; /* json: the object itself, no array around it */
	bool failed;
};
extern const char *const message_columns[];
void out_begin(struct out *o, struct cli *c, const char *const *columns, bool single);
/* 0, or -1 when stdout cannot be written. Flushed per item. */
int out_item(struct out *o, const cJSON *item);
int out_end(struct out *o);
/* One line of text, made safe. */
void out_safe(const char *text);
int out_format_check(const char *format); /* 0; EXIT_USAGE after a message */
#endif
