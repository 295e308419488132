#include "tests/unit/net_rig.h"

#define UPGRADE                                                                                    \
	"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n" \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
#define CHAT "Sec-WebSocket-Protocol: other, chat.v1\r\n\r\n"

enum { TEXT = 0x81, FIRST = 0x01, MIDDLE = 0x00, LAST = 0x80, BINARY = 0x82, CLOSE = 0x88, PING = 0x89, PONG = 0x8a };

/* Appends a masked frame. */
static void frame(struct buf *b, int first_byte, const void *p, size_t n)
{
	static const unsigned char mask[4] = {0x37, 0xfa, 0x21, 0x3d};

	buf_addc(b, (char)first_byte);
	if (n < 126)
		buf_addc(b, (char)(0x80 | n));
	else if (n < 65536)
		buf_add(b, (unsigned char[]){0xfe, (unsigned char)(n >> 8), (unsigned char)n}, 3);
	else
		buf_add(b,
			(unsigned char[]){0xff, 0, 0, 0, 0, (unsigned char)(n >> 24), (unsigned char)(n >> 16),
				(unsigned char)(n >> 8), (unsigned char)n},
			9);
	buf_add(b, mask, 4);
	for (size_t i = 0; i < n; i++)
		buf_addc(b, (char)(((const unsigned char *)p)[i] ^ mask[i & 3]));
}

static void say(int fd, int first_byte, const char *text)
{
	struct buf b;

	buf_init(&b, 4 << 20);
	frame(&b, first_byte, text, strlen(text));
	put(fd, b.data, b.len);
	buf_release(&b);
}

/* Reads one frame; answers its first byte. */
static int hear(int fd, struct buf *out)
{
	unsigned char head[2], more[8];
	size_t n;

	get_exact(fd, head, 2);
	n = head[1];
	assert_true(n <= 127);
	if (n >= 126) {
		size_t k = n == 126 ? 2 : 8;
		get_exact(fd, more, k);
		n = 0;
		for (size_t i = 0; i < k; i++)
			n = n << 8 | more[i];
	}
	buf_reset(out);
	assert_non_null(buf_reserve(out, n + 1));
	get_exact(fd, out->data, n);
	out->len = n;
	return head[0];
}

static void expect_frame(int fd, int first_byte, const char *text)
{
	struct buf b;

	buf_init(&b, 4 << 20);
	assert_int_equal(hear(fd, &b), first_byte);
	assert_int_equal(b.len, strlen(text));
	assert_memory_equal(b.data, text, b.len);
	buf_release(&b);
}

/* Passes over what comes before the close frame, checks its code, and that the connection ends. */
static void expect_close(int fd, int code)
{
	struct buf b;

	buf_init(&b, 4 << 20);
	while (hear(fd, &b) != CLOSE)
		;
	assert_true(b.len >= 2);
	assert_int_equal((unsigned char)b.data[0] << 8 | (unsigned char)b.data[1], code);
	buf_release(&b);
	say(fd, CLOSE, "");
	get_end(fd);
}

