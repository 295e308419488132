/* The client's REST calls against a server of one thread that answers each connection with bytes that the test gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/client/http.h"
#include <arpa/inet.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROUNDS_MAX = 4 };

struct served {
	int listener;
	unsigned port;
	char url[64];
	pthread_t thread;
	const char *answer[ROUNDS_MAX]; /* one a connection, NULL ends; "" hangs up without a word */
	char request[ROUNDS_MAX][4096];
};

/* Reads until the head and as much body as it announces are there. */
static void read_request(int fd, char *into, size_t max)
{
	size_t n = 0;
	ssize_t got;

	while (n + 1 < max && (got = read(fd, into + n, max - 1 - n)) > 0) {
		n += (size_t)got;
		into[n] = 0;
		const char *body = strstr(into, "\r\n\r\n"), *length = strstr(into, "Content-Length: ");
		if (body && strlen(body + 4) >= (length ? (size_t)atoi(length + 16) : 0))
			return;
	}
}

static void *serve(void *arg)
{
	struct served *s = arg;

	for (int i = 0; i < ROUNDS_MAX && s->answer[i]; i++) {
		int fd = accept(s->listener, NULL, NULL);
		if (fd < 0)
			break;
		read_request(fd, s->request[i], sizeof s->request[i]);
		size_t n = strlen(s->answer[i]);
		if (n && write(fd, s->answer[i], n) != (ssize_t)n)
			s->request[i][0] = 0;
		shutdown(fd, SHUT_WR);
		close(fd);
	}
	return NULL;
}

