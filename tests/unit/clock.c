#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/clock.h"
#include <cmocka.h>
#include <string.h>
#include <time.h>

static const struct {
	uint64_t ms;
	const char *text;
} known[] = {
	{0, "1970-01-01T00:00:00.000Z"},
	{951782399999, "2000-02-28T23:59:59.999Z"},
	{951782400000, "2000-02-29T00:00:00.000Z"},
	{1234567890123, "2009-02-13T23:31:30.123Z"},
	{1767323045678, "2026-01-02T03:04:05.678Z"},
	{4107542400000, "2100-03-01T00:00:00.000Z"},
	{253402300799999, "9999-12-31T23:59:59.999Z"},
};

static void test_known(void **state)
{
	char text[CLOCK_TEXT + 1];
	uint64_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		clock_format(known[i].ms, text);
		assert_string_equal(text, known[i].text);
		assert_int_equal(clock_parse(text, CLOCK_TEXT, &ms), 0);
		assert_true(ms == known[i].ms);
	}
}

/* What no four-digit year can tell still leaves text of the right form. */
static void test_too_late(void **state)
{
	static const uint64_t late[] = {253402300800000, 1ull << 60, UINT64_MAX};
	char text[CLOCK_TEXT + 1];

	(void)state;
	for (size_t i = 0; i < sizeof late / sizeof *late; i++) {
		clock_format(late[i], text);
		assert_string_equal(text, "0000-00-00T00:00:00.000Z");
	}
}

static void test_round_trip(void **state)
{
	char text[CLOCK_TEXT + 1];
	uint64_t ms;

	(void)state;
	for (uint64_t t = 0; t < 253402300800000; t += 86399977ull * 97) {
		clock_format(t, text);
		assert_int_equal(clock_parse(text, CLOCK_TEXT, &ms), 0);
		assert_true(ms == t);
	}
}

static void test_zones(void **state)
{
	static const char *const same[] = {"2026-01-02T03:04:05.678Z", "2026-01-02t03:04:05.678z",
		"2026-01-02 03:04:05.678Z", "2026-01-02T03:04:05.678+00:00", "2026-01-02T03:04:05.678-00:00",
		"2026-01-02T08:34:05.678+05:30", "2026-01-01T18:04:05.678-09:00", "2026-01-02T03:04:05.678999Z",
		"2026-01-03T03:03:05.678+23:59"};
	uint64_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		assert_int_equal(clock_parse(same[i], strlen(same[i]), &ms), 0);
		assert_true(ms == 1767323045678);
	}
	assert_int_equal(clock_parse("2026-01-02T03:04:05Z", 20, &ms), 0);
	assert_true(ms == 1767323045000);
	assert_int_equal(clock_parse("2026-01-02T03:04:05.6Z", 22, &ms), 0);
	assert_true(ms == 1767323045600);
	/* A leap second is the next second's beginning. */
	assert_int_equal(clock_parse("2016-12-31T23:59:60Z", 20, &ms), 0);
	assert_true(ms == 1483228800000);
}

static void test_refused(void **state)
{
	static const char *const bad[] = {"", "Z", "2026-01-02", "2026-01-02T03:04:05", "2026-01-02T03:04:05.678",
		"2026-13-02T03:04:05Z", "2026-00-02T03:04:05Z", "2026-01-00T03:04:05Z", "2026-01-32T03:04:05Z",
		"2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-01-02T03:04:05.Z",
		"2026-01-02T24:04:05Z", "2026-01-02T03:60:05Z", "2026-01-02T03:04:61Z", "1969-12-31T23:59:59Z",
		"1970-01-01T00:00:00+00:01", "2026/01/02T03:04:05Z", "2026-01-02X03:04:05Z", "2026-01-02T03.04.05Z",
		"2026-01-02T03:04:05ZZ", "2026-01-02T03:04:05+1:00", "2026-01-02T03:04:05+0100",
		"2026-01-02T03:04:05+24:00", "2026-01-02T03:04:05+01:60", "2026-01-02T03:04:05*01:00",
		"2026-01-02T03:04:05,5Z", "2026-01-02T03:04:05.5", "+026-01-02T03:04:05Z", "2026-01-02T03:04:-5Z",
		"2026-01-02T03:04:05.000000000000000000000000000000000000000Z"};
	uint64_t ms = 42;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (clock_parse(bad[i], strlen(bad[i]), &ms) != -1)
			fail_msg("accepted: %s", bad[i]);
	assert_int_equal(clock_parse("2026-01-02T03:04:05Z\0Z", 22, &ms), -1);
	assert_true(ms == 42);
}

static void test_clocks_run(void **state)
{
	uint64_t wall = clock_wall_ms(), mono = clock_mono_us(), last = mono;

	(void)state;
	assert_true(wall / 1000 >= (uint64_t)time(NULL) - 2 && wall / 1000 <= (uint64_t)time(NULL) + 2);
	for (int i = 0; i < 1000; i++) {
		uint64_t now = clock_mono_us();
		assert_true(now >= last);
		last = now;
	}
	assert_true(last - mono < 60000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_too_late),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_zones),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_clocks_run),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
