/* The parts of `chatctl shell`. Three processes, each of one thread: this one has the keyboard and the screen; the engine runs the verbs, one after the
 * other, so that what a verb does to its process (a time limit, Ctrl-C, a crash) ends the engine and not the shell; live listens to the server. */
#ifndef CHAT_CLI_SHELL_H
#define CHAT_CLI_SHELL_H
#include "cli/complete.h"
#include <cjson/cJSON.h>
#include <sys/types.h>

/* ---- shell_words.c: a line to words, as sh does it, without expansions (pure) ---- */

enum words_result {
	WORDS_OK,
	WORDS_OPEN,    /* a quote is not closed, or a backslash ends the line: it goes on on the next one */
	WORDS_SPECIAL, /* a character that means something to sh and nothing here, such as |: *special */
	WORDS_MANY,    /* more than max, or longer than the text may be */
};
/* '…' as it stands; "…" with \" and \\; a backslash before any other character; # begins a comment. The words are put into text (NUL behind each) and
 * pointed to by words. */
enum words_result shell_words(
	const char *line, char *text, size_t text_max, const char **words, int max, int *n, char *special);

/* ---- shell_engine.c ---- */

struct engine {
	pid_t pid; /* 0: none; the next command starts one */
	int to, from;
};
/* Hands it a command line; the answer comes when e->from can be read. 0; -1: there can be no engine (said). foreign: a descriptor that is not its own. */
int engine_run(struct engine *e, const char *const *words, int n, bool no_stdin, int foreign);
/* The exit code of the command, waiting for it. An engine that ended with its command has its code. */
int engine_code(struct engine *e);
void engine_end(struct engine *e);

/* ---- shell_live.c ---- */

struct live {
	pid_t pid; /* 0: none */
	int fd;    /* what it says: a JSON object a line; -1: none */
	struct buf in;
};
/* Starts it with c's profile: {"message":{…}}, {"unread":N}, {"state":WORD,"why":…} with the words connecting, online, offline, refused, expired. What it
 * says has been kept in the database and acknowledged to the server, or is about to be. 0 or -1 (said). */
int live_start(struct live *l, struct cli *c);
/* Reads what is there. false: it has ended. */
bool live_read(struct live *l);
/* The next object; NULL: no whole one yet. */
cJSON *live_next(struct live *l);
void live_end(struct live *l);

/* ---- shell_line.c: the line being typed; the only file that knows readline ---- */

struct line_setup {
	const char *history; /* file, or NULL */
	/* The words of the line that is completed, as complete.h has it. */
	bool (*complete)(const struct completion *q);
};
void line_start(const struct line_setup *s);
void line_open(const char *prompt); /* from here on keys are the line's */
void line_close(void);              /* the terminal is as it was */
void line_prompt(const char *prompt);
void line_key(void); /* a key can be read */
/* The line that was entered, for the caller to free. *end: Ctrl-D, or the terminal is gone. NULL: none yet. The line is closed then. */
char *line_taken(bool *end);
void line_clear(const char *prompt); /* Ctrl-C: a new one */
void line_resized(void);             /* of the terminal */
void line_stop_begin(void);          /* between them the process is stopped, the terminal as it was */
void line_stop_end(void);
void line_above_begin(
	void); /* what is printed up to line_above_end() stands above the line, which is as it was afterwards */
void line_above_end(void);
void line_remember(const char *line); /* in the history, on disk at once */
#endif
