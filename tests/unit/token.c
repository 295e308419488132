#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/msg.h"
#include "server/journal/token.h"
#include <cmocka.h>
#include <stdlib.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const struct token_key key = {
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, 0x1122334455667788}; /* the key of the SipHash paper */
static const struct place here = {0x0123456789abcdef, 0xfeedbeef};
enum { SENDER = 7, RECIPIENT = 9, OTHER = 8 };

/* A copy of exactly the bytes given, so that a read beyond them is seen under ASan. */
static int parse_id(const struct token_key *k, const char *text, size_t n, uint32_t user, struct place *at)
{
	char *copy = malloc(n ? n : 1);

	assert_non_null(copy);
	memcpy(copy, text, n);
	int rc = id_parse(k, (struct str){copy, n}, user, at);
	free(copy);
	return rc;
}

static int parse_cursor(const struct token_key *k, const char *text, size_t n, uint32_t user, struct place *at)
{
	char *copy = malloc(n ? n : 1);

	assert_non_null(copy);
	memcpy(copy, text, n);
	int rc = cursor_parse(k, (struct str){copy, n}, user, at);
	free(copy);
	return rc;
}

static void is_place(struct place at, struct place expected)
{
	assert_true(at.pos == expected.pos);
	assert_int_equal(at.crc, expected.crc);
}

/* Clients keep ids and cursors for long, so the form stays. The texts come from another implementation of SipHash-2-4. */
static void test_known(void **state)
{
	char id[ID_TEXT], cursor[CURSOR_TEXT];

	(void)state;
	id_format(&key, here, SENDER, RECIPIENT, id);
	assert_memory_equal(id, "m1wBG1gMRMTIzDBo6777t_u_Nq4lnRSMB", ID_TEXT);
	cursor_format(&key, here, SENDER, cursor);
	assert_memory_equal(cursor, "cBM1UmmJ9Vwjvvu3-782riWdFIwE", CURSOR_TEXT);
}

static void test_round_trip(void **state)
{
	char id[ID_TEXT], cursor[CURSOR_TEXT];
	struct place at;
	uint64_t random = 1;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		struct place p = {random >> (i % 64), (uint32_t)(random >> 13)};
		uint32_t from = (uint32_t)(random >> 7), to = (uint32_t)(random >> 21);
		id_format(&key, p, from, to, id);
		assert_true(token_text_ok((struct str){id, ID_TEXT}));
		assert_int_equal(parse_id(&key, id, ID_TEXT, from, &at), 0);
		is_place(at, p);
		assert_int_equal(parse_id(&key, id, ID_TEXT, to, &at), 0);
		is_place(at, p);
		assert_int_equal(parse_id(&key, id, ID_TEXT, from ^ to ^ 0x55555555, &at), -1);
		cursor_format(&key, p, from, cursor);
		assert_true(token_text_ok((struct str){cursor, CURSOR_TEXT}));
		assert_int_equal(parse_cursor(&key, cursor, CURSOR_TEXT, from, &at), 0);
		is_place(at, p);
		assert_int_equal(parse_cursor(&key, cursor, CURSOR_TEXT, from + 1, &at), -1);
	}
}

/* No other text than the one handed out names the place: of an id, its reader's own half of the hash is checked. */
static void test_each_character(void **state)
{
	char id[ID_TEXT], cursor[CURSOR_TEXT];
	struct place at;

	(void)state;
	id_format(&key, here, SENDER, RECIPIENT, id);
	cursor_format(&key, here, SENDER, cursor);
	for (int i = 0; i < ID_TEXT; i++)
		for (const char *c = alphabet; *c; c++) {
			char was = id[i];
			if (*c == was)
				continue;
			id[i] = *c;
			if (i < 1 || i > 8)
				assert_int_equal(parse_id(&key, id, ID_TEXT, RECIPIENT, &at), -1);
			if (i < 9 || i > 16)
				assert_int_equal(parse_id(&key, id, ID_TEXT, SENDER, &at), -1);
			id[i] = was;
		}
	for (int i = 0; i < CURSOR_TEXT; i++)
		for (const char *c = alphabet; *c; c++) {
			char was = cursor[i];
			if (*c == was)
				continue;
			cursor[i] = *c;
			assert_int_equal(parse_cursor(&key, cursor, CURSOR_TEXT, SENDER, &at), -1);
			cursor[i] = was;
		}
}

