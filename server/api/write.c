#include "server/api/write.h"
#include "common/base/clock.h"
#include "common/wire/json.h"

enum { HEAD_ROOM = 1024 /* more than all of an event but its body takes */ };

/* p: where to write, in room that was reserved. Answers where to go on. */
static char *put(char *p, const char *s, size_t n)
{
	memcpy(p, s, n);
	return p + n;
}
#define PUT(p, literal) put(p, literal, sizeof(literal) - 1)

static char *put_uint(char *p, uint64_t v)
{
	char room[DECIMAL_MAX];
	struct str digits = decimal(v, room);

	return put(p, digits.p, digits.n);
}

/* A quoted time; the text of the last second written is kept for each thread, since most times are of the same one. */
static char *put_time(char *p, uint64_t ms)
{
	static _Thread_local uint64_t second = UINT64_MAX;
	static _Thread_local char text[CLOCK_TEXT + 1];
	unsigned part = (unsigned)(ms % 1000);

	if (ms / 1000 != second) {
		second = ms / 1000;
		clock_format(second * 1000, text);
	}
	*p++ = '"';
	put(p, text, CLOCK_TEXT);
	p[20] = (char)('0' + part / 100);
	p[21] = (char)('0' + part / 10 % 10);
	p[22] = (char)('0' + part % 10);
	p[CLOCK_TEXT] = '"';
	return p + CLOCK_TEXT + 1;
}

static char *put_time_or_null(char *p, uint64_t ms)
{
	return ms ? put_time(p, ms) : PUT(p, "null");
}

static char *put_name(char *p, const struct writer *w, uint32_t user)
{
	struct str name = w->name(w->ctx, user);

	*p++ = '"';
	p = put(p, name.p ? name.p : "", name.n);
	*p++ = '"';
	return p;
}

/* The last id is kept for each thread: the sender's answer and the recipient's event mostly follow each other, and its two keyed hashes are what costs. */
static char *put_id(char *p, const struct writer *w, struct place at, uint32_t sender, uint32_t recipient)
{
	static _Thread_local struct place last;
	static _Thread_local uint32_t from, to;
	static _Thread_local const struct token_key *key;
	static _Thread_local char text[ID_TEXT];

	if (at.pos != last.pos || at.crc != last.crc || sender != from || recipient != to || w->key != key) {
		id_format(w->key, at, sender, recipient, text);
		last = at;
		from = sender;
		to = recipient;
		key = w->key;
	}
	*p++ = '"';
	put(p, text, ID_TEXT);
	p[ID_TEXT] = '"';
	return p + ID_TEXT + 1;
}

static char *put_message_head(char *p, const struct writer *w, const struct record *r)
{
	p = PUT(p, "{\"id\":");
	p = put_id(p, w, r->at, r->actor, r->peer);
	p = PUT(p, ",\"client_id\":\"");
	p = put(p, r->client_id.p, r->client_id.n);
	p = PUT(p, "\",\"from\":");
	p = put_name(p, w, r->actor);
	p = PUT(p, ",\"to\":");
	p = put_name(p, w, r->peer);
	return r->flags & RECORD_KIND_CE2E ? PUT(p, ",\"kind\":\"ce2e.v1\",\"body\":")
					   : PUT(p, ",\"kind\":\"text\",\"body\":");
}

/* From the body on; p is the end of what stands in b's reserved room. */
static void finish_message(
	struct buf *b, char *p, const struct record *r, uint64_t delivered_ms, uint64_t read_ms, const char *tail)
{
	b->len = (size_t)(p - b->data);
	json_add_string(b, r->body);
	p = buf_reserve(b, HEAD_ROOM);
	if (!p)
		return;
	p = PUT(p, ",\"sent_at\":");
	p = put_time(p, r->time_ms);
	p = PUT(p, ",\"delivered_at\":");
	p = put_time_or_null(p, delivered_ms);
	p = PUT(p, ",\"read_at\":");
	p = put_time_or_null(p, read_ms);
	p = put(p, tail, strlen(tail));
	b->len = (size_t)(p - b->data);
}

void write_message(
	struct buf *b, const struct writer *w, const struct record *r, uint64_t delivered_ms, uint64_t read_ms)
{
	char *p = buf_reserve(b, HEAD_ROOM);

	if (p)
		finish_message(b, put_message_head(p, w, r), r, delivered_ms, read_ms, "}");
}

static char *put_stream(char *p, const char *cursor, const char *prev)
{
	p = PUT(p, ",\"cursor\":\"");
	p = put(p, cursor, CURSOR_TEXT);
	p = PUT(p, "\",\"prev\":\"");
	p = put(p, prev, CURSOR_TEXT);
	*p++ = '"';
	return p;
}

