/* From the command line to a verb: options before or after the command, then flag > environment > context > default, then what the verb needs. */
#include "cli/local.h"
#include "cli/out.h"
#include "common/base/clock.h"
#include "common/msg.h"
#include "common/text/sanitise.h"
#include <ctype.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

const struct exit_row exit_table[] = {
	{EXIT_DONE, "done"},
	{EXIT_FAILED, "failed: the server refused, or there is no such thing"},
	{EXIT_USAGE, "wrong usage or configuration; nothing was sent"},
	{EXIT_NOTHING, "nothing found (only with -e)"},
	{EXIT_AUTH, "not logged in, or not allowed"},
	{EXIT_BUSY, "rate-limited, overloaded or out of storage, also after retries"},
	{EXIT_NETWORK, "no connection, or it broke off: the outcome may be unclear"},
	{EXIT_PARTLY, "partly done: some of several items failed"},
	{EXIT_QUEUED, "queued in the outbox, on disk: not sent until something flushes it"},
	{97, "bench: invalid, since the load generator was the limit"},
	{98, "bench: integrity, messages were lost, doubled, reordered or corrupt"},
	{99, "bench: a threshold was missed"},
	{EXIT_TIMEOUT, "the time given by --timeout was over"},
	{EXIT_INTERRUPTED, "interrupted"},
	{0, NULL},
};

const struct cli_option global_options[] = {
	{"context", 'c', "NAME", "use this context (CHAT_CONTEXT)", COMPLETE_CONTEXT, false},
	{"url", 0, "URL", "the server's base URL (CHAT_URL)", COMPLETE_NONE, false},
	{"output", 'o', "FORMAT", "text, json, jsonl, csv or tsv (CHAT_OUTPUT)", COMPLETE_FORMAT, false},
	{"json", 0, "FIELDS", "JSON, of these fields only when given", COMPLETE_NONE, true},
	{"format", 0, "FMT", "a line of your own for each message; see: chatctl help formats", COMPLETE_NONE, false},
	{"quiet", 'q', NULL, "no remarks on stderr", COMPLETE_NONE, false},
	{"verbose", 'v', NULL, "show the requests on stderr, without token and texts", COMPLETE_NONE, false},
	{"timeout", 0, "TIME", "bound the whole command: 500ms, 30s, 5m, 2h (CHAT_TIMEOUT)", COMPLETE_NONE, false},
	{"retry", 0, "N", "tries after the first one (default 3)", COMPLETE_NONE, false},
	{"no-input", 0, NULL, "never ask", COMPLETE_NONE, false},
	{"no-color", 0, NULL, "no colour; output has none today, scripts may say it all the same", COMPLETE_NONE,
		false},
	{"utc", 0, NULL, "times in UTC, not local", COMPLETE_NONE, false},
	{"dry-run", 'n', NULL, "say what would be sent, send nothing that changes anything", COMPLETE_NONE, false},
	{"help", 'h', NULL, "help on the command", COMPLETE_NONE, false},
	{"version", 0, NULL, "the version", COMPLETE_NONE, false},
	{NULL, 0, NULL, NULL, COMPLETE_NONE, false},
};

static char last_said[2048];
static bool hushed;

const char *cli_last_said(void)
{
	return last_said;
}

void cli_hush(bool on)
{
	hushed = on;
}

/* What is said may hold words of a peer, or of a file that a peer wrote. */
static void say(const char *fmt, va_list args)
{
	struct buf safe;

	vsnprintf(last_said, sizeof last_said, fmt, args);
	if (hushed)
		return;
	buf_init(&safe, SANITISE_GROWTH_MAX * sizeof last_said);
	buf_adds(&safe, "chatctl: ");
	sanitise(&safe, str_of(last_said), SANITISE_LINE);
	buf_addc(&safe, '\n');
	fwrite(safe.data, 1, safe.len, stderr);
	buf_release(&safe);
}

