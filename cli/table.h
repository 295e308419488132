/* Lists of objects for operators: in text a line of names and aligned columns, in the other forms as cli/out.h writes them. */
#ifndef CHAT_CLI_TABLE_H
#define CHAT_CLI_TABLE_H
#include "cli/out.h"

enum cell {
	CELL_TEXT,   /* left; what peers wrote is made safe, and cut at CELL_COLUMNS_MAX */
	CELL_NUMBER, /* right */
	CELL_BYTES,  /* right, for people */
	CELL_MS,     /* right: a duration in milliseconds, for people */
	CELL_S,      /* right: the same in seconds */
	CELL_TIME,   /* RFC 3339 as local time */
};
enum { CELL_COLUMNS_MAX = 48, TABLE_COLUMNS_MAX = 16 };
struct column {
	const char *key, *title; /* key NULL ends */
	enum cell kind;
};

/* Text of a column of an object, safe and cut, as it stands in a table. */
void cell_text(const struct cli *c, const struct column *col, const cJSON *item, struct buf *out);
/* Adds text (UTF-8 without controls) and blanks up to width columns; right: blanks first. More than width is cut. */
void pad_text(struct buf *out, struct str text, unsigned width, bool right);
/* The array as lines: names, then a line an object; nothing at all when it is empty. */
void table_text(const struct cli *c, const struct column *columns, const cJSON *list, struct buf *out);
/* The array on stdout. EXIT_DONE, or EXIT_FAILED after a message. */
int table_show(struct cli *c, const struct column *columns, const cJSON *list);
/* One object: in text a row "key  value" a column, in csv and tsv one row. Members of members are called outer_inner there. */
int table_object(struct cli *c, const struct column *columns, const cJSON *o);
#endif
