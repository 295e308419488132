#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "server/net/ws_frame.h"
#include <cmocka.h>
#include <stdlib.h>

enum { LIMIT = 70000 };

/* A masked frame in out: its size. */
static size_t build(uint8_t *out, unsigned first_byte, const void *payload, size_t len)
{
	static const uint8_t key[4] = {0x12, 0x34, 0x56, 0x78};
	size_t n = ws_frame_head(out, first_byte & 15, len);

	out[0] = (uint8_t)first_byte;
	out[1] |= 0x80;
	memcpy(out + n, key, 4);
	memcpy(out + n + 4, payload, len);
	ws_unmask(out + n + 4, len, key);
	return n + 4 + len;
}

static void test_lengths(void **state)
{
	static const size_t lengths[] = {0, 1, 7, 8, 9, 125, 126, 127, 65535, 65536, LIMIT};
	uint8_t *frame = malloc(LIMIT + 16), *text = malloc(LIMIT);

	(void)state;
	assert_non_null(frame);
	assert_non_null(text);
	for (size_t i = 0; i < LIMIT; i++)
		text[i] = (uint8_t)(i * 7 & 0x7f);
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		struct ws_rx rx = {.max = LIMIT};
		struct ws_frame f;
		size_t n = build(frame, 0x81, text, lengths[i]);
		for (size_t k = 0; k < n; k += k < 20 ? 1 : 997) {
			ws_frame_read(&rx, frame, k, &f);
			assert_int_equal(f.event, WS_MORE);
			assert_true(ws_frame_size(frame, k) > k && ws_frame_size(frame, k) <= n);
		}
		assert_int_equal(ws_frame_size(frame, n), n);
		ws_frame_read(&rx, frame, n, &f);
		assert_int_equal(f.event, WS_DATA);
		assert_true(f.first && f.last && f.size == n && f.payload.n == lengths[i]);
		assert_memory_equal(f.payload.p, text, lengths[i]);
	}
	free(frame);
	free(text);
}

static void test_fragments(void **state)
{
	struct ws_rx rx = {.max = 6};
	struct ws_frame f;
	uint8_t b[64];

	(void)state;
	ws_frame_read(&rx, b, build(b, 0x01, "ab", 2), &f);
	assert_true(f.event == WS_DATA && f.first && !f.last);
	ws_frame_read(&rx, b, build(b, 0x89, "ping", 4), &f);
	assert_true(f.event == WS_PING && str_is(f.payload, "ping"));
	ws_frame_read(&rx, b, build(b, 0x00, "cd", 2), &f);
	assert_true(f.event == WS_DATA && !f.first && !f.last);
	ws_frame_read(&rx, b, build(b, 0x80, "ef", 2), &f);
	assert_true(f.event == WS_DATA && !f.first && f.last && rx.fragments == 0 && rx.have == 0);
	ws_frame_read(&rx, b, build(b, 0x01, "abcd", 4), &f);
	ws_frame_read(&rx, b, build(b, 0x00, "efg", 3), &f);
	assert_true(f.event == WS_BROKEN && f.code == 1009);
}

static void test_too_many_fragments(void **state)
{
	struct ws_rx rx = {.max = 1000};
	struct ws_frame f;
	uint8_t b[64];

	(void)state;
	for (int i = 0; i < WS_FRAGMENTS_MAX; i++) {
		ws_frame_read(&rx, b, build(b, i ? 0x00 : 0x01, "", 0), &f);
		assert_int_equal(f.event, WS_DATA);
	}
	ws_frame_read(&rx, b, build(b, 0x00, "", 0), &f);
	assert_true(f.event == WS_BROKEN && f.code == 1002);
}

/* A size that is too much is refused as soon as it is announced. */
static void test_announced(void **state)
{
	static const uint8_t big[] = {0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	struct ws_rx rx = {.max = LIMIT};
	struct ws_frame f;
	uint8_t b[sizeof big];

	(void)state;
	memcpy(b, big, sizeof big);
	ws_frame_read(&rx, b, sizeof b, &f);
	assert_true(f.event == WS_BROKEN && f.code == 1009);
	b[2] = 0xff;
	ws_frame_read(&rx, b, sizeof b, &f);
	assert_true(f.event == WS_BROKEN && f.code == 1002);
}

static void test_close_codes(void **state)
{
	static const struct {
		const char *payload;
		size_t n;
		unsigned event, code;
	} rows[] = {
		{"", 0, WS_CLOSE, 1005},
		{"\x03\xe8", 2, WS_CLOSE, 1000},
		{"\x03\xe8ok", 4, WS_CLOSE, 1000},
		{"\x13\x87", 2, WS_CLOSE, 4999},
		{"\x03", 1, WS_BROKEN, 1002},
		{"\x00\x00", 2, WS_BROKEN, 1002},
		{"\x03\xec", 2, WS_BROKEN, 1002},
		{"\x03\xf7", 2, WS_BROKEN, 1002},
		{"\x07\xd0", 2, WS_BROKEN, 1002},
		{"\x13\x88", 2, WS_BROKEN, 1002},
		{"\x03\xe8\xc3", 3, WS_BROKEN, 1007},
	};
	uint8_t b[64];
	struct ws_frame f;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct ws_rx rx = {.max = LIMIT};
		ws_frame_read(&rx, b, build(b, 0x88, rows[i].payload, rows[i].n), &f);
		assert_int_equal(f.event, rows[i].event);
		assert_int_equal(f.code, rows[i].code);
	}
}

static void test_utf8(void **state)
{
	static const char *const good[] = {"", "plain", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
		"\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
		("12345678\xc3\xa4"
		 "12345678")};
	static const char *const bad[] = {"\x80", "\xc1\xbf", "\xc2",
		"\xc2"
		"a",
		"\xe0\x9f\xbf", "\xe1\x80", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
		"\xff", "1234567\xe2\x82",
		"\xe2\x82"
		"a"};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(ws_utf8_ok(str_of(good[i])));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(ws_utf8_ok(str_of(bad[i])));
	assert_true(ws_utf8_ok((struct str){"a\0b", 3}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_too_many_fragments),
		cmocka_unit_test(test_announced),
		cmocka_unit_test(test_close_codes),
		cmocka_unit_test(test_utf8),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("ws_frame", tests, NULL, NULL);
}
