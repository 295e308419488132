/* The pure parts of a load run: who writes to whom and when, payloads, the ledger, the verdict. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/bench/verdict.h"
#include "common/wire/json.h"
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static struct scenario s;
static struct pairing pairs;

static void scene(const char *text)
{
	struct scenario_error e;

	if (scenario_parse(str_of(text), &s, &e))
		fail_msg("%s", e.why);
	assert_int_equal(pairing_init(&pairs, &s), 0);
}

static void test_constant(void **state)
{
	struct schedule c;
	struct arrival a;

	(void)state;
	scene("users 10\nphase steady 10s rate 100/s arrivals constant\n");
	schedule_init(&c, &pairs, 0, 1);
	for (unsigned i = 0; i < 1000; i++) {
		assert_true(schedule_next(&c, &a));
		assert_true(llabs((long long)a.at - (long long)(5000 + 10000 * i)) <= 1);
		assert_int_equal(a.counter, i);
	}
	assert_false(schedule_next(&c, &a));
	assert_false(schedule_next(&c, &a));
	pairing_release(&pairs);
}

/* A ramp from 0 to 200/s over 10 s: 1,000 arrivals, the n-th at sqrt(n / 1000) of the time. */
static void test_ramp(void **state)
{
	struct schedule c;
	struct arrival a;
	unsigned n = 0;

	(void)state;
	scene("users 10\nphase ramp 10s rate 0/s -> 200/s arrivals constant\nphase ramp 10s rate 200/s -> 0/s arrivals "
	      "constant\n");
	schedule_init(&c, &pairs, 0, 1);
	for (; schedule_next(&c, &a); n++) {
		double want = n < 1000 ? sqrt((n + 0.5) / 1000) * 1e7 : 2e7 - sqrt((1999.5 - n) / 1000) * 1e7;
		assert_true(fabs((double)a.at - want) < 3);
		assert_int_equal(a.phase, n >= 1000);
	}
	assert_int_equal(n, 2000);
	assert_true(schedule_rate(&s, 5000000) == 100);
	pairing_release(&pairs);
}

/* Gaps of an exponential distribution: mean 1/rate, as much deviation, and 1/e of them above the mean. */
static void test_poisson(void **state)
{
	struct schedule c;
	struct arrival a;
	double sum = 0, squares = 0, n = 0, above = 0;
	uint64_t last = 0;

	(void)state;
	scene("users 10\nphase steady 100s rate 1000/s\n");
	schedule_init(&c, &pairs, 0, 1);
	while (schedule_next(&c, &a)) {
		double gap = (double)(a.at - last);
		assert_true(a.at >= last);
		last = a.at;
		n++;
		sum += gap;
		squares += gap * gap;
		above += gap > 1000;
	}
	assert_true(fabs(n - 100000) < 5 * sqrt(100000));
	assert_true(fabs(sum / n - 1000) < 20);
	assert_true(fabs(sqrt(squares / n - sum / n * (sum / n)) - 1000) < 25);
	assert_true(fabs(above / n - exp(-1)) < 0.01);
	pairing_release(&pairs);
}

