#include "cli/complete.h"
#include "cli/local.h"
#include "cli/people.h"
#include "common/base/clock.h"
#include "common/base/err.h"
#include <ctype.h>
#include <stdio.h>
#include <unistd.h>

enum { ASK_MS = 250, SHORT_ID = 8 };

/* How the words so far are to be taken. */
struct place {
	const struct completion *q;
	struct cli *c;
	const struct verb *verb;
	const struct cli_option *value_of; /* an option that waits for its value */
	int args;                          /* arguments of the verb so far */
	bool plain;                        /* behind -- */
	const char *context;               /* of -c */
	char before[80];                   /* stands before each candidate: --with= */
	const char *prefix;
	bool file;
};

static void offer(const struct place *p, const char *word, const char *help)
{
	char whole[256];

	if (strncmp(word, p->prefix, strlen(p->prefix)) != 0)
		return;
	snprintf(whole, sizeof whole, "%s%s", p->before, word);
	p->q->word(p->q->ctx, whole, help);
}

static int offer_name(void *ctx, const char *name)
{
	offer(ctx, name, NULL);
	return 0;
}

static void offer_context(void *ctx, const char *name)
{
	offer(ctx, name, NULL);
}

/* In the short form that list shows, unless more was typed already. */
static int offer_id(void *ctx, const char *id)
{
	const struct place *p = ctx;
	char text[65];

	snprintf(text, sizeof text, "%.*s", strlen(p->prefix) > SHORT_ID ? 64 : SHORT_ID, id);
	offer(p, text, NULL);
	return 0;
}

/* ---- sources ---- */

/* The context of the command line that is completed, not of this one. */
static bool open_context(const struct place *p)
{
	struct cli *c = p->c;
	char why[256];

	if (p->context && (!profile_name_ok(p->context) || profile_load(&c->profile, p->context, why)))
		return false;
	return c->profile.user[0] != 0;
}

/* Only of a database that is there. */
static void from_db(struct place *p, enum client_words kind, int (*fn)(void *ctx, const char *word))
{
	char path[700];

	if (open_context(p) && client_db_path(p->c->profile.name, false, path) == 0 && access(path, R_OK) == 0 &&
		local_db(p->c, false))
		(void)client_db_words(p->c->db, kind, p->prefix, fn, p);
}

static void users(struct place *p)
{
	from_db(p, WORDS_PEOPLE, offer_name);
	if (!open_context(p))
		return;
	people_each(p->c, offer_name, p);
	if (!p->q->ask || !people_are_old(p->c) || !http_url_is_private(p->c->profile.url))
		return;
	fflush(stdout);
	p->c->retries = 0;
	p->c->deadline_us = clock_mono_us() + ASK_MS * 1000;
	people_refresh(p->c);
	people_each(p->c, offer_name, p);
}

static void messages(struct place *p)
{
	from_db(p, WORDS_UNREAD, offer_id);
}

static void watches(struct place *p)
{
	from_db(p, WORDS_WATCHES, offer_name);
}

static void contexts(struct place *p)
{
	(void)profile_each(offer_context, p);
}

static void commands(struct place *p)
{
	for (const struct verb *const *v = verbs; *v; v++)
		offer(p, (*v)->name, (*v)->summary);
}

/* Each of "a|b|c". */
static void alternatives(struct place *p, const char *text, size_t n)
{
	char word[64];

	for (size_t i = 0, k; i < n; i += k + 1) {
		k = strcspn(text + i, "|");
		k = k > n - i ? n - i : k;
		snprintf(word, sizeof word, "%.*s", (int)k, text + i);
		offer(p, word, NULL);
	}
}

static void topics(struct place *p)
{
	static const char words[] = "options|exit|environment|formats|scripting|security";

	commands(p);
	alternatives(p, words, sizeof words - 1);
}

static void formats(struct place *p)
{
	static const char words[] = "text|json|jsonl|csv|tsv";

	alternatives(p, words, sizeof words - 1);
}

static void errors(struct place *p)
{
	for (int i = ERR_OK + 1; i < ERR_COUNT; i++)
		offer(p, err_code((enum err)i), NULL);
}

static void files(struct place *p)
{
	p->file = true;
}

static void (*const sources[])(struct place *p) = {
	[COMPLETE_USER] = users,
	[COMPLETE_MESSAGE] = messages,
	[COMPLETE_WATCH] = watches,
	[COMPLETE_FILE] = files,
	[COMPLETE_CONTEXT] = contexts,
	[COMPLETE_VERB] = commands,
	[COMPLETE_ERROR] = errors,
	[COMPLETE_TOPIC] = topics,
	[COMPLETE_FORMAT] = formats,
};

static void from_source(struct place *p, enum complete kind)
{
	if (kind != COMPLETE_NONE)
		sources[kind](p);
}

/* ---- options ---- */

/* The option that a word names; *value: what stands behind it in the same word, or NULL. */
static const struct cli_option *find_option(const struct verb *v, const char *word, const char **value)
{
	const struct cli_option *const tables[] = {v ? v->options : NULL, global_options};
	bool is_long = word[1] == '-';
	size_t n = strcspn(word, "=");

	*value = NULL;
	for (int t = 0; t < 2; t++)
		for (const struct cli_option *o = tables[t]; o && o->name; o++) {
			if (is_long && strlen(o->name) == n - 2 && strncmp(o->name, word + 2, n - 2) == 0)
				*value = word[n] ? word + n + 1 : NULL;
			else if (!is_long && o->letter == word[1])
				*value = word[2] ? word + 2 : NULL;
			else
				continue;
			return o;
		}
	return NULL;
}

