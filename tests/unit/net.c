#include "tests/unit/net_rig.h"
#include <sys/resource.h>

#define H "Host: h\r\n"

static void test_keep_alive(void **state)
{
	struct rig r;
	struct answer a;

	(void)state;
	rig_start(&r, &rig_config);
	int fd = client(&r);
	for (int i = 0; i < 3; i++) {
		puts_to(fd, "GET /a?b=c HTTP/1.1\r\n" H "\r\n");
		get_answer(fd, &a);
		assert_int_equal(a.status, 200);
		assert_string_equal(a.body, "/a ");
		assert_non_null(strstr(a.head, "\r\nDate: "));
		assert_null(strstr(a.head, "Connection: close"));
		free(a.body);
	}
	puts_to(fd, "GET /nothing HTTP/1.1\r\n" H "\r\n");
	get_answer(fd, &a);
	assert_int_equal(a.status, 204);
	assert_null(strstr(a.head, "Content-Length"));
	free(a.body);
	puts_to(fd, "GET /last HTTP/1.1\r\n" H "Connection: close\r\n\r\n");
	expect_answer(fd, 200, "/last ");
	get_end(fd);
	rig_stop(&r);
}

/* All orders of requests with and without a body, in one segment and byte by byte. */
static void test_pipelining(void **state)
{
	static const struct {
		const char *send, *answers[4];
	} rows[] = {
		{"GET /1 HTTP/1.1\r\n" H "\r\nPOST /2 HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc",
			{"/1 ", "/2 abc"}},
		{"POST /1 HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabcPOST /2 HTTP/1.1\r\n" H
		 "Content-Length: 2\r\n\r\nde",
			{"/1 abc", "/2 de"}},
		{"POST /1 HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\n" H "\r\n",
			{"/1 abc", "/2 "}},
		{"PUT /1 HTTP/1.1\r\n" H "\r\nPOST /2 HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\nGET /3 HTTP/1.1\r\n" H
		 "\r\n",
			{"/1 ", "/2 ", "/3 "}},
	};
	struct rig r;

	(void)state;
	rig_start(&r, &rig_config);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		for (size_t step = strlen(rows[i].send); step; step = step > 1 ? 1 : 0) {
			int fd = client(&r);
			for (const char *p = rows[i].send; *p; p += step)
				put(fd, p, step);
			for (int k = 0; rows[i].answers[k]; k++)
				expect_answer(fd, 200, rows[i].answers[k]);
			close(fd);
		}
	}
	rig_stop(&r);
}

static void test_many_pipelined(void **state)
{
	struct rig r;
	struct buf b;
	char want[32];

	(void)state;
	rig_start(&r, &rig_config);
	buf_init(&b, 1 << 20);
	for (int i = 0; i < 2000; i++)
		buf_addf(&b, "POST /n%d HTTP/1.1\r\n" H "Content-Length: 4\r\n\r\nbody", i);
	int fd = client(&r);
	put(fd, b.data, b.len);
	for (int i = 0; i < 2000; i++) {
		snprintf(want, sizeof want, "/n%d body", i);
		expect_answer(fd, 200, want);
	}
	buf_release(&b);
	close(fd);
	rig_stop(&r);
}

static void test_big_body(void **state)
{
	struct rig r;
	struct answer a;
	char *body = malloc(RIG_BODY_MAX);

	(void)state;
	assert_non_null(body);
	memset(body, 'x', RIG_BODY_MAX);
	rig_start(&r, &rig_config);
	int fd = client(&r);
	for (int i = 0; i < 3; i++) {
		puts_to(fd, "POST /big HTTP/1.1\r\n" H "Content-Length: 1048576\r\n\r\n");
		put(fd, body, RIG_BODY_MAX);
		get_answer(fd, &a);
		assert_int_equal(a.status, 200);
		assert_int_equal(a.len, RIG_BODY_MAX + 5);
		assert_memory_equal(a.body + 5, body, RIG_BODY_MAX);
		free(a.body);
	}
	free(body);
	close(fd);
	rig_stop(&r);
}