/* Three threads do together exactly what one does alone, and the mix is what was asked for. */
static void test_shards(void **state)
{
	struct schedule one, three[3];
	struct arrival a, b[3];
	bool more[3];
	unsigned ops[OPS] = {0}, by_ws = 0;

	(void)state;
	scene("users 30\nws 20\nmix send 70% via ws:50 rest:50 | list 12% | read 8% | mark 8% | typing 2%\nphase "
	      "warmup 1s rate "
	      "100/s\nphase ramp 10s rate 100/s -> 9000/s\nphase steady 2s rate 5000/s\n");
	schedule_init(&one, &pairs, 0, 1);
	for (unsigned i = 0; i < 3; i++) {
		schedule_init(&three[i], &pairs, i, 3);
		more[i] = schedule_next(&three[i], &b[i]);
	}
	while (schedule_next(&one, &a)) {
		unsigned of = a.user % 3;
		assert_true(more[of]);
		assert_true(a.at == b[of].at && a.op == b[of].op && a.user == b[of].user && a.by_ws == b[of].by_ws &&
			    a.pair == b[of].pair && a.recipient == b[of].recipient && a.counter == b[of].counter &&
			    a.phase == b[of].phase);
		more[of] = schedule_next(&three[of], &b[of]);
		ops[a.op]++;
		by_ws += a.by_ws;
		if (a.op == OP_SEND)
			assert_true(
				pair_sender(&pairs, a.pair) == a.user && pair_recipient(&pairs, a.pair) == a.recipient);
	}
	assert_false(more[0] || more[1] || more[2]);
	assert_true(
		fabs(ops[OP_SEND] / (double)one.n - 0.7) < 0.01 && fabs(ops[OP_TYPING] / (double)one.n - 0.02) < 0.005);
	/* Two thirds of the users have a socket; half of what they send goes by it. */
	assert_true(fabs(by_ws / ((double)ops[OP_SEND] + ops[OP_TYPING]) - 1 / 3.0) < 0.02);
	assert_true(schedule_find(&pairs, 17, &a));
	assert_int_equal(a.counter, 17);
	assert_false(schedule_find(&pairs, 10000000, &a));
	pairing_release(&pairs);
}

static void test_pairs(void **state)
{
	struct schedule c;
	struct arrival a;
	unsigned to[5] = {0}, in[100] = {0};
	double h = 0;

	(void)state;
	scene("users 100 pairs zipf 1.5 contacts 5\nphase steady 10s rate 10000/s\n");
	for (uint32_t pair = 0; pair < scenario_pairs(&s); pair++) {
		assert_true(pair_recipient(&pairs, pair) != pair_sender(&pairs, pair));
		in[pair_recipient(&pairs, pair)]++;
	}
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(in[i], 5);
	schedule_init(&c, &pairs, 0, 1);
	while (schedule_next(&c, &a))
		to[a.pair % 5]++;
	for (unsigned k = 0; k < 5; k++)
		h += pow(k + 1, -1.5);
	for (unsigned k = 0; k < 5; k++)
		assert_true(fabs(to[k] / (double)c.n - pow(k + 1, -1.5) / h) < 0.01);
	pairing_release(&pairs);
	scene("users 10 pairs ring\nphase steady 1s rate 1/s\n");
	assert_int_equal(pair_recipient(&pairs, 9), 0);
	pairing_release(&pairs);
	scene("users 10 pairs fan-in 3\nphase steady 1s rate 1000/s\n");
	schedule_init(&c, &pairs, 0, 1);
	while (schedule_next(&c, &a))
		assert_true(a.user >= 3 && a.recipient == a.user % 3);
	pairing_release(&pairs);
}

/* ---- payloads ---- */

