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
extern const char *const message_columns[]; /* of a message */
extern const char *const answer_columns[];  /* of what the server answers to a send */
void out_begin(struct out *o, struct cli *c, const char *const *columns, bool single);
/* 0, or -1 when stdout cannot be written. Flushed per item. */
int out_item(struct out *o, const cJSON *item);
int out_end(struct out *o);
/* 0, or -1 when stdout cannot be written. A pipe whose reader has gone ends the program by SIGPIPE, as it ends cat. */
int out_flush(void);
void out_check_reader(void); /* does the latter without having to write */
/* The head of a message for people, a line: id, time, sender. */
void out_head(const struct cli *c, const cJSON *message);
/* One line for people, whatever is in it made safe. */
void out_line(const char *text);
/* Text, made safe when stdout is a terminal. json: it may be JSON, and stays it. */
void out_text(const struct cli *c, struct str text, bool json);
int out_format_check(const char *format); /* 0; EXIT_USAGE after a message */
#endif
