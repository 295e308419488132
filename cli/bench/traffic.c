#include "cli/bench/drive.h"
#include "common/base/err.h"
#include "common/wire/json.h"

enum call_kind { CALL_SEND, CALL_LIST, CALL_READ, CALL_MARK };

/* ---- what goes out ---- */

/* A JSON string without its quotes. */
static void put_escaped(struct bytes *out, const char *p, size_t n)
{
	char *to = bytes_reserve(out, n * 6), *from = to;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];
		if (c >= 0x20 && c != '"' && c != '\\') {
			*to++ = (char)c;
			continue;
		}
		*to++ = '\\';
		if (c >= 0x20)
			*to++ = (char)c;
		else
			to += sprintf(to, "u%04x", c);
	}
	out->n += (size_t)(to - from);
}

static void put_members(struct drive *d, uint32_t pair, uint32_t counter, uint64_t intended, struct bytes *out)
{
	char body[PAYLOAD_MAX], id[CLIENT_ID_ROOM];
	size_t n = payload_make(d->payload, counter, pair, drive_at(d, intended), body);

	ledger_client_id(d->payload->run, counter, id);
	bytes_adds(out, "\"to\":\"");
	bytes_adds(out, d->people->list[pair_recipient(d->pairs, pair)].name);
	bytes_adds(out, "\",\"client_id\":\"");
	bytes_adds(out, id);
	bytes_adds(out, "\",\"body\":\"");
	if (d->s->payload.kind == PAYLOAD_FIXED || d->s->payload.kind == PAYLOAD_LOGNORMAL)
		bytes_add(out, body, n); /* letters and blanks */
	else
		put_escaped(out, body, n);
	bytes_adds(out, "\"}");
}

static void ws_put(void *ctx, struct ws *w, const struct ws_send *m, uint64_t ref, struct bytes *out)
{
	(void)w;
	bytes_adds(out, "{\"op\":\"send\",\"ref\":");
	bytes_addu(out, ref);
	bytes_adds(out, ",");
	put_members(ctx, m->pair, m->number, m->intended, out);
}

/* since: when it could have been written at the earliest. */
static void note_written(struct drive *d, uint32_t counter, uint64_t intended, uint64_t since, bool ordered, bool again)
{
	ledger_sent(d->ledger, counter, ordered);
	if (again) {
		d->counts[COUNT_RESENT]++;
		return;
	}
	uint64_t lag = d->net.now - (since > intended ? since : intended);
	d->now.sent++;
	hist_record(&d->second[2], lag / 1000);
	d->written[counter % TRACKED] = (struct written){counter, (uint32_t)((d->net.now - intended) / 1000)};
	if (!drive_measured(d, intended))
		return;
	d->counts[COUNT_SENT]++;
	d->counts[COUNT_LATE] += lag > BENCH_LATE_US * 1000ull;
	hist_record(&d->r->timings[TIMING_LAG], lag / 1000);
}

static void ws_written(void *ctx, struct ws *w, struct ws_send *m)
{
	struct drive *d = ctx;

	if (!m->again)
		d->backlog--;
	m->written = d->net.now;
	note_written(d, m->number, m->intended, w->sock.since, true, m->again);
}

/* ---- what comes back ---- */

/* Whether this run itself kept the user away, or slow, when this was under way. */
static bool is_excused(const struct drive *d, uint32_t user, uint64_t intended)
{
	return user < d->n_ws && (d->ws[user].excused || intended < d->ws[user].excused_until);
}

static bool pair_excused(const struct drive *d, uint32_t pair, uint64_t intended)
{
	return is_excused(d, pair_sender(d->pairs, pair), intended) ||
	       is_excused(d, pair_recipient(d->pairs, pair), intended);
}

static uint64_t hash_of(struct str id)
{
	uint64_t h = 0xcbf29ce484222325u, word;

	for (; id.n >= 8; id.p += 8, id.n -= 8) {
		memcpy(&word, id.p, 8);
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h ^= h >> 29;
	}
	for (; id.n; id.p++, id.n--)
		h = (h ^ (unsigned char)*id.p) * 0x100000001b3u;
	return h ^ h >> 32;
}

static void refused(struct drive *d, unsigned status, struct str code)
{
	enum err e = err_from_code(code.p ? code.p : "", code.n);
	bool busy = status == 429 || status == 503 || status == 507 || (e != ERR_COUNT && err_exit(e) == EXIT_BUSY);

	d->counts[busy ? COUNT_ERR_BUSY : COUNT_ERR_REFUSED]++;
	d->now.errors++;
	if (!d->refusal[0])
		snprintf(d->refusal, sizeof d->refusal, "%.*s", (int)(code.n < 60 ? code.n : 60), code.p ? code.p : "");
}

