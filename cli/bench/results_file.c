/* Results to the directory and back. */
#include "cli/bench/report.h"
#include "common/base/clock.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { FILE_MAX = 256 << 20 };

/* ---- the machine ---- */

/* The value behind "key : " in a file of /proc. */
static void proc_value(const char *path, const char *key, char *out, size_t room)
{
	FILE *f = fopen(path, "re");
	char line[512];

	out[0] = 0;
	while (f && !out[0] && fgets(line, sizeof line, f)) {
		char *colon = strchr(line, ':');
		if (strncmp(line, key, strlen(key)) == 0 && colon) {
			colon += 1 + strspn(colon + 1, " \t");
			colon[strcspn(colon, "\n")] = 0;
			snprintf(out, room, "%s", colon);
		}
	}
	if (f)
		fclose(f);
}

void environment_fill(struct environment *e)
{
	struct utsname u;
	long cores = sysconf(_SC_NPROCESSORS_ONLN), pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);

	*e = (struct environment){.cores = cores > 0 ? (unsigned)cores : 0};
	proc_value("/proc/cpuinfo", "model name", e->cpu, sizeof e->cpu);
	if (pages > 0 && page > 0)
		e->memory = (uint64_t)pages * (uint64_t)page;
	if (uname(&u) == 0)
		snprintf(e->kernel, sizeof e->kernel, "%.20s %.40s %.20s", u.sysname, u.release, u.machine);
	snprintf(e->client, sizeof e->client, "chatctl %s", CHAT_VERSION);
	clock_format(clock_wall_ms(), e->started);
}

/* ---- writing ---- */

static int put(const char *dir, const char *name, const struct buf *b, char why[256])
{
	char path[4096], tmp[4096 + 8];
	int rc = -1;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	snprintf(tmp, sizeof tmp, "%s.new", path);
	FILE *f = b->failed ? NULL : fopen(tmp, "we");
	if (f) {
		bool written = fwrite(b->data, 1, b->len, f) == b->len;
		rc = fclose(f) == 0 && written && rename(tmp, path) == 0 ? 0 : -1;
	}
	if (rc)
		snprintf(why, 256, "cannot write %.180s: %s", path, b->failed ? "out of memory" : strerror(errno));
	return rc;
}

static void add_timings(cJSON *to, const struct results *r)
{
	static const struct {
		const char *name;
		double percent;
	} percents[] = {{"p50", 50}, {"p90", 90}, {"p99", 99}, {"p99.9", 99.9}, {"p99.99", 99.99}, {"max", 100}};

	for (unsigned i = 0; i < TIMINGS; i++) {
		const struct hist *h = &r->timings[i];
		if (h->count == 0)
			continue;
		cJSON *t = cJSON_AddObjectToObject(to, timing_word(i));
		cJSON_AddNumberToObject(t, "count", (double)h->count);
		cJSON_AddNumberToObject(t, "mean", hist_mean(h));
		for (unsigned k = 0; k < sizeof percents / sizeof *percents; k++)
			cJSON_AddNumberToObject(t, percents[k].name, (double)hist_percentile(h, percents[k].percent));
	}
}

static void add_offenders(cJSON *to, const struct results *r)
{
	char client_id[CLIENT_ID_ROOM];

	for (unsigned i = 0; i < r->ledger.n_offenders; i++) {
		const struct offender *o = &r->ledger.offenders[i];
		cJSON *e = cJSON_CreateObject();
		ledger_client_id(r->run, o->counter, client_id);
		cJSON_AddStringToObject(e, "kind", offence_words[o->kind]);
		cJSON_AddNumberToObject(e, "counter", o->counter);
		cJSON_AddNumberToObject(e, "pair", o->pair);
		cJSON_AddNumberToObject(e, "at_us", (double)o->at);
		cJSON_AddStringToObject(e, "client_id", client_id);
		cJSON_AddStringToObject(e, "id", o->id);
		cJSON_AddStringToObject(e, "other_id", o->other);
		cJSON_AddStringToObject(e, "why", o->why);
		cJSON_AddItemToArray(to, e);
	}
}

static cJSON *summary(const struct results *r)
{
	struct judged j;
	cJSON *o = cJSON_CreateObject(), *list, *c;

	results_judge(r, &j);
	cJSON_AddNumberToObject(o, "version", 1);
	cJSON_AddStringToObject(o, "scenario", r->scenario->name);
	cJSON_AddStringToObject(o, "verdict", j.word);
	cJSON_AddNumberToObject(o, "exit", j.code);
	cJSON_AddStringToObject(o, "why", j.why);
	cJSON_AddNumberToObject(o, "run", r->run);
	cJSON_AddNumberToObject(o, "started_ms", (double)r->started_ms);
	cJSON_AddBoolToObject(o, "interrupted", r->interrupted);
	list = cJSON_AddArrayToObject(o, "thresholds");
	for (unsigned i = 0; i < j.n; i++) {
		cJSON *t = cJSON_CreateObject();
		cJSON_AddStringToObject(t, "threshold", j.thresholds[i].t->text);
		if (j.thresholds[i].measured)
			cJSON_AddNumberToObject(t, "value", j.thresholds[i].value);
		else
			cJSON_AddNullToObject(t, "value");
		cJSON_AddBoolToObject(t, "met", j.thresholds[i].met);
		cJSON_AddItemToArray(list, t);
	}
	c = cJSON_AddObjectToObject(o, "counts");
	for (unsigned i = 0; i < COUNTS; i++)
		cJSON_AddNumberToObject(c, count_word(i), r->counts[i]);
	add_timings(cJSON_AddObjectToObject(o, "timings_us"), r);
	add_offenders(cJSON_AddArrayToObject(o, "offenders"), r);
	return o;
}

