/* What a start makes of runs and snapshots that do not fit the journal, and what several threads see while it grows. */
#include "common/base/clock.h"
#include "server/journal/journal.h"
#include "server/queue/queue_loop.h"
#include "server/store/run.h"
#include "server/store/store_journal.h"
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { SEGMENT = 4096, TEXT_BYTES = 400 };

struct rig {
	struct journal *journal;
	struct store *store;
	struct queue *queue;
	pthread_mutex_t lock;
	pthread_cond_t done;
	struct outcome last;
	uint32_t commits;
};
static struct rig rig;
static char dir[64];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int consume(void *ctx, struct commit *c)
{
	struct rig *r = ctx;

	assert_int_equal(store_apply(r->store, c), 0);
	pthread_mutex_lock(&r->lock);
	if (c->n_outcomes)
		r->last = c->outcomes[c->n_outcomes - 1];
	r->commits++;
	pthread_cond_signal(&r->done);
	pthread_mutex_unlock(&r->lock);
	commit_unref(c);
	return 0;
}

static void failed(void *ctx, const char *why)
{
	(void)ctx;
	fail_msg("%s", why);
}

static int rig_try(char why[256])
{
	struct journal_config conf = {.dir = dir, .segment_bytes = SEGMENT};
	struct queue_sink sink = {.consume = consume, .failed = failed, .ctx = &rig};

	rig.store = NULL;
	rig.queue = NULL;
	if (journal_open(&rig.journal, &conf, why))
		return -1;
	if (store_journal_new(&rig.store, rig.journal, dir, why)) {
		journal_close(rig.journal);
		return -1;
	}
	rig.queue = queue_journal_new(rig.journal, rig.store, &sink);
	return 0;
}

static void rig_open(void)
{
	char why[256] = "";

	if (rig_try(why))
		fail_msg("%s", why);
}

static void rig_close(bool snapshot)
{
	queue_stop(rig.queue);
	if (snapshot)
		store_journal_snapshot(rig.store);
	queue_free(rig.queue);
	store_free(rig.store);
	journal_close(rig.journal);
	rig.journal = NULL;
}