static void acked(struct drive *d, uint32_t pair, uint32_t counter, uint64_t intended, uint64_t written, struct str id)
{
	uint64_t hash = hash_of(id);

	ledger_acked(d->ledger, counter, id);
	d->now.acked++;
	d->counts[COUNT_ACKED] += drive_measured(d, intended);
	if (is_excused(d, pair_sender(d->pairs, pair), intended))
		return;
	hist_record(&d->second[0], (d->net.now - intended) / 1000);
	drive_time(d, TIMING_ACK, intended, d->net.now - intended);
	drive_time(d, TIMING_ACK_SERVICE, intended, d->net.now - written);
	d->waited[hash % TRACKED] = (struct waited){hash, intended, pair};
}

static void ws_answer(void *ctx, struct ws *w, const struct ws_send *m, const struct item *it)
{
	struct drive *d = ctx;

	(void)w;
	if (it->code.n) {
		ledger_refused(d->ledger, m->number);
		refused(d, 0, it->code);
	} else if (it->id.n) {
		acked(d, m->pair, m->number, m->intended, m->written, it->id);
	}
}

/* The body as it was before JSON; scratch has room for it. */
static struct str body_of(const struct item *it, struct bytes *scratch)
{
	struct json_value v = {.type = JSON_STRING, .escaped = true, .raw = it->body};

	if (!memchr(it->body.p, '\\', it->body.n))
		return it->body;
	return json_text(&v, bytes_reserve(scratch, it->body.n));
}

static void remember(struct drive *d, uint32_t user, uint32_t pair, struct str id)
{
	struct recent *r = &d->recent[d->n_recent++ % RECENT];

	if (id.n > TOKEN_TEXT_MAX)
		return;
	memcpy(r->id, id.p, id.n);
	r->id[id.n] = 0;
	r->user = user;
	r->with = pair_sender(d->pairs, pair);
}

static void on_message(struct drive *d, struct ws *w, const struct item *it)
{
	static struct bytes scratch; /* one thread */
	struct payload_head h;
	struct str body = it->body.p ? body_of(it, &scratch) : STR("");

	if (ledger_pushed(d->ledger, d->payload->run, w->user, w->hellos, it->id, body, &h) != PUSH_FIRST)
		return;
	uint64_t intended = d->zero + h.at * 1000;
	d->now.pushed++;
	d->counts[COUNT_PUSHED] += drive_measured(d, intended);
	if (h.counter % 16 == 0)
		remember(d, w->user, h.pair, it->id);
	if (pair_excused(d, h.pair, intended))
		return;
	uint64_t ns = d->net.now - intended;
	hist_record(&d->second[1], ns / 1000);
	drive_time(d, TIMING_E2E, intended, ns);
	const struct written *at = &d->written[h.counter % TRACKED];
	if (at->counter == h.counter && at->after_us * 1000ull <= ns)
		drive_time(d, TIMING_E2E_SERVICE, intended, ns - at->after_us * 1000ull);
}

/* Of the message that the receipt names; those before it are covered by it, and not timed. */
static void on_receipt(struct drive *d, const struct item *it)
{
	struct str id = it->up_to.n ? it->up_to : it->id;
	uint64_t hash = hash_of(id);
	struct waited *at = &d->waited[hash % TRACKED];

	if (!str_is(it->state, "delivered") || at->id != hash)
		return;
	at->id = 0;
	if (!pair_excused(d, at->pair, at->intended))
		drive_time(d, TIMING_RECEIPT, at->intended, d->net.now - at->intended);
}

static void ws_event(void *ctx, struct ws *w, const struct item *it)
{
	struct drive *d = ctx;

	d->arrived++;
	if (str_is(it->ev, "message"))
		on_message(d, w, it);
	else if (str_is(it->ev, "receipt"))
		on_receipt(d, it);
	else if (str_is(it->ev, "error"))
		refused(d, 0, it->code);
}

static void ws_gap(void *ctx, struct ws *w)
{
	(void)w;
	drive_trouble(ctx, "an event's prev was not the cursor before it: one is missing, or came twice");
}

/* ---- REST ---- */

static void rest_put_call(void *ctx, struct rest_call *c, struct bytes *out)
{
	static struct bytes body; /* one thread */
	struct drive *d = ctx;
	const char *token = d->people->list[c->user].token;

	body.n = 0;
	if (c->kind == CALL_SEND) {
		bytes_adds(&body, "{");
		put_members(d, c->a, c->b, c->intended, &body);
		rest_put(out, &d->net, "POST", "/messages", token, (struct str){body.p, body.n});
		if (!c->again)
			d->backlog--;
		note_written(d, c->b, c->intended, c->waited ? d->net.now : c->intended, false, c->again);
		return;
	}
	if (c->kind == CALL_MARK) {
		bytes_adds(&body, "{\"up_to\":\"");
		bytes_adds(&body, strchr(c->target, ' ') + 1);
		bytes_adds(&body, "\"}");
		*strchr(c->target, ' ') = 0;
		rest_put(out, &d->net, "PUT", c->target, token, (struct str){body.p, body.n});
		c->target[strlen(c->target)] = ' ';
		return;
	}
	rest_put(out, &d->net, "GET", c->target, token, (struct str){0});
}

