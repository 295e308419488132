/* The language of chat-scenario(5): one statement a line, a table of statements, each with its clauses in any order. */
#include "cli/bench/scenario.h"
#include "common/msg.h"
#include "common/text/sanitise.h"
#include "common/wire/json.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { TOKENS = 64, LINE_BYTES = 1000 };

struct line {
	struct str text;
	unsigned number;
};
struct parser {
	struct scenario *s;
	struct scenario_error *e;
	struct line line;
	struct str tokens[TOKENS]; /* into the text */
	bool quoted[TOKENS];
	unsigned n, at;
	unsigned seen; /* bit i: statement i was there */
	struct line where[16];
	bool contacts_given, ws_given;
};

/* ---- saying what is wrong ---- */

/* The line from somewhere before the offending place, made safe, with the column for the caret. */
static void show(struct scenario_error *e, struct str line, size_t at)
{
	size_t from = at > 100 ? at - 60 : 0;
	struct buf safe;

	while (from > 0 && ((unsigned char)line.p[from] & 0xc0) == 0x80)
		from--;
	buf_init(&safe, (size_t)LINE_BYTES * SANITISE_GROWTH_MAX);
	sanitise(&safe, (struct str){line.p + from, at - from}, SANITISE_LINE);
	e->caret = (unsigned)utf8_chars(buf_str(&safe)) + 1;
	sanitise(&safe, (struct str){line.p + at, line.n - at}, SANITISE_LINE);
	size_t n = safe.len < sizeof e->text ? safe.len : sizeof e->text - 1;
	while (n < safe.len && n > 0 && ((unsigned char)safe.data[n] & 0xc0) == 0x80)
		n--;
	if (n)
		memcpy(e->text, safe.data, n);
	e->text[n] = 0;
	buf_release(&safe);
}

static int fail_at(struct parser *p, struct line line, size_t at, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static int fail_at(struct parser *p, struct line line, size_t at, const char *fmt, ...)
{
	char why[sizeof p->e->why];
	struct buf safe;
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof why, fmt, args);
	va_end(args);
	buf_init(&safe, sizeof why * SANITISE_GROWTH_MAX);
	sanitise(&safe, str_of(why), SANITISE_LINE);
	snprintf(p->e->why, sizeof p->e->why, "%.*s", (int)safe.len, safe.data);
	buf_release(&safe);
	p->e->line = line.number;
	p->e->column = utf8_ok((struct str){line.text.p, at}) ? (unsigned)utf8_chars((struct str){line.text.p, at}) + 1
							      : (unsigned)at + 1;
	show(p->e, line.text, at);
	return -1;
}

/* Token i, or the end of the line: what was expected there. */
static int expected(struct parser *p, unsigned i, const char *what)
{
	if (i >= p->n)
		return fail_at(p, p->line, p->line.text.n, "expected %s, but the line ends", what);
	struct str t = p->tokens[i];
	return fail_at(p, p->line, (size_t)(t.p - p->line.text.p), "expected %s, not \"%.*s\"", what,
		(int)(t.n < 40 ? t.n : 40), t.p);
}

/* The last token taken is refused. */
static int refuse(struct parser *p, const char *why)
{
	struct str t = p->tokens[p->at - 1];

	return fail_at(p, p->line, (size_t)(t.p - p->line.text.p), "%s", why);
}

/* ---- tokens ---- */

static size_t operator_at(const char *p, size_t n)
{
	static const char *const operators[] = {"->", "<=", ">=", "==", "<", ">", "|"};

	for (unsigned i = 0; i < sizeof operators / sizeof *operators; i++) {
		size_t length = strlen(operators[i]);
		if (n >= length && memcmp(p, operators[i], length) == 0)
			return length;
	}
	return 0;
}

static size_t word_at(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && !strchr(" \t\r#\"", p[i]) && p[i] && !operator_at(p + i, n - i))
		i++;
	return i;
}

