/* RFC 6455 framing, the server's side: strict, pure, over a contiguous buffer; unmasks in place. Any thread.
 *
 * Refused with 1002: an unmasked frame, a reserved bit, an unknown opcode, a length not in its shortest form, a
 * fragmented or long control frame, a continuation of nothing, a new message inside a message, more than
 * WS_FRAGMENTS_MAX fragments, a close code that must not be sent; with 1003 binary; with 1009 a message that
 * announces more than the maximum, at the head of the frame that does so. Text is not checked for UTF-8 here: see
 * ws_utf8_ok(), to be asked once the message is whole. */
#ifndef CHAT_NET_WS_FRAME_H
#define CHAT_NET_WS_FRAME_H
#include "common/base/str.h"
#include <stdint.h>

enum { WS_FRAGMENTS_MAX = 64, WS_CONTROL_MAX = 125, WS_HEAD_MAX = 10, WS_CLIENT_HEAD_MAX = 14 };
enum { WS_OP_TEXT = 1, WS_OP_CLOSE = 8, WS_OP_PING = 9, WS_OP_PONG = 10 };

enum ws_event {
	WS_MORE, /* the frame is not whole yet */
	WS_DATA, /* one frame of a text message */
	WS_PING,
	WS_PONG,
	WS_CLOSE,
	WS_BROKEN, /* close with code; nothing after it means anything */
};

/* The receiving side of a connection. Zero but for max at first. */
struct ws_rx {
	size_t max;         /* bytes of one message, all fragments */
	size_t have;        /* bytes of the message under way, frames already handed over */
	unsigned fragments; /* of the message under way; 0: none is */
};

struct ws_frame {
	enum ws_event event;
	size_t size;        /* bytes of the whole frame with its head; 0 with WS_MORE and WS_BROKEN */
	struct str payload; /* unmasked; of WS_CLOSE the reason */
	bool first, last;   /* WS_DATA: where in its message */
	uint16_t code;      /* WS_BROKEN: to close with; WS_CLOSE: as received, 1005 when there was none */
};

/* Reads the frame that begins at p. WS_MORE leaves rx and the bytes as they are. */
void ws_frame_read(struct ws_rx *rx, uint8_t *p, size_t n, struct ws_frame *out);
/* Bytes of the frame that begins at p with its head, as far as n bytes can tell: at least that many are needed. */
size_t ws_frame_size(const uint8_t *p, size_t n);
/* Writes the head of an unmasked final frame; answers its length, at most WS_HEAD_MAX. */
size_t ws_frame_head(uint8_t out[WS_HEAD_MAX], unsigned opcode, size_t payload);
/* A close code that a peer may send (section 7.4). */
bool ws_code_ok(unsigned code);
/* Valid UTF-8 (RFC 3629). Unlike utf8_ok() it lets U+0000 pass, which RFC 6455 allows. */
bool ws_utf8_ok(struct str text);
void ws_unmask(uint8_t *p, size_t n, const uint8_t key[4]);
#endif
