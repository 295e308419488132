#include "server/net/ws_frame.h"
#include <endian.h>

enum { FIN = 0x80, RESERVED = 0x70, OPCODE = 0x0f, MASKED = 0x80, CONTROL = 0x08 };
enum { CLOSE_PROTOCOL = 1002, CLOSE_TYPE = 1003, CLOSE_NONE = 1005, CLOSE_UTF8 = 1007, CLOSE_TOO_BIG = 1009 };

/* A frame's head, read but not judged. */
struct frame_head {
	unsigned opcode;
	bool fin;
	bool shortest; /* the length is in its shortest form */
	uint64_t len;  /* bytes of payload */
	size_t size;   /* bytes of the head with the mask */
};

void ws_unmask(uint8_t *p, size_t n, const uint8_t key[4])
{
	uint32_t half;
	uint64_t mask, word;

	memcpy(&half, key, 4);
	mask = (uint64_t)half << 32 | half;
	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&word, p, 8);
		word ^= mask;
		memcpy(p, &word, 8);
	}
	for (size_t i = 0; i < n; i++)
		p[i] ^= key[i & 3];
}

/* Bytes that a lead byte asks for behind it, or -1. */
static int utf8_tail(uint8_t lead)
{
	if (lead >= 0xc2 && lead <= 0xdf)
		return 1;
	if (lead >= 0xe0 && lead <= 0xef)
		return 2;
	return lead >= 0xf0 && lead <= 0xf4 ? 3 : -1;
}

/* The second byte carries what makes a sequence overlong, a surrogate or past U+10FFFF. */
static bool utf8_second_ok(uint8_t lead, uint8_t second)
{
	uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
	uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;

	return second >= low && second <= high;
}

bool ws_utf8_ok(struct str text)
{
	const uint8_t *p = (const uint8_t *)text.p, *end = p + text.n;
	uint64_t word;

	while (p < end) {
		if (end - p >= 8 && (memcpy(&word, p, 8), (word & 0x8080808080808080ull) == 0)) {
			p += 8;
			continue;
		}
		if (*p < 0x80) {
			p++;
			continue;
		}
		int tail = utf8_tail(*p);
		if (tail < 0 || end - p <= tail || !utf8_second_ok(p[0], p[1]))
			return false;
		for (int i = 2; i <= tail; i++)
			if ((p[i] & 0xc0) != 0x80)
				return false;
		p += tail + 1;
	}
	return true;
}

bool ws_code_ok(unsigned code)
{
	return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
	       (code >= 3000 && code <= 4999);
}

static void broken(struct ws_frame *out, unsigned code)
{
	*out = (struct ws_frame){.event = WS_BROKEN, .code = (uint16_t)code};
}

static size_t length_bytes(unsigned len7)
{
	return len7 == 126 ? 2 : len7 == 127 ? 8 : 0;
}

/* Reads the length and the size of the head. The n bytes hold all of the length. */
static void read_length(const uint8_t *p, struct frame_head *h)
{
	size_t extra = length_bytes(p[1] & 0x7fu);
	uint64_t len = p[1] & 0x7fu;

	if (extra == 2)
		len = (uint64_t)p[2] << 8 | p[3];
	if (extra == 8) {
		memcpy(&len, p + 2, 8);
		len = be64toh(len);
	}
	h->size = 2 + extra + 4;
	h->len = len;
	h->shortest = extra == 0 || (extra == 2 && len >= 126) || (extra == 8 && len >= 65536 && len >> 63 == 0);
}

size_t ws_frame_size(const uint8_t *p, size_t n)
{
	struct frame_head h;

	if (n < 2)
		return 2 + 4;
	if (n < 2 + length_bytes(p[1] & 0x7fu))
		return 2 + length_bytes(p[1] & 0x7fu) + 4;
	read_length(p, &h);
	return h.len > SIZE_MAX / 2 ? SIZE_MAX / 2 : h.size + (size_t)h.len;
}