static int ws_client(const struct rig *r)
{
	struct answer a;
	int fd = client(r);

	puts_to(fd, UPGRADE CHAT);
	get_answer(fd, &a);
	assert_int_equal(a.status, 101);
	assert_non_null(strstr(a.head, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
	assert_non_null(strstr(a.head, "Sec-WebSocket-Protocol: chat.v1\r\n"));
	assert_null(strstr(a.head, "Extensions"));
	free(a.body);
	return fd;
}

static void test_handshakes(void **state)
{
	static const struct {
		const char *send;
		int status;
	} rows[] = {
		{UPGRADE "\r\n", 400},
		{UPGRADE "Sec-WebSocket-Protocol: chat.v2\r\n\r\n", 400},
		{"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
		 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n" CHAT,
			426},
		{"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
		 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==\r\nSec-WebSocket-Version: 13\r\n" CHAT,
			400},
		{"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: h2c\r\n" CHAT, 426},
		{"GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
		 "Sec-WebSocket-Version: 13\r\n" CHAT,
			426},
	};
	struct rig r;
	struct answer a;

	(void)state;
	rig_start(&r, &rig_config);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int fd = client(&r);
		puts_to(fd, rows[i].send);
		get_answer(fd, &a);
		assert_int_equal(a.status, rows[i].status);
		assert_true(a.status != 426 || strstr(a.head, "Sec-WebSocket-Version: 13\r\n"));
		free(a.body);
		get_end(fd);
	}
	assert_int_equal(atomic_load(&r.opened), 0);
	rig_stop(&r);
}

static void test_echo(void **state)
{
	struct rig r;
	struct buf b, got;

	(void)state;
	rig_start(&r, &rig_config);
	buf_init(&b, 4 << 20);
	buf_init(&got, 4 << 20);
	/* The frames that follow the head in its segment are read after the handshake, one after the other. */
	int fd = client(&r);
	buf_adds(&b, UPGRADE CHAT);
	frame(&b, TEXT, "one", 3);
	frame(&b, PING, "p1", 2);
	frame(&b, PING, "p2", 2);
	frame(&b, TEXT, "two", 3);
	put(fd, b.data, b.len);
	expect_answer(fd, 101, NULL);
	expect_frame(fd, PONG, "p2");
	expect_frame(fd, TEXT, "onetwo");
	/* Every size class of the length, byte by byte where that does not take for ever. */
	for (size_t n = 1; n < 200000; n = n * 5 + 3) {
		char *text = malloc(n);
		assert_non_null(text);
		memset(text, 'a', n);
		buf_reset(&b);
		frame(&b, TEXT, text, n);
		for (size_t i = 0; i < b.len; i += n < 4000 ? 1 : 7001)
			put(fd, b.data + i, n < 4000 ? 1 : b.len - i < 7001 ? b.len - i : 7001);
		for (size_t have = 0; have < n; have += got.len) {
			assert_int_equal(hear(fd, &got), TEXT);
			assert_memory_equal(got.data, text, got.len);
		}
		free(text);
	}
	say(fd, CLOSE,
		"\x03\xe8"
		"bye");
	expect_close(fd, 1000);
	rig_wait(&r.closed, 1);
	buf_release(&b);
	buf_release(&got);
	rig_stop(&r);
}

static void test_fragments(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, &rig_config);
	int fd = ws_client(&r);
	say(fd, FIRST, "gr\xc3");
	say(fd, PING, "still there");
	expect_frame(fd, PONG, "still there");
	say(fd, MIDDLE, "\xbc\xc3");
	say(fd, MIDDLE, "");
	say(fd, LAST, "\x9f");
	expect_frame(fd, TEXT, "gr\xc3\xbc\xc3\x9f");
	say(fd, TEXT, "whole");
	expect_frame(fd, TEXT, "whole");
	for (int i = 0; i < 65; i++)
		say(fd, i ? MIDDLE : FIRST, "x");
	expect_close(fd, 1002);
	rig_stop(&r);
}

static void test_violations(void **state)
{
	static const struct {
		const char *send;
		size_t n;
		int code;
	} rows[] = {
		{"\x81\x02hi", 4, 1002},                                           /* unmasked */
		{"\xc1\x80\0\0\0\0", 6, 1002},                                     /* reserved bit */
		{"\x83\x80\0\0\0\0", 6, 1002},                                     /* unknown opcode */
		{"\x80\x80\0\0\0\0", 6, 1002},                                     /* continues nothing */
		{"\x01\x80\0\0\0\0\x81\x80\0\0\0\0", 12, 1002},                    /* a message in a message */
		{"\x09\x80\0\0\0\0", 6, 1002},                                     /* fragmented ping */
		{"\x89\xfe\x00\x7e\0\0\0\0", 8, 1002},                             /* long ping */
		{"\x81\xfe\x00\x7d\0\0\0\0", 8, 1002},                             /* length not in its shortest form */
		{"\x82\x80\0\0\0\0", 6, 1003},                                     /* binary */
		{"\x81\x81\0\0\0\0\xff", 7, 1007},                                 /* not UTF-8 */
		{"\x81\x82\0\0\0\0\xc0\x80", 8, 1007},                             /* overlong */
		{"\x81\x83\0\0\0\0\xed\xa0\x80", 9, 1007},                         /* surrogate */
		{"\x81\xff\0\0\0\0\0\x10\0\x01\0\0\0\0", 14, 1009},                /* 1 MiB and 1 */
		{"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 14, 1009},    /* much more */
		{"\x01\x81\0\0\0\0x\x80\xff\0\0\0\0\0\x10\0\0\0\0\0\0", 21, 1009}, /* in sum */
		{"\x88\x81\0\0\0\0\x03", 7, 1002},                                 /* half a code */
		{"\x88\x82\0\0\0\0\x03\xed", 8, 1002},                             /* 1005 on the wire */
		{"\x88\x83\0\0\0\0\x03\xe8\xff", 9, 1007},                         /* a reason that is not UTF-8 */
		{"\x88\x80\0\0\0\0", 6, 1000},
		{"\x88\x82\0\0\0\0\x0f\xa0", 8, 4000},
	};
	struct rig r;

	(void)state;
	rig_start(&r, &rig_config);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int fd = ws_client(&r);
		put(fd, rows[i].send, rows[i].n);
		expect_close(fd, rows[i].code);
	}
	rig_wait(&r.closed, (int)(sizeof rows / sizeof *rows));
	rig_stop(&r);
}

