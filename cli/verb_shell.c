#include "cli/local.h"
#include "cli/out.h"
#include "cli/shell.h"
#include "common/client/db.h"
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1 << 20, HELD_MAX = 500, PREFIX_MAX = 32 };

static struct shell {
	struct cli *c; /* options of the shell; profile: the context in use */
	char prefix_text[PREFIX_MAX][600];
	const char *prefix[PREFIX_MAX]; /* "chatctl" and the options, before each command's words */
	int n_prefix;
	struct engine engine;
	struct live live;
	struct profile profile; /* what live was started with */
	char state[16];         /* live's word, or empty */
	struct buf line;        /* what was entered so far of a command */
	cJSON *held;            /* messages that came while a command ran */
	unsigned dropped;
	bool running, over, watching; /* watching: the command shows what comes itself */
	int code;                     /* of the last command */
} shell = {.live.fd = -1};

/* ---- signals: only looked at between two things ---- */

static const int signals[] = {SIGINT, SIGWINCH, SIGTSTP, SIGTERM, SIGHUP};
enum { SIGNALS = sizeof signals / sizeof *signals };
static volatile sig_atomic_t came[SIGNALS];

static void on_signal(int sig)
{
	for (int i = 0; i < SIGNALS; i++)
		if (signals[i] == sig)
			came[i] = 1;
}

/* They come while the loop waits; before: what the mask was. */
static void take_signals(sigset_t *before)
{
	struct sigaction a = {.sa_handler = on_signal};
	sigset_t mine;

	sigemptyset(&mine);
	for (int i = 0; i < SIGNALS; i++) {
		sigaddset(&mine, signals[i]);
		sigaction(signals[i], &a, NULL);
	}
	signal(SIGQUIT, SIG_IGN);
	sigprocmask(SIG_BLOCK, &mine, before);
}

/* ---- what is shown ---- */

static const char *prompt(void)
{
	static const struct {
		const char *state, *text;
	} shown[] = {{"", " (not logged in)"}, {"connecting", " (connecting)"}, {"online", ""},
		{"offline", " (offline)"}, {"refused", " (no live messages)"}, {"expired", " (login expired)"}};
	static char text[128];
	const struct profile *p = &shell.c->profile;
	const char *state = "";
	char code[16] = "";

	if (shell.line.len)
		return "> ";
	for (unsigned i = 0; i < sizeof shown / sizeof *shown; i++)
		if (strcmp(shown[i].state, shell.state) == 0)
			state = shown[i].text;
	if (shell.code)
		snprintf(code, sizeof code, " [%d]", shell.code);
	snprintf(text, sizeof text, "%s%s%s> ", p->user[0] ? p->user : p->name, state, code);
	return text;
}

static void show_message(const cJSON *m)
{
	struct cli as_line = *shell.c;
	struct out out = {.cli = &as_line, .columns = message_columns};

	if (as_line.mode == OUT_JSON)
		as_line.mode = OUT_JSONL;
	(void)out_item(&out, m);
}

static void show_held(void)
{
	const cJSON *m;

	if (shell.dropped)
		cli_note(shell.c, "%u more messages came; see: list", shell.dropped);
	shell.dropped = 0;
	cJSON_ArrayForEach(m, shell.held) show_message(m);
	cJSON_Delete(shell.held);
	shell.held = NULL;
}

static void hold(cJSON *m)
{
	if (!shell.held)
		shell.held = cJSON_CreateArray();
	if (cJSON_GetArraySize(shell.held) >= HELD_MAX) {
		cJSON_DeleteItemFromArray(shell.held, 0);
		shell.dropped++;
	}
	cJSON_AddItemToArray(shell.held, m);
}

static void say_state(const char *state, const char *why)
{
	const struct cli *c = shell.c;

	if (strcmp(state, "offline") == 0)
		cli_note(c, "offline: %s; trying again", *why ? why : "not connected");
	else if (strcmp(state, "expired") == 0)
		cli_note(c, "the login is no longer valid; run: login %s", c->profile.user);
	else if (strcmp(state, "refused") == 0)
		cli_note(c, "no live messages here: %s", why);
	else if (strcmp(shell.state, "offline") == 0)
		cli_note(c, "online again");
}

