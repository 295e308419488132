/* bench: a table of words, each a function. What they do is in cli/bench/. */
#include "cli/bench/knee.h"
#include "cli/bench/plan.h"
#include "cli/bench/report.h"
#include "cli/bench/run.h"
#include "cli/bench/stats.h"
#include "cli/out.h"
#include "common/base/clock.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { PAGE_BYTES_MAX = 4 << 20 };

/* Everything to stdout, or EXIT_FAILED. */
static int print(struct buf *b, int code)
{
	if (b->failed)
		code = cli_fail(EXIT_FAILED, "out of memory");
	else if (fwrite(b->data, 1, b->len, stdout) != b->len || out_flush())
		code = cli_fail(EXIT_FAILED, "cannot write to stdout");
	buf_release(b);
	return code;
}

static bool wants_json(const struct cli *c)
{
	return c->mode == OUT_JSON || c->mode == OUT_JSONL;
}

/* ---- validate ---- */

/* The file of a scenario, "-" is stdin. 0, or an exit code after a message. */
static int read_scenario(const char *path, struct scenario *s)
{
	static char text[SCENARIO_BYTES + 1];
	struct scenario_error e;
	struct buf b;
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	size_t n;

	if (!f)
		return cli_fail(EXIT_USAGE, "cannot read %s: %s", path, strerror(errno));
	n = fread(text, 1, sizeof text, f);
	bool bad = ferror(f);
	if (f != stdin)
		fclose(f);
	if (bad)
		return cli_fail(EXIT_USAGE, "cannot read %s", path);
	if (scenario_parse((struct str){text, n}, s, &e) == 0)
		return 0;
	buf_init(&b, 4096);
	scenario_explain(&e, path, &b);
	fwrite(b.data, 1, b.len, stderr);
	buf_release(&b);
	return EXIT_USAGE;
}

static void duration_text(uint64_t us, char out[32])
{
	uint64_t s = us / 1000000;

	if (us < 60000000)
		snprintf(out, 32, "%.3g s", (double)us / 1e6);
	else if (s < 3600)
		snprintf(out, 32, "%llu min %02llu s", (unsigned long long)s / 60, (unsigned long long)s % 60);
	else
		snprintf(out, 32, "%llu h %02llu min", (unsigned long long)s / 3600, (unsigned long long)s / 60 % 60);
}

static void phases_text(const struct scenario *s, struct buf *b)
{
	char length[32], start[32], from[32], to[32];

	buf_addf(b, "%-8s %12s %12s  %-22s %14s\n", "phase", "from", "length", "rate", "sends");
	for (unsigned i = 0; i < s->n_phases; i++) {
		const struct phase *f = &s->phases[i];
		duration_text(f->start, start);
		duration_text(f->length, length);
		value_text(UNIT_RATE, f->from, from);
		value_text(UNIT_RATE, f->to, to);
		buf_addf(b, "%-8s %12s %12s  ", phase_words[f->kind], start, length);
		if (f->kind == PHASE_DRAIN)
			buf_adds(b, "until quiet\n");
		else
			buf_addf(b, "%s%s%-*s %14.0f\n", from, f->from == f->to ? "" : " -> ",
				(int)(f->from == f->to ? 22 - strlen(from) : 18 - strlen(from)),
				f->from == f->to ? "" : to,
				(f->from + f->to) / 2 * (double)f->length / 1e6 * s->mix[OP_SEND]);
	}
}