static int tokenise(struct parser *p)
{
	const char *at = p->line.text.p, *end = at + p->line.text.n;

	p->n = p->at = 0;
	for (;;) {
		while (at < end && (*at == ' ' || *at == '\t' || *at == '\r'))
			at++;
		if (at == end || *at == '#')
			return 0;
		size_t offset = (size_t)(at - p->line.text.p), n = operator_at(at, (size_t)(end - at));
		if (p->n == TOKENS)
			return fail_at(p, p->line, offset, "more than %d words in a line", TOKENS);
		p->quoted[p->n] = *at == '"';
		if (*at == '"') {
			const char *close = memchr(at + 1, '"', (size_t)(end - at - 1));
			if (!close)
				return fail_at(p, p->line, offset, "this quotation has no end");
			p->tokens[p->n++] = (struct str){at + 1, (size_t)(close - at - 1)};
			at = close + 1;
			continue;
		}
		if (n == 0)
			n = word_at(at, (size_t)(end - at));
		if (n == 0)
			return fail_at(p, p->line, offset, "this character has no meaning here");
		p->tokens[p->n++] = (struct str){at, n};
		at += n;
	}
}

static bool next_is(const struct parser *p, const char *word)
{
	return p->at < p->n && !p->quoted[p->at] && str_is(p->tokens[p->at], word);
}

static bool accept(struct parser *p, const char *word)
{
	if (!next_is(p, word))
		return false;
	p->at++;
	return true;
}

/* A row of a table of words: its index, or -1 after saying what was expected. */
static int choose(struct parser *p, const char *const *words, unsigned n, const char *what)
{
	char list[120];
	int at = 0;

	for (unsigned i = 0; i < n; i++) {
		if (accept(p, words[i]))
			return (int)i;
		at += snprintf(list + at, sizeof list - (size_t)at, "%s%s",
			i == 0      ? ""
			: i + 1 < n ? ", "
				    : " or ",
			words[i]);
	}
	snprintf(list + at, sizeof list - (size_t)at, "%s", what);
	return expected(p, p->at, list);
}

/* A string or word of limited length. */
static int take_text(struct parser *p, char *to, size_t room, const char *what)
{
	struct str t;

	if (p->at >= p->n)
		return expected(p, p->at, what);
	t = p->tokens[p->at++];
	if (t.n == 0 || t.n >= room || memchr(t.p, 0, t.n))
		return fail_at(p, p->line, (size_t)(t.p - p->line.text.p), "expected 1 to %zu bytes of text", room - 1);
	memcpy(to, t.p, t.n);
	to[t.n] = 0;
	return 0;
}

/* ---- numbers with a unit ---- */

struct unit_row {
	const char *suffix;
	double times;
};
static const struct unit_row plain_units[] = {{"", 1}, {NULL, 0}};
static const struct unit_row time_units[] = {
	{"us", 1}, {"ms", 1e3}, {"s", 1e6}, {"m", 6e7}, {"min", 6e7}, {"h", 3.6e9}, {"d", 8.64e10}, {NULL, 0}};
static const struct unit_row size_units[] = {{"B", 1}, {"KiB", 1024}, {"MiB", 1048576}, {NULL, 0}};
static const struct unit_row rate_units[] = {{"/s", 1}, {"/min", 1 / 60.0}, {"/h", 1 / 3600.0}, {NULL, 0}};
static const struct unit_row byte_rate_units[] = {{"B/s", 1}, {"KiB/s", 1024}, {"MiB/s", 1048576}, {NULL, 0}};
static const struct unit_row share_units[] = {{"%", 0.01}, {NULL, 0}};
static const struct unit_row churn_units[] = {{"%/s", 0.01}, {"%/min", 0.01 / 60}, {"%/h", 0.01 / 3600}, {NULL, 0}};

/* Digits, at most one point, a unit of the table. 0 or -1. */
static int quantity_parse(struct str t, const struct unit_row *units, double *out)
{
	char text[32];
	size_t digits = 0;

	if (t.n == 0 || t.n >= sizeof text)
		return -1;
	memcpy(text, t.p, t.n);
	text[t.n] = 0;
	digits = strspn(text, "0123456789.");
	const char *point = strchr(text, '.');
	if (digits == 0 || text[0] == '.' || text[digits - 1] == '.' || (point && strchr(point + 1, '.')))
		return -1;
	for (; units->suffix; units++)
		if (strcmp(text + digits, units->suffix) == 0) {
			text[digits] = 0;
			*out = strtod(text, NULL) * units->times;
			return 0;
		}
	return -1;
}

static int take(
	struct parser *p, const struct unit_row *units, double least, double most, const char *what, double *out)
{
	double v;

	if (p->at >= p->n || quantity_parse(p->tokens[p->at], units, &v) || !(v >= least && v <= most))
		return expected(p, p->at, what);
	p->at++;
	*out = v;
	return 0;
}