static void test_payload(void **state)
{
	static const char *const kinds[] = {
		"fixed 200B", "fixed 32B", "fixed 16KiB", "unicode hard 500B", "lognormal median 80B p99 2KiB"};
	char text[200], body[PAYLOAD_MAX], again[PAYLOAD_MAX], why[256];
	struct payload_head h;
	struct payload p;

	(void)state;
	for (unsigned k = 0; k < sizeof kinds / sizeof *kinds; k++) {
		snprintf(text, sizeof text, "payload %s\nphase steady 1s rate 1/s\n", kinds[k]);
		scene(text);
		assert_int_equal(payload_init(&p, &s, "", 0xfedcba98, why), 0);
		for (uint32_t i = 0; i < 300; i++) {
			size_t n = payload_make(&p, i * 7919, i, i * UINT64_C(10000000000), body);
			assert_true(n >= PAYLOAD_MIN && n <= PAYLOAD_MAX && n == payload_length(&p, i * 7919));
			assert_true(utf8_ok((struct str){body, n}));
			assert_int_equal(payload_read((struct str){body, n}, &h), PAYLOAD_GOOD);
			assert_true(h.run == 0xfedcba98 && h.pair == i && h.counter == i * 7919 &&
				    h.at == i * UINT64_C(10000000000));
			assert_int_equal(payload_make(&p, i * 7919, i, i * UINT64_C(10000000000), again), n);
			assert_memory_equal(body, again, n);
			size_t at = i % n;
			body[at] ^= 1;
			enum payload_verdict v = payload_read((struct str){body, n}, &h);
			assert_true(v == PAYLOAD_CORRUPT || (v == PAYLOAD_FOREIGN && at < PAYLOAD_MIN));
			body[at] ^= 1;
			if (n > PAYLOAD_MIN)
				assert_int_equal(payload_read((struct str){body, n - 1}, &h), PAYLOAD_CORRUPT);
		}
		payload_release(&p);
		pairing_release(&pairs);
	}
	assert_int_equal(payload_read(STR("hello"), &h), PAYLOAD_FOREIGN);
	assert_int_equal(payload_read(STR("hello, this is no payload of a load run"), &h), PAYLOAD_FOREIGN);
}

static int compare(const void *a, const void *b)
{
	return (int)*(const size_t *)a - (int)*(const size_t *)b;
}

static void test_lengths(void **state)
{
	static size_t v[20000];
	char why[256];
	struct payload p;

	(void)state;
	scene("payload lognormal median 200B p99 2KiB\nphase steady 1s rate 1/s\n");
	assert_int_equal(payload_init(&p, &s, "", 1, why), 0);
	for (uint32_t i = 0; i < 20000; i++)
		v[i] = payload_length(&p, i);
	qsort(v, 20000, sizeof *v, compare);
	assert_true(fabs((double)v[10000] / 200 - 1) < 0.05);
	assert_true(fabs((double)v[19800] / 2048 - 1) < 0.1);
	payload_release(&p);
	pairing_release(&pairs);
}

static void test_file(void **state)
{
	char path[] = "/tmp/chat-bench.XXXXXX", text[200], body[PAYLOAD_MAX], why[256];
	struct payload p;
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");

	(void)state;
	fputs("one\n\ntwo \xc3\xa4\n", f);
	fclose(f);
	snprintf(text, sizeof text, "payload file %s\nphase steady 1s rate 1/s\n", path + 5);
	scene(text);
	assert_int_equal(payload_init(&p, &s, "/tmp", 1, why), 0);
	assert_int_equal(payload_make(&p, 0, 0, 0, body), PAYLOAD_MIN + 3);
	assert_memory_equal(body + PAYLOAD_MIN, "one", 3);
	assert_int_equal(payload_make(&p, 1, 0, 0, body), PAYLOAD_MIN + 6);
	payload_release(&p);
	remove(path);
	assert_int_equal(payload_init(&p, &s, "/tmp", 1, why), -1);
	assert_non_null(strstr(why, "No such file"));
	pairing_release(&pairs);
}

/* ---- ledger ---- */

enum { RUN = 77 };
static struct ledger ledger;
static struct payload payload;
static struct ledger_verdict v;

/* Users 0 to 9 in a ring, 0 to 7 with a socket; 30 messages, three a pair: message i goes from user i % 10. */
static void ledger_scene(void)
{
	char why[256];

	scene("users 10 pairs ring\nws 8\npayload fixed 40B\nphase steady 3s rate 10/s arrivals constant\n");
	assert_int_equal(payload_init(&payload, &s, "", RUN, why), 0);
	assert_int_equal(ledger_init(&ledger, &pairs), 0);
}

static void ledger_end(void)
{
	ledger_release(&ledger);
	payload_release(&payload);
	pairing_release(&pairs);
}

static struct str body_of(uint32_t i, char room[PAYLOAD_MAX])
{
	return (struct str){room, payload_make(&payload, i, i % 10, i, room)};
}

