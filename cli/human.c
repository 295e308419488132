#include "cli/human.h"
#include <inttypes.h>
#include <stdio.h>

struct unit {
	uint64_t size;
	const char *name;
};

/* The largest unit that fits; one decimal below ten of it, where the unit has parts. */
static const char *scale(uint64_t v, const struct unit *u, char out[HUMAN_MAX])
{
	while (v < u->size)
		u++;
	if (u->size > 1 && v < 10 * u->size)
		snprintf(out, HUMAN_MAX, "%" PRIu64 ".%u %s", v / u->size, (unsigned)(v % u->size * 10 / u->size),
			u->name);
	else
		snprintf(out, HUMAN_MAX, "%" PRIu64 " %s", u->size ? v / u->size : v, u->name);
	return out;
}

const char *human_us(uint64_t us, char out[HUMAN_MAX])
{
	static const struct unit units[] = {
		{86400000000, "d"}, {3600000000, "h"}, {60000000, "min"}, {1000000, "s"}, {1000, "ms"}, {0, "us"}};

	/* Half a millisecond is more readily compared with two than 500 us is. */
	if (us >= 100 && us < 1000)
		return snprintf(out, HUMAN_MAX, "0.%u ms", (unsigned)(us / 100)), out;
	return scale(us, units, out);
}

const char *human_bytes(uint64_t n, char out[HUMAN_MAX])
{
	static const struct unit units[] = {
		{1ull << 40, "TiB"}, {1ull << 30, "GiB"}, {1ull << 20, "MiB"}, {1ull << 10, "KiB"}, {0, "B"}};

	return scale(n, units, out);
}

const char *human_count(uint64_t n, char out[HUMAN_MAX])
{
	char digits[HUMAN_MAX];
	int len = snprintf(digits, sizeof digits, "%" PRIu64, n > 999999999999999 ? 999999999999999 : n), at = 0;

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = 0;
	return out;
}