static const struct refusal {
	const char *send;
	int status;
} refusals[] = {
	{"GET / HTTP/1.0\r\n" H "\r\n", 505},
	{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
	{"GET / HTTP/1.1\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\n" H H "\r\n", 400},
	{"GET /%61 HTTP/1.1\r\n" H "\r\n", 400},
	{"GET //a HTTP/1.1\r\n" H "\r\n", 400},
	{"GET /a/../b HTTP/1.1\r\n" H "\r\n", 400},
	{"GET http://h/ HTTP/1.1\r\n" H "\r\n", 400},
	{"GET / HTTP/1.1\n" H "\n", 400},
	{"GET / HTTP/1.1\r\n" H "A: b\r\n c\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\n" H "A : b\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\n" H "A: b\rc\r\n\r\n", 400},
	{"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501},
	{"POST / HTTP/1.1\r\n" H "Content-Length: -5\r\n\r\n", 400},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 2x\r\n\r\n", 400},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 100000000000000000000\r\n\r\n", 413},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 1048577\r\n\r\n", 413},
	{"POST / HTTP/1.1\r\n" H "\r\n", 411},
	{"GET / HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\nx", 400},
	{"DELETE / HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\nx", 400},
	{"POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n", 417},
	{"POST /secret HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\n", 401},
	{"GET /ws HTTP/1.1\r\n" H "\r\n", 426},
	{"\x16\x03\x01\x02", 400},
};

static void test_refusals(void **state)
{
	struct rig r;
	struct answer a;

	(void)state;
	rig_start(&r, &rig_config);
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		int fd = client(&r);
		puts_to(fd, refusals[i].send);
		get_answer(fd, &a);
		if (a.status != refusals[i].status)
			fail_msg("%d for %s", a.status, refusals[i].send);
		assert_non_null(strstr(a.head, "Connection: close\r\n"));
		assert_non_null(strstr(a.head, "Content-Type: application/problem+json\r\n"));
		assert_non_null(strstr(a.body, "\"code\":\""));
		free(a.body);
		get_end(fd);
	}
	rig_stop(&r);
}

/* The answer is seen although the body that was announced is on its way. */
static void test_refusal_outlives_the_body(void **state)
{
	struct rig r;
	char body[32768];

	(void)state;
	memset(body, 'x', sizeof body);
	rig_start(&r, &rig_config);
	int fd = client(&r);
	puts_to(fd, "POST /secret HTTP/1.1\r\n" H "Content-Length: 32768\r\n\r\n");
	put(fd, body, sizeof body);
	expect_answer(fd, 401, NULL);
	get_end(fd);
	rig_stop(&r);
}

static void test_refusal_headers(void **state)
{
	static const struct {
		const char *send, *header;
		int status;
	} rows[] = {
		{"GET /secret HTTP/1.1\r\n" H "\r\n", "WWW-Authenticate: Bearer\r\n", 401},
		{"BREW / HTTP/1.1\r\n" H "\r\n", "Allow: GET, POST\r\n", 405},
		{"GET /busy HTTP/1.1\r\n" H "\r\n", "Retry-After: 1\r\n", 503},
		{"GET /secret HTTP/1.1\r\n" H "Authorization: Bearer x\r\n\r\n", "Content-Length: 8\r\n", 200},
	};
	struct rig r;
	struct answer a;

	(void)state;
	rig_start(&r, &rig_config);
	int fd = client(&r);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		puts_to(fd, rows[i].send);
		get_answer(fd, &a);
		assert_int_equal(a.status, rows[i].status);
		assert_non_null(strstr(a.head, rows[i].header));
		free(a.body);
	}
	close(fd);
	rig_stop(&r);
}

static void test_long_head(void **state)
{
	struct rig r;
	char filler[20000];

	(void)state;
	memset(filler, 'a', sizeof filler);
	rig_start(&r, &rig_config);
	int fd = client(&r);
	puts_to(fd, "GET / HTTP/1.1\r\nX: ");
	put(fd, filler, sizeof filler);
	expect_answer(fd, 431, NULL);
	get_end(fd);
	fd = client(&r);
	puts_to(fd, "GET /");
	put(fd, filler, 1024);
	puts_to(fd, " HTTP/1.1\r\n" H "\r\n");
	expect_answer(fd, 414, NULL);
	get_end(fd);
	rig_stop(&r);
}

static void test_late_answer(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, &rig_config);
	int fd = client(&r);
	puts_to(fd, "GET /later HTTP/1.1\r\n" H "\r\nGET /next HTTP/1.1\r\n" H "\r\n");
	while (!atomic_load(&r.waiting))
		poll(NULL, 0, 1);
	rig_post(&r, 1);
	expect_answer(fd, 200, "late ");
	expect_answer(fd, 200, "/next ");
	close(fd);
	rig_wait(&r.closed, 1);
	rig_post(&r, 1); /* a stale reference */
	rig_wait(&r.messages, 2);
	rig_stop(&r);
}

static void test_gone_while_waiting(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, &rig_config);
	int fd = client(&r);
	puts_to(fd, "GET /later HTTP/1.1\r\n" H "\r\n");
	while (!atomic_load(&r.waiting))
		poll(NULL, 0, 1);
	close(fd);
	rig_wait(&r.closed, 1);
	rig_stop(&r);
}

static void test_deadlines(void **state)
{
	struct net_config conf = rig_config;
	struct rig r;

	(void)state;
	conf.header_ms = conf.body_ms = conf.keep_alive_ms = 200;
	rig_start(&r, &conf);
	int idle = client(&r), head = client(&r), body = client(&r), again = client(&r);
	puts_to(head, "GET / HT");
	puts_to(body, "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nabc");
	puts_to(again, "GET /x HTTP/1.1\r\n" H "\r\n");
	expect_answer(again, 200, "/x ");
	expect_answer(head, 408, NULL);
	expect_answer(body, 408, NULL);
	get_end(head);
	get_end(body);
	get_end(idle);
	get_end(again);
	rig_stop(&r);
}

