#include "server/api/send.h"
#include "common/base/clock.h"

enum {
	TEXT_SHORT =
		512 /* bytes of JSON text; no name, kind or client_id is longer, even when every character is escaped */
};

static int refuse(struct refusal *why, enum err e, const char *field, const char *detail)
{
	*why = (struct refusal){.err = e, .field = field, .detail = detail};
	return -1;
}

/* A short string into scratch. Absent: p NULL. Too long for any use: cut, so that the rules refuse it. */
static int short_text(const struct json_value *v, const char *name, bool optional, char scratch[TEXT_SHORT],
	struct str *out, struct refusal *why)
{
	*out = (struct str){NULL, 0};
	if (v->type == JSON_NONE && optional)
		return 0;
	if (v->type != JSON_STRING)
		return refuse(why, ERR_BAD_FIELD, name, "A string is wanted");
	*out = v->raw.n <= TEXT_SHORT ? json_text(v, scratch) : (struct str){v->raw.p, TEXT_SHORT};
	return 0;
}

/* The body, decoded into the batch's own bytes. */
static int body_text(
	struct op_batch *b, const struct json_value *v, size_t body_max, struct str *out, struct refusal *why)
{
	if (v->type != JSON_STRING)
		return refuse(why, ERR_BAD_FIELD, "body", "A string is wanted");
	/* \u0001 is six bytes of JSON for one of UTF-8. */
	if (v->raw.n > (v->escaped ? 6 : 1) * body_max) {
		refuse(why, ERR_TOO_LARGE, "body", "The body is too long");
		why->limit = body_max;
		return -1;
	}
	char *room = op_batch_room(b, v->raw.n);
	if (!room)
		return refuse(why, ERR_OVERLOADED, NULL, "Out of memory");
	if (v->escaped) {
		*out = json_text(v, room);
	} else {
		memcpy(room, v->raw.p, v->raw.n);
		*out = (struct str){room, v->raw.n};
	}
	return 0;
}

/* A client_id of its own for a message that came without: unique, never looked up. */
static struct str make_client_id(struct api_thread *t, char out[MADE_ID])
{
	enum { PREFIX = sizeof t->made_prefix - 1 };
	uint64_t n = t->made++;

	memcpy(out, t->made_prefix, PREFIX);
	for (unsigned i = MADE_ID; i-- > PREFIX; n >>= 6)
		out[i] = token_alphabet[n & 63];
	return (struct str){out, MADE_ID};
}

struct op *send_add(struct api_thread *t, uint32_t actor, const struct send_members *m, struct refusal *why)
{
	char to_text[TEXT_SHORT], kind_text[TEXT_SHORT], id_text[TEXT_SHORT], made[MADE_ID];
	struct op_batch *b = thread_batch(t);
	struct send_request s;
	struct str to;
	enum kind kind;

	if (!b || !queue_room(t->api->queue)) {
		refuse(why, ERR_OVERLOADED, NULL, b ? "Too many messages wait to be stored" : "Out of memory");
		return NULL;
	}
	if (short_text(m->to, "to", false, to_text, &to, why) ||
		short_text(m->kind, "kind", true, kind_text, &s.kind, why) ||
		short_text(m->client_id, "client_id", true, id_text, &s.client_id, why) ||
		body_text(b, m->body, t->api->config.body_max, &s.body, why))
		return NULL;
	s.recipient = accounts_find(t->api->accounts, to);
	if (send_check(&s, t->api->config.body_max, &kind, why))
		return NULL;
	if (accounts_sends_wait(t->api->accounts, actor, 1, clock_mono_us())) {
		refuse(why, ERR_RATE_LIMITED, NULL, "Too many messages in a short time");
		return NULL;
	}
	struct str client_id = op_batch_copy(b, s.client_id.p ? s.client_id : make_client_id(t, made));
	struct op *op = client_id.p ? op_batch_add(b) : NULL;
	if (!op) {
		refuse(why, ERR_OVERLOADED, NULL, "Out of memory");
		return NULL;
	}
	op->type = OP_SEND;
	op->flags =
		(uint8_t)((s.client_id.p ? 0 : RECORD_CLIENT_ID_MADE) | (kind == KIND_CE2E_V1 ? RECORD_KIND_CE2E : 0));
	op->actor = actor;
	op->peer = s.recipient;
	op->client_id = client_id;
	op->body = s.body;
	return op;
}
