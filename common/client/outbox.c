#include "common/client/outbox.h"
#include "common/base/clock.h"
#include <cjson/cJSON.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum {
	ROUND_MAX = 100,         /* messages of one request, each to another recipient */
	ROUND_BYTES = 256 << 10, /* of bodies: escaped they may grow to six times that */
	STALLED_MAX = 1000,      /* recipients that are left alone for the rest of a flush */
	LOCK_AGAIN_MS = 10,
};

struct picked {
	char client_id[65], to[33], id[65], sent_at[65], error[256];
	cJSON *message;
	enum settled how;
};

struct flush {
	struct client_db *db;
	const struct outbox_way *way;
	struct outbox_report *report;
	struct picked picked[ROUND_MAX];
	unsigned n;
	size_t bytes;
	char stalled[STALLED_MAX][33];
	unsigned n_stalled;
	int64_t newest; /* the youngest entry that was looked at */
	bool stop, no_memory;
};

int outbox_lock(struct client_db *d, uint64_t until_us)
{
	char path[720];

	snprintf(path, sizeof path, "%s.lock", client_db_file(d));
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (clock_mono_us() >= until_us) {
			close(fd);
			return -1;
		}
		nanosleep(&(struct timespec){.tv_nsec = LOCK_AGAIN_MS * 1000000}, NULL);
	}
	return fd;
}

/* ---- what goes next: the first entry of each recipient ---- */

static cJSON *message_of(const struct outbox_entry *e)
{
	cJSON *m = cJSON_CreateObject();

	if (m && cJSON_AddStringToObject(m, "to", e->to) && cJSON_AddStringToObject(m, "body", e->body) &&
		cJSON_AddStringToObject(m, "client_id", e->client_id) && cJSON_AddStringToObject(m, "kind", e->kind))
		return m;
	cJSON_Delete(m);
	return NULL;
}

static bool is_stalled(const struct flush *f, const char *to)
{
	for (unsigned i = 0; i < f->n_stalled; i++)
		if (strcmp(f->stalled[i], to) == 0)
			return true;
	return false;
}

static int pick(void *ctx, const struct outbox_entry *e)
{
	struct flush *f = ctx;
	struct picked *p = &f->picked[f->n];

	if (e->number > f->newest)
		f->newest = e->number;
	if (is_stalled(f, e->to))
		return 0;
	f->bytes += strlen(e->body);
	if (f->n == ROUND_MAX || (f->n && f->bytes > ROUND_BYTES))
		return 1;
	*p = (struct picked){.message = message_of(e), .how = SETTLED_LATER};
	f->no_memory = f->no_memory || !p->message;
	snprintf(p->client_id, sizeof p->client_id, "%s", e->client_id);
	snprintf(p->to, sizeof p->to, "%s", e->to);
	f->n++;
	return f->no_memory;
}

/* ---- what came of it ---- */

static const char *text_of(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
	return cJSON_IsString(v) ? v->valuestring : NULL;
}

/* Would the same again end the same? Only chatd's own word counts, not that of something between: a problem object with a code. */
static bool is_final(int status, const cJSON *problem)
{
	return status >= 400 && status < 500 && status != 401 && status != 408 && status != 429 &&
	       text_of(problem, "code");
}

static void explain(char out[256], int status, const cJSON *problem)
{
	const char *code = text_of(problem, "code"), *detail = text_of(problem, "detail");

	if (code)
		snprintf(out, 256, "%.60s: %.180s", code, detail ? detail : "no more is known");
	else
		snprintf(out, 256, "the server answered %d, and not as chatd does", status);
}

/* One message's part of an answer. */
static void judge(struct flush *f, struct picked *p, int status, const cJSON *answer)
{
	const char *id = text_of(answer, "id"), *sent_at = text_of(answer, "sent_at");

	if (status == 200 && id && sent_at) {
		p->how = SETTLED_SENT;
		snprintf(p->id, sizeof p->id, "%s", id);
		snprintf(p->sent_at, sizeof p->sent_at, "%s", sent_at);
		return;
	}
	explain(p->error, status, answer);
	p->how = is_final(status, answer) ? SETTLED_REFUSED : SETTLED_LATER;
	if (p->how == SETTLED_REFUSED)
		return;
	snprintf(f->report->why, sizeof f->report->why, "%s", p->error);
	if (f->n_stalled < STALLED_MAX)
		memcpy(f->stalled[f->n_stalled++], p->to, sizeof p->to);
	else
		f->stop = true;
}

/* Nobody's turn came: all stay, and so does everything behind them. */
static void put_off(struct flush *f, struct picked *list, unsigned n, const char *why)
{
	f->stop = true;
	snprintf(f->report->why, sizeof f->report->why, "%s", why);
	for (unsigned i = 0; i < n; i++)
		snprintf(list[i].error, sizeof list[i].error, "%s", why);
}

