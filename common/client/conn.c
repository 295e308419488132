#include "common/client/conn.h"
#include <cjson/cJSON.h>
#include <stdio.h>

enum {
	SILENT_MS = 25000, /* until welcome says otherwise */
	ANSWER_MS = 10000, /* nothing for that long after a ping: connect anew */
	BACKOFF_FIRST_MS = 500,
	BACKOFF_MAX_MS = 30000,
	HELLOS_MAX = 3, /* in a row without an event that follows: then anew */
};

static void say(struct conn *c, const char *frame)
{
	/* Without room the answer stays away, and silence ends the connection. */
	(void)c->rim->send(c->rim->ctx, frame);
}

static void say_state(struct conn *c, enum stream_state state, const char *why)
{
	if (c->h->state)
		c->h->state(c->h->ctx, state, why);
}

static const char *text_of(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
	return cJSON_IsString(v) ? v->valuestring : NULL;
}

static void say_hello(struct conn *c)
{
	char hello[128];

	c->welcomed = false;
	c->asked_us = c->now_us;
	if (c->cursor[0])
		snprintf(hello, sizeof hello, "{\"op\":\"hello\",\"cursor\":\"%s\"}", c->cursor);
	else
		snprintf(hello, sizeof hello, "{\"op\":\"hello\"}");
	say(c, hello);
}

/* ---- beginning ---- */

void conn_init(struct conn *c, const struct stream_handler *h, const struct conn_rim *rim, const char *cursor)
{
	*c = (struct conn){.h = h, .rim = rim, .ping_ms = SILENT_MS};
	snprintf(c->cursor, sizeof c->cursor, "%s", cursor ? cursor : "");
}

void conn_start(struct conn *c, uint64_t now_us)
{
	c->done = c->refused = c->drained = false;
	if (!c->open && !c->next_try_us)
		c->next_try_us = now_us;
}

bool conn_try(struct conn *c, uint64_t now_us)
{
	if (c->open || c->done || !c->next_try_us || now_us < c->next_try_us)
		return false;
	c->now_us = now_us;
	c->code = 0;
	c->next_try_us = 0;
	c->why[0] = 0;
	say_state(c, STREAM_CONNECTING, NULL);
	return true;
}

void conn_opened(struct conn *c, uint64_t now_us)
{
	c->now_us = c->heard_us = now_us;
	c->open = true;
	say_hello(c);
}

/* ---- what comes ---- */

/* Was a message of that id handled before? Notes it. */
static bool seen_before(struct conn *c, const char *id)
{
	for (unsigned i = 0; i < CONN_SEEN; i++)
		if (strcmp(c->seen[i], id) == 0)
			return true;
	snprintf(c->seen[c->next_seen++ % CONN_SEEN], sizeof c->seen[0], "%s", id);
	return false;
}

static void on_welcome(struct conn *c, const cJSON *e)
{
	const char *cursor = text_of(e, "cursor");
	const cJSON *ping = cJSON_GetObjectItemCaseSensitive(e, "ping_ms");

	c->welcomed = true;
	snprintf(c->cursor, sizeof c->cursor, "%s", cursor ? cursor : "");
	if (cJSON_IsNumber(ping) && ping->valuedouble >= 1000 && ping->valuedouble <= 3600000)
		c->ping_ms = (unsigned)ping->valuedouble;
	say_state(c, STREAM_CATCHING_UP, NULL);
}

/* Ends the connection from our side. */
static void drop(struct conn *c, const char *why)
{
	conn_because(c, 0, why);
	c->asked_us = 0;
	c->welcomed = false; /* what still comes is of no use */
	c->rim->drop(c->rim->ctx);
}

/* Stream events carry prev: it must be where we are, else something was missed and the server is asked again. false: not to be handled. */
static bool follows(struct conn *c, const cJSON *e)
{
	const char *prev = text_of(e, "prev"), *cursor = text_of(e, "cursor");

	if (!prev || !cursor)
		return true;
	if (strcmp(prev, c->cursor) != 0) {
		if (++c->hellos <= HELLOS_MAX)
			say_hello(c);
		else
			drop(c, "what the server sends does not fit together");
		return false;
	}
	c->failures = c->hellos = 0;
	snprintf(c->cursor, sizeof c->cursor, "%s", cursor);
	return true;
}

static void on_live(struct conn *c)
{
	c->failures = 0;
	c->ever_live = true;
	say_state(c, STREAM_LIVE, NULL);
}

