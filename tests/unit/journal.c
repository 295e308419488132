/* The journal's promises, one level below the queue: what was synced is there after any tear of what was not, and each failing system call ends as promised. */
#include "server/journal/journal.h"
#include "server/queue/queue_loop.h"
#include "server/store/store_journal.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/chat-journal-XXXXXX");
	return mkdtemp(dir) && sodium_init() >= 0 ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	journal_io.pwrite = pwrite;
	journal_io.fdatasync = fdatasync;
	journal_io.ftruncate = ftruncate;
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct journal *open_journal(uint64_t segment_bytes)
{
	struct journal_config conf = {.dir = dir, .segment_bytes = segment_bytes};
	struct journal *j;
	char why[256];

	if (journal_open(&j, &conf, why))
		fail_msg("%s", why);
	return j;
}

static struct place append(struct journal *j, const char *body)
{
	_Alignas(8) uint8_t bytes[512];
	struct record r = {
		.type = RECORD_MESSAGE,
		.at = {journal_tail(j), 0},
		.time_ms = 1,
		.actor = 1,
		.peer = 2,
		.ordinal = 1,
		.client_id = STR("c-1"),
		.body = str_of(body),
	};

	record_encode(&r, bytes);
	assert_int_equal(journal_append(j, bytes, r.len), 0);
	return r.at;
}

static int count(void *ctx, const struct record *r, const uint8_t *bytes)
{
	(void)r, (void)bytes;
	++*(unsigned *)ctx;
	return 0;
}

static void crc_is_castagnoli(void **state)
{
	uint8_t zero[32] = {0};

	(void)state;
	/* RFC 3720 appendix B.4. */
	assert_int_equal(crc32c(0, zero, 32), 0x8a9136aa);
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
}

/* Whatever length the last, never synced part of the file has: the records before it stay, and the next append goes on from there. */
static void any_torn_tail_is_cut(void **state)
{
	struct place at[4];
	char path[128], why[256];
	struct journal *j = open_journal(1 << 20);

	(void)state;
	for (int i = 0; i < 4; i++)
		at[i] = append(j, "some text of a message");
	uint64_t tail = journal_tail(j);
	assert_int_equal(journal_sync(j), 0);
	journal_close(j);
	snprintf(path, sizeof path, "%s/%020d.seg", dir, 0);
	for (uint64_t len = tail - 1; len >= at[1].pos; len--) {
		unsigned n = 0;
		uint64_t end;
		assert_int_equal(truncate(path, (off_t)len), 0);
		j = open_journal(1 << 20);
		assert_int_equal(journal_scan(j, 0, 0, count, &n, &end), 0);
		assert_int_equal(n, len >= at[3].pos ? 3 : len >= at[2].pos ? 2 : 1);
		assert_int_equal(journal_recover(j, end, why), 0);
		assert_int_equal(journal_tail(j), end);
		append(j, "after the cut");
		assert_int_equal(journal_sync(j), 0);
		n = 0;
		uint64_t fresh_end;
		assert_int_equal(journal_scan(j, 0, 0, count, &n, &fresh_end), 0);
		assert_int_equal(fresh_end, journal_tail(j));
		assert_int_equal(journal_recover(j, end, why), 0);
		journal_close(j);
	}
}

enum { SECTOR = 512, IMAGES = 1000 };

