/* The contract of queue and store, run over each implementation side by side: random sends, repeats and marks go to both, and everything that can
 * be read must be the same. The journal has tiny segments, so that sealing, merging and restarts with and without snapshots happen all the time. */
#include "server/journal/journal.h"
#include "server/queue/queue_loop.h"
#include "server/store/store_journal.h"
#include "server/store/store_memory.h"
#include <ftw.h>
#include <pthread.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { USERS = 5, ROUNDS = 300, MESSAGES_MAX = 8192, RIGS = 2 };

struct rig {
	char dir[64]; /* empty: memory */
	struct journal *journal;
	struct store *store;
	struct queue *queue;
	pthread_mutex_t lock;
	pthread_cond_t done;
	struct outcome *outcomes; /* of the batch under way */
	uint32_t n_outcomes, commits;
	struct place place[MESSAGES_MAX];
	bool failed;
};

struct sent {
	uint32_t from, to, ordinal;
};
static struct sent messages[MESSAGES_MAX];
static uint32_t n_messages;
static struct rig rigs[RIGS];
static uint32_t seed;

static uint32_t rnd(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

static int consume(void *ctx, struct commit *c)
{
	struct rig *r = ctx;

	assert_int_equal(store_apply(r->store, c), 0);
	pthread_mutex_lock(&r->lock);
	r->outcomes = realloc(r->outcomes, (r->n_outcomes + c->n_outcomes + 1) * sizeof *r->outcomes);
	if (c->n_outcomes)
		memcpy(r->outcomes + r->n_outcomes, c->outcomes, c->n_outcomes * sizeof *r->outcomes);
	r->n_outcomes += c->n_outcomes;
	r->commits++;
	pthread_cond_signal(&r->done);
	pthread_mutex_unlock(&r->lock);
	commit_unref(c);
	return 0;
}

static void failed(void *ctx, const char *why)
{
	struct rig *r = ctx;

	(void)why;
	pthread_mutex_lock(&r->lock);
	r->failed = true;
	pthread_cond_signal(&r->done);
	pthread_mutex_unlock(&r->lock);
}

/* User 5 blocks user 1 all the time: some sends are refused, and some of her marks are hidden. */
static bool blocks_at_all;
static bool blocks(void *ctx, uint32_t user, uint32_t whom)
{
	(void)ctx;
	return blocks_at_all && user == 5 && whom == 1;
}

static void rig_open(struct rig *r)
{
	struct queue_sink sink = {.consume = consume, .failed = failed, .ctx = r, .blocks = blocks};
	struct journal_config conf = {.dir = r->dir, .segment_bytes = 4096};
	char why[256] = "";

	if (!r->dir[0]) {
		struct token_key key = {{1, 2, 3}, 7};
		r->store = store_memory_new(&key);
		r->queue = queue_memory_new(r->store, &sink);
		return;
	}
	if (journal_open(&r->journal, &conf, why) || store_journal_new(&r->store, r->journal, r->dir, why))
		fail_msg("%s", why);
	r->queue = queue_journal_new(r->journal, r->store, &sink);
}

static void rig_close(struct rig *r, bool snapshot)
{
	queue_stop(r->queue);
	if (r->journal && snapshot)
		store_journal_snapshot(r->store);
	queue_free(r->queue);
	store_free(r->store);
	journal_close(r->journal);
	free(r->outcomes);
	r->outcomes = NULL;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int setup(void **state)
{
	(void)state;
	assert_true(sodium_init() >= 0);
	const char *given = getenv("SEED");
	seed = given ? (uint32_t)strtoul(given, NULL, 10) : 12345;
	memset(rigs, 0, sizeof rigs);
	n_messages = 0;
	for (int i = 0; i < RIGS; i++) {
		pthread_mutex_init(&rigs[i].lock, NULL);
		pthread_cond_init(&rigs[i].done, NULL);
	}
	snprintf(rigs[1].dir, sizeof rigs[1].dir, "/tmp/chat-queue-store-XXXXXX");
	assert_non_null(mkdtemp(rigs[1].dir));
	for (int i = 0; i < RIGS; i++)
		rig_open(&rigs[i]);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < RIGS; i++)
		rig_close(&rigs[i], true);
	nftw(rigs[1].dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return 0;
}

/* One op, as each rig is to be told it. */
struct step {
	struct op op;
	uint32_t message; /* marks: which one */
	char client_id[32], body[64];
};

static void run(struct rig *r, const struct step *steps, uint32_t n)
{
	struct op_batch *b = op_batch_new();
	uint32_t want = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct op *op = op_batch_add(b);
		*op = steps[i].op;
		op->index = i;
		op->client_id = op_batch_copy(b, str_of(steps[i].client_id));
		op->body = op_batch_copy(b, str_of(steps[i].body));
		if (op->type != OP_SEND)
			op->target = r->place[steps[i].message];
		want += !op->silent;
	}
	pthread_mutex_lock(&r->lock);
	r->n_outcomes = 0;
	uint32_t commits = r->commits;
	pthread_mutex_unlock(&r->lock);
	queue_enqueue(r->queue, b);
	pthread_mutex_lock(&r->lock);
	while ((r->n_outcomes < want || r->commits == commits) && !r->failed)
		pthread_cond_wait(&r->done, &r->lock);
	assert_false(r->failed);
	assert_int_equal(r->n_outcomes, want);
	pthread_mutex_unlock(&r->lock);
}

/* Both were told the same; their answers must agree, and new messages are noted. */
static void compare_outcomes(const struct step *steps)
{
	for (uint32_t i = 0; i < rigs[0].n_outcomes; i++) {
		const struct outcome *a = &rigs[0].outcomes[i], *b = &rigs[1].outcomes[i];
		assert_int_equal(a->index, b->index);
		assert_int_equal(a->err, b->err);
		assert_int_equal(a->replayed, b->replayed);
		assert_int_equal(a->ordinal, b->ordinal);
		assert_int_equal(a->unread, b->unread);
		assert_int_equal(a->record == RECORD_NONE, b->record == RECORD_NONE);
		assert_string_equal(a->client_id, b->client_id);
		if (a->type != OP_SEND || a->err || a->replayed)
			continue;
		const struct op *op = &steps[a->index].op;
		messages[n_messages] = (struct sent){op->actor, op->peer, a->ordinal};
		rigs[0].place[n_messages] = a->at;
		rigs[1].place[n_messages++] = b->at;
	}
}

static uint32_t number_of(struct rig *r, struct place at)
{
	for (uint32_t i = 0; i < n_messages; i++)
		if (r->place[i].pos == at.pos && r->place[i].crc == at.crc)
			return i;
	return UINT32_MAX;
}

static uint64_t delivered_sum; /* of a whole stream: 0 when both have the same */

static void compare_pages(struct page *a, struct page *b)
{
	assert_int_equal(a->n, b->n);
	assert_int_equal(a->more, b->more);
	for (uint32_t i = 0; i < a->n; i++) {
		const struct stored *x = &a->items[i], *y = &b->items[i];
		struct place px = x->rec.type == RECORD_MESSAGE ? x->rec.at : x->rec.link;
		struct place py = y->rec.type == RECORD_MESSAGE ? y->rec.at : y->rec.link;
		assert_int_equal(x->rec.type, y->rec.type);
		assert_int_equal(x->rec.flags, y->rec.flags);
		if (x->rec.type == RECORD_DELIVERED) {
			/* One ack marks many conversations; in which order is not promised. All of them together must agree. */
			delivered_sum += number_of(&rigs[0], px) * 31ull + x->rec.ordinal;
			delivered_sum -= number_of(&rigs[1], py) * 31ull + y->rec.ordinal;
			continue;
		}
		assert_int_equal(x->rec.ordinal, y->rec.ordinal);
		assert_int_equal(number_of(&rigs[0], px), number_of(&rigs[1], py));
		assert_true(str_eq(x->rec.body, y->rec.body));
		assert_true(str_eq(x->rec.client_id, y->rec.client_id));
		assert_int_equal(x->delivered_ms == 0, y->delivered_ms == 0);
		assert_int_equal(x->read_ms == 0, y->read_ms == 0);
	}
}

/* Walks the stream of a user in pages of `limit` in both, checking the chain of back pointers on the way. */
static void compare_stream(uint32_t user, uint32_t limit)
{
	struct place at[RIGS] = {{0, 0}, {0, 0}};
	bool more = true;

	delivered_sum = 0;
	while (more) {
		struct page p[RIGS];
		enum stream_answer answer;
		for (int i = 0; i < RIGS; i++) {
			page_init(&p[i]);
			assert_int_equal(store_stream(rigs[i].store, user, at[i], limit, &answer, &p[i]), 0);
			assert_int_equal(answer, STREAM_OK);
			for (uint32_t k = 0; k < p[i].n; k++) {
				const struct record *r = &p[i].items[k].rec;
				bool as_actor = r->actor == user && r->type != RECORD_DELIVERED;
				struct place prev = as_actor ? r->prev_actor : r->prev_peer;
				assert_true(prev.pos == at[i].pos && prev.crc == at[i].crc);
				at[i] = r->at;
			}
		}
		compare_pages(&p[0], &p[1]);
		more = p[0].more;
		for (int i = 0; i < RIGS; i++)
			page_release(&p[i]);
	}
	assert_int_equal(delivered_sum, 0);
	for (int i = 0; i < RIGS; i++) {
		struct place head = store_head(rigs[i].store, user);
		assert_true(head.pos == at[i].pos && head.crc == at[i].crc);
	}
}

static void compare_unread(uint32_t user, uint32_t from, uint32_t limit)
{
	uint64_t after[RIGS] = {0, 0}, seen = 0;
	bool more = true;

	while (more) {
		struct page p[RIGS];
		for (int i = 0; i < RIGS; i++) {
			page_init(&p[i]);
			assert_int_equal(store_unread(rigs[i].store, user, from, after[i], limit, &p[i]), 0);
			if (p[i].n)
				after[i] = p[i].items[p[i].n - 1].rec.at.pos;
		}
		compare_pages(&p[0], &p[1]);
		more = p[0].more;
		seen += p[0].n;
		for (int i = 0; i < RIGS; i++)
			page_release(&p[i]);
	}
	if (!from)
		for (int i = 0; i < RIGS; i++)
			assert_int_equal(store_unread_total(rigs[i].store, user), seen);
}

static uint32_t number_or_none(struct rig *r, struct place at)
{
	return at.pos ? number_of(r, at) : UINT32_MAX;
}

/* Walks a conversation in pages from a random message of it, or from its end, backward or forward. */
static void compare_history(uint32_t user, uint32_t with, uint32_t limit)
{
	struct history_query q[RIGS];
	uint32_t from = n_messages && rnd(2) ? rnd(n_messages) : UINT32_MAX;
	bool more = true, forward = from != UINT32_MAX && rnd(2);

	for (int i = 0; i < RIGS; i++)
		q[i] = (struct history_query){
			user, with, from == UINT32_MAX ? (struct place){0, 0} : rigs[i].place[from], forward, limit};
	while (more) {
		struct page p[RIGS];
		enum stream_answer answer[RIGS];
		for (int i = 0; i < RIGS; i++) {
			page_init(&p[i]);
			assert_int_equal(store_history(rigs[i].store, &q[i], &answer[i], &p[i]), 0);
			if (p[i].n)
				q[i].at = p[i].items[p[i].n - 1].rec.at;
		}
		assert_int_equal(answer[0], answer[1]);
		compare_pages(&p[0], &p[1]);
		for (uint32_t k = 1; k < p[1].n; k++)
			assert_true((p[1].items[k].rec.at.pos > p[1].items[k - 1].rec.at.pos) == forward);
		more = p[0].more;
		for (int i = 0; i < RIGS; i++)
			page_release(&p[i]);
	}
}

static void compare_conversations(uint32_t user, uint32_t limit)
{
	struct place after[RIGS] = {{0, 0}, {0, 0}};
	bool more = true;
	uint64_t unread = 0;

	while (more) {
		struct page p[RIGS];
		struct conversation list[RIGS][USERS + 1];
		for (int i = 0; i < RIGS; i++) {
			page_init(&p[i]);
			assert_int_equal(store_conversations(rigs[i].store, user, after[i], limit, list[i], &p[i]), 0);
			if (p[i].n)
				after[i] = p[i].items[p[i].n - 1].rec.at;
		}
		compare_pages(&p[0], &p[1]);
		for (uint32_t k = 0; k < p[0].n; k++) {
			const struct conversation *a = &list[0][k], *b = &list[1][k];
			assert_int_equal(a->with, b->with);
			assert_int_equal(a->unread, b->unread);
			assert_int_equal(
				number_or_none(&rigs[0], a->read_up_to), number_or_none(&rigs[1], b->read_up_to));
			assert_int_equal(number_or_none(&rigs[0], a->peer_read_up_to),
				number_or_none(&rigs[1], b->peer_read_up_to));
			assert_int_equal(number_or_none(&rigs[0], a->peer_delivered_up_to),
				number_or_none(&rigs[1], b->peer_delivered_up_to));
			unread += a->unread;
		}
		more = p[0].more;
		for (int i = 0; i < RIGS; i++)
			page_release(&p[i]);
	}
	assert_int_equal(unread, store_unread_total(rigs[0].store, user));
}

static void compare_message(uint32_t k)
{
	struct page p[RIGS];

	for (int i = 0; i < RIGS; i++) {
		page_init(&p[i]);
		assert_int_equal(store_get(rigs[i].store, rigs[i].place[k], &p[i]), 1);
		struct place wrong = {rigs[i].place[k].pos, rigs[i].place[k].crc + 1};
		assert_int_equal(store_get(rigs[i].store, wrong, &p[i]), 0);
	}
	compare_pages(&p[0], &p[1]);
	for (int i = 0; i < RIGS; i++)
		page_release(&p[i]);
}

static void random_step(struct step *s)
{
	uint32_t what = n_messages ? rnd(10) : 0;

	*s = (struct step){0};
	if (what < 6) {
		s->op = (struct op){.type = OP_SEND, .actor = 1 + rnd(USERS), .peer = 1 + rnd(USERS)};
		/* A small choice of client_ids: many repeats, some with other content. */
		snprintf(s->client_id, sizeof s->client_id, "c%u", rnd(what == 0 ? 20 : 100000));
		snprintf(s->body, sizeof s->body, "text %u", rnd(3));
		return;
	}
	s->message = rnd(8) ? n_messages - 1 - rnd(n_messages < 30 ? n_messages : 30) : rnd(n_messages);
	const struct sent *m = &messages[s->message];
	s->op = (struct op){
		.type = what < 8 ? OP_READ : OP_DELIVERED,
		.flags = rnd(3) ? 0 : RECORD_UP_TO,
		.silent = what >= 8,
		.actor = m->to,
		.peer = what == 9 ? 0 : m->from,
		.ordinal = m->ordinal,
	};
}

static void both_agree(void **state)
{
	struct step steps[12];

	(void)state;
	for (uint32_t round = 0; round < ROUNDS; round++) {
		uint32_t n = 1 + rnd(12);
		blocks_at_all = round % 8 > 4;
		for (uint32_t i = 0; i < n; i++)
			random_step(&steps[i]);
		for (int i = 0; i < RIGS; i++)
			run(&rigs[i], steps, n);
		compare_outcomes(steps);
		if (n_messages)
			compare_message(rnd(n_messages));
		compare_unread(1 + rnd(USERS), rnd(USERS + 1), 1 + rnd(7));
		compare_stream(1 + rnd(USERS), 1 + rnd(40));
		compare_history(1 + rnd(USERS), 1 + rnd(USERS), 1 + rnd(7));
		compare_conversations(1 + rnd(USERS), 1 + rnd(USERS));
		if (round % 20 == 19) {
			bool snapshot = rnd(2);
			rig_close(&rigs[1], snapshot);
			rig_open(&rigs[1]);
			for (uint32_t u = 1; u <= USERS; u++) {
				compare_stream(u, 50);
				compare_unread(u, 0, 50);
				compare_conversations(u, USERS);
			}
		}
	}
	for (uint32_t k = 0; k < n_messages; k++)
		compare_message(k);
}

static void foreign_cursor_is_unknown(void **state)
{
	struct step s = {.op = {.type = OP_SEND, .actor = 1, .peer = 2}, .client_id = "x", .body = "y"};

	(void)state;
	for (int i = 0; i < RIGS; i++) {
		enum stream_answer answer;
		struct page p;
		run(&rigs[i], &s, 1);
		struct place at = rigs[i].outcomes[0].at;
		page_init(&p);
		assert_int_equal(store_stream(rigs[i].store, 3, at, 10, &answer, &p), 0);
		assert_int_equal(answer, STREAM_UNKNOWN);
		at.pos += 8;
		assert_int_equal(store_stream(rigs[i].store, 1, at, 10, &answer, &p), 0);
		assert_int_equal(answer, STREAM_UNKNOWN);
		page_release(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(both_agree, setup, teardown),
		cmocka_unit_test_setup_teardown(foreign_cursor_is_unknown, setup, teardown),
	};
	return cmocka_run_group_tests_name("queue and store", tests, NULL, NULL);
}
