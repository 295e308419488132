#include "server/presence/presence.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static bool has(struct presence *p, uint32_t user, conn_ref c)
{
	conn_ref out[PRESENCE_PER_USER];
	unsigned n = presence_find(p, user, out), found = 0;

	for (unsigned i = 0; i < n; i++)
		found += out[i] == c;
	assert_true(found <= 1);
	return found;
}

static void test_online(void **state)
{
	struct presence *p = presence_new();

	(void)state;
	assert_false(presence_online(p, 7));
	assert_int_equal(presence_add(p, 7, 100, PRESENCE_WAITER), 0);
	assert_false(presence_online(p, 7)); /* a waiting request is told of events, but makes nobody online */
	assert_true(has(p, 7, 100));
	assert_int_equal(presence_add(p, 7, 101, PRESENCE_SOCKET), 0);
	assert_int_equal(presence_add(p, 7, 102, PRESENCE_SOCKET), 0);
	assert_true(presence_online(p, 7));
	assert_int_equal(presence_last_seen(p, 7), 0);
	presence_remove(p, 7, 101, 5000);
	assert_true(presence_online(p, 7));
	presence_remove(p, 7, 102, 6000);
	assert_false(presence_online(p, 7));
	assert_int_equal(presence_last_seen(p, 7), 6000);
	assert_true(has(p, 7, 100));
	presence_remove(p, 7, 999, 7000);
	presence_remove(p, 8, 100, 7000);
	presence_remove(p, 7, 100, 7000);
	assert_false(has(p, 7, 100));
	assert_int_equal(presence_last_seen(p, 7), 6000);
	presence_free(p);
}

static void test_limit(void **state)
{
	struct presence *p = presence_new();

	(void)state;
	for (conn_ref c = 1; c <= PRESENCE_PER_USER; c++)
		assert_int_equal(presence_add(p, 1, c, c % 3 ? PRESENCE_SOCKET : PRESENCE_WAITER), 0);
	assert_int_equal(presence_add(p, 1, 1000, PRESENCE_SOCKET), -1);
	presence_remove(p, 1, 10, 1);
	assert_int_equal(presence_add(p, 1, 1000, PRESENCE_SOCKET), 0);
	for (conn_ref c = 1; c <= PRESENCE_PER_USER; c++)
		assert_int_equal(has(p, 1, c), c != 10);
	presence_free(p);
}

/* Random adds and removes of many users against a table that is obviously right. */
static void test_model(void **state)
{
	enum { USERS = 3000, CONNS = 4, STEPS = 60000 };
	static uint8_t kind[USERS][CONNS]; /* 0: not there, else 1 + enum presence_kind */
	struct presence *p = presence_new();
	unsigned seed = 1;

	(void)state;
	for (int i = 0; i < STEPS; i++) {
		seed = seed * 1103515245u + 12345;
		uint32_t u = seed >> 8 & 0xffff, c = seed >> 24 & 3;
		u %= USERS;
		conn_ref ref = (conn_ref)(u + 1) * CONNS + c + 1;
		if (kind[u][c]) {
			presence_remove(p, u + 1, ref, 1);
			kind[u][c] = 0;
		} else {
			enum presence_kind k = seed >> 27 & 1;
			assert_int_equal(presence_add(p, u + 1, ref, k), 0);
			kind[u][c] = (uint8_t)(1 + k);
		}
	}
	for (uint32_t u = 0; u < USERS; u++) {
		conn_ref out[PRESENCE_PER_USER];
		unsigned n = 0, sockets = 0;
		for (uint32_t c = 0; c < CONNS; c++) {
			n += kind[u][c] != 0;
			sockets += kind[u][c] == 1 + PRESENCE_SOCKET;
			assert_int_equal(has(p, u + 1, (conn_ref)(u + 1) * CONNS + c + 1), kind[u][c] != 0);
		}
		assert_int_equal(presence_find(p, u + 1, out), n);
		assert_int_equal(presence_online(p, u + 1), sockets > 0);
	}
	presence_free(p);
}

static void *churn(void *arg)
{
	struct presence *p = arg;
	conn_ref out[PRESENCE_PER_USER];

	for (uint32_t i = 0; i < 20000; i++) {
		conn_ref c = (conn_ref)(uintptr_t)&i + i;
		if (presence_add(p, i % 100 + 1, c, PRESENCE_SOCKET) == 0) {
			assert_true(presence_find(p, i % 100 + 1, out) >= 1);
			presence_remove(p, i % 100 + 1, c, i);
		}
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct presence *p = presence_new();
	pthread_t t[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&t[i], NULL, churn, p), 0);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	for (uint32_t u = 1; u <= 100; u++)
		assert_false(presence_online(p, u));
	presence_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_online),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_threads),
	};
	return cmocka_run_group_tests_name("presence", tests, NULL, NULL);
}