int cli_fail(int code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
	return code;
}

void cli_note(const struct cli *c, const char *fmt, ...)
{
	va_list args;

	if (c->quiet)
		return;
	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
}

const struct verb *verb_find(const char *name)
{
	for (const struct verb *const *v = verbs; *v; v++)
		if (strcmp((*v)->name, name) == 0 || ((*v)->alias && strcmp((*v)->alias, name) == 0))
			return *v;
	return NULL;
}

static int count(const struct cli_option *o)
{
	int n = 0;

	while (o && o[n].name)
		n++;
	return n;
}

/* Option i of the verb's table followed by the global one; NULL behind the last. */
static const struct cli_option *option_at(const struct verb *v, int i)
{
	int own = v ? count(v->options) : 0;

	if (i < own)
		return &v->options[i];
	return i - own < count(global_options) ? &global_options[i - own] : NULL;
}

const char *cli_option(const struct cli *c, const char *name)
{
	const struct cli_option *o;

	for (int i = 0; (o = option_at(c->verb, i)); i++)
		if (strcmp(o->name, name) == 0)
			return c->given[i];
	return NULL;
}

static int option_find(const struct cli *c, const char *name, size_t n, char letter)
{
	const struct cli_option *o;

	for (int i = 0; (o = option_at(c->verb, i)); i++)
		if (name ? strlen(o->name) == n && memcmp(o->name, name, n) == 0 : o->letter && o->letter == letter)
			return i;
	return -1;
}

/* argv[*at] is --name, --name=value. 0, or an exit code. */
static int parse_long(struct cli *c, char **argv, int argc, int *at)
{
	const char *name = argv[*at] + 2, *eq = strchr(name, '=');
	int i = option_find(c, name, eq ? (size_t)(eq - name) : strlen(name), 0);
	const struct cli_option *o = i < 0 ? NULL : option_at(c->verb, i);

	if (!o)
		return cli_fail(EXIT_USAGE, "there is no option %s here; see: chatctl help %s", argv[*at],
			c->verb ? c->verb->name : "");
	if (eq && !o->arg)
		return cli_fail(EXIT_USAGE, "--%s takes no value", o->name);
	c->given[i] = eq ? eq + 1 : "";
	if (!o->arg || o->optional_arg || eq)
		return 0;
	if (*at + 1 == argc)
		return cli_fail(EXIT_USAGE, "--%s needs a value: %s", o->name, o->arg);
	c->given[i] = argv[++*at];
	return 0;
}

/* -e, -ev, -c NAME, -cNAME. */
static int parse_short(struct cli *c, char **argv, int argc, int *at)
{
	for (const char *p = argv[*at] + 1; *p; p++) {
		int i = option_find(c, NULL, 0, *p);
		const struct cli_option *o = i < 0 ? NULL : option_at(c->verb, i);
		if (!o)
			return cli_fail(EXIT_USAGE, "there is no option -%c here; see: chatctl help %s", *p,
				c->verb ? c->verb->name : "");
		c->given[i] = "";
		if (!o->arg)
			continue;
		if (p[1])
			c->given[i] = p + 1;
		else if (*at + 1 < argc)
			c->given[i] = argv[++*at];
		else
			return cli_fail(EXIT_USAGE, "-%c needs a value: %s", o->letter, o->arg);
		return 0;
	}
	return 0;
}

/* argv[i] is an option: does the next word belong to it? Only the options of every command are known here. */
static bool takes_next(const char *a)
{
	struct cli none = {0};
	bool is_long = a[1] == '-';
	const char *name = a + 2;
	const struct cli_option *o = NULL;
	int k = is_long ? option_find(&none, name, strcspn(name, "="), 0) : -1;

	if (is_long)
		return k >= 0 && (o = option_at(NULL, k))->arg && !o->optional_arg && !strchr(a, '=');
	for (a++; *a; a++) {
		k = option_find(&none, NULL, 0, *a);
		if (k >= 0 && option_at(NULL, k)->arg)
			return !a[1];
	}
	return false;
}

