/* One table of options: from it come the flags, the keys of the config file, --help, --print-config and the man page's list.
 * The program's values live in a struct; each option names its offset there. */
#ifndef CHAT_CONF_OPTIONS_H
#define CHAT_CONF_OPTIONS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum option_type {
	OPTION_TEXT,   /* char *; owned by the values, see options_free() */
	OPTION_NUMBER, /* uint64_t within [min, max] */
	OPTION_CHOICE, /* const char * to one of the words in `choices` */
	OPTION_FLAG,   /* bool; no argument on the command line, yes|no in the file */
};
struct option {
	const char *name; /* "login-rate": --login-rate N, login-rate = N */
	enum option_type type;
	size_t offset;
	const char *arg;      /* how help calls the argument: "N" */
	const char *fallback; /* default, as text; NULL: none */
	const char *help;
	uint64_t min, max;
	const char *const *choices; /* NULL ends */
	bool flag_only;             /* not a key of the file: --config, --help */
};

/* Ends with a row whose name is NULL. */
struct options {
	const struct option *table;
	void *values;
};
/* Sets the fallbacks. 0 or -1 (out of memory). */
int options_init(const struct options *o);
void options_free(const struct options *o);
/* 0; -1 with a sentence in why. --name value, --name=value; rest: the first argument that is no option, or argc. */
int options_flags(const struct options *o, int argc, char **argv, int *rest, char why[256]);
/* key = value, # comments, blank lines. Errors say file:line. */
int options_file(const struct options *o, const char *path, char why[256]);
void options_help(const struct options *o, FILE *to);
enum { OPTION_DIGITS = 24 };
/* The value as text, in room or the values' own; NULL: a text that is not set. */
const char *options_value(const struct options *o, const struct option *opt, char room[OPTION_DIGITS]);
void options_print(const struct options *o, FILE *to); /* as a config file */
#endif