static void plan_text(const struct scenario *s, const struct scenario_warnings *w, struct buf *b)
{
	char length[32], memory[32];

	buf_addf(b, "scenario \"%s\", seed %llu\n", s->name, (unsigned long long)s->seed);
	buf_addf(b, "%u users (%s0 to %s%u), %u sockets, %u pairs (%s)\n\n", s->users, s->prefix, s->prefix,
		s->users - 1, s->ws, scenario_pairs(s), pairs_words[s->pairs]);
	phases_text(s, b);
	duration_text(scenario_length(s) + (uint64_t)(s->ws / s->connect_rate * 1e6), length);
	snprintf(memory, sizeof memory, "%.0f MB", (double)ledger_bytes(s) / 1e6);
	buf_addf(b, "\nsends     about %.0f in all\nmix      ", scenario_sends(s));
	for (int op = 0; op < OPS; op++)
		if (s->mix[op] > 0)
			buf_addf(b, " %s %.4g %%", op_words[op], s->mix[op] * 100);
	buf_addf(b,
		"\nmemory    at most %s for the ledger (16 bytes a message)\nduration  at most %s, connecting "
		"included\n",
		memory, length);
	for (unsigned i = 0; i < s->n_faults; i++) {
		const struct fault *f = &s->faults[i];
		char at[32];
		duration_text(f->at, at);
		duration_text(f->length, length);
		buf_addf(b, "fault     at %s for %s: %s of %.0f sockets\n", at, length, fault_words[f->kind],
			f->share * s->ws);
	}
	for (unsigned i = 0; i < s->n_thresholds; i++)
		buf_addf(b, "threshold %s\n", s->thresholds[i].text);
	for (unsigned i = 0; i < w->n; i++)
		buf_addf(b, "warning: %s\n", w->text[i]);
}

static void plan_object(const struct scenario *s, const struct scenario_warnings *w, struct buf *b)
{
	cJSON *o = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(o, "phases");

	cJSON_AddStringToObject(o, "scenario", s->name);
	cJSON_AddNumberToObject(o, "users", s->users);
	cJSON_AddNumberToObject(o, "sockets", s->ws);
	cJSON_AddNumberToObject(o, "pairs", scenario_pairs(s));
	cJSON_AddNumberToObject(o, "sends", scenario_sends(s));
	cJSON_AddNumberToObject(o, "memory_bytes", (double)ledger_bytes(s));
	cJSON_AddNumberToObject(o, "seconds", (double)scenario_length(s) / 1e6 + s->ws / s->connect_rate);
	for (unsigned i = 0; i < s->n_phases; i++) {
		cJSON *f = cJSON_CreateObject();
		cJSON_AddStringToObject(f, "phase", phase_words[s->phases[i].kind]);
		cJSON_AddNumberToObject(f, "start", (double)s->phases[i].start / 1e6);
		cJSON_AddNumberToObject(f, "seconds", (double)s->phases[i].length / 1e6);
		cJSON_AddNumberToObject(f, "rate_from", s->phases[i].from);
		cJSON_AddNumberToObject(f, "rate_to", s->phases[i].to);
		cJSON_AddItemToArray(list, f);
	}
	list = cJSON_AddArrayToObject(o, "warnings");
	for (unsigned i = 0; i < w->n; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(w->text[i]));
	char *text = cJSON_PrintUnformatted(o);
	buf_addf(b, "%s\n", text ? text : "");
	b->failed |= !text;
	free(text);
	cJSON_Delete(o);
}

static int validate(struct cli *c)
{
	static struct scenario s;
	static struct scenario_warnings w;
	struct buf b;
	int rc = read_scenario(c->args[1], &s);

	if (rc)
		return rc;
	scenario_warn(&s, &w);
	buf_init(&b, SCENARIO_BYTES);
	if (wants_json(c))
		plan_object(&s, &w, &b);
	else
		plan_text(&s, &w, &b);
	return print(&b, EXIT_DONE);
}

/* ---- plan ---- */

static int plan_option(struct cli *c, const char *name, double most, double *out)
{
	const char *text = cli_option(c, name);

	if (!text || (plan_number(text, out) == 0 && *out <= most))
		return 0;
	return cli_fail(EXIT_USAGE, "--%s \"%.40s\" is no number such as 200, 300k, 2.5M or 10B", name, text);
}

static int plan_options(struct cli *c, struct plan_input *in)
{
	double share = in->headroom * 100;
	int rc = plan_option(c, "daily", 1e18, &in->daily);

	rc = rc ? rc : plan_option(c, "bytes", 1e9, &in->bytes);
	rc = rc ? rc : plan_option(c, "growth", 1e6, &in->growth);
	rc = rc ? rc : plan_option(c, "peak", 1e6, &in->peak);
	rc = rc ? rc : plan_option(c, "per-node", 1e9, &in->per_node);
	rc = rc ? rc : plan_option(c, "per-partition", 1e9, &in->per_partition);
	rc = rc ? rc : plan_option(c, "headroom", 100, &share);
	rc = rc ? rc : cli_number(c, "replication", 1, 100, in->replication, &in->replication);
	rc = rc ? rc : cli_number(c, "days", 1, 36500, in->days, &in->days);
	in->headroom = share / 100;
	if (rc == 0 && (in->daily <= 0 || in->bytes <= 0))
		return cli_fail(
			EXIT_USAGE, "--daily N and --bytes N are needed: chatctl bench plan --daily 10B --bytes 200");
	return rc;
}