static void on_bye(struct conn *c, const cJSON *e)
{
	const cJSON *ms = cJSON_GetObjectItemCaseSensitive(e, "reconnect_after_ms");

	c->bye_us = 1;
	if (cJSON_IsNumber(ms) && ms->valuedouble > 0 && ms->valuedouble <= BACKOFF_MAX_MS)
		c->bye_us = (uint64_t)(ms->valuedouble * 1000);
}

/* The handler wants no more. */
static void finish(struct conn *c)
{
	c->done = true;
	c->drained = false;
	say(c, "{\"op\":\"ping\"}"); /* its pong says that what went before has arrived */
}

static void on_event(struct conn *c, const cJSON *e)
{
	const char *ev = text_of(e, "ev");
	const char *id = text_of(cJSON_GetObjectItemCaseSensitive(e, "message"), "id");

	if (!ev)
		return;
	if (c->done) {
		c->drained = c->drained || strcmp(ev, "pong") == 0;
		return;
	}
	if (strcmp(ev, "bye") == 0)
		on_bye(c, e);
	if (strcmp(ev, "welcome") == 0)
		on_welcome(c, e);
	if (!c->welcomed || !follows(c, e))
		return;
	if (strcmp(ev, "live") == 0)
		on_live(c);
	if (strcmp(ev, "message") == 0 && id && seen_before(c, id))
		return;
	if (c->h->event(c->h->ctx, ev, e))
		finish(c);
}

void conn_text(struct conn *c, const char *text, size_t n, uint64_t now_us)
{
	cJSON *doc = cJSON_ParseWithLength(text, n), *e;

	c->now_us = c->heard_us = now_us;
	c->asked_us = 0;
	if (cJSON_IsArray(doc)) {
		cJSON_ArrayForEach(e, doc) on_event(c, e);
	} else if (doc) {
		on_event(c, doc);
	}
	if (doc && !c->done && c->h->settled && c->h->settled(c->h->ctx))
		finish(c);
	cJSON_Delete(doc);
}

/* ---- ends ---- */

/* Codes after which the same again would end the same. */
static bool is_final(int code)
{
	return code == 4400 || code == 4401 || code == 4403 || code == 4409 || code == 4426 ||
	       (code >= 400 && code < 500 && code != 408 && code != 429);
}

/* Full jitter: anywhere between now and the doubled limit. A bye says itself how long, spread over all. */
static void wait_a_while(struct conn *c)
{
	uint32_t limit = BACKOFF_FIRST_MS;

	c->failures++;
	for (unsigned i = 1; i < c->failures && limit < BACKOFF_MAX_MS; i++)
		limit *= 2;
	if (limit > BACKOFF_MAX_MS)
		limit = BACKOFF_MAX_MS;
	c->next_try_us += c->bye_us ? c->bye_us : c->rim->random(c->rim->ctx, limit) * 1000ull;
	c->bye_us = 0;
	say_state(c, STREAM_WAITING, c->why);
}

void conn_because(struct conn *c, int code, const char *why)
{
	if (code)
		c->code = code;
	if (!c->why[0])
		snprintf(c->why, sizeof c->why, "%.255s", why);
}

void conn_refuse(struct conn *c, const char *why)
{
	conn_because(c, 0, why);
	c->refused = true;
}

void conn_closed(struct conn *c, const char *why, enum conn_next next, uint64_t now_us)
{
	bool was_open = c->open;

	c->now_us = now_us;
	c->open = c->welcomed = false;
	c->asked_us = 0;
	c->drained = true;
	if (c->done)
		return;
	conn_because(c, 0, why);
	c->next_try_us = now_us;
	if (is_final(c->code))
		c->refused = true;
	if (!c->refused && (was_open || c->code || next == CONN_WAIT))
		wait_a_while(c);
}

/* Asks for a sign of life, and gives up on a connection from which none comes. */
void conn_tick(struct conn *c, uint64_t now_us)
{
	c->now_us = now_us;
	if (!c->open)
		return;
	if (c->asked_us && now_us > c->asked_us + ANSWER_MS * 1000ull) {
		drop(c, "the server went silent");
	} else if (c->welcomed && !c->asked_us && now_us > c->heard_us + c->ping_ms * 1000ull) {
		c->asked_us = now_us;
		say(c, "{\"op\":\"ping\"}");
	}
}