static void answer_send(struct drive *d, const struct rest_call *c, const struct rest_answer *a)
{
	const char *p = a->body.p;
	struct item it;

	if (!item_next(&p, a->body.p + a->body.n, &it))
		memset(&it, 0, sizeof it);
	if (a->status == 200 && it.id.n) {
		acked(d, c->a, c->b, c->intended, c->written, it.id);
		return;
	}
	ledger_refused(d->ledger, c->b);
	refused(d, a->status, it.code);
}

static void rest_answered(void *ctx, struct rest_call *c, const struct rest_answer *a)
{
	static const enum timing timings[] = {TIMING_ACK, TIMING_LIST, TIMING_READ, TIMING_MARK};
	struct drive *d = ctx;
	const char *p = a->body.p;
	struct item it = {0};

	if (c->kind == CALL_SEND) {
		answer_send(d, c, a);
		return;
	}
	if (a->status >= 400) {
		item_next(&p, a->body.p + a->body.n, &it);
		refused(d, a->status, it.code);
		return;
	}
	drive_time(d, timings[c->kind], c->intended, d->net.now - c->intended);
}

static void rest_down(void *ctx, const char *why, bool busy)
{
	struct drive *d = ctx;

	(void)busy;
	d->counts[COUNT_ERR_NETWORK]++;
	d->now.errors++;
	drive_trouble(d, why);
}

const struct ws_handler traffic_ws = {ws_put, ws_written, ws_answer, ws_event, socket_state, socket_down, ws_gap, NULL};
const struct rest_handler traffic_rest = {rest_put_call, rest_answered, rest_down, NULL};

/* ---- what the schedule says ---- */

static void make_hot(struct drive *d, struct ws *w)
{
	if (!w->hot)
		d->hot[d->n_hot++] = w;
	w->hot = true;
}

static void do_send(struct drive *d, const struct arrival *a, uint64_t intended)
{
	struct rest_call c = {.kind = CALL_SEND, .user = a->user, .a = a->pair, .b = a->counter, .intended = intended};
	bool queued;

	d->now.intended++;
	d->counts[COUNT_INTENDED] += drive_measured(d, intended);
	if (d->backlog >= BACKLOG_MAX || ledger_intended(d->ledger, a->counter, a->pair)) {
		d->overrun = true;
		return;
	}
	d->used[a->pair / 8] |= (uint8_t)(1u << a->pair % 8);
	d->backlog++;
	if (a->by_ws) {
		queued = ws_send(&d->ws[a->user], a->pair, a->counter, intended);
		make_hot(d, &d->ws[a->user]);
	} else {
		queued = rest_queue(d->rest, a->user, &c);
	}
	d->overrun |= !queued;
}

/* A read or a mark is about something that was received a while ago; before there is any, it is a list. */
static void do_call(struct drive *d, const struct arrival *a, uint64_t intended)
{
	uint32_t n = d->n_recent < RECENT ? d->n_recent : RECENT;
	const struct recent *about = n ? &d->recent[drive_random(d) % n] : NULL;
	struct rest_call c = {.kind = CALL_LIST, .user = a->user, .intended = intended};

	d->counts[COUNT_CALLS] += drive_measured(d, intended);
	d->now.calls++;
	if (about && a->op != OP_LIST)
		c.user = about->user;
	if (about && a->op == OP_READ) {
		c.kind = CALL_READ;
		snprintf(c.target, sizeof c.target, "/messages/%s", about->id);
	} else if (about && a->op == OP_MARK) {
		c.kind = CALL_MARK;
		snprintf(c.target, sizeof c.target, "/conversations/%s/read %s", d->people->list[about->with].name,
			about->id);
	} else {
		strcpy(c.target, "/messages?limit=50");
	}
	d->overrun |= !rest_queue(d->rest, UINT32_MAX, &c);
}

static void do_typing(struct drive *d, const struct arrival *a, uint64_t intended)
{
	char text[96];
	struct ws *w = a->user < d->n_ws ? &d->ws[a->user] : NULL;

	d->counts[COUNT_CALLS] += drive_measured(d, intended);
	d->now.calls++;
	if (!w || w->state != WS_LIVE || !sock_room(&w->sock))
		return;
	int n = snprintf(text, sizeof text, "{\"op\":\"typing\",\"to\":\"%s\"}", d->people->list[a->recipient].name);
	ws_say(w, text, (size_t)n);
}

void traffic_dispatch(struct drive *d, const struct arrival *a)
{
	static void (*const ops[OPS])(struct drive * d, const struct arrival *a, uint64_t intended) = {
		do_send, do_call, do_call, do_call, do_typing};

	ops[a->op](d, a, d->zero + a->at * 1000);
}

void traffic_push(struct drive *d)
{
	for (unsigned i = 0; i < d->n_hot; i++) {
		d->hot[i]->hot = false;
		ws_push(d->hot[i]);
	}
	d->n_hot = 0;
}
