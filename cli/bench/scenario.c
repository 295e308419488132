#include "cli/bench/scenario.h"
#include "cli/bench/ledger.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

const char *const pairs_words[] = {"uniform", "zipf", "ring", "fan-in"};
const char *const phase_words[] = {"warmup", "ramp", "steady", "drain"};
const char *const op_words[] = {"send", "list", "read", "mark", "typing"};
const char *const fault_words[] = {"disconnect", "slow-reader"};
const char *const compare_words[] = {"<", "<=", "==", ">", ">="};

void scenario_defaults(struct scenario *s)
{
	*s = (struct scenario){
		.name = "unnamed",
		.seed = 1,
		.users = 100,
		.prefix = "lt-",
		.pairs = PAIRS_UNIFORM,
		.contacts = 10,
		.payload = {.kind = PAYLOAD_LOGNORMAL, .median = 80, .p99 = 2048},
		.ws = 100,
		.connect_rate = 500,
		.mix = {[OP_SEND] = 1},
		.send_ws = 1,
	};
}

int scenario_explain(const struct scenario_error *e, const char *file, struct buf *out)
{
	buf_addf(out, "%s:%u:%u: %s\n", file, e->line, e->column, e->why);
	return buf_addf(out, "  %s\n  %*s\n", e->text, (int)e->caret, "^");
}

uint64_t scenario_length(const struct scenario *s)
{
	const struct phase *last = &s->phases[s->n_phases - 1];

	return last->start + last->length;
}

double scenario_sends(const struct scenario *s)
{
	double ops = 0;

	for (unsigned i = 0; i < s->n_phases; i++)
		ops += (s->phases[i].from + s->phases[i].to) / 2 * (double)s->phases[i].length / 1e6;
	return ops * s->mix[OP_SEND];
}

unsigned scenario_pairs(const struct scenario *s)
{
	return s->users * s->contacts;
}

/* ---- back to text ---- */

/* The greatest unit that says it exactly. */
static void add_time(struct buf *b, uint64_t us)
{
	static const struct {
		const char *suffix;
		uint64_t us;
	} units[] = {{"h", 3600000000u}, {"m", 60000000}, {"s", 1000000}, {"ms", 1000}, {"us", 1}};

	for (unsigned i = 0; i < sizeof units / sizeof *units; i++)
		if (us % units[i].us == 0) {
			buf_addf(b, "%llu%s", (unsigned long long)(us / units[i].us), units[i].suffix);
			return;
		}
}

/* Plain decimals of up to 12 digits, never with an exponent, which the language does not have. */
static void add_number(struct buf *b, double v)
{
	char text[64];
	int digits = v >= 1 ? 12 - (int)log10(v) : 20;
	int n = snprintf(text, sizeof text, "%.*f", digits < 0 ? 0 : digits, v);

	while (strchr(text, '.') && (text[n - 1] == '0' || text[n - 1] == '.')) {
		bool point = text[n - 1] == '.';
		text[--n] = 0;
		if (point)
			break;
	}
	buf_adds(b, text);
}

/* A line of words and numbers: %n double, %t time, %s text. */
static void say(struct buf *b, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	for (; *fmt; fmt++) {
		if (*fmt != '%' || fmt[1] == '%') {
			fmt += *fmt == '%';
			buf_addc(b, *fmt);
		} else if (*++fmt == 'n')
			add_number(b, va_arg(args, double));
		else if (*fmt == 't')
			add_time(b, va_arg(args, uint64_t));
		else
			buf_adds(b, va_arg(args, const char *));
	}
	va_end(args);
}

static void write_users(const struct scenario *s, struct buf *b)
{
	say(b, "users %n prefix %s pairs %s", (double)s->users, s->prefix, pairs_words[s->pairs]);
	if (s->pairs == PAIRS_ZIPF)
		say(b, " %n", s->zipf);
	if (s->pairs == PAIRS_FAN_IN)
		say(b, " %n", (double)s->fan_in);
	if (s->pairs == PAIRS_ZIPF || s->pairs == PAIRS_UNIFORM)
		say(b, " contacts %n", (double)s->contacts);
	buf_addc(b, '\n');
}

static void write_payload(const struct payload_spec *o, struct buf *b)
{
	if (o->kind == PAYLOAD_LOGNORMAL)
		say(b, "payload lognormal median %nB p99 %nB\n", o->median, o->p99);
	else if (o->kind == PAYLOAD_FILE)
		say(b, "payload file \"%s\"\n", o->file);
	else
		say(b, "payload %s %nB\n", o->kind == PAYLOAD_FIXED ? "fixed" : "unicode hard", (double)o->bytes);
}

static void write_phase(const struct phase *f, struct buf *b)
{
	if (f->kind == PHASE_DRAIN) {
		say(b, "phase drain until-quiet timeout %t\n", f->length);
		return;
	}
	say(b, "phase %s %t rate %n/s", phase_words[f->kind], f->length, f->from);
	if (f->kind == PHASE_RAMP || f->to != f->from)
		say(b, " -> %n/s", f->to);
	say(b, " arrivals %s\n", f->arrivals == ARRIVALS_POISSON ? "poisson" : "constant");
}

