#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "server/net/http_parse.h"
#include <cmocka.h>
#include <stdio.h>

#define H "Host: h\r\n"

static enum http_result parse(const char *text, struct http_request *out)
{
	struct http_scan scan = {0};

	return http_parse(text, strlen(text), &scan, out);
}

static void test_whole_head(void **state)
{
	static const char text[] =
		"POST /messages/a-b_c.d~e?limit=5&after=%41 HTTP/1.1\r\nhost: example.org:8080\r\n"
		"Authorization:  Bearer abc \t\r\nContent-Type: application/json\r\nX-Any: \xc3\xa4\r\n"
		"Content-Length: 12\r\nOrigin: https://a\r\n\r\nbody";
	struct http_request r;

	(void)state;
	assert_int_equal(parse(text, &r), HTTP_DONE);
	assert_int_equal(r.head.method, HTTP_POST);
	assert_true(str_is(r.head.path, "/messages/a-b_c.d~e"));
	assert_true(str_is(r.head.query, "limit=5&after=%41"));
	assert_true(str_is(r.head.authorization, "Bearer abc"));
	assert_true(str_is(r.head.content_type, "application/json"));
	assert_true(str_is(r.head.origin, "https://a"));
	assert_true(r.head.has_length && r.head.content_length == 12);
	assert_true(r.head.keep_alive && !r.head.upgrade);
	assert_string_equal(text + r.head_len, "body");
}

static void test_methods(void **state)
{
	static const struct {
		const char *text;
		enum http_method method;
	} rows[] = {
		{"GET / HTTP/1.1\r\n" H "\r\n", HTTP_GET},
		{"POST / HTTP/1.1\r\n" H "\r\n", HTTP_POST},
		{"PUT / HTTP/1.1\r\n" H "\r\n", HTTP_PUT},
		{"PATCH / HTTP/1.1\r\n" H "\r\n", HTTP_PATCH},
		{"DELETE / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", HTTP_DELETE},
		{"get / HTTP/1.1\r\n" H "\r\n", HTTP_OTHER},
		{"HEAD / HTTP/1.1\r\n" H "\r\n", HTTP_OTHER},
	};
	struct http_request r;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(parse(rows[i].text, &r), HTTP_DONE);
		assert_int_equal(r.head.method, rows[i].method);
		assert_int_equal(r.is_head, rows[i].text[0] == 'H');
	}
}

/* However the bytes arrive the answer is the same, and before the last byte it is HTTP_MORE. */
static void test_byte_by_byte(void **state)
{
	static const char text[] = "GET /a/b?c HTTP/1.1\r\n" H "Connection: close\r\n\r\n";
	struct http_scan scan = {0};
	struct http_request r;

	(void)state;
	for (size_t n = 0; n < sizeof text - 1; n++)
		assert_int_equal(http_parse(text, n, &scan, &r), HTTP_MORE);
	assert_int_equal(http_parse(text, sizeof text - 1, &scan, &r), HTTP_DONE);
	assert_int_equal(r.head_len, sizeof text - 1);
	assert_true(str_is(r.head.path, "/a/b") && !r.head.keep_alive);
}

static const struct refusal {
	const char *text;
	enum err err;
} refusals[] = {
	{"GET / HTTP/1.0\r\n" H "\r\n", ERR_BAD_VERSION},
	{"GET / HTTP/2.0\r\n" H "\r\n", ERR_BAD_VERSION},
	{"GET / HTTP/1.10\r\n" H "\r\n", ERR_BAD_REQUEST},
	{"GET / http/1.1\r\n" H "\r\n", ERR_BAD_REQUEST},
	{"GET /\r\n" H "\r\n", ERR_BAD_REQUEST},
	{"GET  / HTTP/1.1\r\n" H "\r\n", ERR_BAD_REQUEST},
	{"GET / HTTP/1.1 \r\n" H "\r\n", ERR_BAD_REQUEST},
	{"GET /a b HTTP/1.1\r\n" H "\r\n", ERR_BAD_REQUEST},
	{"G(T / HTTP/1.1\r\n" H "\r\n", ERR_BAD_REQUEST},
	{"ABCDEFGHIJKLMNOPQ / HTTP/1.1\r\n" H "\r\n", ERR_BAD_REQUEST},
	{"\r\nGET / HTTP/1.1\r\n" H "\r\n", ERR_BAD_REQUEST},
	{" GET / HTTP/1.1\r\n" H "\r\n", ERR_BAD_REQUEST},
	{"GET * HTTP/1.1\r\n" H "\r\n", ERR_BAD_REQUEST},
	{"GET /a%2fb HTTP/1.1\r\n" H "\r\n", ERR_BAD_REQUEST},
	{"GET /a//b HTTP/1.1\r\n" H "\r\n", ERR_BAD_REQUEST},
	{"GET // HTTP/1.1\r\n" H "\r\n", ERR_BAD_REQUEST},
	{"GET /. HTTP/1.1\r\n" H "\r\n", ERR_BAD_REQUEST},
	{"GET /a/.. HTTP/1.1\r\n" H "\r\n", ERR_BAD_REQUEST},
	{"GET /a/./b HTTP/1.1\r\n" H "\r\n", ERR_BAD_REQUEST},
	{"GET /a#b HTTP/1.1\r\n" H "\r\n", ERR_BAD_REQUEST},
	{"GET /a?b#c HTTP/1.1\r\n" H "\r\n", ERR_BAD_REQUEST},
	{"GET /\xc3\xa4 HTTP/1.1\r\n" H "\r\n", ERR_BAD_REQUEST},
	{"GET / HTTP/1.1\r\nHost:\r\n\r\n", ERR_BAD_REQUEST},
	{"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", ERR_BAD_REQUEST},
	{"GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", ERR_BAD_REQUEST},
	{"GET / HTTP/1.1\r\n" H ": x\r\n\r\n", ERR_BAD_REQUEST},
	{"GET / HTTP/1.1\r\n" H "no colon\r\n\r\n", ERR_BAD_REQUEST},
	{"GET / HTTP/1.1\r\n" H "A\t: x\r\n\r\n", ERR_BAD_REQUEST},
	{"GET / HTTP/1.1\r\n" H "A: x\x7f\r\n\r\n", ERR_BAD_REQUEST},
	{"GET / HTTP/1.1\r\n" H "A: x\n\r\n", ERR_BAD_REQUEST},
	{"GET / HTTP/1.1\r\n" H "A: x\r\n\n", ERR_BAD_REQUEST},
	{"GET / HTTP/1.1\r\n" H "A: x\ry\r\n\r\n", ERR_BAD_REQUEST},
	{"GET / HTTP/1.1\r\n" H "Authorization: a\r\nAuthorization: a\r\n\r\n", ERR_BAD_REQUEST},
	{"POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", ERR_BAD_REQUEST},
	{"POST / HTTP/1.1\r\n" H "Content-Length: +1\r\n\r\n", ERR_BAD_REQUEST},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 1, 1\r\n\r\n", ERR_BAD_REQUEST},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 0x1\r\n\r\n", ERR_BAD_REQUEST},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 1099511627777\r\n\r\n", ERR_TOO_LARGE},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 18446744073709551617\r\n\r\n", ERR_TOO_LARGE},
	{"GET / HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\n", ERR_BAD_REQUEST},
	{"HEAD / HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\n", ERR_BAD_REQUEST},
	{"POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n", ERR_NOT_IMPLEMENTED},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 1\r\ntransfer-encoding:\tchunked\r\n\r\n", ERR_NOT_IMPLEMENTED},
	{"POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\n\r\n", ERR_EXPECTATION},
};