/* The command is the first argument that is no option; its table must be known before its options are read. */
static const char *first_word(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *a = argv[i];
		if (a[0] != '-' || !a[1])
			return a;
		i += takes_next(a);
	}
	return NULL;
}

static int parse(struct cli *c, int argc, char **argv)
{
	const char *word = first_word(argc, argv);
	bool seen = false, plain = false;
	int rc = 0;

	if (word && !(c->verb = verb_find(word)))
		return cli_fail(EXIT_USAGE, "there is no command \"%s\"; see: chatctl help", word);
	for (int i = 1; i < argc && rc == 0; i++) {
		if (!plain && strcmp(argv[i], "--") == 0) {
			plain = true;
		} else if (!plain && argv[i][0] == '-' && argv[i][1] == '-') {
			rc = parse_long(c, argv, argc, &i);
		} else if (!plain && argv[i][0] == '-' && argv[i][1]) {
			rc = parse_short(c, argv, argc, &i);
		} else if (!seen) {
			seen = true;
		} else if (c->n_args == ARGS_MAX) {
			rc = cli_fail(EXIT_USAGE, "too many arguments; give them on stdin");
		} else {
			c->args[c->n_args++] = argv[i];
		}
	}
	return rc;
}

int duration_parse(const char *text, uint64_t *ms)
{
	char *end;

	/* What else strtod() reads, such as 0x10 and 1e3, is no time. */
	if (!isdigit((unsigned char)*text))
		return -1;
	double v = strtod(text, &end);
	double unit = end != text + strspn(text, "0123456789.") ? 0
		      : strcmp(end, "ms") == 0                  ? 1
		      : strcmp(end, "s") == 0 || !*end          ? 1000
		      : strcmp(end, "m") == 0                   ? 60000
		      : strcmp(end, "h") == 0                   ? 3600000
								: 0;
	if (unit == 0 || v * unit < 1 || v * unit > 1e12)
		return -1;
	*ms = (uint64_t)(v * unit);
	return 0;
}

int cli_number(const struct cli *c, const char *name, unsigned min, unsigned max, unsigned fallback, unsigned *out)
{
	const char *text = cli_option(c, name);
	char *end;

	*out = fallback;
	if (!text)
		return EXIT_DONE;
	unsigned long v = isdigit((unsigned char)*text) ? strtoul(text, &end, 10) : (end = (char *)text, 0);
	if (end == text || *end || v < min || v > max)
		return cli_fail(EXIT_USAGE, "--%s is a whole number from %u to %u, not \"%s\"", name, min, max, text);
	*out = (unsigned)v;
	return EXIT_DONE;
}

enum { GRACE_MS = 300 };

static const char *flag_or_env(const struct cli *c, const char *flag, const char *env)
{
	const char *v = cli_option(c, flag);

	if (!v && (v = getenv(env)) && !*v)
		v = NULL;
	return v;
}

/* A name that was mistyped would give objects without it, and a script an empty value. */
static int check_fields(const struct cli *c)
{
	char name[34], known[512];

	snprintf(known, sizeof known, " %s ", c->verb->fields ? c->verb->fields : "");
	for (const char *p = c->fields; p && *p && c->verb->fields; p += strcspn(p, ","), p += *p == ',') {
		int n = (int)strcspn(p, ",");
		snprintf(name, sizeof name, " %.*s ", n > 30 ? 30 : n, p);
		if (!n || !strstr(known, name))
			return cli_fail(
				EXIT_USAGE, "--json knows no field \"%.*s\" here, but: %s", n, p, c->verb->fields);
	}
	return EXIT_DONE;
}

