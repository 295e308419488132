#include "server/queue/sequencer.h"
#include "common/base/array.h"
#include "common/base/need.h"
#include "server/queue/overlay.h"
#include <stdlib.h>

/* A delivered mark of one message that is not next to the watermark: written at the end of the batch if it still stands alone. */
struct alone {
	uint32_t conv; /* index in the overlay */
	unsigned d;
	uint32_t ordinal;
	struct place at;
};

struct sequencer {
	struct sequencer_source src;
	struct overlay overlay;
	uint64_t base;
	uint8_t *bytes;
	size_t size, cap;
	struct record *records;
	uint32_t n_records, cap_records;
	struct outcome *outcomes;
	uint32_t n_outcomes, cap_outcomes;
	struct alone *alone;
	uint32_t n_alone, cap_alone;
};

struct sequencer *sequencer_new(const struct sequencer_source *src)
{
	struct sequencer *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->src = *src;
	overlay_init(&s->overlay, src->heads);
	return s;
}

static void drop_batch(struct sequencer *s)
{
	free(s->bytes);
	free(s->records);
	free(s->outcomes);
	s->bytes = NULL;
	s->records = NULL;
	s->outcomes = NULL;
	s->size = s->cap = 0;
	s->n_records = s->cap_records = s->n_outcomes = s->cap_outcomes = s->n_alone = 0;
}

void sequencer_free(struct sequencer *s)
{
	if (!s)
		return;
	drop_batch(s);
	overlay_release(&s->overlay);
	free(s->alone);
	free(s);
}

void sequencer_begin(struct sequencer *s, uint64_t base)
{
	drop_batch(s);
	overlay_clear(&s->overlay);
	s->base = base;
}

size_t sequencer_bytes(const struct sequencer *s)
{
	return s->size;
}

static int room_record(struct sequencer *s, uint32_t bytes)
{
	struct record *r = array_room(s->records, s->n_records, &s->cap_records, sizeof *r, 256);

	if (!r)
		return -1;
	s->records = r;
	if (s->size + bytes <= s->cap)
		return 0;
	size_t cap = s->cap ? s->cap * 2 : 128 << 10;
	uint8_t *p = realloc(s->bytes, cap);
	if (!p)
		return -1;
	s->bytes = p;
	s->cap = cap;
	return 0;
}

/* Writes the record; its slices are mended in sequencer_end() once the bytes no longer move. Room was made before. */
static struct record *emit(struct sequencer *s, struct record *r)
{
	r->at.pos = s->base + s->size;
	record_encode(r, s->bytes + s->size);
	s->size += r->len;
	s->records[s->n_records] = *r;
	return &s->records[s->n_records++];
}

static bool blocks(const struct sequencer *s, uint32_t user, uint32_t whom)
{
	return s->src.blocks && user != whom && s->src.blocks(s->src.blocks_ctx, user, whom);
}

static enum err send_new(struct sequencer *s, const struct op *op, struct outcome *out, uint64_t now_ms)
{
	if (room_record(s, record_size(op->client_id.n, op->body.n)) || !overlay_user(&s->overlay, op->peer))
		return ERR_OVERLOADED;
	struct overlay_user *actor = overlay_user(&s->overlay, op->actor);
	struct overlay_conv *c = overlay_conv(&s->overlay, op->actor, op->peer);
	if (!actor || !c)
		return ERR_OVERLOADED;
	struct overlay_user *peer = overlay_user(&s->overlay, op->peer);
	actor = overlay_user(&s->overlay, op->actor);
	unsigned d = conv_direction(op->actor, op->peer);
	struct overlay_side *side = &c->side[d];
	struct record r = {
		.type = RECORD_MESSAGE,
		.flags = op->flags,
		.time_ms = now_ms,
		.actor = op->actor,
		.peer = op->peer,
		.prev_actor = actor->head,
		.prev_peer = peer->head,
		.link = c->side[0].last.pos > c->side[1].last.pos ? c->side[0].last : c->side[1].last,
		.ordinal = side->total + 1,
		.client_id = op->client_id,
		.body = op->body,
	};
	out->record = s->n_records;
	emit(s, &r);
	actor->head = peer->head = side->last = r.at;
	side->total++;
	out->at = r.at;
	out->time_ms = now_ms;
	out->ordinal = r.ordinal;
	return ERR_OK;
}