static uint32_t below(uint32_t n)
{
	static uint32_t seed = 7;

	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* After a power cut any subset of the sectors that were written since the last sync may be there: what was synced stays whole, and of the rest only a
 * prefix of whole records is taken. */
static void unsynced_sectors_may_be_missing(void **state)
{
	char path[128], why[256];
	static char image[65536];
	struct place synced, last;
	struct journal *j = open_journal(1 << 20);

	(void)state;
	for (int i = 0; i < 20; i++)
		synced = append(j, "a text that was synced, and so acknowledged");
	assert_int_equal(journal_sync(j), 0);
	uint64_t safe = journal_tail(j);
	for (int i = 0; i < 100; i++)
		last = append(j, "a text that was written, and never synced or acknowledged");
	uint64_t end = journal_tail(j);
	journal_close(j);
	assert_true(last.pos > synced.pos && end < sizeof image);
	snprintf(path, sizeof path, "%s/%020d.seg", dir, 0);
	int fd = open(path, O_RDWR);
	assert_int_equal(pread(fd, image, end, 0), end);
	for (int n = 0; n < IMAGES; n++) {
		static char torn[65536];
		unsigned found = 0;
		uint64_t cut;
		memcpy(torn, image, end);
		for (uint64_t at = safe; at < end; at = (at / SECTOR + 1) * SECTOR)
			if (below(4) == 0)
				memset(torn + at, 0,
					(at / SECTOR + 1) * SECTOR < end ? (at / SECTOR + 1) * SECTOR - at : end - at);
		assert_int_equal(pwrite(fd, torn, end, 0), end);
		j = open_journal(1 << 20);
		assert_int_equal(journal_scan(j, 0, 0, count, &found, &cut), 0);
		assert_true(found >= 20 && cut >= safe && memcmp(torn, image, cut) == 0);
		assert_int_equal(journal_recover(j, cut, why), 0);
		journal_close(j);
	}
	close(fd);
}

/* Any single flipped byte of a record is noticed. */
static void any_flipped_byte_is_found(void **state)
{
	_Alignas(8) uint8_t bytes[512];
	struct record r = {.type = RECORD_MESSAGE,
		.at = {64, 0},
		.actor = 1,
		.peer = 2,
		.body = STR("hello"),
		.client_id = STR("abc")};
	struct record back;

	(void)state;
	record_encode(&r, bytes);
	assert_int_equal(record_decode(&back, bytes, sizeof bytes, 64, true), 0);
	assert_true(str_is(back.body, "hello") && str_is(back.client_id, "abc"));
	assert_int_equal(record_decode(&back, bytes, sizeof bytes, 72, true), -1);
	for (uint32_t i = 0; i < r.len * 8; i++) {
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(record_decode(&back, bytes, sizeof bytes, 64, true), -1);
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t n = 0; n < r.len; n++)
		assert_int_equal(record_decode(&back, bytes, n, 64, true), -1);
}

static void damage_inside_is_refused(void **state)
{
	char why[256] = "", path[128];
	struct store *s;
	struct journal *j = open_journal(200);

	(void)state;
	append(j, "first");
	append(j, "second");
	assert_int_equal(journal_sync(j), 0);
	assert_true(journal_full(j));
	assert_int_equal(journal_roll(j), 0);
	append(j, "third");
	assert_int_equal(journal_sync(j), 0);
	journal_close(j);
	snprintf(path, sizeof path, "%s/%020d.seg", dir, 0);
	int fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "X", 1, 100), 1);
	close(fd);
	j = open_journal(200);
	assert_int_equal(store_journal_new(&s, j, dir, why), -1);
	assert_non_null(strstr(why, "damaged"));
	journal_close(j);
}

static void lost_key_is_not_drawn_again(void **state)
{
	char path[128], why[256];
	struct journal_config conf = {.dir = dir, .segment_bytes = 1 << 20};
	struct journal *j = open_journal(1 << 20);

	(void)state;
	journal_close(j);
	snprintf(path, sizeof path, "%s/meta", dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(journal_open(&j, &conf, why), -1);
}

/* ---- failing system calls, seen from the queue ---- */

/* There may be more segments than descriptors. */
static void segments_outnumber_descriptors(void **state)
{
	enum { SEGMENTS = 300, DESCRIPTORS = 100 };
	struct place at[SEGMENTS];
	struct rlimit before, few;
	struct record r;
	uint8_t *bytes = NULL;
	size_t cap = 0;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){DESCRIPTORS, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	struct journal *j = open_journal(SEGMENT_HEAD + 1);
	for (unsigned i = 0; i < SEGMENTS; i++) {
		at[i] = append(j, "hello");
		assert_int_equal(journal_sync(j), 0);
		assert_int_equal(journal_roll(j), 0);
	}
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < SEGMENTS; i++)
			assert_int_equal(journal_read(j, at[i * 7 % SEGMENTS], &r, &bytes, &cap), 1);
		journal_close(j);
		j = open_journal(SEGMENT_HEAD + 1);
	}
	assert_int_equal(journal_segments(j), SEGMENTS + 1);
	journal_close(j);
	free(bytes);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static int fail_at, calls, fail_with;

static ssize_t failing_pwrite(int fd, const void *p, size_t n, off_t at)
{
	if (++calls == fail_at) {
		errno = fail_with;
		if (fail_with == 0) /* cut short */
			return pwrite(fd, p, n / 2, at);
		return -1;
	}
	return pwrite(fd, p, n, at);
}

static int failing_fdatasync(int fd)
{
	if (++calls == fail_at) {
		errno = fail_with;
		return -1;
	}
	return fdatasync(fd);
}

struct watcher {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct store *store;
	unsigned ok, full;
	bool failed;
};

static int consume(void *ctx, struct commit *c)
{
	struct watcher *w = ctx;

	assert_int_equal(store_apply(w->store, c), 0);
	pthread_mutex_lock(&w->lock);
	for (uint32_t i = 0; i < c->n_outcomes; i++) {
		w->ok += c->outcomes[i].err == ERR_OK;
		w->full += c->outcomes[i].err == ERR_INSUFFICIENT_STORAGE;
	}
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
	commit_unref(c);
	return 0;
}

