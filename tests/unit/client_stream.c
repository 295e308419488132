/* What needs no server that speaks: addresses, tries, times, refusals. Resuming is tested by tests/e2e/280-stream.t. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/clock.h"
#include "common/client/http.h"
#include "common/client/stream.h"
#include <arpa/inet.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int on_event(void *ctx, const char *ev, const struct cJSON *event)
{
	(void)ctx, (void)ev, (void)event;
	return 0;
}

static void on_state(void *ctx, enum stream_state s, const char *why)
{
	unsigned *waits = ctx;

	(void)why;
	*waits += s == STREAM_WAITING;
}

static int on_tick(void *ctx)
{
	unsigned *left = ctx;

	return (*left)-- == 0;
}

/* A socket that listens on a free port of the loopback, or (backlog -1) a port where nobody does. */
static int listener(unsigned *port, int backlog)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*port = ntohs(a.sin_port);
	if (backlog >= 0)
		assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

static struct stream *stream_to(const char *host, unsigned port, const struct stream_handler *h)
{
	char url[64];
	struct stream *s;

	snprintf(url, sizeof url, "http://%s:%u", host, port);
	s = stream_new(url, "t", NULL, NULL, h);
	assert_non_null(s);
	return s;
}

static void test_urls(void **state)
{
	static const char *const bad[] = {
		"", "x", "http://", "http://:80", "http://h:0", "http://h:65536", "http://h:x"};
	static const char *const ok[] = {"http://h", "https://h", "http://h:8080", "https://h.example:1/",
		"http://[::1]:8080", "http://127.0.0.1"};
	static const char *const no[] = {
		"", "h", "ftp://h", "http://", "http://u@h", "http://u:p@h", "http://h/?q", "http://h#f", "http://h h"};
	static const char *const open[] = {
		"http://h", "http://127.0.0.1.example", "http://192.0.2.1", "http://[::2]", "http://localhost.example"};
	static const char *const shut[] = {
		"https://h", "http://localhost", "http://127.0.0.1:80", "http://127.9.9.9", "http://[::1]:80"};
	struct stream_handler h = {.event = on_event};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_null(stream_new(bad[i], "t", NULL, NULL, &h));
	for (size_t i = 0; i < sizeof ok / sizeof *ok; i++)
		assert_true(http_url_ok(ok[i]));
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		assert_false(http_url_ok(no[i]));
	for (size_t i = 0; i < sizeof open / sizeof *open; i++)
		assert_false(http_url_is_private(open[i]));
	for (size_t i = 0; i < sizeof shut / sizeof *shut; i++)
		assert_true(http_url_is_private(shut[i]));
	stream_free(NULL);
}

static void test_nobody_there(void **state)
{
	unsigned port, waits = 0;
	struct stream_handler h = {.event = on_event, .state = on_state, .ctx = &waits};
	int fd = listener(&port, -1);
	struct stream *s = stream_to("127.0.0.1", port, &h);

	(void)state;
	assert_int_equal(stream_run(s, 0, 3), STREAM_FAILED);
	assert_int_equal(waits, 3);
	assert_true(stream_why(s)[0]);
	assert_int_equal(stream_close_code(s), 0);
	assert_string_equal(stream_cursor(s), "");
	stream_free(s);
	close(fd);
}

static void test_no_such_host(void **state)
{
	unsigned waits = 0;
	struct stream_handler h = {.event = on_event, .state = on_state, .ctx = &waits};
	struct stream *s = stream_to("name.invalid", 80, &h);

	(void)state;
	assert_int_equal(stream_run(s, 0, 1), STREAM_FAILED);
	assert_non_null(strstr(stream_why(s), "name"));
	stream_free(s);
}

/* A server that takes the connection and never says a word: the time is kept, and nothing spins. */
static void test_time(void **state)
{
	unsigned port, ticks = 3;
	struct stream_handler h = {.event = on_event};
	int fd = listener(&port, 16);
	struct stream *s = stream_to("127.0.0.1", port, &h);
	uint64_t began = clock_mono_us();
	clock_t cpu = clock();

	(void)state;
	assert_int_equal(stream_run(s, began + 700000, 0), STREAM_TIMEOUT);
	assert_in_range(clock_mono_us() - began, 700000, 5000000);
	assert_true((double)(clock() - cpu) / CLOCKS_PER_SEC < 0.35);
	stream_free(s);
	h = (struct stream_handler){.event = on_event, .tick = on_tick, .ctx = &ticks};
	s = stream_to("127.0.0.1", port, &h);
	assert_int_equal(stream_run(s, 0, 0), STREAM_DONE);
	stream_free(s);
	close(fd);
}

struct answer {
	int fd;
	const char *text;
	char request[4096];
};

static void *answer(void *arg)
{
	struct answer *a = arg;
	int fd = accept(a->fd, NULL, NULL);
	size_t n = 0;
	ssize_t got;

	while (n < sizeof a->request - 1 && !strstr(a->request, "\r\n\r\n") &&
		(got = read(fd, a->request + n, sizeof a->request - 1 - n)) > 0)
		n += (size_t)got;
	(void)!write(fd, a->text, strlen(a->text));
	shutdown(fd, SHUT_WR);
	while (read(fd, a->request + n, 1) > 0)
		;
	close(fd);
	return NULL;
}

static void answers(const char *text, enum stream_end expected, int code)
{
	unsigned port;
	struct stream_handler h = {.event = on_event};
	struct answer a = {.fd = listener(&port, 16), .text = text};
	struct stream *s = stream_to("localhost", port, &h);
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, answer, &a), 0);
	assert_int_equal(stream_run(s, clock_mono_us() + 20000000, 1), expected);
	if (stream_close_code(s) != code)
		fail_msg("%d for %s", stream_close_code(s), text);
	stream_free(s);
	pthread_join(thread, NULL);
	close(a.fd);
	assert_memory_equal(a.request, "GET /ws HTTP/1.1\r\n", 18);
	assert_non_null(strcasestr(a.request, "\r\nAuthorization: Bearer t\r\n"));
	assert_non_null(strcasestr(a.request, "\r\nSec-WebSocket-Protocol: chat.v1\r\n"));
	assert_null(strcasestr(a.request, "\r\nOrigin:"));
}

static void test_http_answers(void **state)
{
	(void)state;
	answers("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", STREAM_REFUSED, 401);
	answers("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", STREAM_REFUSED, 403);
	answers("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", STREAM_REFUSED, 404);
	answers("HTTP/1.1 429 Too Many\r\nContent-Length: 0\r\n\r\n", STREAM_FAILED, 429);
	answers("HTTP/1.1 503 Not now\r\nContent-Length: 0\r\n\r\n", STREAM_FAILED, 503);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_no_such_host),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_http_answers),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("client_stream", tests, NULL, NULL);
}
