/* The live stream: what comes is on disk, cursor and all, before it is told to anybody or acknowledged. One transaction for a frame's events. */
#include "common/base/array.h"
#include "common/base/clock.h"
#include "common/client/stream.h"
#include "common/client/sync_parts.h"
#include "common/msg.h"
#include <stdio.h>
#include <stdlib.h>

enum {
	RTT_MS = 15000,
	TYPING_MS = 3000,
	AGAIN_FIRST_MS = 1000,
	AGAIN_MAX_MS = 30000,
	TOLD_MAX = 512, /* events of one frame; beyond, "look again" is shorter */
};

struct live {
	struct own own;
	struct stream *stream;
	bool open;   /* a transaction */
	bool moved;  /* within it, the cursor */
	bool broken; /* the database; why */
	bool caught_up, draining, want_chats;
	bool again;              /* connect anew, at once */
	struct sync_event *told; /* to be told once it is committed */
	uint32_t n_told, cap_told;
	bool too_many;
	unsigned replayed; /* events since welcome */
	uint64_t ping_us;  /* the last one, 0: answered */
	uint64_t next_ping_us, typed_us;
	unsigned again_ms;
	char why[256];
	char watch[WATCH_MAX * (USER_MAX + 1) + 1]; /* names */
};

/* ---- events ---- */

static void tell_later(struct live *v, const struct sync_event *e)
{
	struct sync_event *room =
		v->n_told < TOLD_MAX ? array_room(v->told, v->n_told, &v->cap_told, sizeof *room, 16) : NULL;

	if (!room) {
		v->too_many = true;
		return;
	}
	v->told = room;
	v->told[v->n_told++] = *e;
}

static struct sync_event event_with(enum sync_what what, const char *with)
{
	struct sync_event e = {.what = what};

	snprintf(e.with, sizeof e.with, "%s", with);
	return e;
}

static void tell_state(struct live *v, enum sync_state state, const char *why, uint64_t until_us)
{
	struct sync_event e = {.what = SYNC_STATE, .state = state, .until_us = until_us, .more = v->replayed};

	snprintf(e.why, sizeof e.why, "%s", why ? why : "");
	v->own.s->live = state == SYNC_LIVE;
	sync_tell(v->own.s, &e);
}

/* ---- one transaction for what comes together ---- */

static int begin(struct live *v)
{
	if (!v->open && !v->broken) {
		v->open = cache_begin(v->own.db) == 0;
		v->broken = !v->open;
	}
	return v->open ? 0 : -1;
}

static int check(struct live *v, int rc)
{
	v->broken |= rc < 0;
	return rc < 0 ? -1 : 0;
}

static void acknowledge(struct live *v)
{
	char op[128];

	snprintf(op, sizeof op, "{\"op\":\"ack\",\"cursor\":\"%s\"}", stream_cursor(v->stream));
	if (stream_cursor(v->stream)[0])
		(void)stream_send(v->stream, op);
}

/* Behind the last event of a frame. Not 0: the database cannot be written, so this stream must not go on. */
static int on_settled(void *ctx)
{
	struct live *v = ctx;

	if (v->open && !v->broken && v->moved)
		check(v, cache_cursor(v->own.db, stream_cursor(v->stream)));
	if (v->open && cache_end(v->own.db, v->broken ? -1 : 0))
		v->broken = true;
	if (v->broken)
		snprintf(v->why, sizeof v->why, "%s", client_db_why(v->own.db));
	for (uint32_t i = 0; i < v->n_told && !v->broken; i++)
		sync_tell(v->own.s, &v->told[i]);
	if (v->too_many && !v->broken)
		sync_tell(v->own.s, &(struct sync_event){.what = SYNC_LOOK_AGAIN});
	if (v->moved && !v->broken)
		acknowledge(v);
	if (v->moved && !v->broken && !v->caught_up)
		tell_state(v, SYNC_CATCHING_UP, NULL, 0);
	if (v->want_chats && !v->broken && !atomic_exchange(&v->own.s->chats_due, true)) {
		struct job *j = job_new(SYNC_CHATS, "");
		if (j)
			jobs_put(&v->own.s->jobs[PART_READER], j);
		else
			v->own.s->chats_due = false;
	}
	v->open = v->moved = v->too_many = v->want_chats = false;
	v->n_told = 0;
	return v->broken;
}

