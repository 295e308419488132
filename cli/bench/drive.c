#include "cli/bench/drive.h"
#include "common/base/clock.h"

/* Sends that are due on one socket within this time go out in one frame. Far below what counts as late. */
#define TICK_NS UINT64_C(300000)
#define TURN_MOST_NS UINT64_C(5000000)
#define START_NS UINT64_C(30000000000) /* beyond what connect-rate takes, for the first connections */

volatile int drive_interrupted;

uint64_t drive_random(struct drive *d)
{
	return d->rng = d->rng * 6364136223846793005u + 1442695040888963407u, d->rng >> 20;
}

bool drive_measured(const struct drive *d, uint64_t intended)
{
	uint64_t at = drive_at(d, intended);
	const struct phase *f = &d->s->phases[d->phase];

	/* Nearly always the phase under way. */
	for (unsigned i = 0; at < f->start || at >= f->start + f->length; i++) {
		if (i == d->s->n_phases)
			return false;
		f = &d->s->phases[i];
	}
	return f->kind == PHASE_RAMP || f->kind == PHASE_STEADY;
}

void drive_time(struct drive *d, enum timing t, uint64_t intended, uint64_t ns)
{
	if (drive_measured(d, intended))
		hist_record(&d->r->timings[t], ns / 1000);
}

void drive_trouble(struct drive *d, const char *why)
{
	if (!d->trouble[0])
		snprintf(d->trouble, sizeof d->trouble, "%s", why);
}

/* ---- the seconds ---- */

static double busy_share(struct drive *d, uint64_t passed)
{
	uint64_t asleep = d->net.asleep - d->second_asleep;

	d->second_asleep = d->net.asleep;
	return passed > asleep ? (double)(passed - asleep) / (double)passed : 0;
}

static void close_second(struct drive *d)
{
	uint64_t passed = d->net.now - d->second_from;

	d->now.at = (double)(d->second_from - d->zero) / 1e9;
	d->now.ack_p50 = (double)hist_percentile(&d->second[0], 50);
	d->now.ack_p99 = (double)hist_percentile(&d->second[0], 99);
	d->now.e2e_p50 = (double)hist_percentile(&d->second[1], 50);
	d->now.e2e_p99 = (double)hist_percentile(&d->second[1], 99);
	d->now.e2e_max = (double)d->second[1].max;
	d->now.lag_p99 = (double)hist_percentile(&d->second[2], 99);
	d->now.sockets = d->live;
	d->now.busy = busy_share(d, passed);
	if (d->now.busy > d->busiest && (d->kind == PHASE_RAMP || d->kind == PHASE_STEADY))
		d->busiest = d->now.busy;
	(void)results_add_second(d->r, &d->now); /* no more rows: the run goes on without */
	memset(&d->now, 0, sizeof d->now);
	for (unsigned i = 0; i < 3; i++)
		hist_reset(&d->second[i]);
	d->second_from = d->net.now;
}

static double done_share(const struct drive *d)
{
	const struct phase *last = &d->s->phases[d->s->n_phases - 1];
	uint64_t all = last->start ? last->start : 1;

	return d->zero ? (double)drive_at(d, d->net.now) / (double)all : (double)d->live / (d->n_ws ? d->n_ws : 1);
}

static void show(struct drive *d, const char *phase)
{
	double seconds = (double)(d->net.now - d->second_from) / 1e9;
	struct progress_now p = {.phase = phase, .done = done_share(d), .sockets = d->live};

	if (!progress_due(&d->progress, d->net.now))
		return;
	const struct second *full = d->r->n_series ? &d->r->series[d->r->n_series - 1] : &d->now;
	p.wanted = d->r->n_series ? full->intended : d->now.intended / (seconds > 0 ? seconds : 1);
	p.acked = d->r->n_series ? full->acked : d->now.acked / (seconds > 0 ? seconds : 1);
	p.e2e_p50_us = full->e2e_p50;
	p.e2e_p99_us = full->e2e_p99;
	p.errors = (uint64_t)(d->counts[COUNT_ERR_REFUSED] + d->counts[COUNT_ERR_BUSY] + d->counts[COUNT_ERR_NETWORK] +
			      d->counts[COUNT_ERR_TIMEOUT]);
	progress_show(&d->progress, d->net.now, &p);
}

/* ---- the loop ---- */

static void follow_phase(struct drive *d)
{
	uint64_t at = drive_at(d, d->net.now);

	while (d->phase + 1 < d->s->n_phases && at >= d->s->phases[d->phase + 1].start)
		d->phase++;
	d->kind = d->s->phases[d->phase].kind;
}

static void dispatch_due(struct drive *d)
{
	uint64_t at = drive_at(d, d->net.now);

	while (d->more && d->next.at <= at && !d->overrun) {
		traffic_dispatch(d, &d->next);
		d->more = schedule_next(&d->schedule, &d->next);
	}
	traffic_push(d);
}

static uint64_t until_next(const struct drive *d)
{
	uint64_t due = d->zero + d->next.at * 1000, wait = TURN_MOST_NS;

	if (d->more && due < d->net.now + wait)
		wait = due > d->net.now ? due - d->net.now : 0;
	return wait < TICK_NS ? TICK_NS : wait;
}

static void one_turn(struct drive *d, uint64_t wait)
{
	net_turn(&d->net, wait);
	sockets_tend(d);
	if (d->net.now - d->rest_tended > TURN_MOST_NS * 4) {
		d->rest_tended = d->net.now;
		rest_tend(d->rest);
	}
	if (d->zero && d->net.now - d->second_from >= 1000000000u)
		close_second(d);
}