static void test_second_server(void **state)
{
	struct net_config conf = rig_config;
	struct rig r;
	struct net *second;
	char why[256], listen[32];

	(void)state;
	conf.threads = 3;
	rig_start(&r, &conf);
	snprintf(listen, sizeof listen, "127.0.0.1:%u", net_port(r.net));
	assert_string_equal(net_base_url(r.net) + 7, listen);
	conf.listen = listen;
	assert_int_equal(net_new(&second, &conf, &rig_handler, &r, why), -1);
	assert_non_null(strstr(why, "cannot listen"));
	conf.listen = "example.org:80";
	assert_int_equal(net_new(&second, &conf, &rig_handler, &r, why), -1);
	rig_stop(&r);
}

static void test_too_many(void **state)
{
	struct net_config conf = rig_config;
	struct rig r;

	(void)state;
	conf.max_connections = 1;
	rig_start(&r, &conf);
	int first = client(&r);
	puts_to(first, "GET /1 HTTP/1.1\r\n" H "\r\n");
	expect_answer(first, 200, "/1 ");
	int second = client(&r);
	expect_answer(second, 503, NULL);
	get_end(second);
	close(first);
	rig_wait(&r.closed, 1);
	first = client(&r);
	puts_to(first, "GET /1 HTTP/1.1\r\n" H "\r\n");
	expect_answer(first, 200, "/1 ");
	close(first);
	rig_stop(&r);
}

static void test_out_of_descriptors(void **state)
{
	struct rlimit old, now;
	struct rig r;

	(void)state;
	rig_start(&r, &rig_config);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	now = old;
	now.rlim_cur = (rlim_t)fd + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	a.sin_port = htons((uint16_t)net_port(r.net));
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	puts_to(fd, "GET /x HTTP/1.1\r\n" H "\r\n");
	int before = atomic_load(&r.turns);
	rig_wait(&r.turns, before + 3);
	assert_true(atomic_load(&r.turns) < before + 1000);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	expect_answer(fd, 200, "/x ");
	close(fd);
	rig_stop(&r);
}

enum { POSTERS = 4, POSTS = 20000 };

struct poster {
	struct rig *r;
	int number;
};

static void *post_many(void *arg)
{
	struct poster *p = arg;

	for (int i = 0; i < POSTS; i++) {
		struct rig_msg *m = calloc(1, sizeof *m);
		if (!m)
			abort();
		m->from = p->number;
		m->seq = i;
		net_post(p->r->net, 0, &m->head);
	}
	return NULL;
}

static void test_posts(void **state)
{
	struct rig r;
	pthread_t threads[POSTERS];
	struct poster posters[POSTERS];

	(void)state;
	rig_start(&r, &rig_config);
	for (int i = 0; i < POSTERS; i++) {
		posters[i] = (struct poster){&r, i};
		assert_int_equal(pthread_create(&threads[i], NULL, post_many, &posters[i]), 0);
	}
	for (int i = 0; i < POSTERS; i++)
		pthread_join(threads[i], NULL);
	rig_wait(&r.messages, POSTERS * POSTS);
	assert_int_equal(atomic_load(&r.disordered), 0);
	int before = atomic_load(&r.turns);
	rig_post(&r, 2);
	rig_wait(&r.turns, before + 1);
	rig_stop(&r);
}

static void test_stop_accepting(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, &rig_config);
	int fd = client(&r);
	puts_to(fd, "GET /1 HTTP/1.1\r\n" H "\r\n");
	expect_answer(fd, 200, "/1 ");
	net_stop_accepting(r.net);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	a.sin_port = htons((uint16_t)net_port(r.net));
	int refused = 0;
	for (int i = 0; !refused && i < RIG_WAIT_MS; i++) {
		int other = socket(AF_INET, SOCK_STREAM, 0);
		refused = connect(other, (struct sockaddr *)&a, sizeof a) != 0;
		close(other);
		poll(NULL, 0, 1);
	}
	assert_true(refused);
	puts_to(fd, "GET /2 HTTP/1.1\r\n" H "\r\n");
	expect_answer(fd, 200, "/2 ");
	net_stop(r.net);
	get_end(fd);
	assert_true(atomic_load(&r.closed) >= 1);
	net_free(r.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keep_alive),
		cmocka_unit_test(test_pipelining),
		cmocka_unit_test(test_many_pipelined),
		cmocka_unit_test(test_big_body),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_refusal_outlives_the_body),
		cmocka_unit_test(test_refusal_headers),
		cmocka_unit_test(test_long_head),
		cmocka_unit_test(test_late_answer),
		cmocka_unit_test(test_gone_while_waiting),
		cmocka_unit_test(test_deadlines),
		cmocka_unit_test(test_second_server),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_out_of_descriptors),
		cmocka_unit_test(test_posts),
		cmocka_unit_test(test_stop_accepting),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