static int take_count(struct parser *p, unsigned least, unsigned most, const char *what, unsigned *out)
{
	double v = 0;

	if (take(p, plain_units, least, most, what, &v))
		return -1;
	if (v != floor(v))
		return refuse(p, "expected a whole number");
	*out = (unsigned)v;
	return 0;
}

static int take_time(struct parser *p, uint64_t *out)
{
	double v = 0;

	if (take(p, time_units, 1000, (double)SCENARIO_TIME, "a duration from 1ms to 7d, such as 500ms, 30s, 10m or 2h",
		    &v))
		return -1;
	*out = (uint64_t)llround(v);
	return 0;
}

static int take_rate(struct parser *p, double *out)
{
	return take(p, rate_units, 0, SCENARIO_RATE, "a rate of at most 10000000/s, such as 200/s or 30/min", out);
}

static int take_share(struct parser *p, double *out)
{
	return take(p, share_units, 0, 1, "a share such as 20%", out);
}

/* ---- statements ---- */

static int seed(struct parser *p)
{
	char text[24], *end;

	if (p->at < p->n && p->tokens[p->at].n < 20) {
		snprintf(text, sizeof text, "%.*s", (int)p->tokens[p->at].n, p->tokens[p->at].p);
		p->s->seed = strtoull(text, &end, 10);
		if (text[0] >= '0' && text[0] <= '9' && *end == 0) {
			p->at++;
			return 0;
		}
	}
	return expected(p, p->at, "a number of at most 19 digits");
}

static int scenario(struct parser *p)
{
	if (take_text(p, p->s->name, sizeof p->s->name, "the scenario's name, in quotes"))
		return -1;
	return accept(p, "seed") ? seed(p) : 0;
}

static int pairs(struct parser *p)
{
	int kind = choose(p, pairs_words, 4, "");

	if (kind < 0)
		return -1;
	p->s->pairs = (enum pairs)kind;
	if (kind == PAIRS_ZIPF)
		return take(p, plain_units, 0, 10, "an exponent from 0 to 10, such as 1.1", &p->s->zipf);
	if (kind == PAIRS_FAN_IN)
		return take_count(p, 1, SCENARIO_USERS, "how many users receive", &p->s->fan_in);
	return 0;
}

static int prefix(struct parser *p)
{
	char name[sizeof p->s->prefix + 8];

	if (take_text(p, p->s->prefix, sizeof p->s->prefix, "a prefix of user names, such as lt-"))
		return -1;
	snprintf(name, sizeof name, "%s0", p->s->prefix);
	return user_name_ok(str_of(name)) ? 0 : refuse(p, "user names begin with a-z or 0-9 and hold a-z, 0-9, . _ -");
}

static int users(struct parser *p)
{
	if (take_count(p, 2, SCENARIO_USERS, "a number of users from 2 to 1000000", &p->s->users))
		return -1;
	while (p->at < p->n) {
		int rc;
		if (accept(p, "prefix"))
			rc = prefix(p);
		else if (accept(p, "pairs"))
			rc = pairs(p);
		else if (accept(p, "contacts")) {
			rc = take_count(
				p, 1, SCENARIO_CONTACTS, "a number of contacts from 1 to 1000", &p->s->contacts);
			p->contacts_given = true;
		} else
			return expected(p, p->at, "prefix, pairs or contacts");
		if (rc)
			return -1;
	}
	return 0;
}

static int take_size(struct parser *p, double *out)
{
	return take(p, size_units, PAYLOAD_MIN, PAYLOAD_MAX, "a size from 32B to 16KiB", out);
}

static int lognormal(struct parser *p, struct payload_spec *o)
{
	if (!accept(p, "median"))
		return expected(p, p->at, "median and a size");
	if (take_size(p, &o->median))
		return -1;
	if (!accept(p, "p99"))
		return expected(p, p->at, "p99 and a size");
	if (take_size(p, &o->p99))
		return -1;
	return o->p99 >= o->median ? 0 : refuse(p, "the 99th percentile is below the median");
}

static int payload(struct parser *p)
{
	static const char *const words[] = {"fixed", "lognormal", "file", "unicode"};
	struct payload_spec *o = &p->s->payload;
	int kind = choose(p, words, 4, "");
	double size = 80;

	if (kind < 0)
		return -1;
	o->kind = (enum payload_kind)kind;
	if (kind == PAYLOAD_LOGNORMAL)
		return lognormal(p, o);
	if (kind == PAYLOAD_FILE)
		return take_text(p, o->file, sizeof o->file, "the name of a file");
	if (kind == PAYLOAD_UNICODE && !accept(p, "hard"))
		return expected(p, p->at, "hard");
	if ((kind == PAYLOAD_FIXED || p->at < p->n) && take_size(p, &size))
		return -1;
	o->bytes = (unsigned)size;
	return 0;
}

