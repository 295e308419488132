/* A verb of chatctl: one file, one const struct. The dispatcher parses options and checks what the verb needs; help, man page and completions are made
 * from the same tables. */
#ifndef CHAT_CLI_VERB_H
#define CHAT_CLI_VERB_H
#include "common/client/http.h"
#include "common/client/profile.h"

/* chatctl's exit codes; chatctl(1) and `chatctl help exit` list them from exit_table. */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NOTHING = 3,
	EXIT_AUTH = 4,
	EXIT_BUSY = 5,
	EXIT_NETWORK = 6,
	EXIT_PARTLY = 7,
	EXIT_QUEUED = 9,
	EXIT_TIMEOUT = 124,
	EXIT_INTERRUPTED = 130,
};
struct exit_row {
	int code;
	const char *meaning;
};
extern const struct exit_row exit_table[]; /* meaning NULL ends */

/* What a word may be. Of arguments only those need it that their name (TO, USER, ID, FILE: see complete.c) does not tell. */
enum complete {
	COMPLETE_NONE,
	COMPLETE_USER,
	COMPLETE_MESSAGE,
	COMPLETE_WATCH,
	COMPLETE_FILE,
	COMPLETE_CONTEXT,
	COMPLETE_VERB,
	COMPLETE_ERROR,
	COMPLETE_TOPIC,
	COMPLETE_FORMAT
};

struct cli_option {
	const char *name; /* "with" */
	char letter;      /* 'c' for -c, or 0 */
	const char *arg;  /* "USER"; NULL: a switch */
	const char *help;
	enum complete complete;
	bool optional_arg; /* --json[=FIELDS]: only with an equals sign */
};

enum out_mode { OUT_TEXT, OUT_JSON, OUT_JSONL, OUT_CSV, OUT_TSV };
enum { ARGS_MAX = 1024, OPTIONS_MAX = 64 };

struct cli {
	const struct verb *verb;
	/* What was given: option i of the verb's table followed by the global table. */
	const char *given[OPTIONS_MAX];
	const char *args[ARGS_MAX]; /* what is no option */
	int n_args;
	/* What is in force: flag, environment, context, default. */
	struct profile profile;
	enum out_mode mode;
	bool mode_given;
	const char *fields; /* --json=a,b */
	const char *format; /* --format */
	bool quiet, verbose, utc, dry_run, no_input, tty_out;
	bool foreign_token; /* from CHAT_TOKEN_FILE: not the context's */
	bool timeout_given; /* it bounds the whole command; the default only each request with its retries */
	unsigned retries;
	unsigned call_max_ms; /* of one call; 0: as usual */
	uint64_t timeout_ms;  /* 0: none */
	uint64_t deadline_us; /* monotonic; 0: none */
	struct http_client *http;
	struct http_client *admin; /* see cli/admin.h */
	struct client_db *db;      /* see cli/local.h */
	bool db_tried;
};

/* What messages have. */
#define MESSAGE_FIELDS "id client_id from to kind body sent_at delivered_at read_at"

enum need { NEED_NOTHING, NEED_CONTEXT /* is loaded, whatever it holds */, NEED_URL, NEED_LOGIN };

struct verb {
	const char *name, *alias; /* alias may be NULL */
	const char *args;         /* "TO [TEXT|-]" */
	const char *summary;      /* one line */
	const char *text;         /* paragraphs for help and man page */
	const char *examples;
	const struct cli_option *options; /* name NULL ends; may be NULL */
	const char *fields;               /* those of its JSON that --json=FIELDS may name, blanks between; NULL: any */
	int min_args, max_args;
	enum need need;
	enum complete complete;     /* of arguments called NAME, CODE, TOPIC and the like */
	unsigned timeout_default_s; /* 0: none; else unless --timeout says otherwise */
	bool plugin; /* it ends as Nagios wants it: what goes wrong before exec is 3, and said on stdout */
	int (*exec)(struct cli *c);
};

extern const struct verb *const verbs[]; /* NULL ends */
extern const struct cli_option global_options[];

const struct verb *verb_find(const char *name);
/* The value of an option of this run: NULL when it was not given, "" for a switch. */
const char *cli_option(const struct cli *c, const char *name);
static inline bool cli_switch(const struct cli *c, const char *name)
{
	return cli_option(c, name) != NULL;
}
/* "chatctl: " and a sentence on stderr, made safe to show; answers code. */
int cli_fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What it said last, without "chatctl: ", not made safe; and whether it says things at all. */
const char *cli_last_said(void);
void cli_hush(bool on);
/* The same as a remark: not with --quiet. */
void cli_note(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A number option within bounds. 0; EXIT_USAGE after a message. */
int cli_number(const struct cli *c, const char *name, unsigned min, unsigned max, unsigned fallback, unsigned *out);
/* "500ms" "30s" "5m" "2h" or plain seconds, as ms. 0 or -1. */
int duration_parse(const char *text, uint64_t *ms);
/* A command line's exit code. May be called again and again. */
int cli_run(int argc, char **argv);
/* Loads the context, and what flag and environment put over it. An exit code after a message. */
int cli_context(struct cli *c);

/* ---- request.c ---- */
/* One call with retries within --timeout: of network errors when `again` (the call does no harm twice), of 429 and 503 always. Answers an exit code;
 * EXIT_DONE: *a holds an answer below 400. Otherwise the error has been said on stderr, unless silent; *a is filled in either way (release it). */
int cli_request(struct cli *c, const char *method, const char *path, const struct str *body, bool again, bool silent,
	struct http_answer *a);
/* Exit code of an answer, its problem object said on stderr unless silent. */
int cli_answer(const struct http_answer *a, bool silent);
uint64_t cli_left_ms(const struct cli *c); /* until the deadline; 0: it is over; UINT64_MAX: none */
/* Before a request that comes long after the start (what was typed or piped meanwhile took its time): unless --timeout was given, its time begins now. */
void cli_restart_clock(struct cli *c);
/* Says why there was no answer. */
int cli_no_answer(const struct cli *c, int rc, const struct http_answer *a);
int cli_open_http(struct cli *c); /* EXIT_DONE, or the exit code after a message */
void cli_close_http(struct cli *c);
void cli_keep_http(
	void); /* from now on the connection stays open for the next command to the same server with the same token */
void random_id(char out[23]); /* 22 characters, fit for a client_id */
#endif