/* ---- what the stream brings ---- */

static void on_message(struct live *v, const cJSON *event)
{
	struct client_message m = message_of_json(cJSON_GetObjectItemCaseSensitive(event, "message"));
	struct cache_message got;

	if (!m.id || !m.from || !m.to || !m.body || !m.sent_at || begin(v) ||
		check(v, cache_message(v->own.db, &m, &got)))
		return;
	/* How many were unread before the first one that is known here, and whether one that a page or another program had placed was counted, only the
	 * server can say. */
	v->want_chats |= (got.first || !got.placed) && v->caught_up;
	if (!got.placed && !got.settled)
		return;
	struct sync_event e = event_with(SYNC_MESSAGE, got.with);
	snprintf(e.id, sizeof e.id, "%s", m.id);
	snprintf(e.client_id, sizeof e.client_id, "%s", m.client_id ? m.client_id : "");
	snprintf(e.at, sizeof e.at, "%s", m.sent_at);
	e.mine = got.mine;
	e.fresh = v->caught_up && !got.mine;
	tell_later(v, &e);
}

static void on_receipt(struct live *v, const cJSON *event)
{
	const char *with = member_text(event, "with"), *state = member_text(event, "state");

	if (!with || !state || begin(v) ||
		check(v, cache_receipt(v->own.db, with, strcmp(state, "read") == 0, member_text(event, "up_to"),
				 member_text(event, "id"), member_text(event, "at"))))
		return;
	struct sync_event e = event_with(SYNC_MARKS, with);
	tell_later(v, &e);
}

static void on_read(struct live *v, const cJSON *event)
{
	const char *with = member_text(event, "with");
	const cJSON *unread = cJSON_GetObjectItemCaseSensitive(event, "unread");
	unsigned n = cJSON_IsNumber(unread) && unread->valuedouble > 0 ? (unsigned)unread->valuedouble : 0;

	if (!with || begin(v) ||
		check(v, cache_read(v->own.db, with, member_text(event, "up_to"), member_text(event, "id"), n)))
		return;
	struct sync_event e = event_with(SYNC_MARKS, with);
	tell_later(v, &e);
}

static void on_presence(struct live *v, const cJSON *event)
{
	const char *user = member_text(event, "user"), *at = member_text(event, "last_seen");
	struct sync_event e = event_with(SYNC_ONLINE, user ? user : "");

	e.on = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(event, "online"));
	snprintf(e.at, sizeof e.at, "%s", at ? at : "");
	tell_later(v, &e);
}

static void on_typing(struct live *v, const cJSON *event)
{
	const char *from = member_text(event, "from");
	struct sync_event e = event_with(SYNC_TYPES, from ? from : "");

	tell_later(v, &e);
}

static void on_pong(struct live *v, const cJSON *event)
{
	(void)event;
	if (!v->ping_us || !cJSON_GetObjectItemCaseSensitive(event, "ref"))
		return;
	struct sync_event e = {.what = SYNC_RTT, .ms = (unsigned)((clock_mono_us() - v->ping_us + 500) / 1000)};
	v->ping_us = 0;
	tell_later(v, &e);
}

static void on_bye(struct live *v, const cJSON *event)
{
	(void)event;
	v->draining = true;
}

/* recovered false: the server does not know where we were, so all windows begin anew from here. */
static void on_welcome(struct live *v, const cJSON *event)
{
	v->caught_up = v->draining = false;
	v->replayed = 0;
	v->ping_us = 0;
	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(event, "recovered")))
		return;
	if (begin(v) || check(v, cache_reset(v->own.db)))
		return;
	v->moved = true;
	tell_later(v, &(struct sync_event){.what = SYNC_LOOK_AGAIN});
}