static void offer_options(const struct place *p, const struct cli_option *o)
{
	char word[80];

	for (; o && o->name; o++) {
		snprintf(word, sizeof word, "--%s", o->name);
		offer(p, word, o->help);
		snprintf(word, sizeof word, "-%c", o->letter);
		if (o->letter)
			offer(p, word, o->help);
	}
}

static bool is_word_list(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!islower((unsigned char)text[i]) && text[i] != '-' && text[i] != '|')
			return false;
	return n > 0;
}

static void offer_value(struct place *p, const struct cli_option *o)
{
	if (is_word_list(o->arg, strlen(o->arg)))
		alternatives(p, o->arg, strlen(o->arg));
	else
		from_source(p, o->complete);
}

/* ---- arguments ---- */

/* Names of arguments that mean the same everywhere. */
static const struct {
	const char *name;
	enum complete kind;
} placeholders[] = {
	{"TO", COMPLETE_USER},
	{"USER", COMPLETE_USER},
	{"ID", COMPLETE_MESSAGE},
	{"FILE", COMPLETE_FILE},
	{"COMMAND", COMPLETE_TOPIC},
	{"TEXT", COMPLETE_NONE},
	{"WORD", COMPLETE_NONE},
};
enum { PLACEHOLDERS = sizeof placeholders / sizeof *placeholders };

static void offer_placeholder(struct place *p, const char *name, size_t n)
{
	for (unsigned i = 0; i < PLACEHOLDERS; i++)
		if (strlen(placeholders[i].name) == n && memcmp(placeholders[i].name, name, n) == 0) {
			from_source(p, placeholders[i].kind);
			return;
		}
	from_source(p, p->verb->complete);
}

/* One argument as the synopsis has it: "ls|add|rm", "USER", "ID…", "TEXT|-". */
static void offer_argument(struct place *p, const char *text, size_t n)
{
	size_t end = 0;

	if (is_word_list(text, n)) {
		alternatives(p, text, n);
		return;
	}
	while (end < n && (isupper((unsigned char)text[end]) || text[end] == '_'))
		end++;
	if (end)
		offer_placeholder(p, text, end);
	else if ((end = strcspn(text, " ]")) <= n)
		alternatives(p, text, end);
}

/* Finds the next argument in the synopsis; the last one is repeated when it ends in "…". */
static void offer_arguments(struct place *p)
{
	static const char more[] = "…";
	const char *at = p->verb->args, *last = NULL;
	size_t n = 0;

	for (int i = 0; *at && i <= p->args; i++) {
		at += strspn(at, " [");
		last = at;
		n = strcspn(at, " ]");
		at += n + strspn(at + n, " ]");
		if (i == p->args) {
			offer_argument(p, last, n);
			return;
		}
	}
	if (last && n > sizeof more - 1 && memmem(last, n, more, sizeof more - 1))
		offer_argument(p, last, n);
}

/* ---- the line ---- */

static bool is_option(const struct place *p, const char *word)
{
	return !p->plain && word[0] == '-' && word[1];
}

static void take_option(struct place *p, const char *word)
{
	const char *value;
	const struct cli_option *o = find_option(p->verb, word, &value);

	if (!o || !o->arg || o->optional_arg)
		return;
	if (!value)
		p->value_of = o;
	else if (strcmp(o->name, "context") == 0)
		p->context = value;
}

/* A word before the one that is completed. false: it makes no sense. */
static bool take_word(struct place *p, const char *word)
{
	if (p->value_of) {
		if (strcmp(word, "=") == 0)
			return true; /* bash takes --with=bob for three words */
		if (strcmp(p->value_of->name, "context") == 0)
			p->context = word;
		p->value_of = NULL;
	} else if (!p->plain && strcmp(word, "--") == 0) {
		p->plain = true;
	} else if (is_option(p, word)) {
		take_option(p, word);
	} else if (!p->verb) {
		return (p->verb = verb_find(word)) != NULL;
	} else {
		p->args++;
	}
	return true;
}

static void complete_option(struct place *p)
{
	const char *value, *word = p->prefix;
	const struct cli_option *o = find_option(p->verb, word, &value);

	if (o && o->arg && value && word[1] == '-') {
		snprintf(p->before, sizeof p->before, "%.*s", (int)(value - word), word);
		p->prefix = value;
		offer_value(p, o);
		return;
	}
	offer_options(p, p->verb ? p->verb->options : NULL);
	offer_options(p, global_options);
}

bool complete_line(struct cli *c, const struct completion *q)
{
	struct place p = {.q = q, .c = c, .prefix = q->words[q->n - 1]};

	for (int i = 0; i + 1 < q->n; i++)
		if (!take_word(&p, q->words[i]))
			return false;
	if (p.value_of) {
		if (strcmp(p.prefix, "=") == 0)
			p.prefix = "";
		offer_value(&p, p.value_of);
	} else if (!p.plain && p.prefix[0] == '-') {
		complete_option(&p);
	} else if (!p.verb) {
		commands(&p);
	} else {
		offer_arguments(&p);
	}
	return p.file;
}