static int sockets(struct parser *p)
{
	if (take_count(p, 0, SCENARIO_USERS, "a number of sockets", &p->s->ws))
		return -1;
	p->ws_given = true;
	while (p->at < p->n) {
		int rc;
		if (accept(p, "connect-rate"))
			rc = take(
				p, rate_units, 1 / 3600.0, SCENARIO_RATE, "a rate such as 500/s", &p->s->connect_rate);
		else if (accept(p, "churn"))
			rc = take(
				p, churn_units, 0, 1, "a share of the sockets in a time, such as 1%/min", &p->s->churn);
		else
			return expected(p, p->at, "connect-rate or churn");
		if (rc)
			return -1;
	}
	return 0;
}

static int phase_rate(struct parser *p, struct phase *f)
{
	if (!accept(p, "rate"))
		return expected(p, p->at, "rate");
	if (take_rate(p, &f->from))
		return -1;
	f->to = f->from;
	if (accept(p, "->"))
		return take_rate(p, &f->to);
	return f->kind == PHASE_RAMP ? expected(p, p->at, "-> and the rate at the end") : 0;
}

static int drain(struct parser *p, struct phase *f)
{
	if (!accept(p, "until-quiet"))
		return expected(p, p->at, "until-quiet");
	if (!accept(p, "timeout"))
		return expected(p, p->at, "timeout and a duration");
	return take_time(p, &f->length);
}

static int phase(struct parser *p)
{
	static const char *const arrivals[] = {"poisson", "constant"};
	struct scenario *s = p->s;
	int kind = choose(p, phase_words, 4, "");

	if (kind < 0)
		return -1;
	if (s->n_phases == SCENARIO_PHASES)
		return refuse(p, "there are 32 phases already");
	if (s->n_phases && s->phases[s->n_phases - 1].kind == PHASE_DRAIN)
		return refuse(p, "nothing follows the drain");
	if (kind == PHASE_WARMUP && s->n_phases && s->phases[s->n_phases - 1].kind != PHASE_WARMUP)
		return refuse(p, "a warm-up comes first");
	struct phase *f = &s->phases[s->n_phases++];
	*f = (struct phase){.kind = (enum phase_kind)kind};
	if (kind == PHASE_DRAIN)
		return drain(p, f);
	if (take_time(p, &f->length) || phase_rate(p, f))
		return -1;
	if (!accept(p, "arrivals"))
		return 0;
	int how = choose(p, arrivals, 2, "");
	f->arrivals = (enum arrivals)(how > 0);
	return how < 0 ? -1 : 0;
}

/* via ws:50 rest:50: weights. */
static int via(struct parser *p)
{
	static const char *const ways[] = {"ws:", "rest:"};
	double weights[2] = {0, 0};
	unsigned taken = 0;

	for (; p->at < p->n && !next_is(p, "|"); p->at++, taken++) {
		struct str t = p->tokens[p->at];
		int way = -1;
		for (int i = 0; i < 2; i++)
			if (t.n > strlen(ways[i]) && memcmp(t.p, ways[i], strlen(ways[i])) == 0)
				way = i;
		size_t head = way < 0 ? 0 : strlen(ways[way]);
		if (way < 0 || quantity_parse((struct str){t.p + head, t.n - head}, plain_units, &weights[way]) ||
			weights[way] > 1e6)
			return expected(p, p->at, "a way and its weight, such as ws:50 or rest:50");
	}
	if (taken == 0 || weights[0] + weights[1] <= 0)
		return expected(p, p->at, "ways with weights above 0, such as ws:50 rest:50");
	p->s->send_ws = weights[0] / (weights[0] + weights[1]);
	return 0;
}

static int mix(struct parser *p)
{
	double sum = 0, mixed[OPS] = {0};

	do {
		int op = choose(p, op_words, OPS, "");
		if (op < 0)
			return -1;
		if (mixed[op] > 0)
			return refuse(p, "this one has its share already");
		if (take_share(p, &mixed[op]) || (op == OP_SEND && accept(p, "via") && via(p)))
			return -1;
		sum += mixed[op];
	} while (accept(p, "|"));
	if (p->at < p->n)
		return expected(p, p->at, "| and the next share");
	if (fabs(sum - 1) > 1e-4)
		return fail_at(p, p->line, 0, "the shares add up to %.6g%%, not to 100%%", sum * 100);
	for (int op = 0; op < OPS; op++)
		p->s->mix[op] = mixed[op] / sum;
	return 0;
}