static void test_refusals(void **state)
{
	struct http_request r;

	(void)state;
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
		if (parse(refusals[i].text, &r) != HTTP_REFUSED || r.err != refusals[i].err)
			fail_msg("%d for %s", (int)r.err, refusals[i].text);
}

static void test_nul_bytes(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\n" H "A: x\0y\r\n\r\n";
	struct http_scan scan = {0};
	struct http_request r;

	(void)state;
	assert_int_equal(http_parse(text, sizeof text - 1, &scan, &r), HTTP_REFUSED);
}

static void test_bounds(void **state)
{
	static char text[2 * HTTP_HEAD_MAX];
	char path[HTTP_PATH_MAX + 2];
	struct http_request r;

	(void)state;
	memset(path, 'a', sizeof path);
	path[0] = '/';
	path[HTTP_PATH_MAX + 1] = '\0';
	sprintf(text, "GET %s HTTP/1.1\r\n" H "\r\n", path);
	assert_int_equal(parse(text, &r), HTTP_REFUSED);
	assert_int_equal(r.err, ERR_URI_TOO_LONG);
	path[HTTP_PATH_MAX] = '\0';
	sprintf(text, "GET %s HTTP/1.1\r\n" H "\r\n", path);
	assert_int_equal(parse(text, &r), HTTP_DONE);
	/* A head of exactly the limit is taken, one byte more is not, whether it has an end or not. */
	for (int extra = 0; extra < 2; extra++) {
		int n = sprintf(text, "GET / HTTP/1.1\r\n" H "A: ");
		memset(text + n, 'b', (size_t)(HTTP_HEAD_MAX + extra - n - 4));
		strcpy(text + HTTP_HEAD_MAX + extra - 4, "\r\n\r\n");
		assert_int_equal(parse(text, &r), extra ? HTTP_REFUSED : HTTP_DONE);
		assert_int_equal(r.err, extra ? ERR_HEADERS_TOO_LARGE : ERR_OK);
	}
}

#define WS "GET /ws HTTP/1.1\r\n" H "Upgrade: WebSocket\r\n"
#define UP "Connection: keep-alive, UPGRADE\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"

static void test_upgrade(void **state)
{
	static const struct {
		const char *text;
		bool upgrade, chat;
	} rows[] = {
		{WS UP KEY VERSION "Sec-WebSocket-Protocol: chat.v1\r\n\r\n", true, true},
		{WS UP KEY VERSION "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b,chat.v1\r\n\r\n", true,
			true},
		{WS UP KEY VERSION "Sec-WebSocket-Protocol: CHAT.V1, chat.v10\r\n\r\n", true, false},
		{WS UP KEY VERSION "\r\n", true, false},
		{WS KEY VERSION "\r\n", false, false},
		{WS UP VERSION "\r\n", false, false},
		{WS UP KEY "\r\n", false, false},
		{WS UP KEY "Sec-WebSocket-Version: 8\r\n\r\n", false, false},
		{WS UP "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==\r\n" VERSION "\r\n", false, false},
		{WS UP "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ-==\r\n" VERSION "\r\n", false, false},
		{WS UP "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j\r\n" VERSION "\r\n", false, false},
	};
	struct http_request r;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(parse(rows[i].text, &r), HTTP_DONE);
		assert_int_equal(r.head.upgrade, rows[i].upgrade);
		assert_int_equal(r.offers_chat_v1, rows[i].chat);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_head),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_nul_bytes),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_upgrade),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("http_parse", tests, NULL, NULL);
}