/* ---- live ---- */

static void on_state(const cJSON *o)
{
	const cJSON *state = cJSON_GetObjectItemCaseSensitive(o, "state"),
		    *why = cJSON_GetObjectItemCaseSensitive(o, "why");

	if (!cJSON_IsString(state) || strcmp(state->valuestring, shell.state) == 0)
		return;
	say_state(state->valuestring, cJSON_IsString(why) ? why->valuestring : "");
	snprintf(shell.state, sizeof shell.state, "%s", state->valuestring);
	if (!shell.running)
		line_prompt(prompt());
}

static void on_said(cJSON *o)
{
	const cJSON *unread = cJSON_GetObjectItemCaseSensitive(o, "unread");
	cJSON *m = cJSON_DetachItemFromObjectCaseSensitive(o, "message");

	if (m && shell.running)
		hold(m);
	else if (m) {
		show_message(m);
		cJSON_Delete(m);
	} else if (cJSON_IsNumber(unread))
		cli_note(shell.c, "%.0f unread; see: list", unread->valuedouble);
	else
		on_state(o);
}

static void on_live(void)
{
	bool goes_on = live_read(&shell.live);
	cJSON *o = live_next(&shell.live);

	if (o)
		line_above_begin();
	bool said = o != NULL;
	for (; o; o = live_next(&shell.live)) {
		on_said(o);
		cJSON_Delete(o);
	}
	if (said)
		line_above_end();
	if (!goes_on)
		live_end(&shell.live);
}

/* Listens as whoever the context is now. */
static void follow_context(void)
{
	const struct profile *p = &shell.c->profile;

	if (cli_context(shell.c))
		memset(&shell.c->profile, 0, sizeof shell.c->profile);
	bool same = memcmp(p, &shell.profile, sizeof *p) == 0;
	bool refused = strcmp(shell.state, "expired") == 0 || strcmp(shell.state, "refused") == 0;
	if (same && (shell.live.pid || refused))
		return;
	live_end(&shell.live);
	shell.profile = *p;
	shell.state[0] = 0;
	if (!p->token[0] || !http_url_is_private(p->url))
		return;
	if (live_start(&shell.live, shell.c) == 0)
		snprintf(shell.state, sizeof shell.state, "connecting");
}

/* ---- commands ---- */

/* exit [N]. An exit code of its own otherwise. */
static int leave(const char *const *words, int n)
{
	const char *digits = n > 1 ? words[1] : "0";

	if (n > 2 || strlen(digits) > 3 || strspn(digits, "0123456789") != strlen(digits) || !*digits ||
		atoi(digits) > 255)
		return cli_fail(EXIT_USAGE, "usage: %s [CODE], a number from 0 to 255", words[0]);
	shell.over = true;
	return n > 1 ? atoi(digits) : shell.code;
}

/* true: the engine runs it. */
static bool run_words(const char **words, int n, bool no_stdin)
{
	static const char *all[PREFIX_MAX + ARGS_MAX];
	int k = shell.n_prefix;

	if (strcmp(words[0], "exit") == 0 || strcmp(words[0], "quit") == 0) {
		shell.code = leave(words, n);
		return false;
	}
	memcpy(all, shell.prefix, sizeof *all * (size_t)k);
	memcpy(all + k, words, sizeof *all * (size_t)n);
	shell.watching = n == 1 && strcmp(words[0], "watch") == 0;
	if (engine_run(&shell.engine, all, k + n, no_stdin, shell.live.fd)) {
		shell.code = EXIT_FAILED;
		return false;
	}
	return true;
}