static void judge_all(struct flush *f, struct picked *list, unsigned n, const struct http_answer *a)
{
	cJSON *answer = cJSON_Parse(a->body.data), *one = answer;
	char why[256];
	unsigned i = 0;

	if (a->status != 200 && !is_final(a->status, answer)) {
		explain(why, a->status, answer);
		put_off(f, list, n, why);
	} else if (n == 1) {
		judge(f, list, a->status, answer);
	} else if (cJSON_GetArraySize(answer) != (int)n) {
		put_off(f, list, n, "the server's answer does not fit what was sent");
	} else {
		cJSON_ArrayForEach(one, answer)
		{
			const cJSON *status = cJSON_GetObjectItemCaseSensitive(one, "status");
			judge(f, &list[i++], cJSON_IsNumber(status) ? (int)status->valuedouble : 200, one);
		}
	}
	cJSON_Delete(answer);
}

/* The request's text: one object, or an array of them. */
static char *request_of(struct picked *list, unsigned n)
{
	if (n == 1)
		return cJSON_PrintUnformatted(list[0].message);
	cJSON *array = cJSON_CreateArray();
	for (unsigned i = 0; i < n; i++)
		cJSON_AddItemReferenceToArray(array, list[i].message);
	char *text = cJSON_PrintUnformatted(array);
	cJSON_Delete(array);
	return text;
}

/* Sends these; a request that is refused as a whole is sent message by message, to find whose fault it is. */
static void send_these(struct flush *f, struct picked *list, unsigned n)
{
	struct http_answer a = {0};
	char *text = request_of(list, n);

	if (!text) {
		put_off(f, list, n, "out of memory");
		return;
	}
	f->way->post(f->way->ctx, str_of(text), &a);
	free(text);
	cJSON *problem = n > 1 && a.status != 200 ? cJSON_Parse(a.body.data) : NULL;
	bool apart = is_final(a.status, problem);
	cJSON_Delete(problem);
	if (a.status == 0)
		put_off(f, list, n, a.why[0] ? a.why : "no answer");
	else if (!apart)
		judge_all(f, list, n, &a);
	http_answer_release(&a);
	for (unsigned i = 0; i < n && apart && !f->stop; i++)
		send_these(f, &list[i], 1);
}

static int settle(struct flush *f)
{
	struct settlement list[ROUND_MAX];

	for (unsigned i = 0; i < f->n; i++) {
		struct picked *p = &f->picked[i];
		list[i] = (struct settlement){p->client_id, p->how, p->id, p->sent_at, p->error};
	}
	if (client_db_settle(f->db, list, f->n))
		return -1;
	for (unsigned i = 0; i < f->n; i++) {
		struct picked *p = &f->picked[i];
		f->report->sent += p->how == SETTLED_SENT;
		f->report->refused += p->how == SETTLED_REFUSED;
		if (p->how == SETTLED_REFUSED && f->way->refused)
			f->way->refused(f->way->ctx, p->client_id, p->to, p->error);
		if (f->way->settled)
			f->way->settled(f->way->ctx, p->to, &list[i]);
	}
	return 0;
}

/* One request and its outcome. 1: there was nothing left to send; -1. */
static int round_trip(struct flush *f)
{
	int rc = 0;

	f->n = 0;
	f->bytes = 0;
	if (client_db_entries(f->db, true, pick, f))
		rc = -1;
	else if (f->no_memory)
		put_off(f, f->picked, 0, "out of memory");
	else if (f->n == 0)
		rc = 1;
	else {
		for (unsigned i = 0; i < f->n && f->way->sending; i++)
			f->way->sending(f->way->ctx, f->picked[i].client_id, f->picked[i].to);
		send_these(f, f->picked, f->n);
	}
	if (rc == 0 && !f->no_memory)
		rc = settle(f);
	for (unsigned i = 0; i < f->n; i++)
		cJSON_Delete(f->picked[i].message);
	return rc;
}

/* With the lock: until nothing is left, or it cannot go on. */
static enum outbox_end drain(struct flush *f)
{
	int rc = 0;

	while (rc == 0 && !f->stop)
		rc = round_trip(f);
	if (rc < 0)
		return OUTBOX_BROKEN;
	return f->stop || f->n_stalled ? OUTBOX_WAITS : OUTBOX_EMPTY;
}

enum outbox_end outbox_flush(
	struct client_db *d, const struct outbox_way *way, uint64_t until_us, struct outbox_report *report)
{
	struct flush *f = calloc(1, sizeof *f);
	enum outbox_end end;
	int64_t newest;

	*report = (struct outbox_report){0};
	if (!f)
		return OUTBOX_WAITS;
	f->db = d, f->way = way, f->report = report;
	/* What came after the last look, while others saw the lock taken, is ours too. */
	do {
		int fd = outbox_lock(d, until_us);
		if (fd < 0) {
			end = OUTBOX_BUSY;
			break;
		}
		end = drain(f);
		close(fd);
	} while (end == OUTBOX_EMPTY && client_db_waiting(d, NULL, &newest) > 0 && newest > f->newest);
	free(f);
	return end;
}
