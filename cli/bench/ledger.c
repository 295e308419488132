#include "cli/bench/ledger.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

const char *const offence_words[] = {"LOST", "DUP", "REORDER", "CORRUPT", "UNKNOWN"};

/* The low 24 bits; the high 8 are the recipient's hello at which it was last pushed. */
enum {
	MARK_INTENDED = 1 << 0,
	MARK_SENT = 1 << 1,
	MARK_RESENT = 1 << 2,
	MARK_ORDERED = 1 << 3,
	MARK_ACKED = 1 << 4,
	MARK_REFUSED = 1 << 5,
	MARK_PUSHED = 1 << 6,
	MARK_HISTORY = 1 << 7,
	MARK_OVERTAKEN = 1 << 8,
	MARK_DUP = 1 << 9,
	HELLO_SHIFT = 24,
};

/* ---- ids ---- */

enum { TAIL = 10 };
static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The last 10 characters, 6 bits each; bit 60 set, so that it is never 0. */
static uint64_t pack(struct str id)
{
	uint64_t v = 1;

	for (size_t i = id.n > TAIL ? id.n - TAIL : 0; i < id.n; i++) {
		const char *d = id.p[i] ? strchr(digits, id.p[i]) : NULL;
		v = v << 6 | (d ? (uint64_t)(d - digits) : 0);
	}
	return v;
}

static void unpack(uint64_t v, char out[TOKEN_TEXT_MAX + 4])
{
	char *to = out + 3 + TAIL;

	out[0] = 0;
	if (v == 0)
		return;
	*to = 0;
	for (int i = 0; i < TAIL; i++, v >>= 6)
		*--to = digits[v & 63];
	memcpy(out, "...", 3);
}

void ledger_client_id(uint32_t run, uint32_t counter, char out[CLIENT_ID_ROOM])
{
	snprintf(out, CLIENT_ID_ROOM, "%08x-%u", run, counter);
}

/* ---- memory ---- */

static uint32_t entries_for(const struct scenario *s)
{
	double sends = scenario_sends(s);

	return (uint32_t)(sends + 8 * sqrt(sends) + 1000);
}

static size_t bytes_of(uint32_t entries, unsigned pairs)
{
	return entries * sizeof(struct ledger_entry) + pairs * sizeof(struct ledger_pair);
}

size_t ledger_bytes(const struct scenario *s)
{
	return bytes_of(entries_for(s), scenario_pairs(s));
}