/* Takes one line of what may be a command of several. true: the engine runs a command now. */
static bool run_line(const char *line, bool no_stdin)
{
	static char text[LINE_MAX_BYTES];
	static const char *words[ARGS_MAX];
	char special;
	int n;

	buf_adds(&shell.line, line);
	buf_addc(&shell.line, 0);
	enum words_result rc = shell.line.failed
				       ? WORDS_MANY
				       : shell_words(shell.line.data, text, sizeof text, words, ARGS_MAX, &n, &special);
	if (rc == WORDS_OPEN) {
		shell.line.data[shell.line.len - 1] = '\n';
		return false;
	}
	buf_reset(&shell.line);
	if (rc == WORDS_MANY)
		shell.code = cli_fail(EXIT_USAGE, "the command is too long");
	else if (rc == WORDS_SPECIAL)
		shell.code = cli_fail(EXIT_USAGE,
			"%c needs quotes: there are no pipes, redirections or several commands in a line here",
			special);
	else if (n)
		return run_words(words, n, no_stdin);
	return false;
}

/* ---- from a file or a pipe ---- */

static int run_script(bool stop)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	while (!shell.over && !(stop && shell.code) && (n = getline(&line, &cap, stdin)) >= 0) {
		if (n && line[n - 1] == '\n')
			line[--n] = 0;
		if (strlen(line) != (size_t)n)
			shell.code = cli_fail(EXIT_USAGE, "a line with a NUL byte was left out");
		else if (run_line(line, true))
			shell.code = engine_code(&shell.engine);
	}
	if (ferror(stdin))
		shell.code = cli_fail(EXIT_FAILED, "stdin cannot be read");
	if (shell.line.len && !shell.over && !(stop && shell.code))
		shell.code = cli_fail(EXIT_USAGE, "a quote is not closed");
	free(line);
	return shell.code;
}

/* ---- by hand ---- */

static bool complete(const struct completion *q)
{
	struct cli c = {.profile = shell.c->profile};

	if (q->n == 1 && strncmp(q->words[0], "exit", strlen(q->words[0])) == 0)
		q->word(q->ctx, "exit", NULL);
	if (q->n == 1 && strncmp(q->words[0], "quit", strlen(q->words[0])) == 0)
		q->word(q->ctx, "quit", NULL);
	bool files = complete_line(&c, q);
	client_db_close(c.db);
	return files;
}

static void on_entered(void)
{
	bool end;
	char *line = line_taken(&end);

	if (end) {
		putchar('\n');
		shell.over = true;
	}
	if (!line)
		return;
	line_remember(line);
	shell.running = run_line(line, false);
	if (!shell.running && !shell.over)
		line_open(prompt());
	free(line);
}

/* A Ctrl-C that was meant for the command is not the line's. */
static void forget_interrupt(void)
{
	sigset_t only;

	sigemptyset(&only);
	sigaddset(&only, SIGINT);
	while (sigtimedwait(&only, NULL, &(struct timespec){0}) > 0)
		;
}

static void on_done(void)
{
	shell.code = engine_code(&shell.engine);
	forget_interrupt();
	shell.running = false;
	if (shell.code == EXIT_INTERRUPTED)
		putchar('\n'); /* behind the terminal's ^C */
	if (shell.watching) {
		cJSON_Delete(shell.held);
		shell.held = NULL;
		shell.dropped = 0;
	}
	show_held();
	follow_context();
	line_open(prompt());
}

/* As Ctrl-Z does without us; nothing happens where nobody could wake us up. */
static void stop_here(void)
{
	sigset_t stop;

	line_stop_begin();
	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	signal(SIGTSTP, SIG_DFL);
	raise(SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &stop, NULL);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	sigaction(SIGTSTP, &(struct sigaction){.sa_handler = on_signal}, NULL);
	line_stop_end();
}

static void on_signals(void)
{
	for (int i = 0; i < SIGNALS; i++) {
		if (!came[i])
			continue;
		came[i] = 0;
		if (signals[i] == SIGTERM || signals[i] == SIGHUP) {
			shell.over = true;
			shell.code = 128 + signals[i];
		} else if (signals[i] == SIGTSTP) {
			stop_here();
		} else if (signals[i] == SIGINT && !shell.running) {
			buf_reset(&shell.line);
			shell.code = EXIT_INTERRUPTED;
			line_clear(prompt());
		} else if (signals[i] == SIGWINCH) {
			line_resized();
		}
	}
}

