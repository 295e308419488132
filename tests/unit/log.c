#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include <cmocka.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { THREADS = 4, LINES = 200, PACKET_MAX = 4096 };

/* Stands in for stderr: a socket of packets, where each write(2) is a packet of its own. */
struct rig {
	int real, far;
};

static int set_up(void **state)
{
	struct rig *r = malloc(sizeof *r);
	int pair[2];

	if (!r || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair))
		return -1;
	r->real = dup(STDERR_FILENO);
	r->far = pair[0];
	if (r->real < 0 || dup2(pair[1], STDERR_FILENO) < 0)
		return -1;
	close(pair[1]);
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *r = *state;

	log_set_level(LOG_INFO);
	dup2(r->real, STDERR_FILENO);
	close(r->real);
	close(r->far);
	free(r);
	return 0;
}

/* The next packet as a string without its newline, which is checked to be the only one. */
static void next_line(struct rig *r, char line[PACKET_MAX])
{
	ssize_t n = recv(r->far, line, PACKET_MAX - 1, 0);

	assert_true(n > 0);
	line[n] = 0;
	assert_ptr_equal(strchr(line, '\n'), line + n - 1);
	line[n - 1] = 0;
}

static bool silent(struct rig *r)
{
	char c;

	return recv(r->far, &c, 1, MSG_DONTWAIT) < 0;
}

static void test_form(void **state)
{
	struct rig *r = *state;
	char line[PACKET_MAX];
	uint64_t at, before = clock_wall_ms();

	log_event(LOG_WARN, "disk-full", "path=%s free=%d", "/x", 12);
	next_line(r, line);
	assert_int_equal(clock_parse(line, CLOCK_TEXT, &at), 0);
	assert_true(at >= before && at <= clock_wall_ms());
	assert_string_equal(line + CLOCK_TEXT, " warn disk-full path=/x free=12");
	log_event(LOG_ERROR, "gone", "%s", "");
	next_line(r, line);
	assert_non_null(strstr(line, " error gone"));
	assert_true(silent(r));
}

static void test_levels(void **state)
{
	struct rig *r = *state;
	char line[PACKET_MAX];

	log_event(LOG_DEBUG, "quiet", "%s", "");
	assert_true(silent(r));
	for (int least = LOG_DEBUG; least <= LOG_ERROR; least++) {
		log_set_level((enum log_level)least);
		for (int level = LOG_DEBUG; level <= LOG_ERROR; level++)
			log_event((enum log_level)level, "e", "level=%d", level);
		for (int level = least; level <= LOG_ERROR; level++) {
			char end[32];
			snprintf(end, sizeof end, " e level=%d", level);
			next_line(r, line);
			assert_non_null(strstr(line, end));
		}
		assert_true(silent(r));
	}
	assert_int_equal(log_level_parse("debug"), LOG_DEBUG);
	assert_int_equal(log_level_parse("error"), LOG_ERROR);
	assert_int_equal(log_level_parse("Error"), -1);
	assert_int_equal(log_level_parse(""), -1);
}

/* Cut, but still one line, on all sides of the limit. */
static void test_long(void **state)
{
	struct rig *r = *state;
	char line[PACKET_MAX];
	static char text[3000];

	for (int n = 1900; n < 2200; n++) {
		memset(text, 'x', (size_t)n);
		text[n] = 0;
		log_event(LOG_INFO, "long", "%s", text);
		next_line(r, line);
		assert_non_null(strstr(line, " info long xxxx"));
		assert_true(strspn(strstr(line, "xxxx"), "x") >= 1900);
	}
}

static void *write_lines(void *arg)
{
	int who = *(int *)arg;

	for (int i = 0; i < LINES; i++)
		log_event(LOG_INFO, "line", "who=%d i=%d end", who, i);
	return NULL;
}

/* Each thread's lines come whole and in that thread's order. */
static void test_threads(void **state)
{
	struct rig *r = *state;
	pthread_t threads[THREADS];
	int who[THREADS], next[THREADS] = {0};
	char line[PACKET_MAX];

	for (int t = 0; t < THREADS; t++) {
		who[t] = t;
		assert_int_equal(pthread_create(&threads[t], NULL, write_lines, &who[t]), 0);
	}
	for (int n = 0; n < THREADS * LINES; n++) {
		int t, i, used = 0;
		next_line(r, line);
		assert_int_equal(sscanf(line + CLOCK_TEXT, " info line who=%d i=%d end%n", &t, &i, &used), 2);
		assert_int_equal(CLOCK_TEXT + used, strlen(line));
		assert_in_range(t, 0, THREADS - 1);
		assert_int_equal(i, next[t]++);
	}
	for (int t = 0; t < THREADS; t++)
		pthread_join(threads[t], NULL);
	assert_true(silent(r));
}

static void test_quote(void **state)
{
	char out[832], all[256], long_text[201];

	(void)state;
	assert_string_equal(log_quote("", 0, out), "\"\"");
	assert_string_equal(log_quote("a b'~", 5, out), "\"a b'~\"");
	assert_string_equal(log_quote("\"\\\n\x1b\x7f\x80\0z", 8, out), "\"\\x22\\x5c\\x0a\\x1b\\x7f\\x80\\x00z\"");
	for (int c = 0; c < 256; c++)
		all[c] = (char)c;
	for (int from = 0; from < 256; from += 64) {
		log_quote(all + from, 64, out);
		for (const char *p = out; *p; p++)
			assert_in_range((unsigned char)*p, 0x20, 0x7e);
	}
	memset(long_text, '\n', sizeof long_text);
	log_quote(long_text, 200, out);
	assert_int_equal(strlen(out), 802);
	assert_int_equal(out[801], '"');
	log_quote(long_text, 201, out);
	assert_string_equal(out + 801, "\"...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_form, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_levels, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_threads, set_up, tear_down),
		cmocka_unit_test(test_quote),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