static int setup(void **state)
{
	(void)state;
	memset(&rig, 0, sizeof rig);
	pthread_mutex_init(&rig.lock, NULL);
	pthread_cond_init(&rig.done, NULL);
	snprintf(dir, sizeof dir, "/tmp/chat-replay-XXXXXX");
	return mkdtemp(dir) && sodium_init() >= 0 ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	if (rig.journal)
		rig_close(false);
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct outcome run(const struct op *op)
{
	struct op_batch *b = op_batch_new();
	struct op *to = op_batch_add(b);

	*to = *op;
	to->client_id = op_batch_copy(b, op->client_id);
	to->body = op_batch_copy(b, op->body);
	pthread_mutex_lock(&rig.lock);
	uint32_t commits = rig.commits;
	queue_enqueue(rig.queue, b);
	while (rig.commits == commits)
		pthread_cond_wait(&rig.done, &rig.lock);
	struct outcome o = rig.last;
	pthread_mutex_unlock(&rig.lock);
	return o;
}

static struct outcome send_one(unsigned number)
{
	char id[16], body[TEXT_BYTES];

	memset(body, 'x', sizeof body);
	struct op op = {.type = OP_SEND, .actor = 1, .peer = 2, .body = {body, sizeof body}};
	op.client_id = (struct str){id, (size_t)snprintf(id, sizeof id, "n%u", number)};
	struct outcome o = run(&op);
	assert_int_equal(o.err, ERR_OK);
	return o;
}

static struct outcome mark(enum op_type type, struct outcome message, bool up_to)
{
	return run(&(struct op){.type = type,
		.flags = up_to ? RECORD_UP_TO : 0,
		.actor = 2,
		.peer = 1,
		.target = message.at,
		.ordinal = message.ordinal});
}

/* The stream from the beginning is a chain without repeats: how long it is. */
static uint32_t stream_length(uint32_t user)
{
	enum stream_answer answer;
	struct place at = {0, 0};
	struct page p;

	page_init(&p);
	assert_int_equal(store_stream(rig.store, user, at, 1000, &answer, &p), 0);
	for (uint32_t i = 0; i < p.n; i++) {
		const struct record *r = &p.items[i].rec;
		struct place prev = r->actor == user ? r->prev_actor : r->prev_peer;
		assert_true(prev.pos == at.pos && prev.crc == at.crc);
		at = r->at;
	}
	uint32_t n = p.n;
	page_release(&p);
	return n;
}

/* The name of a file of the directory with that beginning, the last one in order of names. */
static void find_file(const char *begins, char out[512])
{
	char best[256] = "";
	DIR *d = opendir(dir);
	struct dirent *e;

	while ((e = readdir(d)))
		if (strncmp(e->d_name, begins, strlen(begins)) == 0 && strcmp(e->d_name, best) > 0)
			snprintf(best, sizeof best, "%s", e->d_name);
	closedir(d);
	assert_true(best[0] != 0);
	snprintf(out, 512, "%s/%s", dir, best);
}

static void damage(const char *path, off_t at)
{
	uint8_t byte;
	int fd = open(path, O_RDWR);

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 0x10;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static void a_damaged_run_is_made_again(void **state)
{
	char path[512];
	struct stat st;

	(void)state;
	rig_open();
	for (unsigned i = 0; i < 40; i++)
		send_one(i);
	rig_close(true);
	rig_open(); /* what the background had no time for is made at the start */
	rig_close(true);
	find_file("run-", path);
	assert_int_equal(stat(path, &st), 0);
	damage(path, st.st_size / 3);
	rig_open();
	assert_int_equal(stream_length(1), 40);
	assert_int_equal(stream_length(2), 40);
	assert_true(send_one(7).replayed);
}

/* Left over when an older copy of the other files was put back. */
static void a_run_beyond_the_tail_is_dropped(void **state)
{
	struct run_source nothing = {0};
	uint64_t from, upto;
	char path[512];

	(void)state;
	rig_open();
	for (unsigned i = 0; i < 40; i++)
		send_one(i);
	rig_close(false);
	rig_open();
	rig_close(false);
	find_file("run-", path);
	assert_int_equal(sscanf(strrchr(path, '/'), "/run-%20" SCNu64 "-%20" SCNu64, &from, &upto), 2);
	int fd = open(dir, O_RDONLY | O_DIRECTORY);
	assert_int_equal(run_write(fd, upto, upto + (1 << 20), &nothing), 0);
	close(fd);
	rig_open();
	assert_int_equal(stream_length(2), 40);
	assert_true(send_one(39).replayed);
	assert_false(send_one(40).replayed);
	assert_int_equal(stream_length(2), 41);
}

/* A run may end inside a segment: there was no space to begin the next one. */
static void a_run_inside_a_segment_repeats_nothing(void **state)
{
	(void)state;
	rig_open();
	for (unsigned i = 0; i < 3; i++)
		send_one(i);
	assert_int_equal(store_journal_seal(rig.store, journal_tail(rig.journal)), 0);
	rig_close(true);
	rig_open(); /* the run was perhaps not yet made */
	assert_int_equal(store_journal_seal(rig.store, journal_tail(rig.journal)), 0);
	for (unsigned i = 3; i < 6; i++)
		send_one(i);
	rig_close(true);
	rig_open();
	assert_int_equal(stream_length(2), 6);
}

/* What was durable is not taken for a torn tail and cut off, for then acknowledged messages would go without a word. */
static void damage_before_the_snapshot_is_told(void **state)
{
	char path[512], why[256] = "";

	(void)state;
	rig_open();
	struct place at = {0};
	for (unsigned i = 0; i < 5; i++) {
		struct outcome o = send_one(i);
		at = i == 2 ? o.at : at;
	}
	rig_close(true);
	find_file("00000000000000000000.seg", path);
	damage(path, (off_t)at.pos + RECORD_HEAD + 5);
	assert_int_equal(rig_try(why), -1);
	assert_non_null(strstr(why, "damaged"));
	damage(path, (off_t)at.pos + RECORD_HEAD + 5); /* undone */
	rig_open();
	assert_int_equal(stream_length(2), 5);
}

/* A later message's delivered mark covers the one that was read before; when that reached her does not change by it. */
static void delivered_is_no_later_than_read(void **state)
{
	struct page p;

	(void)state;
	rig_open();
	struct outcome first = send_one(1), second = send_one(2);
	assert_int_equal(mark(OP_READ, first, false).err, ERR_OK);
	page_init(&p);
	assert_int_equal(store_get(rig.store, first.at, &p), 1);
	uint64_t delivered = p.items[0].delivered_ms, read = p.items[0].read_ms;
	assert_true(read != 0 && delivered == read);
	while (clock_wall_ms() <= read + 1)
		;
	assert_int_equal(mark(OP_DELIVERED, second, true).err, ERR_OK);
	assert_int_equal(store_get(rig.store, first.at, &p), 1);
	assert_int_equal(p.items[1].delivered_ms, delivered);
	assert_int_equal(p.items[1].read_ms, read);
	page_release(&p);
}

/* The bound on isolated marks holds for new ops alone: what is in the journal can always be applied. */
static void durable_marks_have_no_bound(void **state)
{
	struct record r = {.type = RECORD_MESSAGE, .actor = 1, .peer = 2};
	struct heads *h = heads_new(), *again = heads_new();
	uint64_t pos = 64, upto;

	(void)state;
	for (uint32_t i = 1; i <= 2 * (SPANS_MAX + 2); i++, pos += 8) {
		r.at.pos = pos;
		r.ordinal = i;
		assert_int_equal(heads_apply(h, &r), 0);
	}
	r = (struct record){.type = RECORD_READ, .actor = 2, .peer = 1};
	for (uint32_t i = 1; i <= SPANS_MAX + 1; i++, pos += 8) {
		r.at.pos = pos;
		r.ordinal = 2 * i;
		assert_int_equal(heads_apply(h, &r), 0);
	}
	assert_int_equal(heads_unread(h, 2), SPANS_MAX + 3);
	struct marks m;
	assert_int_equal(marks_copy(&m, &heads_side(h, 1, 2)->read), 0);
	assert_int_equal(marks_add(&m, 2 * (SPANS_MAX + 2), r.at, false), -1);
	marks_release(&m);
	int fd = open(dir, O_RDONLY | O_DIRECTORY);
	assert_int_equal(heads_save(h, fd, pos), 0);
	assert_int_equal(heads_load(again, fd, pos + 8, &upto), 0);
	assert_int_equal(upto, pos);
	assert_int_equal(heads_unread(again, 2), SPANS_MAX + 3);
	close(fd);
	heads_free(h);
	heads_free(again);
}

static atomic_bool grown;
static struct place known;

static void *read_on(void *arg)
{
	uint8_t *bytes = NULL;
	size_t cap = 0;
	intptr_t bad = 0;

	(void)arg;
	while (!atomic_load(&grown)) {
		struct record r;
		bad += journal_read(rig.journal, known, &r, &bytes, &cap) != 1;
	}
	free(bytes);
	return (void *)bad;
}

/* The list of segments moves as it grows; whoever reads meanwhile must not be left with the old one. */
static void reading_while_segments_are_made(void **state)
{
	pthread_t reader[2];
	void *bad;

	(void)state;
	rig_open();
	known = send_one(0).at;
	atomic_store(&grown, false);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&reader[i], NULL, read_on, NULL), 0);
	while (journal_segments(rig.journal) < 300)
		assert_int_equal(journal_roll(rig.journal), 0); /* rolled when empty, too: the queue is idle */
	atomic_store(&grown, true);
	for (int i = 0; i < 2; i++) {
		pthread_join(reader[i], &bad);
		assert_null(bad);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_damaged_run_is_made_again, setup, teardown),
		cmocka_unit_test_setup_teardown(a_run_beyond_the_tail_is_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(a_run_inside_a_segment_repeats_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(damage_before_the_snapshot_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(delivered_is_no_later_than_read, setup, teardown),
		cmocka_unit_test_setup_teardown(durable_marks_have_no_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(reading_while_segments_are_made, setup, teardown),
	};
	return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