/* A repeat is the first answer again; other content under the same client_id is an error. */
static enum err repeat(struct outcome *out, struct place at, uint64_t time_ms, bool same)
{
	out->record = RECORD_NONE;
	if (!same)
		return ERR_CLIENT_ID_REUSED;
	out->replayed = true;
	out->at = at;
	out->time_ms = time_ms;
	return ERR_OK;
}

static bool same_content(const struct sequencer *s, const struct outcome *first, const struct op *op)
{
	const struct record *r = &s->records[first->record];

	/* The slices of r point to the first op's own text: what was written is in the bytes. */
	return r->peer == op->peer && (r->flags & RECORD_KIND_CE2E) == (op->flags & RECORD_KIND_CE2E) &&
	       r->body.n == op->body.n &&
	       memcmp(s->bytes + (r->at.pos - s->base) + RECORD_HEAD + r->client_id.n, op->body.p, op->body.n) == 0;
}

static enum err do_send(struct sequencer *s, const struct op *op, struct outcome *out, uint64_t now_ms)
{
	struct index_entry e;
	bool made = op->flags & RECORD_CLIENT_ID_MADE;

	memcpy(out->client_id, op->client_id.p, op->client_id.n);
	out->client_id[op->client_id.n] = 0;
	if (made)
		return blocks(s, op->peer, op->actor) ? ERR_BLOCKED : send_new(s, op, out, now_ms);
	uint64_t key = client_key(s->src.key, op->actor, op->client_id);
	uint32_t pending = overlay_client(&s->overlay, key);
	if (pending != UINT32_MAX) {
		const struct outcome *first = &s->outcomes[pending];
		if (first->err != ERR_OK)
			return first->err;
		return repeat(out, first->at, first->time_ms, same_content(s, first, op));
	}
	if (s->src.client(s->src.ctx, key, &e))
		return repeat(out, (struct place){e.sub, (uint32_t)e.val}, e.extra,
			(uint32_t)(e.val >> 32) == content_crc(op->peer, op->flags, op->body));
	if (blocks(s, op->peer, op->actor))
		return ERR_BLOCKED; /* but a repeat of what was accepted before */
	out->err = ERR_OVERLOADED;  /* until it is written: a repeat in this batch looks here */
	if (overlay_client_set(&s->overlay, key, s->n_outcomes - 1))
		return ERR_OVERLOADED;
	return send_new(s, op, out, now_ms);
}

/* Writes a mark of the direction d of c, made by the recipient of that direction. */
static int emit_mark(struct sequencer *s, struct overlay_conv *c, unsigned d, struct record *r, uint64_t now_ms)
{
	uint32_t sender = c->user[d], recipient = c->user[0] == c->user[1] ? c->user[0] : c->user[!d];

	if (room_record(s, RECORD_HEAD) || !overlay_user(&s->overlay, sender) || !overlay_user(&s->overlay, recipient))
		return -1;
	struct overlay_user *to = overlay_user(&s->overlay, sender), *by = overlay_user(&s->overlay, recipient);
	r->time_ms = now_ms;
	r->actor = recipient;
	r->peer = sender;
	if (blocks(s, recipient, sender))
		r->flags |= RECORD_HIDDEN;
	r->prev_actor = by->head;
	if (record_for_peer(r))
		r->prev_peer = to->head;
	emit(s, r);
	if (record_for_peer(r))
		to->head = r->at;
	if (record_for_actor(r))
		by->head = r->at;
	return 0;
}

static enum err do_read(struct sequencer *s, const struct op *op, struct outcome *out, uint64_t now_ms)
{
	struct overlay_conv *c = overlay_conv(&s->overlay, op->actor, op->peer);
	unsigned d = conv_direction(op->peer, op->actor);