/* Which messages a mark is about: the newest of them, or that one alone. The marked message went from the mark's peer to its actor. */
static char *put_marked(char *p, const struct writer *w, const struct record *r)
{
	p = r->flags & RECORD_UP_TO ? PUT(p, ",\"up_to\":") : PUT(p, ",\"id\":");
	return put_id(p, w, r->link, r->peer, r->actor);
}

static char *put_receipt(char *p, const struct writer *w, const struct record *r)
{
	p = PUT(p, ",\"with\":");
	p = put_name(p, w, r->actor);
	p = r->type == RECORD_READ ? PUT(p, ",\"state\":\"read\"") : PUT(p, ",\"state\":\"delivered\"");
	p = put_marked(p, w, r);
	p = PUT(p, ",\"at\":");
	p = put_time(p, r->time_ms);
	*p++ = '}';
	return p;
}

static char *put_read(char *p, const struct writer *w, const struct record *r)
{
	p = PUT(p, ",\"with\":");
	p = put_name(p, w, r->peer);
	p = put_marked(p, w, r);
	p = PUT(p, ",\"unread\":");
	p = put_uint(p, r->unread);
	*p++ = '}';
	return p;
}

void write_event(struct buf *b, const struct writer *w, const struct record *r, uint32_t user,
	const char cursor[CURSOR_TEXT], const char prev[CURSOR_TEXT])
{
	char *p = buf_reserve(b, HEAD_ROOM);

	if (!p)
		return;
	if (r->type == RECORD_MESSAGE) {
		p = put_stream(PUT(p, "{\"ev\":\"message\""), cursor, prev);
		p = put_message_head(PUT(p, ",\"message\":"), w, r);
		finish_message(b, p, r, 0, 0, "}}");
		return;
	}
	if (r->type == RECORD_READ && r->actor == user)
		p = put_read(put_stream(PUT(p, "{\"ev\":\"read\""), cursor, prev), w, r);
	else
		p = put_receipt(put_stream(PUT(p, "{\"ev\":\"receipt\""), cursor, prev), w, r);
	b->len = (size_t)(p - b->data);
}

static char *put_accepted(char *p, const struct writer *w, const struct outcome *o)
{
	p = PUT(p, "\"id\":");
	p = put_id(p, w, o->at, o->actor, o->peer);
	p = PUT(p, ",\"client_id\":\"");
	p = put(p, o->client_id, strlen(o->client_id));
	p = PUT(p, "\",\"sent_at\":");
	return put_time(p, o->time_ms);
}

void write_accepted(struct buf *b, const struct writer *w, const struct outcome *o)
{
	char *p = buf_reserve(b, HEAD_ROOM);

	if (p)
		b->len = (size_t)(put_accepted(p, w, o) - b->data);
}

void write_sent(struct buf *b, const struct writer *w, const struct outcome *o, const char *cursor, const char *prev)
{
	char *p = buf_reserve(b, HEAD_ROOM);

	if (!p)
		return;
	p = PUT(p, "{\"ev\":\"sent\",\"ref\":");
	p = put_uint(p, o->token);
	*p++ = ',';
	p = put_accepted(p, w, o);
	if (cursor)
		p = put_stream(p, cursor, prev);
	if (o->replayed)
		p = PUT(p, ",\"replayed\":true");
	*p++ = '}';
	b->len = (size_t)(p - b->data);
}

bool write_retries(enum err e)
{
	int status = err_status(e);

	return status == 429 || status == 503;
}

/* The members that an error frame and a problem object share. */
static void add_refusal(struct buf *b, const struct refusal *why, unsigned retry_ms)
{
	buf_adds(b, "\"code\":\"");
	buf_adds(b, err_code(why->err));
	buf_adds(b, "\",\"title\":");
	json_add_string(b, str_of(err_title(why->err)));
	buf_adds(b, ",\"detail\":");
	json_add_string(b, str_of(why->detail ? why->detail : err_title(why->err)));
	if (why->field) {
		buf_adds(b, ",\"field\":");
		json_add_string(b, str_of(why->field));
	}
	if (why->limit) {
		buf_adds(b, ",\"limit\":");
		buf_addu(b, why->limit);
	}
	if (retry_ms || write_retries(why->err)) {
		buf_adds(b, ",\"retry_after_ms\":");
		buf_addu(b, retry_ms ? retry_ms : RETRY_MS);
	}
	buf_addc(b, '}');
}

void write_error(struct buf *b, int64_t ref, const struct refusal *why)
{
	buf_adds(b, "{\"ev\":\"error\",");
	if (ref >= 0) {
		buf_adds(b, "\"ref\":");
		buf_addu(b, (uint64_t)ref);
		buf_addc(b, ',');
	}
	add_refusal(b, why, 0);
}

void write_problem(struct buf *b, const struct refusal *why, unsigned retry_ms)
{
	buf_adds(b, "{\"type\":\"about:blank\",\"status\":");
	buf_addu(b, (uint64_t)err_status(why->err));
	buf_addc(b, ',');
	add_refusal(b, why, retry_ms);
}