static void start(struct served *s, const char *first, const char *second)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;

	*s = (struct served){.answer = {first, second}};
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(s->listener >= 0);
	assert_int_equal(bind(s->listener, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(s->listener, 4), 0);
	assert_int_equal(getsockname(s->listener, (struct sockaddr *)&a, &n), 0);
	s->port = ntohs(a.sin_port);
	snprintf(s->url, sizeof s->url, "http://127.0.0.1:%u/", s->port);
	if (first)
		assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void stop(struct served *s)
{
	if (s->answer[0])
		pthread_join(s->thread, NULL);
	close(s->listener);
}

static void test_answer(void **state)
{
	struct served s;
	struct http_answer a;
	struct str body = STR("{\"x\":1}");

	(void)state;
	start(&s,
		"HTTP/1.1 200 OK\r\nchat-next-cursor: c1\r\nChat-Unread-Total:  7\r\nIdempotency-Replayed: true\r\n"
		"Content-Length: 2\r\nConnection: close\r\n\r\nhi",
		"HTTP/1.1 429 No\r\nRetry-After: 3\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	struct http_client *h = http_client_new(s.url, "secret", NULL);
	assert_non_null(h);
	assert_int_equal(http_call(h, "POST", "/messages", &body, 5000, false, &a), HTTP_ANSWERED);
	assert_int_equal(a.status, 200);
	assert_string_equal(a.body.data, "hi");
	assert_int_equal(a.body.len, 2);
	assert_string_equal(a.next_cursor, "c1");
	assert_int_equal(a.unread_total, 7);
	assert_true(a.replayed);
	http_answer_release(&a);
	assert_int_equal(http_call(h, "DELETE", "/x", NULL, 5000, false, &a), HTTP_ANSWERED);
	assert_int_equal(a.status, 429);
	assert_int_equal(a.retry_after_ms, 3000);
	assert_string_equal(a.body.data, "");
	assert_string_equal(a.next_cursor, "");
	assert_int_equal(a.unread_total, -1);
	assert_false(a.replayed);
	http_answer_release(&a);
	http_client_free(h);
	stop(&s);
	assert_ptr_equal(strstr(s.request[0], "POST /messages HTTP/1.1\r\n"), s.request[0]);
	assert_non_null(strstr(s.request[0], "Authorization: Bearer secret\r\n"));
	assert_non_null(strstr(s.request[0], "Content-Type: application/json\r\n"));
	assert_non_null(strstr(s.request[0], "\r\n\r\n{\"x\":1}"));
	assert_null(strstr(s.request[0], "Expect:"));
	assert_ptr_equal(strstr(s.request[1], "DELETE /x HTTP/1.1\r\n"), s.request[1]);
	assert_null(strstr(s.request[1], "Content-Type"));
}

static enum http_result call_once(struct served *s, const char *method, unsigned ms, struct http_answer *a)
{
	struct http_client *h = http_client_new(s->url, NULL, NULL);

	assert_non_null(h);
	enum http_result r = http_call(h, method, "/", NULL, ms, false, a);
	http_client_free(h);
	return r;
}

static void test_no_token(void **state)
{
	struct served s;
	struct http_answer a;

	(void)state;
	start(&s, "HTTP/1.1 204 No\r\n\r\n", NULL);
	assert_int_equal(call_once(&s, "GET", 5000, &a), HTTP_ANSWERED);
	assert_int_equal(a.status, 204);
	http_answer_release(&a);
	stop(&s);
	assert_null(strstr(s.request[0], "Authorization"));
}

static void test_head_has_no_body(void **state)
{
	struct served s;
	struct http_answer a;

	(void)state;
	start(&s, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", NULL);
	assert_int_equal(call_once(&s, "HEAD", 5000, &a), HTTP_ANSWERED);
	assert_int_equal(a.status, 200);
	http_answer_release(&a);
	stop(&s);
}

/* Whether the server can have done it is what decides about trying again. */
static void test_unclear(void **state)
{
	static const char *const broken[] = {
		"", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "no HTTP at all\r\n\r\n"};
	struct served s;
	struct http_answer a;

	(void)state;
	for (unsigned i = 0; i < sizeof broken / sizeof *broken; i++) {
		start(&s, broken[i], NULL);
		assert_int_equal(call_once(&s, "POST", 5000, &a), HTTP_UNCLEAR);
		assert_int_equal(a.status, 0);
		assert_true(a.why[0] != 0);
		http_answer_release(&a);
		stop(&s);
	}
}

static void test_unsent(void **state)
{
	struct served s;
	struct http_answer a;

	(void)state;
	start(&s, NULL, NULL);
	close(s.listener);
	assert_int_equal(call_once(&s, "POST", 5000, &a), HTTP_UNSENT);
	assert_int_equal(a.status, 0);
	http_answer_release(&a);
}

static void test_late(void **state)
{
	struct served s;
	struct http_answer a;

	(void)state;
	start(&s, NULL, NULL); /* connections queue up, nobody takes them */
	assert_int_equal(call_once(&s, "GET", 200, &a), HTTP_LATE);
	assert_int_equal(a.status, 0);
	http_answer_release(&a);
	stop(&s);
}

/* A header longer than what it is kept in counts as none. */
static void test_long_header(void **state)
{
	struct served s;
	struct http_answer a;
	char answer[512];

	(void)state;
	snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nChat-Next-Cursor: %0100d\r\nContent-Length: 0\r\n\r\n", 1);
	start(&s, answer, NULL);
	assert_int_equal(call_once(&s, "GET", 5000, &a), HTTP_ANSWERED);
	assert_string_equal(a.next_cursor, "");
	http_answer_release(&a);
	stop(&s);
}

static void test_no_proxy(void **state)
{
	struct served s;
	struct http_answer a;

	(void)state;
	setenv("http_proxy", "http://127.0.0.1:9", 1);
	setenv("all_proxy", "http://127.0.0.1:9", 1);
	start(&s, "HTTP/1.1 204 No\r\n\r\n", NULL);
	assert_int_equal(call_once(&s, "GET", 5000, &a), HTTP_ANSWERED);
	http_answer_release(&a);
	stop(&s);
	unsetenv("http_proxy");
	unsetenv("all_proxy");
}

static void test_urls(void **state)
{
	static const struct {
		const char *url;
		bool ok, is_private;
	} rows[] = {
		{"http://127.0.0.1:8080", true, true},
		{"http://127.1.2.3", true, true},
		{"http://localhost/", true, true},
		{"http://[::1]:80", true, true},
		{"https://chat.example", true, true},
		{"https://chat.example:8443/chat", true, true},
		{"http://chat.example", true, false},
		{"http://10.0.0.1", true, false},
		{"http://127.0.0.1.example", true, false},
		{"http://localhost.example", true, false},
		{"http://[::2]", true, false},
		{"http://0.0.0.0", true, false},
		{"http://127.0.0.1@chat.example", false, false},
		{"http://ada:pw@127.0.0.1", false, false},
		{"http://[::1]@chat.example", false, false},
		{"http://127.0.0.1?@chat.example", false, false},
		{"http://127.0.0.1#@chat.example", false, false},
		{"http://a b", false, false},
		{"http://", false, false},
		{"http:///", false, false},
		{"ftp://127.0.0.1", false, false},
		{"HTTP://127.0.0.1", false, false},
		{"127.0.0.1:80", false, false},
		{"file:///etc/passwd", false, false},
		{"", false, false},
	};
	char longest[600] = "http://127.0.0.1/";

	(void)state;
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (http_url_ok(rows[i].url) != rows[i].ok)
			fail_msg("http_url_ok(%s)", rows[i].url);
		if (rows[i].ok && http_url_is_private(rows[i].url) != rows[i].is_private)
			fail_msg("http_url_is_private(%s)", rows[i].url);
	}
	memset(longest + strlen(longest), 'x', 580);
	assert_false(http_url_ok(longest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_no_token),
		cmocka_unit_test(test_head_has_no_body),
		cmocka_unit_test(test_unclear),
		cmocka_unit_test(test_unsent),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_long_header),
		cmocka_unit_test(test_no_proxy),
		cmocka_unit_test(test_urls),
	};
	return cmocka_run_group_tests_name("client_http", tests, NULL, NULL);
}