	if (!c || overlay_marks(&s->overlay, c, d))
		return ERR_OVERLOADED;
	struct overlay_side *side = &c->side[d];
	bool up_to = op->flags & RECORD_UP_TO || op->ordinal == side->read.upto + 1;
	out->at = op->target;
	out->ordinal = op->ordinal;
	if (up_to ? op->ordinal <= side->read.upto : marks_cover(&side->read, op->ordinal)) {
		uint64_t was = s->src.mark_time(s->src.ctx, conv_key(op->actor, op->peer), index_mark_class(d, true),
			op->ordinal, op->target.pos);
		out->time_ms = was ? was : now_ms; /* 0: marked in this very batch */
		out->unread = side->total - marks_count(&side->read);
		return ERR_OK;
	}
	/* Room first: what was marked in the overlay must also be written. */
	if (room_record(s, RECORD_HEAD) || !overlay_user(&s->overlay, op->actor) ||
		!overlay_user(&s->overlay, op->peer))
		return ERR_OVERLOADED;
	if (marks_add(&side->delivered, op->ordinal, op->target, up_to) ||
		marks_add(&side->read, op->ordinal, op->target, up_to))
		return ERR_INSUFFICIENT_STORAGE;
	struct record r = {
		.type = RECORD_READ,
		.flags = up_to ? RECORD_UP_TO : 0,
		.link = op->target,
		.ordinal = op->ordinal,
		.unread = side->total - marks_count(&side->read),
	};
	out->record = s->n_records;
	if (emit_mark(s, c, d, &r, now_ms)) {
		out->record = RECORD_NONE;
		return ERR_OVERLOADED;
	}
	out->time_ms = now_ms;
	out->unread = r.unread;
	return ERR_OK;
}

/* Puts a delivered mark into the overlay; records are written at the end of the batch, one for all that moved the watermark. */
static enum err mark_delivered(
	struct sequencer *s, struct overlay_conv *c, unsigned d, uint32_t ordinal, struct place at, bool up_to)
{
	if (overlay_marks(&s->overlay, c, d))
		return ERR_OVERLOADED;
	struct overlay_side *side = &c->side[d];
	up_to = up_to || ordinal == side->delivered.upto + 1;
	if (up_to ? ordinal <= side->delivered.upto : marks_cover(&side->delivered, ordinal))
		return ERR_OK;
	struct alone *a = array_room(s->alone, s->n_alone, &s->cap_alone, sizeof *a, 64);
	if (!a)
		return ERR_OVERLOADED;
	s->alone = a;
	if (marks_add(&side->delivered, ordinal, at, up_to))
		return ERR_INSUFFICIENT_STORAGE;
	if (up_to)
		side->delivered_moved = true;
	else
		s->alone[s->n_alone++] = (struct alone){(uint32_t)(c - s->overlay.convs), d, ordinal, at};
	return ERR_OK;
}

static enum err do_delivered(struct sequencer *s, const struct op *op, struct outcome *out, uint64_t now_ms)
{
	(void)now_ms;
	out->at = op->target;
	if (op->peer == 0) {
		struct overlay_user *u = overlay_user(&s->overlay, op->actor);
		if (!u)
			return ERR_OVERLOADED;
		if (op->target.pos > u->ack.pos)
			u->ack = op->target;
		return ERR_OK;
	}
	struct overlay_conv *c = overlay_conv(&s->overlay, op->actor, op->peer);
	if (!c)
		return ERR_OVERLOADED;
	return mark_delivered(
		s, c, conv_direction(op->peer, op->actor), op->ordinal, op->target, op->flags & RECORD_UP_TO);
}

static enum err (*const op_table[])(struct sequencer *, const struct op *, struct outcome *, uint64_t) = {
	[OP_SEND] = do_send,
	[OP_READ] = do_read,
	[OP_DELIVERED] = do_delivered,
};

/* Without an outcome nobody could even be told that there is no memory. */
static int room_outcome(struct sequencer *s)
{
	if (s->n_outcomes < s->cap_outcomes)
		return 0;
	uint32_t cap = s->cap_outcomes ? s->cap_outcomes * 2 : 256;
	struct outcome *p = need_realloc(s->outcomes, cap * sizeof *p);
	if (!p)
		return -1;
	s->outcomes = p;
	s->cap_outcomes = cap;
	return 0;
}