static int fault(struct parser *p)
{
	struct scenario *s = p->s;
	struct fault f = {0};

	if (s->n_faults == SCENARIO_FAULTS)
		return expected(p, p->at, "at most 32 faults");
	if (!accept(p, "at"))
		return expected(p, p->at, "at and a time");
	if (take_time(p, &f.at))
		return -1;
	if (!accept(p, "for"))
		return expected(p, p->at, "for and a duration");
	if (take_time(p, &f.length))
		return -1;
	int kind = choose(p, fault_words, 2, "");
	if (kind < 0 || take_share(p, &f.share))
		return -1;
	f.kind = (enum fault_kind)kind;
	if (f.kind == FAULT_SLOW_READER &&
		take(p, byte_rate_units, 1, 1e9, "the bytes that each reads, such as 1KiB/s", &f.rate))
		return -1;
	s->faults[s->n_faults++] = f;
	return 0;
}

static int threshold(struct parser *p)
{
	static const struct {
		const struct unit_row *units;
		const char *what;
	} by_unit[] = {[UNIT_COUNT] = {plain_units, "a number"},
		[UNIT_TIME] = {time_units, "a time such as 50ms"},
		[UNIT_SHARE] = {share_units, "a share such as 1%"},
		[UNIT_RATE] = {rate_units, "a rate such as 5000/s"}};
	struct scenario *s = p->s;
	struct threshold t = {.line = p->line.number};

	if (s->n_thresholds == SCENARIO_THRESHOLDS)
		return expected(p, p->at, "at most 64 thresholds");
	if (p->at >= p->n || metric_parse(p->tokens[p->at], &t.metric))
		return expected(p, p->at, "a metric such as e2e.p99 or integrity.lost; chat-scenario(5) lists them");
	struct str name = p->tokens[p->at++];
	int op = choose(p, compare_words, 5, "");
	if (op < 0)
		return -1;
	t.op = (enum compare_op)op;
	if (take(p, by_unit[t.metric.unit].units, 0, 1e15, by_unit[t.metric.unit].what, &t.value))
		return -1;
	struct str value = p->tokens[p->at - 1];
	snprintf(t.text, sizeof t.text, "%.*s %s %.*s", (int)name.n, name.p, compare_words[op], (int)value.n, value.p);
	s->thresholds[s->n_thresholds++] = t;
	return 0;
}

enum { S_SCENARIO, S_SEED, S_USERS, S_PAYLOAD, S_WS, S_PHASE, S_MIX, S_FAULT, S_THRESHOLD, STATEMENTS };
static const struct {
	const char *word;
	int (*parse)(struct parser *p);
	bool many;
} statements[] = {
	[S_SCENARIO] = {"scenario", scenario, false},
	[S_SEED] = {"seed", seed, false},
	[S_USERS] = {"users", users, false},
	[S_PAYLOAD] = {"payload", payload, false},
	[S_WS] = {"ws", sockets, false},
	[S_PHASE] = {"phase", phase, true},
	[S_MIX] = {"mix", mix, false},
	[S_FAULT] = {"fault", fault, true},
	[S_THRESHOLD] = {"threshold", threshold, true},
};

static int statement(struct parser *p)
{
	for (unsigned i = 0; i < STATEMENTS; i++) {
		if (!accept(p, statements[i].word))
			continue;
		if (!statements[i].many && p->seen & 1u << i)
			return fail_at(
				p, p->line, 0, "%s stands in line %u already", statements[i].word, p->where[i].number);
		p->seen |= 1u << i;
		p->where[i] = p->line;
		if (statements[i].parse(p))
			return -1;
		return p->at < p->n ? expected(p, p->at, "the end of the line") : 0;
	}
	return expected(p, 0, "scenario, seed, users, payload, ws, phase, mix, fault or threshold");
}

/* ---- the whole ---- */