static int write_page(const char *path, const struct plan *p)
{
	struct buf b;
	FILE *f = fopen(path, "we");
	bool written = f != NULL;

	buf_init(&b, PAGE_BYTES_MAX);
	plan_html(p, &b);
	if (f)
		written = fwrite(b.data, 1, b.len, f) == b.len && !b.failed;
	if (f && fclose(f))
		written = false;
	buf_release(&b);
	return written ? EXIT_DONE : cli_fail(EXIT_FAILED, "cannot write %s: %s", path, strerror(errno));
}

static int plan(struct cli *c)
{
	struct plan_input in = plan_defaults;
	const char *page = cli_option(c, "html");
	struct plan p;
	struct buf b;
	int rc = plan_options(c, &in);

	if (rc)
		return rc;
	if (cli_switch(c, "measure") && (rc = knee_find(c, &in.per_node)))
		return rc;
	plan_make(&in, &p);
	rc = page ? write_page(page, &p) : EXIT_DONE;
	if (rc)
		return rc;
	buf_init(&b, PAGE_BYTES_MAX);
	if (wants_json(c))
		plan_json(&p, &b);
	else
		plan_table(&p, &b);
	return print(&b, EXIT_DONE);
}

/* ---- report, compare ---- */

struct loaded {
	struct scenario s;
	struct results r;
	struct environment e;
};

static int load(const char *dir, struct loaded *l)
{
	char why[256];

	return report_load(dir, &l->s, &l->r, &l->e, why) ? cli_fail(EXIT_FAILED, "%s", why) : EXIT_DONE;
}

static int report(struct cli *c)
{
	static struct loaded l;
	struct judged j;
	struct buf b;
	char why[256];
	int rc = load(c->args[1], &l);

	if (rc)
		return rc;
	if (report_render(c->args[1], &l.r, &l.e, why))
		rc = cli_fail(EXIT_FAILED, "%s", why);
	results_judge(&l.r, &j);
	buf_init(&b, PAGE_BYTES_MAX);
	report_text(&l.r, &b);
	rc = rc ? rc : print(&b, (int)j.code);
	cli_note(c, "written: %s/report.html and junit.xml", c->args[1]);
	results_release(&l.r);
	return rc;
}

/* A column of the seconds in ramp and steady phases, thinned to STATS_MAX. */
static unsigned seconds_of(const struct loaded *l, size_t offset, double out[STATS_MAX])
{
	unsigned n = 0, each = l->r.n_series / STATS_MAX + 1;

	for (unsigned i = 0; i < l->r.n_series && n < STATS_MAX; i += each) {
		double at = l->r.series[i].at * 1e6;
		for (unsigned k = 0; k < l->s.n_phases; k++) {
			const struct phase *f = &l->s.phases[k];
			bool inside = at >= (double)f->start && at < (double)(f->start + f->length);
			if (inside && (f->kind == PHASE_RAMP || f->kind == PHASE_STEADY))
				out[n++] = *(const double *)((const char *)&l->r.series[i] + offset);
		}
	}
	return n;
}

static const struct {
	const char *name;
	size_t offset;
	enum unit unit;
	bool less_is_better;
} compared_columns[] = {
	{"acked/s", offsetof(struct second, acked), UNIT_RATE, false},
	{"pushed/s", offsetof(struct second, pushed), UNIT_RATE, false},
	{"errors/s", offsetof(struct second, errors), UNIT_RATE, true},
	{"ack p50", offsetof(struct second, ack_p50), UNIT_TIME, true},
	{"ack p99", offsetof(struct second, ack_p99), UNIT_TIME, true},
	{"e2e p50", offsetof(struct second, e2e_p50), UNIT_TIME, true},
	{"e2e p99", offsetof(struct second, e2e_p99), UNIT_TIME, true},
};