static int choose_output(struct cli *c)
{
	static const char *const words[] = {"text", "json", "jsonl", "csv", "tsv"};
	const char *word = flag_or_env(c, "output", "CHAT_OUTPUT");

	c->fields = cli_option(c, "json");
	c->format = cli_option(c, "format");
	c->mode_given = word || c->fields;
	if (c->fields && !word)
		c->mode = OUT_JSON;
	for (unsigned i = 0; word && i < sizeof words / sizeof *words; i++)
		if (strcmp(word, words[i]) == 0) {
			c->mode = (enum out_mode)i;
			word = NULL;
		}
	if (word)
		return cli_fail(EXIT_USAGE, "--output is text, json, jsonl, csv or tsv, not \"%s\"", word);
	if (check_fields(c))
		return EXIT_USAGE;
	return c->format ? out_format_check(c->format) : EXIT_DONE;
}

static void time_over(int sig)
{
	static const char text[] = "chatctl: the time given by --timeout was over\n";

	(void)sig;
	if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
		_exit(EXIT_TIMEOUT);
	_exit(EXIT_TIMEOUT);
}

/* Requests end by themselves when the time is over, with better words; this ends what else may block, such as stdin. 0: no more. */
static void bound_everything(uint64_t ms)
{
	struct itimerval t = {.it_value = {.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000)}};

	signal(SIGALRM, ms ? time_over : SIG_DFL);
	setitimer(ITIMER_REAL, &t, NULL);
}

static int choose_time(struct cli *c)
{
	const char *text = flag_or_env(c, "timeout", "CHAT_TIMEOUT");

	c->timeout_ms = c->verb->timeout_default_s * 1000ull;
	c->timeout_given = text;
	if (text && duration_parse(text, &c->timeout_ms))
		return cli_fail(EXIT_USAGE, "--timeout is a time such as 500ms, 30s, 5m or 2h, not \"%s\"", text);
	c->deadline_us = c->timeout_ms ? clock_mono_us() + c->timeout_ms * 1000 : 0;
	bound_everything(text ? c->timeout_ms + GRACE_MS : 0);
	return cli_number(c, "retry", 0, 100, 3, &c->retries);
}

/* A token belongs to the server that gave it: another URL does not get it. */
static void take_url(struct profile *p, const char *url)
{
	size_t n = strlen(url);

	while (n && url[n - 1] == '/')
		n--;
	if (strlen(p->url) == n && memcmp(p->url, url, n) == 0)
		return;
	snprintf(p->url, sizeof p->url, "%.*s", (int)n, url);
	p->user[0] = p->token[0] = p->device[0] = 0;
}

int cli_context(struct cli *c)
{
	const char *name = flag_or_env(c, "context", "CHAT_CONTEXT"), *url = flag_or_env(c, "url", "CHAT_URL");
	const char *token_file = getenv("CHAT_TOKEN_FILE");
	char current[65], why[256];

	profile_current(current);
	if (name && !profile_name_ok(name))
		return cli_fail(
			EXIT_USAGE, "a context's name has 1 to 64 letters, digits and . _ - @, not \"%s\"", name);
	if (profile_load(&c->profile, name ? name : current, why) < 0)
		return cli_fail(EXIT_USAGE, "%s", why);
	if (url && !http_url_ok(url))
		return cli_fail(EXIT_USAGE, "--url is http://HOST[:PORT] or https://HOST[:PORT], not \"%s\"", url);
	if (url)
		take_url(&c->profile, url);
	if (!token_file || !*token_file)
		return EXIT_DONE;
	c->foreign_token = true;
	c->profile.user[0] = c->profile.device[0] = 0;
	if (secret_read(token_file, c->profile.token, sizeof c->profile.token, why))
		return cli_fail(EXIT_USAGE, "CHAT_TOKEN_FILE: %s", why);
	return token_text_ok(str_of(c->profile.token))
		       ? EXIT_DONE
		       : cli_fail(EXIT_USAGE, "CHAT_TOKEN_FILE: %s does not hold a token", token_file);
}

