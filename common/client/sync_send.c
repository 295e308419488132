/* What goes to the server in the end, however long that takes: the outbox, and marks. */
#include "common/base/clock.h"
#include "common/client/outbox.h"
#include "common/client/sync_parts.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

enum { AGAIN_FIRST_MS = 1000, AGAIN_MAX_MS = 30000, BUSY_MS = 1000, IDLE_MS = 60000 };

struct sender {
	struct own own;
	unsigned again_ms; /* 0: the last try went well */
};

static void tell(
	struct sync *s, const char *client_id, const char *to, enum sync_entry entry, const char *id, const char *why)
{
	struct sync_event e = {.what = SYNC_ENTRY, .entry = entry};

	snprintf(e.client_id, sizeof e.client_id, "%s", client_id);
	snprintf(e.with, sizeof e.with, "%s", to);
	snprintf(e.id, sizeof e.id, "%s", id ? id : "");
	snprintf(e.why, sizeof e.why, "%s", why ? why : "");
	sync_tell(s, &e);
}

/* ---- the outbox ---- */

static void post(void *ctx, struct str body, struct http_answer *a)
{
	struct sender *x = ctx;

	(void)own_call(&x->own, "POST", "/messages", body.p, a);
}

static void sending(void *ctx, const char *client_id, const char *to)
{
	struct sender *x = ctx;

	tell(x->own.s, client_id, to, SYNC_SENDING, NULL, NULL);
}

static void settled(void *ctx, const char *to, const struct settlement *t)
{
	static const enum sync_entry entry[] = {
		[SETTLED_SENT] = SYNC_SENT, [SETTLED_REFUSED] = SYNC_UNSENT, [SETTLED_LATER] = SYNC_LATER};
	struct sender *x = ctx;

	tell(x->own.s, t->client_id, to, entry[t->how], t->id, t->error);
}

/* Sends what waits. ms until the next look; 0: there is nothing to wait for. */
static unsigned flush(struct sender *x)
{
	struct outbox_way way = {.post = post, .sending = sending, .settled = settled, .ctx = x};
	struct outbox_report report;

	if (client_db_waiting(x->own.db, NULL, NULL) <= 0)
		return 0;
	switch (outbox_flush(x->own.db, &way, 0, &report)) {
	case OUTBOX_EMPTY:
		return 0;
	case OUTBOX_BUSY:
		return BUSY_MS;
	default:
		return AGAIN_MAX_MS;
	}
}

/* ---- marks ---- */

static int settle_mark(struct sender *x, const char *with, const char *up_to)
{
	struct client_db *d = x->own.db;

	return cache_begin(d) || cache_end(d, cache_mark_done(d, with, up_to)) ? -1 : 0;
}

/* Tells the server what was read. As flush(). */
static unsigned send_marks(struct sender *x)
{
	char with[33], up_to[65], path[80], body[100];
	struct http_answer a;
	bool fits = true;

	while (fits && cache_mark_next(x->own.db, with, up_to) == 0) {
		snprintf(path, sizeof path, "/conversations/%s/read", with);
		snprintf(body, sizeof body, "{\"up_to\":\"%s\"}", up_to);
		(void)own_call(&x->own, "PUT", path, body, &a);
		fits = (a.status == 200 || answer_is_final(&a)) && settle_mark(x, with, up_to) == 0;
		http_answer_release(&a);
		/* What was refused shows as unread again. */
		if (fits)
			sync_tell_marks(x->own.s, with);
	}
	return fits ? 0 : AGAIN_MAX_MS;
}

/* ---- the thread ---- */

/* Until when to wait: doubling, with jitter, so that many clients do not come back at once. */
static uint64_t next_try(struct sender *x, unsigned wait_ms)
{
	uint32_t r = 0;

	if (wait_ms == 0) {
		x->again_ms = 0;
		return clock_mono_us() + IDLE_MS * 1000ull;
	}
	if (wait_ms < AGAIN_MAX_MS)
		return clock_mono_us() + wait_ms * 1000ull;
	x->again_ms = x->again_ms ? x->again_ms * 2 : AGAIN_FIRST_MS;
	if (x->again_ms > AGAIN_MAX_MS)
		x->again_ms = AGAIN_MAX_MS;
	if (getrandom(&r, sizeof r, 0) != sizeof r)
		r = 0;
	return clock_mono_us() + (x->again_ms / 2 + r % (x->again_ms / 2 + 1)) * 1000ull;
}

void *sync_sender_main(void *arg)
{
	struct sync *s = arg;
	struct sender x = {.own = {.s = s}};
	uint64_t until_us = 0;
	char why[256];

	while (!s->over[PART_SENDER]) {
		struct job *j = jobs_take(s, PART_SENDER, until_us);
		if (j)
			job_free(j);
		bool ready = own_db(&x.own, why) == 0;
		unsigned entries = ready ? flush(&x) : AGAIN_MAX_MS, marks = ready ? send_marks(&x) : AGAIN_MAX_MS;
		until_us = next_try(&x, entries > marks ? entries : marks);
	}
	own_release(&x.own);
	return jobs_ended(s, PART_SENDER);
}
