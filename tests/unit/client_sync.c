/* The engine without a server: what is promised of disk, queues and ends. With one it is tested by tests/clients/200-devices.t. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/clock.h"
#include "common/client/sync.h"
#include <arpa/inet.h>
#include <cmocka.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000 };

struct place {
	char dir[64], path[700];
	struct profile profile;
	struct sync *sync;
	struct client_db *db;
	int listener; /* takes connections and says nothing; -1: nobody is there */
};

static void begin(struct place *p)
{
	char why[256] = "";

	p->sync = sync_new(&p->profile, p->path, why);
	if (!p->sync)
		fail_msg("%s", why);
	if (!p->db)
		p->db = client_db_open(p->path, p->profile.url, "ada", why);
	assert_non_null(p->db);
}

static int set_up(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;

	snprintf(p->dir, sizeof p->dir, "%s", "/tmp/chat-unit.XXXXXX");
	if (!mkdtemp(p->dir) || setenv("CHAT_CONFIG_DIR", p->dir, 1) || client_db_path("ada", true, p->path))
		return -1;
	p->listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(p->listener, (struct sockaddr *)&a, sizeof a) || getsockname(p->listener, (struct sockaddr *)&a, &n))
		return -1;
	snprintf(p->profile.url, sizeof p->profile.url, "http://127.0.0.1:%u", ntohs(a.sin_port));
	snprintf(p->profile.user, sizeof p->profile.user, "ada");
	snprintf(p->profile.token, sizeof p->profile.token, "secret");
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;
	char command[128];

	sync_free(p->sync, 0);
	client_db_close(p->db);
	close(p->listener);
	snprintf(command, sizeof command, "rm -rf '%s'", p->dir);
	int rc = system(command);
	free(p);
	return rc;
}

/* The next event of that kind; others are passed over. */
static struct sync_event await(struct place *p, enum sync_what what)
{
	uint64_t until = clock_mono_us() + PATIENCE_MS * 1000ull;
	struct pollfd fd = {.fd = sync_fd(p->sync), .events = POLLIN};
	struct sync_event e;

	while (clock_mono_us() < until) {
		while (sync_next(p->sync, &e)) {
			if (e.what == what)
				return e;
			sync_event_release(&e);
		}
		assert_true(poll(&fd, 1, 1000) >= 0);
	}
	fail_msg("no event %d came", what);
	return e;
}

static int count(void *ctx, const struct outbox_entry *e)
{
	(void)e;
	++*(unsigned *)ctx;
	return 0;
}

static void what_is_refused_at_once(void **state)
{
	struct place *p = *state;
	char *long_text = calloc(1, 16386);

	begin(p);
	memset(long_text, 'x', 16385);
	const struct sync_job bad[] = {
		{.work = SYNC_SEND, .with = "Bob", .text = "x"},
		{.work = SYNC_SEND, .with = "../x", .text = "x"},
		{.work = SYNC_SEND, .with = "bob"},
		{.work = SYNC_SEND, .with = "bob", .text = long_text},
		{.work = SYNC_SEND, .text = "x"},
		{.work = SYNC_SEND, .with = "bob", .text = "x", .client_id = "a b"},
		{.work = SYNC_READ, .with = "bob", .id = "a/b"},
		{.work = SYNC_WHO},
		{.work = (enum sync_work)99},
	};
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(sync_post(p->sync, &bad[i]), 0);
	free(long_text);
}