static int check_need(struct cli *c)
{
	int rc = c->verb->need == NEED_NOTHING ? EXIT_DONE : cli_context(c);

	if (rc || c->verb->need <= NEED_CONTEXT)
		return rc;
	if (!c->profile.url[0])
		return cli_fail(EXIT_USAGE,
			"the context \"%s\" has no server; give --url, or run: chatctl -c %s login USER --url URL "
			"--password-file FILE",
			c->profile.name, c->profile.name);
	if (c->verb->need == NEED_LOGIN && !c->profile.token[0])
		return cli_fail(EXIT_AUTH, "not logged in; run: chatctl -c %s login USER --url %s --password-file FILE",
			c->profile.name, c->profile.url);
	if (c->profile.token[0] && !http_url_is_private(c->profile.url))
		return cli_fail(EXIT_USAGE,
			"%s is plain http and not on this machine: a token would cross the network in the clear; use "
			"https",
			c->profile.url);
	return EXIT_DONE;
}

static int run_help(struct cli *c, const char *topic)
{
	c->args[0] = topic;
	c->n_args = topic ? 1 : 0;
	c->verb = verb_find("help");
	memset(c->given, 0, sizeof c->given);
	int rc = c->verb->exec(c);
	return out_flush() ? cli_fail(EXIT_FAILED, "cannot write to stdout") : rc;
}

static int check_args(struct cli *c)
{
	if (c->n_args >= c->verb->min_args && c->n_args <= c->verb->max_args)
		return EXIT_DONE;
	return cli_fail(
		EXIT_USAGE, "usage: chatctl %s %s; see: chatctl help %s", c->verb->name, c->verb->args, c->verb->name);
}

/* A monitor looks at stdout and the exit code alone. */
static int plugin_unknown(void)
{
	struct buf b;

	buf_init(&b, SANITISE_GROWTH_MAX * sizeof last_said);
	sanitise(&b, str_of(last_said), SANITISE_LINE);
	printf("CHAT UNKNOWN - %.*s\n", (int)b.len, b.data ? b.data : "");
	buf_release(&b);
	return 3;
}

static int prepare(struct cli *c)
{
	int rc;

	if ((rc = check_args(c)) || (rc = choose_output(c)) || (rc = choose_time(c)))
		return rc;
	return check_need(c);
}

int cli_run(int argc, char **argv)
{
	static struct cli c; /* large */

	memset(&c, 0, sizeof c);
	int rc = parse(&c, argc, argv);

	if (rc)
		return c.verb && c.verb->plugin ? plugin_unknown() : rc;
	if (cli_switch(&c, "version")) {
		puts("chatctl " CHAT_VERSION);
		return EXIT_DONE;
	}
	if (!c.verb || cli_switch(&c, "help"))
		return c.verb || cli_switch(&c, "help")
			       ? run_help(&c, c.verb ? c.verb->name : NULL)
			       : cli_fail(EXIT_USAGE, "usage: chatctl [options] COMMAND …; see: chatctl help");
	c.quiet = cli_switch(&c, "quiet");
	c.verbose = cli_switch(&c, "verbose") || getenv("CHAT_DEBUG");
	c.utc = cli_switch(&c, "utc");
	c.dry_run = cli_switch(&c, "dry-run");
	c.no_input = cli_switch(&c, "no-input");
	c.tty_out = isatty(STDOUT_FILENO);
	if ((rc = prepare(&c)))
		return c.verb->plugin ? plugin_unknown() : rc;
	if (c.verb->need == NEED_LOGIN)
		local_flush_first(&c);
	rc = c.verb->exec(&c);
	cli_close_http(&c);
	http_client_free(c.admin);
	client_db_close(c.db);
	bound_everything(0);
	if (out_flush() && rc == EXIT_DONE)
		rc = cli_fail(EXIT_FAILED, "cannot write to stdout");
	return rc;
}
