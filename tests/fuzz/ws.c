/* libFuzzer: WebSocket frames. The same frames come out whether the bytes are there at once or one by one, no message
 * exceeds the maximum, and the size that is foretold holds. */
#include "server/net/ws_frame.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LIMIT = 4096 };

/* Feeds one frame byte by byte, in a copy of exactly the bytes that are there. */
static void one_by_one(const uint8_t *data, size_t size, struct ws_rx rx, const struct ws_frame *expected)
{
	struct ws_frame f = {.event = WS_MORE};
	size_t n = 0;

	while (f.event == WS_MORE && n < size) {
		uint8_t *copy = malloc(++n);
		if (!copy)
			return;
		memcpy(copy, data, n);
		size_t foretold = ws_frame_size(copy, n);
		ws_frame_read(&rx, copy, n, &f);
		if (f.event == WS_MORE && foretold <= n)
			abort();
		free(copy);
	}
	if (f.event != expected->event || f.code != expected->code || f.size != expected->size)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ws_rx rx = {.max = LIMIT};
	uint8_t *copy = malloc(size ? size : 1);
	size_t at = 0, have = 0;
	struct ws_frame f = {.event = WS_MORE};

	if (!copy)
		return 0;
	if (size)
		memcpy(copy, data, size);
	while (at < size) {
		struct ws_rx before = rx;
		ws_frame_read(&rx, copy + at, size - at, &f);
		if (size - at < 300)
			one_by_one(data + at, size - at, before, &f);
		if (f.event == WS_MORE || f.event == WS_BROKEN)
			break;
		have = f.event != WS_DATA ? have : f.first ? f.payload.n : have + f.payload.n;
		if (have > LIMIT || f.size == 0 || f.size > size - at)
			abort();
		ws_utf8_ok(f.payload);
		at += f.size;
	}
	free(copy);
	return 0;
}