static void signed_text(enum unit unit, double v, char out[40])
{
	char plain[32];

	value_text(unit, fabs(v), plain);
	snprintf(out, 40, "%s%s", v < 0 ? "-" : "+", plain);
}

static const char *verdict_of(enum comparison v, bool less_is_better)
{
	if (v == COMPARE_TOO_FEW)
		return "too few seconds to say";
	if (v == COMPARE_NOISE)
		return "noise";
	return (v == COMPARE_LESS) == less_is_better ? "B is better" : "B is worse";
}

static void compare_row(unsigned i, const struct compared *x, bool json, struct buf *b)
{
	enum unit unit = compared_columns[i].unit;
	char of_a[32], of_b[32], low[40], high[40];
	const char *verdict = verdict_of(x->verdict, compared_columns[i].less_is_better);

	if (json) {
		buf_addf(b,
			"%s{\"metric\":\"%s\",\"a\":%.10g,\"b\":%.10g,\"difference\":%.10g,\"low\":%.10g,\"high\":%."
			"10g,\"p\":%.3g,\"verdict\":\"%s\"}",
			i ? "," : "", compared_columns[i].name, x->a, x->b, x->difference.estimate, x->difference.low,
			x->difference.high, x->p, verdict);
		return;
	}
	value_text(unit, x->a, of_a);
	value_text(unit, x->b, of_b);
	signed_text(unit, x->difference.low, low);
	signed_text(unit, x->difference.high, high);
	buf_addf(b, "%-10s %12s %12s   %12s to %-12s %8.3g  %s\n", compared_columns[i].name, of_a, of_b, low, high,
		x->p, verdict);
}

static int compare(struct cli *c)
{
	static struct loaded a, b;
	static double of_a[STATS_MAX], of_b[STATS_MAX];
	struct compared x;
	struct buf out;
	bool json = wants_json(c);
	int rc = load(c->args[1], &a);

	if (rc)
		return rc;
	rc = load(c->args[2], &b);
	if (rc) {
		results_release(&a.r);
		return rc;
	}
	buf_init(&out, PAGE_BYTES_MAX);
	if (!json)
		buf_addf(&out, "%-10s %12s %12s   %28s %8s\n", "of seconds", "median A", "median B",
			"B - A, 95 % confidence", "p");
	for (unsigned i = 0; rc == 0 && i < sizeof compared_columns / sizeof *compared_columns; i++) {
		unsigned n = seconds_of(&a, compared_columns[i].offset, of_a),
			 m = seconds_of(&b, compared_columns[i].offset, of_b);
		if (stats_compare(of_a, n, of_b, m, &x))
			rc = cli_fail(EXIT_FAILED, "out of memory");
		buf_adds(&out, json && i == 0 ? "[" : "");
		compare_row(i, &x, json, &out);
	}
	buf_adds(&out, json ? "]\n" : "");
	struct buf one, two;
	buf_init(&one, SCENARIO_BYTES);
	buf_init(&two, SCENARIO_BYTES);
	scenario_write(&a.s, &one);
	scenario_write(&b.s, &two);
	if (!str_eq(buf_str(&one), buf_str(&two)))
		cli_note(c, "these runs are not of the same scenario");
	if (strcmp(a.e.cpu, b.e.cpu) != 0 || a.e.cores != b.e.cores)
		cli_note(c, "these runs are not of the same machine");
	buf_release(&one);
	buf_release(&two);
	results_release(&a.r);
	results_release(&b.r);
	if (rc)
		buf_release(&out);
	return rc ? rc : print(&out, EXIT_DONE);
}

/* ---- run, quick ---- */