void sequencer_add(struct sequencer *s, const struct op *op, uint64_t now_ms)
{
	if (room_outcome(s))
		return;
	struct outcome *out = &s->outcomes[s->n_outcomes++];
	*out = (struct outcome){
		.origin = op->origin,
		.token = op->token,
		.index = op->index,
		.actor = op->actor,
		.peer = op->peer,
		.type = op->type,
		.record = RECORD_NONE,
	};
	out->err = op_table[op->type](s, op, out, now_ms);
	if (op->silent)
		s->n_outcomes--;
}

/* A user's cumulative ack: every message that came to her up to that position. */
static void apply_ack(struct sequencer *s, uint32_t user, struct place ack)
{
	const struct side *side;
	uint32_t it = 0, from;

	while ((side = heads_next(s->src.heads, SIDE_PENDING, user, &it, &from))) {
		unsigned d = conv_direction(from, user);
		struct place at = side_last(side);
		uint32_t ordinal = side->total;
		if (ack.pos <= side->delivered.pos)
			continue; /* a look-up costs, and says nothing new */
		if (at.pos > ack.pos) {
			struct index_entry e;
			if (!s->src.last_before(s->src.ctx, conv_key(from, user), d, ack.pos, &e))
				continue;
			at = (struct place){e.sub, (uint32_t)e.val};
			ordinal = e.val >> 32 & 0x7fffffff;
		}
		if (ordinal <= side->delivered.upto)
			continue;
		struct overlay_conv *c = overlay_conv(&s->overlay, from, user);
		if (c)
			(void)mark_delivered(s, c, d, ordinal, at, true);
	}
}

static void emit_delivered(struct sequencer *s, uint64_t now_ms)
{
	uint32_t users = s->overlay.n_users;

	for (uint32_t i = 0; i < users; i++)
		if (s->overlay.users[i].ack.pos)
			apply_ack(s, s->overlay.users[i].user, s->overlay.users[i].ack);
	for (uint32_t i = 0; i < s->overlay.n_convs; i++)
		for (unsigned d = 0; d < 2; d++) {
			struct overlay_side *side = &s->overlay.convs[i].side[d];
			struct record r = {
				.type = RECORD_DELIVERED,
				.flags = RECORD_UP_TO,
				.link = {side->delivered.pos, side->delivered.crc},
				.ordinal = side->delivered.upto,
			};
			if (side->delivered_moved)
				(void)emit_mark(s, &s->overlay.convs[i], d, &r, now_ms);
		}
	for (uint32_t i = 0; i < s->n_alone; i++) {
		struct alone *a = &s->alone[i];
		struct record r = {.type = RECORD_DELIVERED, .link = a->at, .ordinal = a->ordinal};
		if (a->ordinal > s->overlay.convs[a->conv].side[a->d].delivered.upto)
			(void)emit_mark(s, &s->overlay.convs[a->conv], a->d, &r, now_ms);
	}
}

struct commit *sequencer_end(struct sequencer *s, uint64_t now_ms)
{
	struct commit *c = need_calloc(1, sizeof *c);

	if (c) {
		emit_delivered(s, now_ms);
		*c = (struct commit){
			.refs = 1,
			.base = s->base,
			.bytes = s->bytes,
			.size = s->size,
			.n_records = s->n_records,
			.n_outcomes = s->n_outcomes,
			.records = s->records,
			.outcomes = s->outcomes,
		};
		for (uint32_t i = 0; i < c->n_records; i++) {
			struct record *r = &c->records[i];
			r->client_id.p = (const char *)c->bytes + (r->at.pos - c->base) + RECORD_HEAD;
			r->body.p = r->client_id.p + r->client_id.n;
		}
		s->bytes = NULL;
		s->records = NULL;
		s->outcomes = NULL;
	}
	drop_batch(s);
	overlay_clear(&s->overlay);
	return c;
}
