#include "cli/bench/schedule.h"
#include "cli/bench/draw.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- pairs ---- */

static bool drawn(const struct pairing *p, unsigned n, uint32_t offset)
{
	for (unsigned i = 0; i < n; i++)
		if (p->offsets[i] == offset)
			return true;
	return false;
}

static void draw_offsets(struct pairing *p)
{
	uint64_t n = 0;

	for (unsigned k = 0; k < p->s->contacts; k++)
		do
			p->offsets[k] = 1 + draw_below(p->s->seed, DRAW_OFFSET, n++, p->s->users - 1);
		while (drawn(p, k, p->offsets[k]));
}

int pairing_init(struct pairing *p, const struct scenario *s)
{
	double exponent = s->pairs == PAIRS_ZIPF ? s->zipf : 0, sum = 0;

	p->s = s;
	p->offsets = calloc(s->contacts, sizeof *p->offsets);
	p->up_to = calloc(s->contacts, sizeof *p->up_to);
	if (!p->offsets || !p->up_to) {
		pairing_release(p);
		return -1;
	}
	if (s->pairs == PAIRS_RING)
		p->offsets[0] = 1;
	else if (s->pairs != PAIRS_FAN_IN)
		draw_offsets(p);
	for (unsigned k = 0; k < s->contacts; k++)
		p->up_to[k] = sum += pow(k + 1, -exponent);
	for (unsigned k = 0; k < s->contacts; k++)
		p->up_to[k] /= sum;
	return 0;
}

void pairing_release(struct pairing *p)
{
	free(p->offsets);
	free(p->up_to);
	p->offsets = NULL;
	p->up_to = NULL;
}

uint32_t pair_recipient(const struct pairing *p, uint32_t pair)
{
	uint32_t sender = pair_sender(p, pair);

	if (p->s->pairs == PAIRS_FAN_IN)
		return sender % p->s->fan_in;
	return (sender + p->offsets[pair % p->s->contacts]) % p->s->users;
}

void user_name(const struct scenario *s, uint32_t user, char out[SCENARIO_PREFIX + 12])
{
	snprintf(out, SCENARIO_PREFIX + 12, "%s%u", s->prefix, user);
}

/* The first contact whose share reaches u. */
static unsigned pick_contact(const struct pairing *p, double u)
{
	unsigned from = 0, to = p->s->contacts - 1;

	while (from < to) {
		unsigned mid = (from + to) / 2;
		if (p->up_to[mid] < u)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

/* ---- times ---- */

/* Arrivals to be expected in a phase. */
static double area(const struct phase *f)
{
	return (f->from + f->to) / 2 * (double)f->length / 1e6;
}

/* When in the phase its integral reaches y, seconds: the root of from t + slope t^2 / 2 = y, in the form that divides by no slope. */
static double invert(const struct phase *f, double y)
{
	double slope = (f->to - f->from) / ((double)f->length / 1e6), inside = f->from * f->from + 2 * slope * y;
	double below = f->from + sqrt(inside > 0 ? inside : 0);

	return below > 0 ? 2 * y / below : 0;
}

void schedule_init(struct schedule *c, const struct pairing *pairs, unsigned shard, unsigned shards)
{
	*c = (struct schedule){.s = pairs->s, .pairs = pairs, .shard = shard, .shards = shards};
}

/* Moves `due` on by one gap, and to the phase in which that is. false: the run is over. */
static bool step(struct schedule *c, uint64_t *at)
{
	const struct scenario *s = c->s;
	bool constant = s->phases[c->phase].arrivals == ARRIVALS_CONSTANT;

	/* The first of a constant train comes half a gap after the start, so that no two trains meet. */
	if (constant)
		c->due += c->n == 0 ? 0.5 : 1;
	else
		c->due += -log(draw_unit(s->seed, DRAW_GAP, c->n));
	while (c->phase < s->n_phases && c->due - c->before >= area(&s->phases[c->phase])) {
		c->before += area(&s->phases[c->phase]);
		c->phase++;
	}
	if (c->phase == s->n_phases) {
		c->phase--;
		return false;
	}
	const struct phase *f = &s->phases[c->phase];
	uint64_t in = (uint64_t)(invert(f, c->due - c->before) * 1e6);
	*at = f->start + (in < f->length ? in : f->length - 1);
	return true;
}

/* ---- what ---- */

static enum op pick_op(const struct scenario *s, double u)
{
	double sum = 0;
	int last = 0;

	for (int op = 0; op < OPS; op++) {
		if (s->mix[op] <= 0)
			continue;
		sum += s->mix[op];
		last = op;
		if (u <= sum)
			break;
	}
	return (enum op)last;
}

static uint32_t pick_user(const struct scenario *s, enum op op, uint64_t n)
{
	bool sends = op == OP_SEND || op == OP_TYPING;
	uint32_t first = s->pairs == PAIRS_FAN_IN && sends ? s->fan_in : 0;

	return first + draw_below(s->seed, DRAW_SENDER, n, s->users - first);
}

static void fill(const struct schedule *c, uint64_t n, struct arrival *out)
{
	const struct scenario *s = c->s;

	out->phase = c->phase;
	out->by_ws = false;
	out->pair = out->recipient = 0;
	if (out->op == OP_SEND || out->op == OP_TYPING) {
		out->pair = out->user * s->contacts + pick_contact(c->pairs, draw_unit(s->seed, DRAW_CONTACT, n));
		out->recipient = pair_recipient(c->pairs, out->pair);
		out->by_ws = out->user < s->ws && draw_unit(s->seed, DRAW_VIA, n) <= s->send_ws;
	}
}

bool schedule_next(struct schedule *c, struct arrival *out)
{
	for (;;) {
		if (!step(c, &out->at))
			return false;
		uint64_t n = c->n++;
		out->op = pick_op(c->s, draw_unit(c->s->seed, DRAW_OP, n));
		out->counter = c->sends;
		c->sends += out->op == OP_SEND;
		out->user = pick_user(c->s, out->op, n);
		if (out->user % c->shards == c->shard) {
			fill(c, n, out);
			return true;
		}
	}
}

bool schedule_find(const struct pairing *pairs, uint32_t counter, struct arrival *out)
{
	struct schedule c;

	schedule_init(&c, pairs, 0, 1);
	while (schedule_next(&c, out))
		if (out->op == OP_SEND && out->counter == counter)
			return true;
	return false;
}

double schedule_rate(const struct scenario *s, uint64_t at)
{
	for (unsigned i = 0; i < s->n_phases; i++) {
		const struct phase *f = &s->phases[i];
		if (at >= f->start && at < f->start + f->length)
			return f->from + (f->to - f->from) * (double)(at - f->start) / (double)f->length;
	}
	return 0;
}