static int run_by_hand(void)
{
	sigset_t before;

	take_signals(&before);
	follow_context();
	line_open(prompt());
	while (!shell.over) {
		struct pollfd p[] = {
			{.fd = shell.running ? -1 : STDIN_FILENO, .events = POLLIN},
			{.fd = shell.running ? shell.engine.from : -1, .events = POLLIN},
			{.fd = shell.live.pid ? shell.live.fd : -1, .events = POLLIN},
		};
		if (ppoll(p, 3, NULL, &before) < 0 && errno != EINTR)
			break;
		on_signals();
		if (p[2].revents)
			on_live();
		if (p[0].revents && !shell.over) {
			line_key();
			on_entered();
		}
		if (p[1].revents)
			on_done();
	}
	line_close();
	return shell.code;
}

/* Options of the shell are options of all its commands. */
static void take_options(const struct cli *c)
{
	shell.prefix[shell.n_prefix++] = "chatctl";
	for (const struct cli_option *o = global_options; o->name && shell.n_prefix < PREFIX_MAX; o++) {
		const char *value = cli_option(c, o->name);
		char *text = shell.prefix_text[shell.n_prefix];
		if (!value)
			continue;
		snprintf(text, sizeof shell.prefix_text[0], "--%s%s%s", o->name, *value ? "=" : "", value);
		shell.prefix[shell.n_prefix++] = text;
	}
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL); /* --timeout bounds each command */
}

static int exec_shell(struct cli *c)
{
	char db[700], history[720];
	struct line_setup setup = {.complete = complete};

	if (shell.c)
		return cli_fail(EXIT_USAGE, "this is chatctl shell already");
	int rc;

	shell.c = c;
	take_options(c);
	buf_init(&shell.line, LINE_MAX_BYTES);
	if (!isatty(STDIN_FILENO) || !c->tty_out) {
		rc = run_script(cli_switch(c, "stop-on-error"));
	} else {
		if (client_db_path(c->profile.name, true, db) == 0) {
			snprintf(history, sizeof history, "%.*s.history", (int)(strlen(db) - strlen(".db")), db);
			setup.history = history;
		}
		line_start(&setup);
		rc = run_by_hand();
	}
	live_end(&shell.live);
	engine_end(&shell.engine);
	cJSON_Delete(shell.held);
	buf_release(&shell.line);
	return rc;
}

static const struct cli_option options[] = {
	{"stop-on-error", 'e', NULL, "from a file or a pipe: end at the first command that fails", COMPLETE_NONE,
		false},
	{NULL, 0, NULL, NULL, COMPLETE_NONE, false},
};

const struct verb verb_shell = {
	.name = "shell",
	.args = "",
	.summary = "type commands, and see messages as they come",
	.text = "Reads commands as they are on the command line, without chatctl before them. Messages to you are "
		"shown above the line that you type, kept for search and acknowledged as watch does: the sender "
		"sees them as delivered. The prompt shows who you are, what the connection is like when it is not as "
		"it should be, and the exit code of the last command when it was not 0. Tab completes commands, "
		"options, users, ids of unread messages and files; the arrows and Ctrl-R go through what was typed, "
		"which is kept for each context in NAME.history beside its database (1000 lines; not those that begin "
		"with a blank). Ctrl-C clears the line or ends the command that runs (130); Ctrl-D, exit [CODE] or "
		"quit end the shell, with the last command's exit code. Options of the shell hold for all its "
		"commands; --timeout bounds each of them. Words are quoted by '…', \"…\" or a backslash, # begins a "
		"comment; nothing is expanded, and | & ; < > must be quoted: there are no pipes and no redirections. "
		"When its input or output is no terminal it is a script: no prompt, no live messages; commands find "
		"an empty stdin; it goes on after a failure, unless -e says otherwise, and ends with the exit code of "
		"the last command.",
	.examples = "chatctl shell\nchatctl -c work shell\nprintf 'send bob hi\\nmark --all\\n' | chatctl shell -e",
	.options = options,
	.need = NEED_CONTEXT,
	.exec = exec_shell,
};