static bool judge_data(const struct ws_rx *rx, const struct frame_head *h, struct ws_frame *out)
{
	if (h->opcode == 2)
		return broken(out, CLOSE_TYPE), false;
	if (h->opcode > 2 || (h->opcode == WS_OP_TEXT) != (rx->fragments == 0) || rx->fragments >= WS_FRAGMENTS_MAX)
		return broken(out, CLOSE_PROTOCOL), false;
	if (h->len > rx->max || rx->have > rx->max - h->len)
		return broken(out, CLOSE_TOO_BIG), false;
	return true;
}

static bool judge_control(const struct frame_head *h, struct ws_frame *out)
{
	if (h->opcode > WS_OP_PONG || !h->fin || h->len > WS_CONTROL_MAX)
		return broken(out, CLOSE_PROTOCOL), false;
	return true;
}

static void take_data(struct ws_rx *rx, const struct frame_head *h, struct ws_frame *out)
{
	out->event = WS_DATA;
	out->first = rx->fragments == 0;
	out->last = h->fin;
	rx->have = h->fin ? 0 : rx->have + h->len;
	rx->fragments = h->fin ? 0 : rx->fragments + 1;
}

static void take_close(struct ws_frame *out)
{
	const uint8_t *p = (const uint8_t *)out->payload.p;

	out->event = WS_CLOSE;
	out->code = CLOSE_NONE;
	if (out->payload.n == 0)
		return;
	unsigned code = out->payload.n >= 2 ? (unsigned)p[0] << 8 | p[1] : 0;
	if (!ws_code_ok(code)) {
		broken(out, CLOSE_PROTOCOL);
		return;
	}
	out->code = (uint16_t)code;
	out->payload = (struct str){out->payload.p + 2, out->payload.n - 2};
	if (!ws_utf8_ok(out->payload))
		broken(out, CLOSE_UTF8);
}

/* Reads the head as far as it is there. False: more bytes are needed or the frame is refused, as out says. */
static bool read_head(const struct ws_rx *rx, const uint8_t *p, size_t n, struct frame_head *h, struct ws_frame *out)
{
	if (n < 2)
		return false;
	if ((p[0] & RESERVED) || !(p[1] & MASKED))
		return broken(out, CLOSE_PROTOCOL), false;
	if (n < 2 + length_bytes(p[1] & 0x7fu))
		return false;
	h->opcode = p[0] & OPCODE;
	h->fin = (p[0] & FIN) != 0;
	read_length(p, h);
	if (!h->shortest)
		return broken(out, CLOSE_PROTOCOL), false;
	return h->opcode & CONTROL ? judge_control(h, out) : judge_data(rx, h, out);
}

void ws_frame_read(struct ws_rx *rx, uint8_t *p, size_t n, struct ws_frame *out)
{
	struct frame_head h;

	*out = (struct ws_frame){.event = WS_MORE};
	if (!read_head(rx, p, n, &h, out) || n < h.size || n - h.size < h.len)
		return;
	ws_unmask(p + h.size, h.len, p + h.size - 4);
	out->size = h.size + h.len;
	out->payload = (struct str){(const char *)p + h.size, h.len};
	if (!(h.opcode & CONTROL))
		take_data(rx, &h, out);
	else if (h.opcode == WS_OP_CLOSE)
		take_close(out);
	else
		out->event = h.opcode == WS_OP_PING ? WS_PING : WS_PONG;
}

size_t ws_frame_head(uint8_t out[WS_HEAD_MAX], unsigned opcode, size_t payload)
{
	out[0] = (uint8_t)(FIN | opcode);
	if (payload < 126) {
		out[1] = (uint8_t)payload;
		return 2;
	}
	if (payload < 65536) {
		out[1] = 126;
		out[2] = (uint8_t)(payload >> 8);
		out[3] = (uint8_t)payload;
		return 4;
	}
	uint64_t big = htobe64(payload);
	out[1] = 127;
	memcpy(out + 2, &big, 8);
	return 10;
}