static struct str id_of(uint32_t i)
{
	static char id[40];

	return (struct str){id, (size_t)snprintf(id, sizeof id, "mAAAAAAAAAAAAAAAAAAAAAAAid%08u", i)};
}

static void send_one(uint32_t i)
{
	assert_int_equal(ledger_intended(&ledger, i, i % 10), 0);
	ledger_sent(&ledger, i, true);
}

static enum push push(uint32_t i, uint32_t user, unsigned hello, struct str id)
{
	char room[PAYLOAD_MAX];
	struct payload_head h;

	return ledger_pushed(&ledger, RUN, user, hello, id, body_of(i, room), &h);
}

static void keep(uint32_t i, struct str id)
{
	char room[PAYLOAD_MAX];

	ledger_history(&ledger, RUN, i % 10, id, body_of(i, room));
}

static void all_well(uint32_t i)
{
	send_one(i);
	ledger_acked(&ledger, i, id_of(i));
	if ((i + 1) % 10 < 8)
		assert_int_equal(push(i, (i + 1) % 10, 1, id_of(i)), PUSH_FIRST);
}

/* Reads every pair back, the newest first, but for message `without`. */
static void read_back(uint32_t without)
{
	for (uint32_t i = 30; i-- > 0;)
		if (i != without)
			keep(i, id_of(i));
	for (uint32_t pair = 0; pair < 10; pair++)
		ledger_history_whole(&ledger, pair);
}

static const struct offender *only(enum offence kind)
{
	ledger_judge(&ledger, &v);
	for (unsigned k = 0; k < OFFENCES; k++)
		assert_int_equal(v.offences[k], k == kind);
	for (unsigned i = 0; i < v.n_offenders; i++)
		if (v.offenders[i].kind == kind)
			return &v.offenders[i];
	fail();
	return NULL;
}

static void test_ledger_clean(void **state)
{
	(void)state;
	ledger_scene();
	for (uint32_t i = 0; i < 30; i++)
		all_well(i);
	assert_int_equal(push(4, 5, 2, id_of(4)), PUSH_AGAIN);
	assert_int_equal(push(4, 4, 2, id_of(4)), PUSH_OWN);
	read_back(99);
	ledger_judge(&ledger, &v);
	assert_int_equal(v.n_offenders, 0);
	for (unsigned k = 0; k < OFFENCES; k++)
		assert_int_equal(v.offences[k], 0);
	assert_true(v.intended == 30 && v.sent == 30 && v.acked == 30 && v.pushed == 24 && v.replayed == 1 &&
		    v.unread == 0);
	assert_int_equal(ledger_intended(&ledger, ledger.max, 0), -1);
	ledger_end();
}

static void test_ledger_lost(void **state)
{
	(void)state;
	ledger_scene();
	for (uint32_t i = 0; i < 30; i++)
		all_well(i);
	read_back(13);
	const struct offender *o = only(OFFENCE_LOST);
	assert_true(v.lost_history == 1 && v.lost_push == 0);
	assert_int_equal(o->counter, 13);
	assert_int_equal(o->pair, 3);
	assert_int_equal(o->at, 1350000);
	assert_string_equal(o->id, "...id00000013");
	ledger_end();
	/* Never pushed; of those whose recipient has no socket, nobody expects it. */
	ledger_scene();
	for (uint32_t i = 0; i < 30; i++) {
		if (i != 2 && i != 8)
			all_well(i);
		else {
			send_one(i);
			ledger_acked(&ledger, i, id_of(i));
		}
	}
	o = only(OFFENCE_LOST);
	assert_true(o->counter == 2 && v.lost_push == 1 && v.unread == 10);
	assert_non_null(strstr(o->why, "never pushed"));
	ledger_end();
}

