/* libFuzzer: journal records. What is accepted lies within the bytes, and written again it is the same bytes. */
#include "server/journal/record.h"
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same_again(struct record r, const uint8_t *p)
{
	uint64_t *out = aligned_alloc(8, r.len);

	if (!out)
		return;
	record_encode(&r, (uint8_t *)out);
	if (memcmp(out, p, r.len) != 0)
		abort();
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct record r, again;
	uint64_t pos = 0, *copy = aligned_alloc(8, (size + 16) & ~(size_t)7);

	if (!copy)
		return 0;
	if (size)
		memcpy(copy, data, size);
	if (size >= RECORD_HEAD)
		memcpy(&pos, (uint8_t *)copy + 16, sizeof pos);
	if (record_decode(&r, (uint8_t *)copy, size, pos, false) == 0) {
		const char *end = (const char *)copy + size;
		if (r.len > size || r.client_id.p + r.client_id.n > end || r.body.p + r.body.n > end)
			abort();
		/* With the right checksum the same bytes are a record that must come through. */
		uint32_t crc = crc32c(0, (uint8_t *)copy + 8, r.len - 8);
		memcpy((uint8_t *)copy + 4, &crc, sizeof crc);
		if (record_decode(&again, (uint8_t *)copy, size, pos, true) != 0 || again.body.n != r.body.n)
			abort();
		bool padded_with_zeros = true;
		for (size_t i = RECORD_HEAD + r.client_id.n + r.body.n; i < r.len; i++)
			padded_with_zeros &= ((uint8_t *)copy)[i] == 0;
		uint32_t zero;
		memcpy(&zero, (uint8_t *)copy + 84, sizeof zero);
		if (padded_with_zeros && zero == 0)
			same_again(again, (uint8_t *)copy);
	}
	free(copy);
	return 0;
}