/* What is told is on disk; nobody is there to take it; the next run has it still. */
static void offline(void **state)
{
	struct place *p = *state;
	struct outbox_entry entry;
	struct sync_event e;

	begin(p);
	do {
		e = await(p, SYNC_STATE);
	} while (e.state != SYNC_OFFLINE);
	assert_true(e.why[0]);
	assert_true(e.until_us > 0);
	int64_t job = sync_post(p->sync, &(struct sync_job){.work = SYNC_SEND, .with = "bob", .text = "hello"});
	assert_true(job > 0);
	e = await(p, SYNC_ENTRY);
	assert_int_equal(e.job, job);
	assert_int_equal(e.entry, SYNC_WAITING);
	assert_string_equal(e.with, "bob");
	assert_int_equal(client_db_entry(p->db, e.client_id, &entry), 0);
	assert_string_equal(entry.body, "hello");
	free((char *)entry.body);
	do {
		e = await(p, SYNC_ENTRY);
	} while (e.entry != SYNC_LATER);
	assert_true(e.why[0]);
	job = sync_post(p->sync, &(struct sync_job){.work = SYNC_WHO, .with = "bob"});
	e = await(p, SYNC_FAILED);
	assert_int_equal(e.job, job);
	assert_true(e.why[0]);
	sync_free(p->sync, 100);
	begin(p);
	do {
		e = await(p, SYNC_ENTRY);
	} while (e.entry != SYNC_WAITING);
	assert_true(sync_post(p->sync, &(struct sync_job){.work = SYNC_DROP, .client_id = e.client_id}) > 0);
	do {
		e = await(p, SYNC_ENTRY);
	} while (e.entry != SYNC_DROPPED);
	unsigned n = 0;
	assert_int_equal(client_db_entries(p->db, false, count, &n), 0);
	assert_int_equal(n, 0);
}

/* Requests hang; what a person writes does not, nor does the end. What was posted before the end is on disk. */
static void a_server_that_says_nothing(void **state)
{
	struct place *p = *state;
	unsigned n = 0;

	assert_int_equal(listen(p->listener, 100), 0);
	begin(p);
	assert_true(sync_post(p->sync, &(struct sync_job){.work = SYNC_OLDER, .with = "bob"}) > 0);
	for (unsigned i = 0; i < 50; i++) {
		uint64_t began = clock_mono_us();
		assert_true(sync_post(p->sync, &(struct sync_job){.work = SYNC_SEND, .with = "bob", .text = "x"}) > 0);
		assert_true(clock_mono_us() - began < 100000);
		while (await(p, SYNC_ENTRY).entry != SYNC_WAITING)
			;
		assert_true(clock_mono_us() - began < 5000000);
	}
	for (unsigned i = 0; i < 50; i++)
		assert_true(sync_post(p->sync, &(struct sync_job){.work = SYNC_SEND, .with = "bob", .text = "y"}) > 0);
	uint64_t began = clock_mono_us();
	sync_free(p->sync, 100);
	p->sync = NULL;
	assert_true(clock_mono_us() - began < 6000000);
	assert_int_equal(client_db_entries(p->db, false, count, &n), 0);
	assert_int_equal(n, 100);
}

static void queues_have_a_maximum(void **state)
{
	enum { JOBS = SYNC_EVENTS_MAX + SYNC_JOBS_MAX + 500 };
	struct place *p = *state;
	unsigned refused = 0, posted = 0, events = 0;
	struct sync_event e;
	uint64_t until = clock_mono_us() + 60000000;

	begin(p);
	while (posted < JOBS && clock_mono_us() < until) {
		bool taken = sync_post(p->sync, &(struct sync_job){.work = SYNC_DROP, .client_id = "none"}) > 0;
		posted += taken;
		refused += !taken;
		if (!taken)
			sched_yield();
	}
	assert_int_equal(posted, JOBS);
	assert_true(refused > 0);
	for (bool look_again = false; !look_again && clock_mono_us() < until;) {
		while (sync_next(p->sync, &e)) {
			look_again |= e.what == SYNC_LOOK_AGAIN;
			events++;
			sync_event_release(&e);
		}
	}
	assert_true(clock_mono_us() < until);
	assert_true(events < JOBS);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_is_refused_at_once),
		TEST(offline),
		TEST(a_server_that_says_nothing),
		TEST(queues_have_a_maximum),
	};
	return cmocka_run_group_tests_name("client_sync", tests, NULL, NULL);
}