static void failed(void *ctx, const char *why)
{
	struct watcher *w = ctx;

	(void)why;
	pthread_mutex_lock(&w->lock);
	w->failed = true;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

static void send_one(struct queue *q, unsigned n)
{
	struct op_batch *b = op_batch_new();
	struct op *op = op_batch_add(b);
	char id[16];

	snprintf(id, sizeof id, "id-%u", n);
	*op = (struct op){.type = OP_SEND,
		.actor = 1,
		.peer = 2,
		.client_id = op_batch_copy(b, str_of(id)),
		.body = op_batch_copy(b, STR("text"))};
	queue_enqueue(q, b);
}

/* Sends until `n` were answered or the queue gave up. */
static void send_and_wait(struct queue *q, struct watcher *w, unsigned first, unsigned n)
{
	for (unsigned i = 0; i < n && !w->failed; i++) {
		pthread_mutex_lock(&w->lock);
		unsigned before = w->ok + w->full;
		pthread_mutex_unlock(&w->lock);
		send_one(q, first + i);
		pthread_mutex_lock(&w->lock);
		while (w->ok + w->full == before && !w->failed)
			pthread_cond_wait(&w->changed, &w->lock);
		pthread_mutex_unlock(&w->lock);
	}
}

static struct queue *open_queue(struct journal **j, struct watcher *w)
{
	struct queue_sink sink = {.consume = consume, .failed = failed, .ctx = w};
	char why[256];

	*w = (struct watcher){.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
	*j = open_journal(600);
	if (store_journal_new(&w->store, *j, dir, why))
		fail_msg("%s", why);
	return queue_journal_new(*j, w->store, &sink);
}

static void close_queue(struct queue *q, struct journal *j, struct watcher *w)
{
	queue_free(q);
	store_free(w->store);
	journal_close(j);
}

enum { SENDS = 12 };

/* The n-th call fails, for every n that 12 sends over three segments make; then a restart must find exactly what was acknowledged, or that
 * and what was written without an answer: nothing acknowledged may be missing. */
static void each_failure(int error, bool in_sync, bool fatal)
{
	for (fail_at = 1; fail_at <= 2 * SENDS; fail_at++) {
		struct watcher w;
		struct journal *j;
		struct page p;
		setup(NULL);
		struct queue *q = open_queue(&j, &w);
		calls = 0;
		fail_with = error;
		if (in_sync)
			journal_io.fdatasync = failing_fdatasync;
		else
			journal_io.pwrite = failing_pwrite;
		send_and_wait(q, &w, 0, SENDS);
		bool reached = calls >= fail_at;
		journal_io.fdatasync = fdatasync;
		journal_io.pwrite = pwrite;
		assert_int_equal(w.failed, fatal && reached);
		unsigned ok = w.ok;
		if (!fatal)
			assert_int_equal(ok + w.full, SENDS);
		if (!fatal && error == 0)
			assert_int_equal(ok, SENDS);
		close_queue(q, j, &w);

		q = open_queue(&j, &w);
		page_init(&p);
		assert_int_equal(store_unread(w.store, 2, 0, 0, 100, &p), 0);
		assert_true(p.n == ok || (fatal && p.n == ok + 1));
		page_release(&p);
		close_queue(q, j, &w);
		teardown(NULL);
	}
	setup(NULL);
}

static void write_error_is_final(void **state)
{
	(void)state;
	each_failure(EIO, false, true);
}

static void sync_error_is_final(void **state)
{
	(void)state;
	each_failure(EIO, true, true);
}

static void interrupted_and_short_writes_go_on(void **state)
{
	(void)state;
	each_failure(0, false, false);
	teardown(NULL);
	each_failure(EINTR, false, false);
}

static void full_disk_heals(void **state)
{
	struct watcher w;
	struct journal *j;

	(void)state;
	each_failure(ENOSPC, false, false);
	struct queue *q = open_queue(&j, &w);
	calls = 0;
	fail_at = 1;
	fail_with = EDQUOT;
	journal_io.pwrite = failing_pwrite;
	send_and_wait(q, &w, 0, 1);
	assert_int_equal(w.full, 1);
	assert_false(queue_ready(q));
	/* The same client_id again, until there is space: it must become one message. */
	while (w.ok == 0)
		send_and_wait(q, &w, 0, 1);
	assert_true(queue_ready(q));
	assert_int_equal(store_unread_total(w.store, 2), 1);
	close_queue(q, j, &w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc_is_castagnoli),
		cmocka_unit_test_setup_teardown(any_torn_tail_is_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(unsynced_sectors_may_be_missing, setup, teardown),
		cmocka_unit_test(any_flipped_byte_is_found),
		cmocka_unit_test_setup_teardown(damage_inside_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(lost_key_is_not_drawn_again, setup, teardown),
		cmocka_unit_test_setup_teardown(write_error_is_final, NULL, teardown),
		cmocka_unit_test_setup_teardown(sync_error_is_final, NULL, teardown),
		cmocka_unit_test_setup_teardown(interrupted_and_short_writes_go_on, NULL, teardown),
		cmocka_unit_test_setup_teardown(segments_outnumber_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(full_disk_heals, NULL, teardown),
	};
	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
