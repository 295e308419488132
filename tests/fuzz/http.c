/* libFuzzer: the HTTP gate. Whatever way the bytes are cut the result is the same, and what it hands out lies within them. */
#include "server/net/http_parse.h"
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void within(struct str s, const char *p, size_t n)
{
	if (s.n > 0 && (s.p < p || s.p + s.n > p + n))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_scan whole_scan = {0}, scan = {0};
	struct http_request whole, r;
	enum http_result result = HTTP_MORE, expected;
	char *copy = calloc(1, size + 1);
	size_t step = size ? 1 + data[size - 1] % 64u : 1;

	if (!copy)
		return 0;
	if (size)
		memcpy(copy, data, size);
	expected = http_parse(copy, size, &whole_scan, &whole);
	for (size_t n = 0; result == HTTP_MORE && n < size;) {
		n = size - n < step ? size : n + step;
		result = http_parse(copy, n, &scan, &r);
	}
	if (size && (result != expected || (result == HTTP_REFUSED && r.err != whole.err)))
		abort();
	if (result == HTTP_DONE) {
		if (r.head_len > size || r.head_len != whole.head_len || r.head.path.n > HTTP_PATH_MAX)
			abort();
		within(r.head.path, copy, r.head_len);
		within(r.head.query, copy, r.head_len);
		within(r.head.authorization, copy, r.head_len);
		within(r.ws_key, copy, r.head_len);
	}
	free(copy);
	return 0;
}