/* 20 bytes leave two bits over in the last character: three other letters would say the same bytes. */
static void test_trailing_bits(void **state)
{
	char cursor[CURSOR_TEXT];
	struct place at;

	(void)state;
	cursor_format(&key, here, SENDER, cursor);
	size_t last = (size_t)(strchr(alphabet, cursor[CURSOR_TEXT - 1]) - alphabet);
	assert_int_equal(last % 4, 0);
	for (size_t i = 1; i < 4; i++) {
		cursor[CURSOR_TEXT - 1] = alphabet[last + i];
		assert_int_equal(parse_cursor(&key, cursor, CURSOR_TEXT, SENDER, &at), -1);
	}
}

static void test_foreign_bytes(void **state)
{
	char id[ID_TEXT], cursor[CURSOR_TEXT];
	struct place at;

	(void)state;
	id_format(&key, here, SENDER, SENDER, id);
	cursor_format(&key, here, SENDER, cursor);
	for (int c = 0; c < 256; c++) {
		char bad_id[ID_TEXT], bad_cursor[CURSOR_TEXT];
		if (c && strchr(alphabet, c))
			continue;
		for (int i = 0; i < ID_TEXT; i++) {
			memcpy(bad_id, id, ID_TEXT);
			bad_id[i] = (char)c;
			assert_int_equal(parse_id(&key, bad_id, ID_TEXT, SENDER, &at), -1);
		}
		for (int i = 0; i < CURSOR_TEXT; i++) {
			memcpy(bad_cursor, cursor, CURSOR_TEXT);
			bad_cursor[i] = (char)c;
			assert_int_equal(parse_cursor(&key, bad_cursor, CURSOR_TEXT, SENDER, &at), -1);
		}
	}
}

static void test_lengths(void **state)
{
	char id[80], cursor[80];
	struct place at;

	(void)state;
	memset(id, 'A', sizeof id);
	memset(cursor, 'A', sizeof cursor);
	id_format(&key, here, SENDER, RECIPIENT, id);
	cursor_format(&key, here, SENDER, cursor);
	for (size_t n = 0; n < sizeof id; n++) {
		assert_int_equal(parse_id(&key, id, n, SENDER, &at), n == ID_TEXT ? 0 : -1);
		assert_int_equal(parse_cursor(&key, cursor, n, SENDER, &at), n == CURSOR_TEXT ? 0 : -1);
	}
	cursor[CURSOR_TEXT] = '=';
	assert_int_equal(parse_cursor(&key, cursor, CURSOR_TEXT + 1, SENDER, &at), -1);
}

/* Another key, another epoch (cursors alone), another place, the one for the other. */
static void test_bound(void **state)
{
	char id[ID_TEXT], cursor[CURSOR_TEXT], text[ID_TEXT];
	struct token_key later = key, foreign = key;
	struct place at, other = {here.pos, here.crc + 1};

	(void)state;
	later.epoch++;
	foreign.key[15] ^= 1;
	id_format(&key, here, SENDER, RECIPIENT, id);
	cursor_format(&key, here, SENDER, cursor);
	assert_int_equal(parse_id(&later, id, ID_TEXT, SENDER, &at), 0);
	assert_int_equal(parse_cursor(&later, cursor, CURSOR_TEXT, SENDER, &at), -1);
	assert_int_equal(parse_id(&foreign, id, ID_TEXT, SENDER, &at), -1);
	assert_int_equal(parse_cursor(&foreign, cursor, CURSOR_TEXT, SENDER, &at), -1);
	assert_int_equal(parse_id(&key, id, ID_TEXT, OTHER, &at), -1);
	assert_int_equal(parse_cursor(&key, cursor, CURSOR_TEXT, RECIPIENT, &at), -1);
	assert_int_equal(parse_id(&key, cursor, CURSOR_TEXT, SENDER, &at), -1);
	assert_int_equal(parse_cursor(&key, id, ID_TEXT, SENDER, &at), -1);
	/* The place of one and the hashes of another. */
	id_format(&key, other, SENDER, RECIPIENT, text);
	memcpy(text, id, 17);
	assert_int_equal(parse_id(&key, text, ID_TEXT, SENDER, &at), -1);
	/* A sender's hash does not serve as a recipient's. */
	id_format(&key, here, RECIPIENT, SENDER, text);
	assert_memory_not_equal(text + 1, id + 9, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_each_character),
		cmocka_unit_test(test_trailing_bits),
		cmocka_unit_test(test_foreign_bytes),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_bound),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