/* Runs it, prints what came out, and writes the results directory dir, unless that is NULL. */
static int run_scenario(struct cli *c, const struct scenario *s, const char *folder, const char *dir)
{
	static struct results r;
	static struct environment e;
	struct judged j;
	struct buf b;
	char why[256];
	int rc = bench_drive(c, s, folder, &r), gone = rc;

	if (rc && !r.timings)
		return rc;
	environment_fill(&e);
	snprintf(e.url, sizeof e.url, "%.*s", (int)sizeof e.url - 1, c->profile.url);
	snprintf(e.command, sizeof e.command, "chatctl bench %s", c->args[0]);
	clock_format(r.started_ms, e.started);
	results_judge(&r, &j);
	buf_init(&b, PAGE_BYTES_MAX);
	report_text(&r, &b);
	rc = print(&b, EXIT_DONE);
	if (rc == EXIT_DONE && dir && report_write(dir, &r, &e, why))
		rc = cli_fail(EXIT_FAILED, "%s", why);
	else if (dir)
		cli_note(c, "written: %s/report.html, summary.json and more", dir);
	if (j.code == BENCH_INTEGRITY)
		rc = BENCH_INTEGRITY;
	else if (rc == EXIT_DONE)
		rc = r.interrupted && bench_was_interrupted() ? EXIT_INTERRUPTED : j.code ? (int)j.code : gone;
	results_release(&r);
	return rc;
}

static int run(struct cli *c)
{
	static struct scenario s;
	char folder[512] = "", dir[40], at[CLOCK_TEXT + 1];
	const char *slash = strrchr(c->args[1], '/');
	int rc = read_scenario(c->args[1], &s);

	if (rc)
		return rc;
	if (slash)
		snprintf(folder, sizeof folder, "%.*s", (int)(slash - c->args[1]), c->args[1]);
	clock_format(clock_wall_ms(), at);
	snprintf(dir, sizeof dir, "bench-%.10s-%.2s%.2s%.2s", at, at + 11, at + 14, at + 17);
	return run_scenario(c, &s, folder, cli_option(c, "out") ? cli_option(c, "out") : dir);
}

static int save_scenario(const struct scenario *s, const char *path)
{
	struct buf b;
	FILE *f = fopen(path, "we");

	buf_init(&b, SCENARIO_BYTES);
	bool written = f && scenario_write(s, &b) == 0 && fwrite(b.data, 1, b.len, f) == b.len;
	if (f && fclose(f))
		written = false;
	buf_release(&b);
	return written ? EXIT_DONE : cli_fail(EXIT_FAILED, "cannot write %s: %s", path, strerror(errno));
}

static int quick(struct cli *c)
{
	static struct scenario s;
	const char *duration = cli_option(c, "duration"), *save = cli_option(c, "save");
	uint64_t ms = 30000;
	unsigned pairs = 100;
	double rate = 1000;
	int rc = plan_option(c, "rate", SCENARIO_RATE, &rate);

	rc = rc ? rc : cli_number(c, "pairs", 2, SCENARIO_USERS, pairs, &pairs);
	if (rc == 0 && duration && (duration_parse(duration, &ms) || ms * 1000 > SCENARIO_TIME))
		rc = cli_fail(EXIT_USAGE, "--duration is a time such as 30s or 5m, not \"%s\"", duration);
	if (rc)
		return rc;
	bench_quick(&s, pairs, rate, ms * 1000);
	rc = save ? save_scenario(&s, save) : EXIT_DONE;
	return rc ? rc : run_scenario(c, &s, "", cli_option(c, "out"));
}

/* ---- the verb ---- */

static int exec_bench(struct cli *c)
{
	static const struct {
		const char *word;
		int args;
		int (*fn)(struct cli *);
	} words[] = {{"run", 2, run}, {"quick", 1, quick}, {"validate", 2, validate}, {"plan", 1, plan},
		{"report", 2, report}, {"compare", 3, compare}};

	for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(words[i].word, c->args[0]) == 0 && words[i].args == c->n_args)
			return words[i].fn(c);
	return cli_fail(EXIT_USAGE, "usage: chatctl bench validate FILE | run FILE | quick | plan --daily N --bytes N "
				    "| report DIR | compare DIR DIR");
}