static cJSON *surroundings(const struct environment *e)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "cpu", e->cpu);
	cJSON_AddNumberToObject(o, "cores", e->cores);
	cJSON_AddNumberToObject(o, "memory_bytes", (double)e->memory);
	cJSON_AddStringToObject(o, "kernel", e->kernel);
	cJSON_AddStringToObject(o, "client", e->client);
	cJSON_AddStringToObject(o, "server", e->server);
	cJSON_AddStringToObject(o, "url", e->url);
	cJSON_AddStringToObject(o, "command", e->command);
	cJSON_AddStringToObject(o, "started", e->started);
	return o;
}

static int put_json(const char *dir, const char *name, cJSON *o, struct buf *b, char why[256])
{
	char *text = cJSON_Print(o);

	buf_reset(b);
	if (text)
		buf_addf(b, "%s\n", text);
	b->failed |= !text;
	free(text);
	cJSON_Delete(o);
	return put(dir, name, b, why);
}

static int put_histograms(const char *dir, const struct results *r, struct buf *b, char why[256])
{
	char name[64];

	for (unsigned i = 0; i < TIMINGS; i++) {
		if (r->timings[i].count == 0)
			continue;
		buf_reset(b);
		hist_hgrm(&r->timings[i], 1000, b);
		snprintf(name, sizeof name, "%s.hgrm", timing_word(i));
		if (put(dir, name, b, why))
			return -1;
	}
	buf_reset(b);
	buf_adds(b, "timing,up_to_us,count\n");
	for (unsigned i = 0; i < TIMINGS; i++)
		for (unsigned k = 0; k < HIST_BUCKETS; k++)
			if (r->timings[i].buckets[k])
				buf_addf(b, "%s,%llu,%llu\n", timing_word(i), (unsigned long long)hist_step_top(k),
					(unsigned long long)r->timings[i].buckets[k]);
	return put(dir, "histograms.csv", b, why);
}

int report_render(const char *dir, const struct results *r, const struct environment *e, char why[256])
{
	struct buf b;
	int rc;

	buf_init(&b, FILE_MAX);
	report_html(r, e, &b);
	rc = put(dir, "report.html", &b, why);
	buf_reset(&b);
	report_junit(r, &b);
	rc = rc ? rc : put(dir, "junit.xml", &b, why);
	buf_release(&b);
	return rc;
}

int report_write(const char *dir, const struct results *r, const struct environment *e, char why[256])
{
	struct buf b;
	int rc;

	if (mkdir(dir, 0777) && errno != EEXIST) {
		snprintf(why, 256, "cannot make %.180s: %s", dir, strerror(errno));
		return -1;
	}
	buf_init(&b, FILE_MAX);
	scenario_write(r->scenario, &b);
	rc = put(dir, "run.scenario", &b, why);
	buf_reset(&b);
	report_series(r, &b);
	rc = rc ? rc : put(dir, "series.csv", &b, why);
	rc = rc ? rc : put_histograms(dir, r, &b, why);
	rc = rc ? rc : put_json(dir, "environment.json", surroundings(e), &b, why);
	rc = rc ? rc : put_json(dir, "summary.json", summary(r), &b, why);
	buf_release(&b);
	return rc ? rc : report_render(dir, r, e, why);
}

/* ---- reading ---- */

/* A whole file with a NUL behind it, on the heap; NULL after a sentence. */
static char *get(const char *dir, const char *name, char why[256])
{
	char path[4096], *text = NULL;
	struct stat st;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "re");
	if (f && fstat(fileno(f), &st) == 0 && st.st_size < FILE_MAX && (text = malloc((size_t)st.st_size + 1)))
		text[fread(text, 1, (size_t)st.st_size, f)] = 0;
	if (!text)
		snprintf(why, 256, "cannot read %.180s: %s", path, f ? "too large" : strerror(errno));
	if (f)
		fclose(f);
	return text;
}

static void string_of(const cJSON *o, const char *name, char *out, size_t room)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	snprintf(out, room, "%s", cJSON_IsString(v) ? v->valuestring : "");
}

static double number_of(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	return cJSON_IsNumber(v) && v->valuedouble >= 0 && v->valuedouble < 1e18 ? v->valuedouble : 0;
}