static void write_mix(const struct scenario *s, struct buf *b)
{
	bool first = true;

	buf_adds(b, "mix ");
	for (int op = 0; op < OPS; op++) {
		if (s->mix[op] <= 0)
			continue;
		say(b, "%s%s %n%%", first ? "" : " | ", op_words[op], s->mix[op] * 100);
		if (op == OP_SEND)
			say(b, " via ws:%n rest:%n", s->send_ws * 100, 100 - s->send_ws * 100);
		first = false;
	}
	buf_addc(b, '\n');
}

int scenario_write(const struct scenario *s, struct buf *b)
{
	say(b, "scenario \"%s\"\n", s->name);
	buf_addf(b, "seed %llu\n", (unsigned long long)s->seed);
	write_users(s, b);
	write_payload(&s->payload, b);
	say(b, "ws %n connect-rate %n/s churn %n%%/s\n", (double)s->ws, s->connect_rate, s->churn * 100);
	for (unsigned i = 0; i < s->n_phases; i++)
		write_phase(&s->phases[i], b);
	write_mix(s, b);
	for (unsigned i = 0; i < s->n_faults; i++) {
		const struct fault *f = &s->faults[i];
		say(b, "fault at %t for %t %s %n%%", f->at, f->length, fault_words[f->kind], f->share * 100);
		if (f->kind == FAULT_SLOW_READER)
			say(b, " %nB/s", f->rate);
		buf_addc(b, '\n');
	}
	for (unsigned i = 0; i < s->n_thresholds; i++)
		say(b, "threshold %s\n", s->thresholds[i].text);
	return b->failed ? -1 : 0;
}

/* ---- what may surprise ---- */

static void warn(struct scenario_warnings *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void warn(struct scenario_warnings *w, const char *fmt, ...)
{
	va_list args;

	if (w->n == SCENARIO_WARNINGS)
		return;
	va_start(args, fmt);
	vsnprintf(w->text[w->n++], sizeof w->text[0], fmt, args);
	va_end(args);
}

static bool has_phase(const struct scenario *s, enum phase_kind kind)
{
	for (unsigned i = 0; i < s->n_phases; i++)
		if (s->phases[i].kind == kind)
			return true;
	return false;
}

static void warn_connections(const struct scenario *s, struct scenario_warnings *w)
{
	double connect = s->ws / s->connect_rate;

	if (connect > 60)
		warn(w, "connecting %u sockets at %.6g/s takes %.0f s before the first phase", s->ws, s->connect_rate,
			connect);
	if (s->ws > 25000)
		warn(w,
			"%u sockets from one address: the ports of this machine may run out (sysctl "
			"net.ipv4.ip_local_port_range), and each needs a file (ulimit -n)",
			s->ws);
	if (s->ws < s->users && s->ws)
		warn(w, "%u of %u users have no socket: what they receive is not measured end to end", s->users - s->ws,
			s->users);
	if (s->churn * s->ws > s->connect_rate)
		warn(w, "churn closes %.0f sockets a second, connect-rate opens %.0f", s->churn * s->ws,
			s->connect_rate);
}

static void warn_thresholds(const struct scenario *s, struct scenario_warnings *w)
{
	double sends = scenario_sends(s);

	if (s->n_thresholds == 0)
		warn(w, "no threshold: only integrity and the generator itself are judged");
	for (unsigned i = 0; i < s->n_thresholds; i++) {
		const struct threshold *t = &s->thresholds[i];
		double beyond = (100 - t->metric.percent) / 100 * sends;
		if (t->metric.stat == STAT_PERCENTILE && t->metric.percent < 100 && beyond < 10)
			warn(w,
				"line %u: about %.1f of %.0f sends lie beyond this percentile; 10 or more would say "
				"something",
				t->line, beyond, sends);
		if (s->ws == 0 && t->metric.stat != STAT_NONE && t->metric.index == TIMING_E2E)
			warn(w, "line %u: without sockets nothing is measured end to end", t->line);
	}
}

void scenario_warn(const struct scenario *s, struct scenario_warnings *w)
{
	double bytes = (double)ledger_bytes(s);

	w->n = 0;
	if (!has_phase(s, PHASE_WARMUP))
		warn(w, "no warm-up: cold caches and the first connections count");
	if (s->mix[OP_SEND] <= 0)
		warn(w, "nothing is sent");
	if (bytes > 1e9)
		warn(w, "the ledger takes %.1f GB of memory", bytes / 1e9);
	if (s->mix[OP_READ] + s->mix[OP_MARK] > 0 && s->mix[OP_SEND] <= 0)
		warn(w, "read and mark need messages, which nothing sends");
	warn_connections(s, w);
	warn_thresholds(s, w);
}
