#include "cli/bench/drive.h"

/* How often each socket is looked at: its ack, its reading allowance, its silence. */
#define ROUND_NS UINT64_C(100000000)
#define SILENT_NS UINT64_C(15000000000) /* then it is pinged */
#define DEAD_NS UINT64_C(25000000000)   /* then it is given up */
#define BACK_NS UINT64_C(100000000)     /* until a connection that broke is tried again, doubled up to 32 times */

static uint64_t jitter(struct drive *d, uint64_t most)
{
	return drive_random(d) % (most + 1);
}

void sockets_open(struct drive *d)
{
	for (unsigned i = 0; i < d->n_ws; i++)
		d->ws[i].due = d->net.now;
}

bool sockets_all_live(const struct drive *d)
{
	return d->live == d->n_ws;
}

static void open_if_due(struct drive *d, struct ws *w)
{
	if (w->due == 0 || w->due > d->net.now || d->may_open < 1)
		return;
	d->may_open--;
	w->due = 0;
	if (w->greeted)
		d->counts[COUNT_RECONNECTS]++;
	ws_open(w);
}

void socket_down(void *ctx, struct ws *w, const char *why)
{
	struct drive *d = ctx;
	unsigned doublings = w->breaks > 5 ? 5 : w->breaks ? w->breaks - 1 : 0;

	d->live -= w->was_live;
	w->was_live = false;
	d->counts[COUNT_ERR_NETWORK]++;
	d->now.errors++;
	drive_trouble(d, why);
	w->due = d->net.now + (BACK_NS << doublings) + jitter(d, BACK_NS << doublings);
}

void socket_state(void *ctx, struct ws *w)
{
	struct drive *d = ctx;
	bool again = w->hellos > 1;

	if (w->state == WS_CATCHING_UP) {
		again = w->hellos++ > 0;

		hist_record(&d->r->timings[TIMING_CONNECT], (d->net.now - w->began) / 1000);
		if (again && !w->recovered)
			drive_trouble(d, "a cursor was not taken back: recovered false");
		return;
	}
	if (again)
		hist_record(&d->r->timings[TIMING_CATCHUP], (d->net.now - w->back) / 1000);
	d->live += !w->was_live;
	w->was_live = true;
}

static void cut(struct drive *d, struct ws *w, bool abruptly)
{
	if (w->state == WS_DOWN)
		return;
	d->live -= w->was_live;
	w->was_live = false;
	w->excused = true;
	ws_cut(w, abruptly);
	w->due = d->net.now + jitter(d, BACK_NS);
}

static void give_up(struct drive *d, struct ws *w)
{
	d->counts[COUNT_ERR_TIMEOUT]++;
	ws_cut(w, true);
	w->breaks++;
	socket_down(d, w, "a socket on which nothing came for 25 s");
}

static void watch_silence(struct drive *d, struct ws *w)
{
	uint64_t silent = d->net.now - w->heard;

	if (w->slow || silent < SILENT_NS)
		return;
	if (silent > DEAD_NS)
		give_up(d, w);
	else if (w->state == WS_LIVE && !w->pinged)
		ws_say(w, "{\"op\":\"ping\"}", 13);
	w->pinged = w->state == WS_LIVE;
}

static void look_at(struct drive *d, struct ws *w)
{
	open_if_due(d, w);
	if (w->slow)
		sock_allow(&w->sock, w->slow_rate / (1000000000u / ROUND_NS) + 1);
	if (w->state == WS_DOWN)
		return;
	ws_ack(w);
	watch_silence(d, w);
}

static void churn(struct drive *d, double seconds)
{
	if (d->kind != PHASE_DRAIN)
		d->to_churn += d->s->churn * d->n_ws * seconds;
	for (; d->to_churn >= 1; d->to_churn--)
		cut(d, &d->ws[drive_random(d) % d->n_ws], false);
}

/* Whether fault number f takes socket i: the same ones for as long as it lasts. */
static bool is_hit(const struct drive *d, unsigned f, unsigned i)
{
	uint64_t x = (d->s->seed ^ ((uint64_t)f << 40) ^ i) * UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 31) * UINT64_C(0xbf58476d1ce4e5b9);
	return (double)(x >> 11) / 9007199254740992.0 < d->s->faults[f].share;
}

/* Cuts are spread over the fault's time: socket i's turn comes in the order of the sockets. */
static void disconnect(struct drive *d, unsigned f, double done)
{
	unsigned until = (unsigned)(done * d->n_ws);

	for (; d->fault_at[f] < until && d->fault_at[f] < d->n_ws; d->fault_at[f]++)
		if (is_hit(d, f, d->fault_at[f]))
			cut(d, &d->ws[d->fault_at[f]], true);
}

static void slow(struct drive *d, unsigned f, bool on)
{
	if ((d->fault_at[f] == 1) == on)
		return;
	d->fault_at[f] = on;
	for (unsigned i = 0; i < d->n_ws; i++) {
		struct ws *w = &d->ws[i];
		if (!is_hit(d, f, i))
			continue;
		w->slow = w->excused = on;
		w->slow_rate = (uint64_t)d->s->faults[f].rate;
		if (on)
			continue;
		w->excused_until = w->heard = d->net.now;
		sock_allow(&w->sock, UINT64_MAX);
	}
}

static void faults(struct drive *d)
{
	uint64_t us = (d->net.now - d->zero) / 1000;

	for (unsigned f = 0; f < d->s->n_faults && d->zero; f++) {
		const struct fault *x = &d->s->faults[f];
		if (us < x->at)
			continue;
		double done = us - x->at >= x->length ? 1 : (double)(us - x->at) / (double)x->length;
		if (x->kind == FAULT_DISCONNECT)
			disconnect(d, f, done);
		else
			slow(d, f, done < 1 && d->kind != PHASE_DRAIN);
	}
}

void sockets_tend(struct drive *d)
{
	uint64_t passed = d->net.now - d->tended;
	double seconds = (double)passed / 1e9;

	if (passed < 1000000 || d->n_ws == 0)
		return;
	d->tended = d->net.now;
	d->may_open += seconds * d->s->connect_rate;
	if (d->may_open > 1 + d->s->connect_rate / 20)
		d->may_open = 1 + d->s->connect_rate / 20;
	if (d->zero)
		churn(d, seconds);
	faults(d);
	d->to_look += (double)d->n_ws * (double)passed / ROUND_NS;
	if (d->to_look > d->n_ws)
		d->to_look = d->n_ws;
	for (; d->to_look >= 1; d->to_look--)
		look_at(d, &d->ws[d->looked++ % d->n_ws]);
}