static void send_watch(struct live *v)
{
	cJSON *op = cJSON_CreateObject(), *users = op ? cJSON_AddArrayToObject(op, "users") : NULL;
	char names[sizeof v->watch], *rest = NULL;

	memcpy(names, v->watch, sizeof names);
	for (char *name = strtok_r(names, " ", &rest); name && users; name = strtok_r(NULL, " ", &rest))
		if (user_name_ok(str_of(name)))
			cJSON_AddItemToArray(users, cJSON_CreateString(name));
	cJSON_AddStringToObject(op, "op", "watch");
	char *text = users ? cJSON_PrintUnformatted(op) : NULL;
	if (text)
		(void)stream_send(v->stream, text);
	cJSON_free(text);
	cJSON_Delete(op);
}

static void on_live(struct live *v, const cJSON *event)
{
	(void)event;
	v->caught_up = true;
	v->want_chats = true;
	v->again_ms = 0;
	v->next_ping_us = 0;
	if (v->watch[0])
		send_watch(v);
	acknowledge(v); /* one before may have been lost with its connection */
	sync_poke(v->own.s, PART_SENDER);
}

static const struct {
	const char *ev;
	void (*fn)(struct live *v, const cJSON *event);
	bool stream; /* it moves the cursor */
} rows[] = {
	{"message", on_message, true},
	{"receipt", on_receipt, true},
	{"read", on_read, true},
	{"presence", on_presence, false},
	{"typing", on_typing, false},
	{"pong", on_pong, false},
	{"bye", on_bye, false},
	{"welcome", on_welcome, false},
	{"live", on_live, false},
};

static int on_event(void *ctx, const char *ev, const cJSON *event)
{
	struct live *v = ctx;

	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (strcmp(rows[i].ev, ev) != 0)
			continue;
		v->replayed += rows[i].stream;
		if (rows[i].stream && begin(v) == 0)
			v->moved = true;
		rows[i].fn(v, event);
	}
	return v->broken;
}

static void on_state(void *ctx, enum stream_state state, const char *why)
{
	static const enum sync_state states[] = {
		[STREAM_CONNECTING] = SYNC_CONNECTING,
		[STREAM_CATCHING_UP] = SYNC_CATCHING_UP,
		[STREAM_LIVE] = SYNC_LIVE,
		[STREAM_WAITING] = SYNC_OFFLINE,
	};
	struct live *v = ctx;
	enum sync_state s = state == STREAM_WAITING && v->draining ? SYNC_DRAINING : states[state];

	if (!v->broken)
		tell_state(v, s, why, state == STREAM_WAITING ? stream_next_try_us(v->stream) : 0);
}

/* ---- what the caller wants of it ---- */

static void say_typing(struct live *v, const struct job *j)
{
	char op[128];
	uint64_t now = clock_mono_us();

	if (!v->stream || !v->own.s->live || (v->typed_us && now < v->typed_us + TYPING_MS * 1000))
		return;
	v->typed_us = now;
	snprintf(op, sizeof op, "{\"op\":\"typing\",\"to\":\"%s\"}", j->with);
	(void)stream_send(v->stream, op);
}

static void set_watch(struct live *v, const struct job *j)
{
	if (strlen(j->text) >= sizeof v->watch) {
		sync_failed(v->own.s, j, "", "those are too many users to watch");
		return;
	}
	strcpy(v->watch, j->text);
	if (v->stream && v->own.s->live)
		send_watch(v);
}

static void reconnect(struct live *v, const struct job *j)
{
	struct sync *s = v->own.s;

	if (j->text[0]) {
		pthread_mutex_lock(&s->token_lock);
		snprintf(s->profile.token, sizeof s->profile.token, "%s", j->text);
		s->token_version++;
		pthread_mutex_unlock(&s->token_lock);
		explicit_bzero(j->text, strlen(j->text));
	}
	v->again = true;
}