static void test_ledger_dup(void **state)
{
	(void)state;
	for (int way = 0; way < 4; way++) {
		ledger_scene();
		for (uint32_t i = 0; i < 30; i++)
			all_well(i);
		if (way == 0)
			assert_int_equal(push(4, 5, 1, id_of(4)), PUSH_BAD);
		if (way == 1)
			push(4, 5, 2, id_of(400));
		if (way == 2)
			ledger_acked(&ledger, 4, id_of(400));
		read_back(99);
		if (way == 3)
			keep(4, id_of(4));
		const struct offender *o = only(OFFENCE_DUP);
		assert_int_equal(o->counter, 4);
		assert_string_equal(o->other, "...id00000004");
		assert_int_equal(o->id[0], 'm');
		ledger_end();
	}
}

static void test_ledger_unknown(void **state)
{
	(void)state;
	ledger_scene();
	send_one(5);
	send_one(6);
	ledger_refused(&ledger, 6);
	assert_true(ledger_answered(&ledger, 6) && !ledger_answered(&ledger, 5));
	assert_int_equal(only(OFFENCE_UNKNOWN)->counter, 5);
	assert_int_equal(v.refused, 1);
	/* Sent again with the same id, answered: all is well, and one copy is there. */
	ledger_sent(&ledger, 5, true);
	ledger_acked(&ledger, 5, id_of(5));
	push(5, 6, 1, id_of(5));
	ledger_judge(&ledger, &v);
	assert_true(v.n_offenders == 0 && v.resent == 1 && v.acked == 1);
	ledger_end();
}

static void test_ledger_order(void **state)
{
	(void)state;
	/* By push, by history; and who was sent again may be overtaken. */
	for (int way = 0; way < 4; way++) {
		ledger_scene();
		for (uint32_t i = 4; i < 30; i += 10) {
			send_one(i);
			ledger_acked(&ledger, i, id_of(i));
		}
		if (way == 2)
			ledger_sent(&ledger, 14, true);
		push(4, 5, 1, id_of(4));
		push(way == 1 ? 14 : 24, 5, 1, id_of(way == 1 ? 14 : 24));
		push(way == 1 ? 24 : 14, 5, 1, id_of(way == 1 ? 24 : 14));
		if (way == 3)
			assert_int_equal(push(4, 5, 2, id_of(4)), PUSH_AGAIN);
		if (way == 1) {
			keep(14, id_of(14));
			keep(24, id_of(24));
			keep(4, id_of(4));
		}
		if (way == 2) {
			ledger_judge(&ledger, &v);
			assert_int_equal(v.n_offenders, 0);
		} else
			assert_int_equal(only(OFFENCE_REORDER)->counter, 14);
		ledger_end();
	}
	/* No order was promised between REST calls. */
	ledger_scene();
	for (uint32_t i = 4; i < 24; i += 10) {
		assert_int_equal(ledger_intended(&ledger, i, 4), 0);
		ledger_sent(&ledger, i, false);
		ledger_acked(&ledger, i, id_of(i));
	}
	push(14, 5, 1, id_of(14));
	push(4, 5, 1, id_of(4));
	ledger_judge(&ledger, &v);
	assert_int_equal(v.n_offenders, 0);
	ledger_end();
}

static void test_ledger_corrupt(void **state)
{
	char room[PAYLOAD_MAX];
	struct payload_head h;
	struct str body;

	(void)state;
	ledger_scene();
	all_well(0);
	all_well(1);
	body = body_of(1, room);
	room[36] ^= 1;
	assert_int_equal(ledger_pushed(&ledger, RUN, 2, 2, id_of(1), body, &h), PUSH_BAD);
	assert_int_equal(push(1, 7, 2, id_of(1)), PUSH_BAD);
	assert_int_equal(push(2, 3, 2, id_of(2)), PUSH_BAD);
	body = body_of(1, room);
	assert_int_equal(ledger_pushed(&ledger, RUN + 1, 2, 2, id_of(1), body, &h), PUSH_FOREIGN);
	assert_int_equal(ledger_pushed(&ledger, RUN, 2, 2, id_of(1), STR("hi"), &h), PUSH_FOREIGN);
	ledger_judge(&ledger, &v);
	assert_int_equal(v.offences[OFFENCE_CORRUPT], 3);
	assert_int_equal(v.n_offenders, 3);
	assert_string_equal(v.offenders[0].why, "wrong checksum");
	assert_non_null(strstr(v.offenders[1].why, "no party"));
	assert_string_equal(v.offenders[2].why, "never intended");
	ledger_end();
}