static int connect_all(struct drive *d, char why[256])
{
	uint64_t give_up = d->net.now + START_NS + (uint64_t)(d->n_ws / d->s->connect_rate * 1e9);

	sockets_open(d);
	d->tended = d->second_from = d->net.now;
	while (!sockets_all_live(d) && d->net.now < give_up && !drive_interrupted) {
		one_turn(d, 1000000);
		show(d, "connecting");
	}
	if (sockets_all_live(d) || drive_interrupted)
		return 0;
	snprintf(why, 256, "%u of %u sockets were live in time; the first that failed: %s", d->live, d->n_ws,
		d->trouble[0] ? d->trouble : "no answer");
	return -1;
}

static void run_phases(struct drive *d)
{
	const struct phase *drain = &d->s->phases[d->s->n_phases - 1];

	d->zero = d->second_from = d->net.now;
	d->second_asleep = d->net.asleep;
	d->more = schedule_next(&d->schedule, &d->next);
	while (drive_at(d, d->net.now) < drain->start && !drive_interrupted && !d->overrun) {
		follow_phase(d);
		dispatch_due(d);
		one_turn(d, until_next(d));
		show(d, phase_words[d->kind]);
	}
	d->r->interrupted = drive_interrupted || d->overrun;
	d->more = false;
	d->phase = d->s->n_phases - 1;
	d->kind = PHASE_DRAIN;
}

static bool is_quiet(const struct drive *d)
{
	for (unsigned i = 0; i < d->n_ws; i++)
		if (ws_unanswered(&d->ws[i]) || d->ws[i].state != WS_LIVE)
			return false;
	return rest_waiting(d->rest) == 0;
}

/* Until nothing is unanswered and nothing has come for a while, which takes acks and receipts in. */
static void drain(struct drive *d)
{
	uint64_t give_up = d->net.now + d->s->phases[d->s->n_phases - 1].length * 1000, quiet = d->net.now;
	double seen = -1;

	while (d->net.now < give_up && drive_interrupted < 2) {
		one_turn(d, TURN_MOST_NS);
		show(d, "drain");
		double arrived = d->counts[COUNT_ACKED] + (double)d->arrived;
		if (!is_quiet(d) || arrived != seen)
			quiet = d->net.now;
		seen = arrived;
		if (d->net.now - quiet > 500000000u)
			break;
	}
	close_second(d);
}

static double measured_seconds(const struct drive *d)
{
	uint64_t end = d->ended_at, us = 0;

	for (unsigned i = 0; i < d->s->n_phases; i++) {
		const struct phase *f = &d->s->phases[i];
		if ((f->kind == PHASE_RAMP || f->kind == PHASE_STEADY) && end > f->start)
			us += end - f->start < f->length ? end - f->start : f->length;
	}
	return (double)us / 1e6;
}

static int set_up(struct drive *d, const char *url, bool remote_ok, char why[256])
{
	unsigned lanes = d->s->users < REST_LANES ? d->s->users : REST_LANES;
	unsigned pairs = scenario_pairs(d->s);

	if (net_init(&d->net, url, why))
		return -1;
	if (!d->net.loopback && !remote_ok) {
		snprintf(why, 256,
			"%s is not this machine: load only a server that is yours, and say so with --i-own-this-server",
			d->net.host);
		return -1;
	}
	d->counts = d->r->counts;
	d->n_ws = d->s->ws;
	d->rng = d->s->seed * 2 + 1;
	d->ws = calloc(d->n_ws ? d->n_ws : 1, sizeof *d->ws);
	d->hot = calloc(d->n_ws ? d->n_ws : 1, sizeof *d->hot);
	d->used = calloc(pairs / 8 + 1, 1);
	d->recent = calloc(RECENT, sizeof *d->recent);
	d->written = calloc(TRACKED, sizeof *d->written);
	d->waited = calloc(TRACKED, sizeof *d->waited);
	d->second = calloc(3, sizeof *d->second);
	if (!d->ws || !d->hot || !d->used || !d->recent || !d->written || !d->waited || !d->second) {
		snprintf(why, 256, "out of memory");
		return -1;
	}
	d->handler = traffic_ws;
	d->handler.ctx = d;
	struct rest_handler rest = traffic_rest;
	rest.ctx = d;
	d->rest = rest_new(&d->net, &rest, lanes);
	for (unsigned i = 0; i < d->n_ws; i++)
		ws_init(&d->ws[i], &d->net, &d->handler, i, d->people->list[i].token);
	schedule_init(&d->schedule, d->pairs, 0, 1);
	return 0;
}

static void take_down(struct drive *d)
{
	for (unsigned i = 0; i < d->n_ws && d->ws; i++)
		ws_release(&d->ws[i]);
	rest_free(d->rest);
	free(d->ws);
	free(d->hot);
	free(d->used);
	free(d->recent);
	free(d->written);
	free(d->waited);
	free(d->second);
	net_release(&d->net);
}

int drive_run(struct drive *d, const char *url, bool remote_ok, char why[256])
{
	int rc = set_up(d, url, remote_ok, why);

	if (rc == 0)
		rc = connect_all(d, why);
	if (rc == 0) {
		d->r->started_ms = clock_wall_ms();
		run_phases(d);
		d->ended_at = drive_at(d, d->net.now);
		drain(d);
		d->counts[COUNT_SECONDS] = measured_seconds(d);
		d->counts[COUNT_BUSY] = d->busiest;
		if (drive_interrupted < 2)
			(void)audit_run(d);
		ledger_judge(d->ledger, &d->r->ledger);
	}
	progress_clear(&d->progress);
	take_down(d);
	return rc;
}