static const struct cli_option options[] = {
	{"out", 0, "DIR", "run, quick: where the results go; run: bench-DATE-TIME here unless given", COMPLETE_FILE,
		false},
	{"rate", 0, "N", "quick: messages a second (default 1000)", COMPLETE_NONE, false},
	{"pairs", 0, "N", "quick: users, each of which writes to the next (default 100)", COMPLETE_NONE, false},
	{"duration", 'd', "TIME", "quick: how long, a short warm-up excluded (default 30s)", COMPLETE_NONE, false},
	{"save", 0, "FILE", "quick: write the scenario there too", COMPLETE_FILE, false},
	BENCH_RUN_OPTIONS,
	{"daily", 0, "N", "plan: messages a day, such as 300k, 2.5M or 10B", COMPLETE_NONE, false},
	{"bytes", 0, "N", "plan: bytes of a message as stored", COMPLETE_NONE, false},
	{"growth", 0, "X", "plan: the factor by which it will grow (default 1)", COMPLETE_NONE, false},
	{"peak", 0, "X", "plan: the busiest moment over the mean (default 1)", COMPLETE_NONE, false},
	{"per-node", 0, "N", "plan: messages a second that one node carries", COMPLETE_NONE, false},
	{"measure", 0, NULL, "plan: find what the server of --url carries, in place of --per-node", COMPLETE_NONE,
		false},
	{"per-partition", 0, "N", "plan: messages a second of one partition of the queue (default 10k)", COMPLETE_NONE,
		false},
	{"headroom", 0, "PERCENT", "plan: how much of a node's rate to plan with (default 70)", COMPLETE_NONE, false},
	{"replication", 0, "N", "plan: copies of each message (default 3)", COMPLETE_NONE, false},
	{"days", 0, "N", "plan: how long messages are kept (default 365)", COMPLETE_NONE, false},
	{"html", 0, "FILE", "plan: write a page with plots too", COMPLETE_FILE, false},
	{NULL, 0, NULL, NULL, COMPLETE_NONE, false},
};

const struct verb verb_bench = {
	.name = "bench",
	.args = "run FILE|quick|validate FILE|plan|report DIR|compare A B",
	.summary = "load tests: scenarios, results, capacity",
	.text = "run makes a scenario happen, see chat-scenario(5), and quick one of its own with --rate, --pairs and "
		"-d. Sends "
		"start when they are due, whatever the server does, and latency counts from then to the recipient's "
		"socket; in the "
		"end history is read back and every message has a verdict. The accounts come from the operators' "
		"interface and are "
		"removed afterwards; --accounts FILE takes others. SIGINT ends a run early: it still drains and "
		"reports, and ends "
		"with 130. Exits with 97 when the generator was the limit, 98 when messages were lost, doubled, "
		"reordered or "
		"corrupt, 99 when a threshold was missed. A server that is not on this machine is loaded only with "
		"--i-own-this-server. "
		"Limits of the server that stand in the way are keys of its configuration, see chatd(8): "
		"max-connections, login-rate, "
		"and those of users and addresses. What a run does to itself is not held against the server: what met "
		"a cut or "
		"slow socket of a fault or of churn is judged, and left out of the latencies. A disconnect fault "
		"spreads its cuts over its "
		"time; each of them comes back at once with its cursor. "
		"validate reads a scenario, see chat-scenario(5), and prints what it would do: phases, messages, "
		"memory, "
		"duration, and what may surprise. plan does a system's data math: messages a second, bytes a day and a "
		"year, "
		"then partitions, nodes and storage; with --measure it loads the server first, at rising rates, to "
		"find what one node carries. report makes report.html and junit.xml of a results directory "
		"again, prints the "
		"summary and ends as the run did: 97 when the generator was the limit, 98 when messages were lost, "
		"doubled, reordered or "
		"corrupt, 99 when a threshold was missed. compare says of two results directories what differs and "
		"with which "
		"confidence; noise is a possible answer.",
	.examples = "chatctl bench quick --rate 1000 --pairs 100 -d 30s --admin /var/lib/chatd --url "
		    "http://127.0.0.1:8080\n"
		    "chatctl bench run evening-peak.scenario --admin /var/lib/chatd --out before\n"
		    "chatctl bench validate evening-peak.scenario\n"
		    "chatctl bench plan --daily 10B --bytes 200 --growth 2 --peak 3 --per-node 150k\n"
		    "chatctl bench report results\n"
		    "chatctl bench compare before after",
	.options = options,
	.min_args = 1,
	.max_args = 3,
	.need = NEED_CONTEXT,
	.complete = COMPLETE_FILE,
	.exec = exec_bench,
};