static void test_ledger_bounds(void **state)
{
	(void)state;
	scene("users 1000\nphase steady 140s rate 100000/s\n");
	/* 14 million messages: 16 bytes each, and the pairs. */
	assert_true(ledger_bytes(&s) < 14000000 * 16.1);
	assert_int_equal(sizeof(struct ledger_entry), 16);
	assert_int_equal(ledger_init(&ledger, &pairs), 0);
	for (uint32_t i = 0; i < 100; i++) {
		ledger_intended(&ledger, i, 0);
		ledger_sent(&ledger, i, true);
	}
	ledger_judge(&ledger, &v);
	assert_int_equal(v.offences[OFFENCE_UNKNOWN], 100);
	assert_int_equal(v.n_offenders, OFFENDERS_EACH);
	ledger_release(&ledger);
	pairing_release(&pairs);
}

/* Sender and recipient at once, each push before or after its ack as it happens: nothing is blamed. */
enum { RUSH = 20000 };
static _Atomic uint32_t rushed;

static struct str rush_id(uint32_t i, char room[40])
{
	return (struct str){room, (size_t)snprintf(room, 40, "mAAAAAAAAAAAAAAAAAAAAAAAid%08u", i)};
}

static void *rush_send(void *arg)
{
	char id[40];

	for (uint32_t i = 0; i < RUSH; i++) {
		ledger_intended(&ledger, i, i % 10);
		ledger_sent(&ledger, i, true);
		atomic_store(&rushed, i + 1);
		ledger_acked(&ledger, i, rush_id(i, id));
	}
	return arg;
}

static void *rush_receive(void *arg)
{
	char room[PAYLOAD_MAX], id[40];
	struct payload_head h;

	for (uint32_t i = 0; i < RUSH; i++) {
		while (atomic_load(&rushed) <= i)
			;
		struct str body = {room, payload_make(&payload, i, i % 10, i, room)};
		if ((i + 1) % 10 < 8)
			ledger_pushed(&ledger, RUN, (i + 1) % 10, 1, rush_id(i, id), body, &h);
	}
	return arg;
}

static void test_ledger_threads(void **state)
{
	pthread_t a, b;
	char why[256];

	(void)state;
	scene("users 10 pairs ring\nws 8\npayload fixed 40B\nphase steady 20s rate 1000/s arrivals constant\n");
	assert_int_equal(payload_init(&payload, &s, "", RUN, why), 0);
	assert_int_equal(ledger_init(&ledger, &pairs), 0);
	atomic_store(&rushed, 0);
	assert_int_equal(pthread_create(&a, NULL, rush_send, NULL), 0);
	assert_int_equal(pthread_create(&b, NULL, rush_receive, NULL), 0);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	ledger_judge(&ledger, &v);
	assert_true(v.acked == RUSH && v.pushed == RUSH / 10 * 8);
	assert_int_equal(v.n_offenders, 0);
	ledger_end();
}

/* ---- verdict ---- */