static void (*const does[])(struct live *v, const struct job *j) = {
	[SYNC_TYPING] = say_typing,
	[SYNC_PRESENCE] = set_watch,
	[SYNC_RECONNECT] = reconnect,
};

/* Jobs until until_us, or a reconnect. */
static void do_jobs(struct live *v, uint64_t until_us)
{
	struct job *j;

	while (!v->again && (j = jobs_take(v->own.s, PART_LIVE, until_us))) {
		does[j->work](v, j);
		job_free(j);
	}
}

static void ask_for_rtt(struct live *v)
{
	uint64_t now = clock_mono_us();

	if (!v->caught_up || now < v->next_ping_us)
		return;
	v->ping_us = now;
	v->next_ping_us = now + RTT_MS * 1000;
	(void)stream_send(v->stream, "{\"op\":\"ping\",\"ref\":1}");
}

static int on_tick(void *ctx)
{
	struct live *v = ctx;

	do_jobs(v, 0);
	if (v->own.s->live)
		ask_for_rtt(v);
	return v->own.s->over[PART_LIVE] || v->again || v->broken;
}

/* ---- the thread ---- */

static struct stream *connect_stream(struct live *v)
{
	struct stream_handler h = {
		.event = on_event, .state = on_state, .settled = on_settled, .tick = on_tick, .ctx = v};
	struct sync *s = v->own.s;
	char cursor[65];

	if (own_db(&v->own, v->why) || cache_where(v->own.db, cursor)) {
		v->broken = true;
		if (v->own.db)
			snprintf(v->why, sizeof v->why, "%s", client_db_why(v->own.db));
		return NULL;
	}
	pthread_mutex_lock(&s->token_lock);
	struct stream *stream =
		stream_new(s->profile.url, s->profile.token, s->profile.cacert, cursor[0] ? cursor : NULL, &h);
	pthread_mutex_unlock(&s->token_lock);
	if (stream)
		stream_pin(stream, s->profile.pin);
	return stream;
}

/* Why it ended, and until when to wait: 0: for ever, that is, for a reconnect. */
static uint64_t ended(struct live *v, enum stream_end end)
{
	enum sync_state state = SYNC_BROKEN;
	int code = v->stream ? stream_close_code(v->stream) : 0;
	uint64_t until_us = 0;

	if (v->again || v->own.s->over[PART_LIVE])
		return clock_mono_us();
	if (!v->broken && end == STREAM_REFUSED) {
		state = code == 4401 || code == 4403 || code == 401 ? SYNC_LOGIN : SYNC_REFUSED;
	} else {
		v->again_ms = v->again_ms ? v->again_ms * 2 : AGAIN_FIRST_MS;
		if (v->again_ms > AGAIN_MAX_MS)
			v->again_ms = AGAIN_MAX_MS;
		until_us = clock_mono_us() + v->again_ms * 1000ull;
		state = v->broken ? SYNC_BROKEN : SYNC_OFFLINE;
	}
	tell_state(v, state, v->broken ? v->why : v->stream ? stream_why(v->stream) : "out of memory", until_us);
	return until_us;
}

void *sync_live_main(void *arg)
{
	struct sync *s = arg;
	struct live *v = calloc(1, sizeof *v);

	while (v && !s->over[PART_LIVE]) {
		v->own.s = s;
		v->broken = v->again = v->caught_up = v->draining = false;
		v->replayed = 0;
		v->stream = connect_stream(v);
		enum stream_end end = v->stream ? stream_run(v->stream, 0, 0) : STREAM_FAILED;
		s->live = false;
		if (v->open)
			(void)on_settled(v);
		uint64_t until_us = ended(v, end);
		stream_free(v->stream);
		v->stream = NULL;
		while (!v->again && !s->over[PART_LIVE] && (!until_us || clock_mono_us() < until_us))
			do_jobs(v, until_us ? until_us : clock_mono_us() + 60000000);
	}
	if (v) {
		own_release(&v->own);
		free(v->told);
		free(v);
	}
	return jobs_ended(s, PART_LIVE);
}