static void test_server_closes(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, &rig_config);
	int fd = ws_client(&r);
	struct buf b;
	buf_init(&b, 4096);
	frame(&b, TEXT, "before", 6);
	frame(&b, TEXT, "close", 5);
	frame(&b, TEXT, "after", 5);
	put(fd, b.data, b.len);
	buf_release(&b);
	expect_frame(fd, TEXT, "before");
	expect_frame(fd, CLOSE,
		"\x11\x31"
		"auth");
	say(fd, TEXT, "more");
	say(fd, CLOSE, "\x11\x31");
	get_end(fd);
	int other = ws_client(&r);
	rig_post(&r, 3);
	expect_close(other, 4401);
	rig_stop(&r);
}

/* However much there is still to say, a close comes within about a second. */
static void test_close_cuts_a_flood(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, &rig_config);
	int fd = ws_client(&r);
	say(fd, TEXT, "flood");
	say(fd, TEXT, "close");
	expect_close(fd, 4401);
	rig_stop(&r);
}

static void test_pause(void **state)
{
	struct rig r;
	struct buf b;
	struct pollfd p = {.events = POLLIN};

	(void)state;
	rig_start(&r, &rig_config);
	buf_init(&b, 4096);
	p.fd = ws_client(&r);
	frame(&b, TEXT, "pause", 5);
	frame(&b, TEXT, "one", 3);
	put(p.fd, b.data, b.len);
	while (!atomic_load(&r.waiting))
		poll(NULL, 0, 1);
	say(p.fd, TEXT, "two");
	assert_int_equal(poll(&p, 1, 50), 0);
	rig_post(&r, 2);
	struct buf got;
	char all[8] = "";
	buf_init(&got, 4096);
	while (strlen(all) < 6) {
		assert_int_equal(hear(p.fd, &got), TEXT);
		strncat(all, got.data, got.len);
	}
	assert_string_equal(all, "onetwo");
	buf_release(&b);
	buf_release(&got);
	close(p.fd);
	rig_wait(&r.closed, 1);
	rig_stop(&r);
}

/* A reader that takes nothing is told 4008 behind what it was sent; what it was sent is whole. */
static void test_slow_reader(void **state)
{
	struct net_config conf = rig_config;
	struct rig r;

	(void)state;
	conf.stall_ms = 300;
	rig_start(&r, &conf);
	int fd = ws_client(&r), small = 4096;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	say(fd, TEXT, "flood");
	int before = atomic_load(&r.ticks);
	rig_wait(&r.ticks, before + 25); /* of 100 ms: every connection is looked at each 800 ms */
	expect_close(fd, 4008);
	rig_wait(&r.closed, 1);
	rig_stop(&r);
}

static void test_no_pong(void **state)
{
	struct net_config conf = rig_config;
	struct rig r;
	struct buf b;

	(void)state;
	conf.ping_ms = 100;
	conf.pong_ms = 1500;
	rig_start(&r, &conf);
	int fd = ws_client(&r), good = ws_client(&r);
	buf_init(&b, 4096);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(hear(good, &b), PING);
		say(good, PONG, "");
	}
	expect_close(fd, 4011);
	say(good, TEXT, "here");
	while (hear(good, &b) != TEXT)
		;
	buf_release(&b);
	close(good);
	rig_stop(&r);
}

static void test_slow_message(void **state)
{
	struct net_config conf = rig_config;
	struct rig r;

	(void)state;
	conf.frame_ms = 200;
	rig_start(&r, &conf);
	int fd = ws_client(&r), half = ws_client(&r);
	say(fd, FIRST, "begun");
	put(half, "\x81\x85", 2);
	expect_close(fd, 1008);
	expect_close(half, 1008);
	rig_stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshakes),
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_violations),
		cmocka_unit_test(test_server_closes),
		cmocka_unit_test(test_close_cuts_a_flood),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_slow_reader),
		cmocka_unit_test(test_no_pong),
		cmocka_unit_test(test_slow_message),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("net_ws", tests, NULL, NULL);
}