static void test_verdict(void **state)
{
	static const struct {
		double lost, late, busy, e2e;
		enum bench_exit code;
		const char *why;
	} rows[] = {
		{0, 0, 0.5, 10000, BENCH_OK, "3 of 3 thresholds met"},
		{0, 10, 0.9, 49000, BENCH_OK, "3 of 3"},
		{0, 0, 0.5, 60000, BENCH_THRESHOLD, "1 of 3 thresholds missed"},
		{0, 11, 0.5, 60000, BENCH_INVALID, "1.1 % of the sends left late"},
		{0, 0, 0.91, 10000, BENCH_INVALID, "a loop was 91 % busy"},
		{1, 11, 0.95, 60000, BENCH_INTEGRITY, "1 lost, 0 doubled"},
	};
	struct results r;
	struct judged j;

	(void)state;
	scene("phase steady 10s rate 100/s\nthreshold e2e.p99 < 50ms\nthreshold rate.acked >= 90/s\nthreshold "
	      "integrity.unknown == 0\n");
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(results_init(&r, &s), 0);
		hist_add(&r.timings[TIMING_E2E], (uint64_t)rows[i].e2e, 1000);
		r.counts[COUNT_SENT] = r.counts[COUNT_ACKED] = 1000;
		r.counts[COUNT_SECONDS] = 10;
		r.counts[COUNT_LATE] = rows[i].late;
		r.counts[COUNT_BUSY] = rows[i].busy;
		r.ledger.offences[OFFENCE_LOST] = (uint64_t)rows[i].lost;
		results_finish(&r);
		results_judge(&r, &j);
		assert_int_equal(j.code, rows[i].code);
		assert_non_null(strstr(j.why, rows[i].why));
		results_release(&r);
	}
	/* History that was not read back whole proves nothing. */
	assert_int_equal(results_init(&r, &s), 0);
	hist_add(&r.timings[TIMING_E2E], 10000, 1000);
	r.counts[COUNT_SENT] = r.counts[COUNT_ACKED] = 1000;
	r.counts[COUNT_SECONDS] = 10;
	r.ledger.unread = 3;
	results_finish(&r);
	results_judge(&r, &j);
	assert_int_equal(j.code, BENCH_INVALID);
	assert_non_null(strstr(j.why, "3 pairs could not be read back"));
	results_release(&r);
	/* Nothing sent, nothing measured: neither passes. */
	assert_int_equal(results_init(&r, &s), 0);
	results_finish(&r);
	results_judge(&r, &j);
	assert_int_equal(j.code, BENCH_INVALID);
	assert_false(j.thresholds[0].met || j.thresholds[0].measured);
	results_release(&r);
	pairing_release(&pairs);
}

static void test_values(void **state)
{
	static const struct {
		enum unit unit;
		double v;
		const char *text;
	} rows[] = {{UNIT_TIME, 999, "999 us"}, {UNIT_TIME, 1234, "1.23 ms"}, {UNIT_TIME, 12345, "12.3 ms"},
		{UNIT_TIME, 123456, "123 ms"}, {UNIT_TIME, 1234567, "1.23 s"}, {UNIT_RATE, 5000, "5,000/s"},
		{UNIT_RATE, 1.5, "1.5/s"}, {UNIT_SHARE, 0.0123, "1.23 %"}, {UNIT_COUNT, 1234567, "1,234,567"},
		{UNIT_COUNT, 0, "0"}};
	char text[32];

	(void)state;
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		value_text(rows[i].unit, rows[i].v, text);
		assert_string_equal(text, rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_constant),
		cmocka_unit_test(test_ramp),
		cmocka_unit_test(test_poisson),
		cmocka_unit_test(test_shards),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_payload),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_ledger_clean),
		cmocka_unit_test(test_ledger_lost),
		cmocka_unit_test(test_ledger_dup),
		cmocka_unit_test(test_ledger_unknown),
		cmocka_unit_test(test_ledger_order),
		cmocka_unit_test(test_ledger_corrupt),
		cmocka_unit_test(test_ledger_bounds),
		cmocka_unit_test(test_ledger_threads),
		cmocka_unit_test(test_verdict),
		cmocka_unit_test(test_values),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("bench_run", tests, NULL, NULL);
}