static void load_offenders(const cJSON *list, struct ledger_verdict *v)
{
	const cJSON *e;

	cJSON_ArrayForEach(e, list)
	{
		char kind[16];
		struct offender *o = &v->offenders[v->n_offenders];
		string_of(e, "kind", kind, sizeof kind);
		unsigned k = 0;
		while (k < OFFENCES && strcmp(kind, offence_words[k]) != 0)
			k++;
		if (k == OFFENCES || v->n_offenders == OFFENCES * OFFENDERS_EACH)
			continue;
		o->kind = (enum offence)k;
		o->counter = (uint32_t)number_of(e, "counter");
		o->pair = (uint32_t)number_of(e, "pair");
		o->at = (uint64_t)number_of(e, "at_us");
		string_of(e, "id", o->id, sizeof o->id);
		string_of(e, "other_id", o->other, sizeof o->other);
		string_of(e, "why", o->why, sizeof o->why);
		v->n_offenders++;
	}
}

static int load_summary(const char *text, struct results *r)
{
	static const enum count of[OFFENCES] = {COUNT_LOST, COUNT_DUP, COUNT_REORDER, COUNT_CORRUPT, COUNT_UNKNOWN};
	cJSON *o = cJSON_Parse(text);
	const cJSON *counts = cJSON_GetObjectItemCaseSensitive(o, "counts");
	bool good = number_of(o, "version") == 1 && cJSON_IsObject(counts);

	for (unsigned i = 0; good && i < COUNTS; i++)
		r->counts[i] = number_of(counts, count_word(i));
	for (unsigned k = 0; k < OFFENCES; k++)
		r->ledger.offences[k] = (uint64_t)r->counts[of[k]];
	r->ledger.replayed = (uint64_t)r->counts[COUNT_REPLAYED];
	r->run = (uint32_t)number_of(o, "run");
	r->started_ms = (uint64_t)number_of(o, "started_ms");
	r->interrupted = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "interrupted"));
	load_offenders(cJSON_GetObjectItemCaseSensitive(o, "offenders"), &r->ledger);
	cJSON_Delete(o);
	return good ? 0 : -1;
}

static int load_environment(const char *text, struct environment *e)
{
	cJSON *o = cJSON_Parse(text);
	int rc = cJSON_IsObject(o) ? 0 : -1;

	string_of(o, "cpu", e->cpu, sizeof e->cpu);
	string_of(o, "kernel", e->kernel, sizeof e->kernel);
	string_of(o, "client", e->client, sizeof e->client);
	string_of(o, "server", e->server, sizeof e->server);
	string_of(o, "url", e->url, sizeof e->url);
	string_of(o, "command", e->command, sizeof e->command);
	string_of(o, "started", e->started, sizeof e->started);
	e->cores = (unsigned)number_of(o, "cores");
	e->memory = (uint64_t)number_of(o, "memory_bytes");
	cJSON_Delete(o);
	return rc;
}

static int load_histograms(const char *text, struct results *r)
{
	const char *line = strchr(text, '\n');

	for (; line && line[1]; line = strchr(line + 1, '\n')) {
		char word[32];
		unsigned long long up_to, count;
		unsigned i = 0;
		if (sscanf(line + 1, "%31[^,],%llu,%llu", word, &up_to, &count) != 3)
			return -1;
		while (i < TIMINGS && strcmp(timing_word(i), word) != 0)
			i++;
		if (i < TIMINGS)
			hist_add(&r->timings[i], up_to, count);
	}
	return line ? 0 : -1;
}

static int load_series(const char *text, struct results *r)
{
	const char *line = strchr(text, '\n');

	for (; line && line[1]; line = strchr(line + 1, '\n')) {
		struct second s;
		if (sscanf(line + 1, "%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf", &s.at, &s.intended,
			    &s.sent, &s.acked, &s.pushed, &s.errors, &s.calls, &s.ack_p50, &s.ack_p99, &s.e2e_p50,
			    &s.e2e_p99, &s.e2e_max, &s.lag_p99, &s.sockets, &s.busy) != 15 ||
			results_add_second(r, &s))
			return -1;
	}
	return line ? 0 : -1;
}

static int load_scenario(const char *text, struct scenario *s)
{
	struct scenario_error e;

	return scenario_parse(str_of(text), s, &e);
}

int report_load(const char *dir, struct scenario *s, struct results *r, struct environment *e, char why[256])
{
	static const char *const names[] = {
		"run.scenario", "summary.json", "histograms.csv", "series.csv", "environment.json"};
	int rc = results_init(r, s);

	memset(e, 0, sizeof *e);
	if (rc)
		snprintf(why, 256, "out of memory");
	for (unsigned i = 0; rc == 0 && i < sizeof names / sizeof *names; i++) {
		char *text = get(dir, names[i], why);
		if (!text)
			rc = -1;
		else if (i == 0   ? load_scenario(text, s)
			 : i == 1 ? load_summary(text, r)
			 : i == 2 ? load_histograms(text, r)
			 : i == 3 ? load_series(text, r)
				  : load_environment(text, e)) {
			snprintf(why, 256, "%.180s/%s is not as a run leaves it", dir, names[i]);
			rc = -1;
		}
		free(text);
	}
	if (rc)
		results_release(r);
	return rc;
}