static int check_users(struct parser *p)
{
	struct scenario *s = p->s;
	struct line at = p->where[S_USERS];
	bool alone = s->pairs == PAIRS_RING || s->pairs == PAIRS_FAN_IN;

	if (alone && p->contacts_given)
		return fail_at(p, at, 0, "contacts goes with zipf and uniform; here each user has one");
	if (alone)
		s->contacts = 1;
	else if (!p->contacts_given && s->contacts >= s->users)
		s->contacts = s->users - 1;
	if (s->contacts >= s->users)
		return fail_at(p, at, 0, "%u contacts need more than %u users", s->contacts, s->users);
	if (s->pairs == PAIRS_FAN_IN && s->fan_in >= s->users)
		return fail_at(p, at, 0, "fan-in %u leaves nobody of %u users to send", s->fan_in, s->users);
	if ((double)s->users * s->contacts > SCENARIO_PAIRS)
		return fail_at(p, at, 0, "users times contacts is above %d", SCENARIO_PAIRS);
	return 0;
}

static int check_sockets(struct parser *p)
{
	struct scenario *s = p->s;

	if (!p->ws_given)
		s->ws = s->users;
	if (s->ws > s->users)
		return fail_at(p, p->where[S_WS], 0, "%u sockets, but %u users with one each", s->ws, s->users);
	if (s->ws == 0 && p->seen & 1u << S_MIX && s->send_ws > 0 && s->mix[OP_SEND] > 0)
		return fail_at(p, p->where[S_MIX], 0, "sends by ws need sockets: via rest:1, or ws above 0");
	if (s->ws == 0)
		s->send_ws = 0;
	if (s->ws == 0 && s->n_faults)
		return fail_at(p, p->where[S_FAULT], 0, "faults need sockets");
	return 0;
}

/* When each phase starts; and a drain, if there is none. */
static int check_phases(struct parser *p, struct line end)
{
	struct scenario *s = p->s;
	uint64_t at = 0;
	double most = 0;

	if (s->n_phases == SCENARIO_PHASES && s->phases[s->n_phases - 1].kind != PHASE_DRAIN)
		return fail_at(p, p->where[S_PHASE], 0, "no room for a drain after 32 phases");
	if (s->n_phases == 0 || s->phases[s->n_phases - 1].kind != PHASE_DRAIN)
		s->phases[s->n_phases++] = (struct phase){.kind = PHASE_DRAIN, .length = 30000000};
	for (unsigned i = 0; i < s->n_phases; i++) {
		s->phases[i].start = at;
		at += s->phases[i].length;
		most = fmax(most, fmax(s->phases[i].from, s->phases[i].to));
	}
	if (most <= 0)
		return fail_at(
			p, end, 0, "expected at least one phase with a rate, such as: phase steady 1m rate 100/s");
	if (at > SCENARIO_TIME)
		return fail_at(p, p->where[S_PHASE], 0, "the phases are longer than 7 days together");
	if (scenario_sends(s) > SCENARIO_MESSAGES)
		return fail_at(p, p->where[S_PHASE], 0, "%.0f sends in all; the most is %.0f", scenario_sends(s),
			SCENARIO_MESSAGES);
	for (unsigned i = 0; i < s->n_faults; i++)
		if (s->faults[i].at + s->faults[i].length > s->phases[s->n_phases - 1].start)
			return fail_at(p, p->where[S_FAULT], 0, "fault %u ends after the drain began", i + 1);
	return 0;
}

static int next_line(struct parser *p, struct str text, size_t *at)
{
	const char *from = text.p + *at, *end = memchr(from, '\n', text.n - *at);

	p->line.number++;
	p->line.text = (struct str){from, end ? (size_t)(end - from) : text.n - *at};
	*at += p->line.text.n + 1;
	if (p->line.text.n > LINE_BYTES)
		return fail_at(p, p->line, 0, "the line is longer than %d bytes", LINE_BYTES);
	if (!utf8_ok(p->line.text))
		return fail_at(p, p->line, 0, "this is not UTF-8");
	return 0;
}

int scenario_parse(struct str text, struct scenario *s, struct scenario_error *e)
{
	struct parser p = {.s = s, .e = e};

	memset(e, 0, sizeof *e);
	scenario_defaults(s);
	if (text.n > SCENARIO_BYTES) {
		p.line = (struct line){STR(""), 1};
		return fail_at(&p, p.line, 0, "the file is longer than 64 KiB");
	}
	for (size_t at = 0; at < text.n;) {
		if (next_line(&p, text, &at) || tokenise(&p) || (p.n && statement(&p)))
			return -1;
	}
	if (!(p.seen & 1u << S_USERS))
		p.where[S_USERS] = p.line;
	p.line.text.p = p.line.text.p ? p.line.text.p : "";
	return check_users(&p) || check_sockets(&p) || check_phases(&p, p.line) ? -1 : 0;
}