int ledger_init(struct ledger *l, const struct pairing *pairs)
{
	memset(l, 0, sizeof *l);
	l->pairs = pairs;
	l->max = entries_for(pairs->s);
	/* Zero pages that cost nothing until they are written. */
	void *p = mmap(NULL, ledger_bytes(pairs->s), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return -1;
	l->entries = p;
	l->by_pair = (struct ledger_pair *)(l->entries + l->max);
	pthread_mutex_init(&l->lock, NULL);
	return 0;
}

void ledger_release(struct ledger *l)
{
	if (!l->entries)
		return;
	munmap(l->entries, ledger_bytes(l->pairs->s));
	pthread_mutex_destroy(&l->lock);
	l->entries = NULL;
}

/* ---- offences as they are seen ---- */

static struct offender *offend(struct ledger_verdict *v, enum offence kind, uint32_t counter, const char *why)
{
	unsigned same = 0;

	for (unsigned i = 0; i < v->n_offenders; i++)
		same += v->offenders[i].kind == kind;
	if (same == OFFENDERS_EACH)
		return NULL;
	struct offender *o = &v->offenders[v->n_offenders++];
	*o = (struct offender){.kind = kind, .counter = counter};
	snprintf(o->why, sizeof o->why, "%s", why);
	return o;
}

static void copy_id(char to[TOKEN_TEXT_MAX + 4], struct str id)
{
	snprintf(to, TOKEN_TEXT_MAX + 4, "%.*s", (int)(id.n < TOKEN_TEXT_MAX ? id.n : TOKEN_TEXT_MAX), id.p);
}

static void note(struct ledger *l, enum offence kind, const struct payload_head *h, struct str id, const char *why)
{
	pthread_mutex_lock(&l->lock);
	struct offender *o = offend(&l->found, kind, h->counter, why);
	if (o) {
		o->pair = h->pair;
		o->at = h->at;
		copy_id(o->id, id);
		if (kind == OFFENCE_DUP && h->counter < l->max)
			unpack(atomic_load(&l->entries[h->counter].id), o->other);
	}
	pthread_mutex_unlock(&l->lock);
	if (kind == OFFENCE_CORRUPT)
		atomic_fetch_add(&l->corrupt, 1);
}

/* Sets a mark; answers what was there before. */
static uint32_t mark(struct ledger_entry *e, uint32_t marks)
{
	return atomic_fetch_or_explicit(&e->marks, marks, memory_order_relaxed);
}

static uint32_t marks_of(const struct ledger_entry *e)
{
	return atomic_load_explicit(&e->marks, memory_order_relaxed);
}

/* The first to see an id keeps it; false: this is another one. */
static bool same_id(struct ledger_entry *e, struct str id)
{
	uint64_t none = 0, packed = pack(id);

	return atomic_compare_exchange_strong(&e->id, &none, packed) || none == packed;
}

static void check_id(struct ledger *l, struct ledger_entry *e, const struct payload_head *h, struct str id)
{
	if (!same_id(e, id) && !(mark(e, MARK_DUP) & MARK_DUP))
		note(l, OFFENCE_DUP, h, id, "two ids for one payload");
}

/* ---- the sender ---- */

int ledger_intended(struct ledger *l, uint32_t counter, uint32_t pair)
{
	if (counter >= l->max)
		return -1;
	l->entries[counter].pair = pair;
	/* Whoever learns of the counter by the message sees the pair too. */
	atomic_fetch_or_explicit(&l->entries[counter].marks, MARK_INTENDED, memory_order_release);
	return 0;
}

void ledger_sent(struct ledger *l, uint32_t counter, bool ordered)
{
	uint32_t before = mark(&l->entries[counter], MARK_SENT);

	mark(&l->entries[counter], before & MARK_SENT ? MARK_RESENT : ordered ? MARK_ORDERED : 0);
}

void ledger_acked(struct ledger *l, uint32_t counter, struct str id)
{
	struct ledger_entry *e = &l->entries[counter];
	struct payload_head h = {.counter = counter, .pair = e->pair};

	mark(e, MARK_ACKED);
	check_id(l, e, &h, id);
}

void ledger_refused(struct ledger *l, uint32_t counter)
{
	mark(&l->entries[counter], MARK_REFUSED);
}

bool ledger_answered(const struct ledger *l, uint32_t counter)
{
	return marks_of(&l->entries[counter]) & (MARK_ACKED | MARK_REFUSED);
}

/* ---- what comes back ---- */

/* The entry of a payload of this run, or NULL after noting what is wrong with it. */
static struct ledger_entry *entry_of(
	struct ledger *l, const struct payload_head *h, enum payload_verdict v, struct str id)
{
	const char *why = "wrong checksum";

	if (v == PAYLOAD_GOOD) {
		struct ledger_entry *e = h->counter < l->max ? &l->entries[h->counter] : NULL;
		bool intended = e && atomic_load_explicit(&e->marks, memory_order_acquire) & MARK_INTENDED;
		if (intended && e->pair == h->pair)
			return e;
		why = "never intended";
	}
	note(l, OFFENCE_CORRUPT, h, id, why);
	return NULL;
}

/* Marks it as pushed at this hello; answers what the marks were. */
static uint32_t mark_pushed(struct ledger_entry *e, unsigned hello)
{
	uint32_t before = marks_of(e), after;

	do
		after = (before & 0xffffff) | MARK_PUSHED | (uint32_t)hello << HELLO_SHIFT;
	while (!atomic_compare_exchange_weak(&e->marks, &before, after));
	return before;
}

static enum push pushed_again(struct ledger *l, struct ledger_entry *e, uint32_t before, unsigned hello,
	const struct payload_head *h, struct str id)
{
	if (before >> HELLO_SHIFT != (hello & 0xff)) {
		atomic_fetch_add(&l->replayed, 1);
		return PUSH_AGAIN;
	}
	if (!(mark(e, MARK_DUP) & MARK_DUP))
		note(l, OFFENCE_DUP, h, id, "pushed twice without a hello between");
	return PUSH_BAD;
}

enum push ledger_pushed(struct ledger *l, uint32_t run, uint32_t user, unsigned hello, struct str id, struct str body,
	struct payload_head *h)
{
	enum payload_verdict v = payload_read(body, h);

	if (v == PAYLOAD_FOREIGN || (v == PAYLOAD_GOOD && h->run != run))
		return PUSH_FOREIGN;
	struct ledger_entry *e = entry_of(l, h, v, id);
	if (!e)
		return PUSH_BAD;
	if (pair_sender(l->pairs, h->pair) == user)
		return PUSH_OWN;
	if (pair_recipient(l->pairs, h->pair) != user) {
		note(l, OFFENCE_CORRUPT, h, id, "reached a user that is no party to it");
		return PUSH_BAD;
	}
	check_id(l, e, h, id);
	uint32_t before = mark_pushed(e, hello);
	if (before & MARK_PUSHED)
		return pushed_again(l, e, before, hello, h, id);
	if (before & MARK_ORDERED) {
		struct ledger_pair *p = &l->by_pair[h->pair];
		if (h->counter < p->pushed)
			mark(e, MARK_OVERTAKEN);
		else
			p->pushed = h->counter + 1;
	}
	return PUSH_FIRST;
}

void ledger_history(struct ledger *l, uint32_t run, uint32_t pair, struct str id, struct str body)
{
	struct ledger_pair *p = &l->by_pair[pair];
	struct payload_head h;
	enum payload_verdict v = payload_read(body, &h);

	if (v == PAYLOAD_FOREIGN || (v == PAYLOAD_GOOD && (h.run != run || h.pair != pair)))
		return;
	struct ledger_entry *e = entry_of(l, &h, v, id);
	if (!e)
		return;
	check_id(l, e, &h, id);
	uint32_t before = mark(e, MARK_HISTORY);
	if (before & MARK_HISTORY && !(mark(e, MARK_DUP) & MARK_DUP))
		note(l, OFFENCE_DUP, &h, id, "twice in history");
	if (!(before & MARK_ORDERED) || before & MARK_HISTORY)
		return;
	/* Read from the end: what was newer in history must have been sent later. */
	if (p->history && p->history - 1 < h.counter)
		mark(&l->entries[p->history - 1], MARK_OVERTAKEN);
	if ((!p->history || h.counter < p->history - 1) && !(before & MARK_RESENT))
		p->history = h.counter + 1;
}

void ledger_history_whole(struct ledger *l, uint32_t pair)
{
	l->by_pair[pair].whole = true;
}

/* ---- the verdict ---- */

static void accuse(struct ledger *l, struct ledger_verdict *v, enum offence kind, uint32_t counter, const char *why)
{
	struct offender *o;

	v->offences[kind]++;
	o = offend(v, kind, counter, why);
	if (o) {
		o->pair = l->entries[counter].pair;
		unpack(atomic_load(&l->entries[counter].id), o->id);
	}
}

static void judge_lost(struct ledger *l, struct ledger_verdict *v, uint32_t counter, uint32_t marks)
{
	uint32_t pair = l->entries[counter].pair;
	bool not_pushed = !(marks & MARK_PUSHED) && pair_recipient(l->pairs, pair) < l->pairs->s->ws;
	bool not_kept = !(marks & MARK_HISTORY) && l->by_pair[pair].whole;

	v->lost_push += not_pushed;
	v->lost_history += not_kept;
	if (not_pushed || not_kept)
		accuse(l, v, OFFENCE_LOST, counter,
			not_pushed && not_kept ? "acknowledged, neither pushed nor in history"
			: not_pushed           ? "acknowledged, never pushed"
					       : "acknowledged, not in history");
}

static void judge_one(struct ledger *l, struct ledger_verdict *v, uint32_t counter)
{
	uint32_t marks = marks_of(&l->entries[counter]);
	bool answered = marks & (MARK_ACKED | MARK_REFUSED);

	v->intended += (marks & MARK_INTENDED) != 0;
	v->sent += (marks & MARK_SENT) != 0;
	v->resent += (marks & MARK_RESENT) != 0;
	v->acked += (marks & MARK_ACKED) != 0;
	v->refused += (marks & MARK_REFUSED) && !(marks & MARK_ACKED);
	v->pushed += (marks & MARK_PUSHED) != 0;
	v->offences[OFFENCE_DUP] += (marks & MARK_DUP) != 0;
	if (marks & MARK_ACKED)
		judge_lost(l, v, counter, marks);
	if (marks & MARK_SENT && !answered)
		accuse(l, v, OFFENCE_UNKNOWN, counter,
			marks & (MARK_PUSHED | MARK_HISTORY) ? "no answer, but it arrived"
							     : "no answer, did not arrive");
	if (marks & MARK_OVERTAKEN && marks & MARK_ACKED && !(marks & MARK_RESENT))
		accuse(l, v, OFFENCE_REORDER, counter, "overtaken by one that was sent later");
}

static void find_times(struct ledger *l, struct ledger_verdict *v)
{
	struct arrival a;
	uint32_t last = 0;
	struct schedule c;

	for (unsigned i = 0; i < v->n_offenders; i++)
		if (v->offenders[i].counter < l->max && v->offenders[i].counter > last)
			last = v->offenders[i].counter;
	schedule_init(&c, l->pairs, 0, 1);
	while (v->n_offenders && c.sends <= last && schedule_next(&c, &a))
		for (unsigned i = 0; a.op == OP_SEND && i < v->n_offenders; i++)
			if (v->offenders[i].counter == a.counter)
				v->offenders[i].at = a.at;
}

void ledger_judge(struct ledger *l, struct ledger_verdict *v)
{
	*v = l->found;
	v->offences[OFFENCE_CORRUPT] = l->corrupt;
	v->replayed = l->replayed;
	for (uint32_t i = 0; i < l->max; i++)
		if (marks_of(&l->entries[i]))
			judge_one(l, v, i);
	for (uint32_t pair = 0; pair < scenario_pairs(l->pairs->s); pair++)
		v->unread += !l->by_pair[pair].whole;
	find_times(l, v);
}
