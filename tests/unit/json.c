#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/wire/json.h"
#include <cmocka.h>
#include <stdlib.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* A copy of exactly the bytes of s, so that a read beyond them is seen under ASan. */
static struct str exact(struct str s)
{
	char *copy = malloc(s.n ? s.n : 1);

	assert_non_null(copy);
	if (s.n)
		memcpy(copy, s.p, s.n);
	return (struct str){copy, s.n};
}

static int check_as(struct str doc, enum json_type *type, struct json_error *err)
{
	struct str copy = exact(doc);

	*err = (struct json_error){NULL, 0};
	int rc = json_check(copy, type, err);
	if (rc) {
		assert_non_null(err->why);
		assert_in_range(err->at, 0, doc.n);
	}
	free((char *)copy.p);
	return rc;
}

static int check(struct str doc)
{
	enum json_type type;
	struct json_error err;

	return check_as(doc, &type, &err);
}

static void test_accepted(void **state)
{
	static const struct {
		const char *text;
		enum json_type type;
	} rows[] = {{"null", JSON_NULL}, {"true", JSON_BOOL}, {"false", JSON_BOOL}, {"0", JSON_NUMBER},
		{"-0", JSON_NUMBER}, {"10", JSON_NUMBER}, {"1.50", JSON_NUMBER}, {"1e5", JSON_NUMBER},
		{"-1.5E+05", JSON_NUMBER}, {"0.1e-9", JSON_NUMBER}, {"99999999999999999999999999", JSON_NUMBER},
		{"\"\"", JSON_STRING}, {"\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"", JSON_STRING},
		{"\"\\ud83d\\ude00\"", JSON_STRING}, {"\"\\uD83D\\uDE00\"", JSON_STRING}, {"\"\x7f\"", JSON_STRING},
		{"\"\xf4\x8f\xbf\xbf\"", JSON_STRING}, {"[]", JSON_ARRAY}, {"[1,[2],{}]", JSON_ARRAY},
		{"{}", JSON_OBJECT}, {"{\"\":1,\"a\":{\"\":[]}}", JSON_OBJECT},
		{" \t\r\n{ \"a\" : [ 1 , 2 ] } \n", JSON_OBJECT}, {"{\"a\":{\"a\":1},\"b\":{\"a\":1}}", JSON_OBJECT}};
	enum json_type type;
	struct json_error err;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (check_as(str_of(rows[i].text), &type, &err))
			fail_msg("%s: %s at %zu", rows[i].text, err.why, err.at);
		assert_int_equal(type, rows[i].type);
	}
}

static void test_refused(void **state)
{
	static const char *const rows[] = {"", " ", "nul", "nulll", "True", "tru", "truefalse", "NaN", "Infinity", "+1",
		"-", "01", "-01", "1.", ".5", "1.e5", "1e", "1e+", "0x10", "1 2", "--1", "'a'", "\"", "\"a", "\"\\",
		"\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u123g\"", "\"\\U0041\"", "\"\\u0000\"", "\"\\ud800\"",
		"\"\\ud800x\"", "\"\\ud800\\n\"", "\"\\ud800\\u0041\"", "\"\\ud800\\ud800\"", "\"\\udc00\"",
		"\"\\udc00\\ud800\"", "\"\t\"", "\"\n\"", "\"\x1f\"", "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]",
		"[1,,2]", "]", "[]]", "[1}", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{,}",
		"{\"a\"}", "{\"a\" 1}", "{a:1}", "{1:1}", "{\"a\":1 \"b\":2}", "{\"a\":1]", "{\"a\":1}}",
		"{\"a\":1,\"a\":2}", "{} x", "\xef\xbb\xbf{}", "{}\xef\xbb\xbf", "\f1", "\v1", "\xc2\xa0[]", "// c\n1",
		"1 /* c */", "\x80", "{\"\x80\":1}"};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (check(str_of(rows[i])) == 0)
			fail_msg("accepted: %s", rows[i]);
	assert_int_equal(check(STR("{}\0")), -1);
	assert_int_equal(check(STR("\"a\0b\"")), -1);
	assert_int_equal(check((struct str){NULL, 0}), -1);
}

/* Where: bytes from the start. */
static void test_places(void **state)
{
	static const struct {
		const char *text;
		size_t at;
	} rows[] = {{"", 0}, {"  x", 2}, {"[1,x]", 3}, {"{\"a\":1} x", 8}, {"\"abcdefghijkl\xff\"", 13}};
	enum json_type type;
	struct json_error err;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(check_as(str_of(rows[i].text), &type, &err), -1);
		assert_int_equal(err.at, rows[i].at);
	}
}

/* Every beginning of a document is unfinished, and is left alone beyond its end. */
static void test_truncated(void **state)
{
	static const char doc[] = "{\"op\":\"send\",\"ref\":-1.25e+3,\"body\":\"gr\xc3\xbc\xc3\x9f \\u00e9 "
				  "\\ud83d\\ude00 \xf0\x9f\x98\x80 \\n\","
				  "\"list\":[true,false,null,[],{}]}";

	(void)state;
	for (size_t n = 0; n < sizeof doc - 1; n++)
		assert_int_equal(check((struct str){doc, n}), -1);
	assert_int_equal(check((struct str){doc, sizeof doc - 1}), 0);
}

/* Each byte in each place of a string longer than two machine words. */
static void test_string_bytes(void **state)
{
	char doc[28];

	(void)state;
	for (size_t n = 1; n <= 20; n++)
		for (size_t i = 0; i < n; i++)
			for (int c = 0; c < 256; c++) {
				memset(doc, 'a', sizeof doc);
				doc[0] = doc[n + 1] = '"';
				doc[1 + i] = (char)c;
				bool ok = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
				assert_int_equal(check((struct str){doc, n + 2}), ok ? 0 : -1);
			}
}

/* How many of the strings of n bytes that start with `lead` and go on with bytes of `set` are UTF-8. */
static unsigned long count_utf8(unsigned char lead, size_t n, const unsigned char *set, size_t set_n)
{
	unsigned long total = 1, good = 0;
	char text[6];

	for (size_t i = 1; i < n; i++)
		total *= set_n;
	for (unsigned long k = 0; k < total; k++) {
		unsigned long rest = k;
		text[0] = (char)lead;
		for (size_t i = 1; i < n; i++, rest /= set_n)
			text[i] = (char)set[rest % set_n];
		good += utf8_ok((struct str){text, n});
	}
	return good;
}

/* Counted against what RFC 3629 leaves: 61,440 of three bytes (no surrogates), 1,048,576 of four. */
static void test_utf8(void **state)
{
	unsigned char all[256], edges[] = {0x7f, 0x80, 0xbf, 0xc0, 0x8f, 0x90, 0x9f, 0xa0};
	unsigned long one = 0, two = 0, three = 0, four = 0;

	(void)state;
	for (int i = 0; i < 256; i++)
		all[i] = (unsigned char)i;
	for (unsigned lead = 0; lead < 256; lead++)
		one += count_utf8((unsigned char)lead, 1, all, 256);
	for (unsigned lead = 0x80; lead < 256; lead++)
		two += count_utf8((unsigned char)lead, 2, all, 256);
	for (unsigned lead = 0xe0; lead < 256; lead++)
		three += count_utf8((unsigned char)lead, 3, all, 256);
	for (unsigned lead = 0xf0; lead < 256; lead++)
		four += count_utf8((unsigned char)lead, 4, edges, sizeof edges);
	assert_int_equal(one, 127);
	assert_int_equal(two, 1920);
	assert_int_equal(three, 61440);
	/* Of the eight edges six continue; f0 takes the upper four of them as its second byte, f4 the lower two. */
	assert_int_equal(four, (4 + 3 * 6 + 2) * 6 * 6);
	assert_true(utf8_ok(STR("")));
	assert_false(utf8_ok(STR("a\0b")));
	assert_int_equal(utf8_chars(STR("")), 0);
	assert_int_equal(utf8_chars(STR("a\u00fc\u20ac\U0001f600")), 4);
}

static size_t put_utf8(char *to, unsigned c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		to[i] = (char)(0x80 | (c & 63));
	to[0] = (char)(0xf00u >> n | c);
	return n;
}

static void same_again(struct str text)
{
	static const char *const names[] = {"v"};
	struct json_value v;
	struct json_error err;
	struct buf b;
	char scratch[2048];

	buf_init(&b, 8192);
	assert_int_equal(buf_adds(&b, "{\"v\":"), 0);
	assert_int_equal(json_add_string(&b, text), 0);
	assert_int_equal(buf_addc(&b, '}'), 0);
	assert_int_equal(json_object(buf_str(&b), names, &v, 1, &err), 0);
	assert_int_equal(v.type, JSON_STRING);
	assert_true(v.raw.n <= sizeof scratch);
	assert_true(str_eq(json_text(&v, scratch), text));
	buf_release(&b);
}

/* Every code point, written and read again, at changing places of the machine word. */
static void test_every_character(void **state)
{
	char text[300];
	size_t n = 0;

	(void)state;
	for (unsigned c = 1; c <= 0x10ffff; c++) {
		if (c == 0xd800)
			c = 0xe000;
		n += put_utf8(text + n, c);
		if (n > 250) {
			same_again((struct str){text, n});
			n = 0;
		}
	}
	for (n = 0; n < 40; n++)
		for (size_t i = 0; i < n; i++) {
			memset(text, 'x', n);
			text[i] = i % 2 ? '"' : '\x01';
			same_again((struct str){text, n});
		}
}

static void test_decoding(void **state)
{
	static const struct {
		const char *raw, *text;
	} rows[] = {{"plain", "plain"}, {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t"}, {"\\u0041\\u005a", "AZ"},
		{"\\u007f\\u0080\\u07ff", "\x7f\xc2\x80\u07ff"},
		{"\\u0800\\ud7ff\\ue000\\uffff", "\u0800\xed\x9f\xbf\ue000\uffff"},
		{"\\ud800\\udc00\\udbff\\udfff", "\U00010000\U0010ffff"}, {"x\\uABCD\\uabcdy", "x\uabcd\uabcdy"},
		{"\\\\u0041", "\\u0041"}};
	char scratch[64];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct json_value v = {JSON_STRING, strchr(rows[i].raw, '\\') != NULL, str_of(rows[i].raw)};
		struct str text = json_text(&v, scratch);
		assert_true(str_is(text, rows[i].text));
		assert_true(v.escaped || text.p == v.raw.p);
	}
}

static const char *const names[] = {"op", "ref", "to", "body", "ok"};
enum { OP, REF, TO, BODY, OK, FIELDS };

static int object(struct str doc, struct json_value v[FIELDS])
{
	struct json_error err = {NULL, 0};
	int rc = json_object(doc, names, v, FIELDS, &err);

	assert_true(rc == 0 || (err.why && err.at <= doc.n));
	return rc;
}

static void test_fields(void **state)
{
	struct json_value v[FIELDS];
	bool yes = false;

	(void)state;
	assert_int_equal(object(STR(" { \"body\" : \"a\\nb\" , \"x\":[1,{\"op\":9}],\"ref\": -12 "
				    ",\"ok\":true,\"b\\u0062\":null} "),
				 v),
		0);
	assert_int_equal(v[OP].type, JSON_NONE);
	assert_int_equal(v[TO].type, JSON_NONE);
	assert_int_equal(v[BODY].type, JSON_STRING);
	assert_true(v[BODY].escaped && str_is(v[BODY].raw, "a\\nb"));
	assert_int_equal(v[REF].type, JSON_NUMBER);
	assert_true(str_is(v[REF].raw, "-12"));
	assert_int_equal(json_bool(&v[OK], &yes), 0);
	assert_true(yes);
	assert_int_equal(json_bool(&v[REF], &yes), -1);
	assert_int_equal(object(STR("{\"op\":[1, {\"a\":2}],\"to\":{\"to\":1},\"body\":null,\"ok\":false}"), v), 0);
	assert_int_equal(v[OP].type, JSON_ARRAY);
	assert_true(str_is(v[OP].raw, "[1, {\"a\":2}]"));
	assert_int_equal(v[TO].type, JSON_OBJECT);
	assert_true(str_is(v[TO].raw, "{\"to\":1}"));
	assert_int_equal(v[BODY].type, JSON_NULL);
	assert_int_equal(json_bool(&v[OK], &yes), 0);
	assert_false(yes);
	assert_int_equal(object(STR("{}"), v), 0);
	for (int i = 0; i < FIELDS; i++)
		assert_int_equal(v[i].type, JSON_NONE);
}

/* A name is what it says, however it is written. */
static void test_names(void **state)
{
	struct json_value v[FIELDS];

	(void)state;
	assert_int_equal(object(STR("{\"\\u006fp\":1,\"o\":2,\"opp\":3,\"OP\":4,\"\":5}"), v), 0);
	assert_int_equal(v[OP].type, JSON_NUMBER);
	assert_true(str_is(v[OP].raw, "1"));
	assert_int_equal(object(STR("{\"\\u006f\\u0070x\":1}"), v), 0);
	assert_int_equal(v[OP].type, JSON_NONE);
}

static void test_duplicates(void **state)
{
	static const char *const twice[] = {"{\"op\":1,\"op\":1}", "{\"op\":1,\"x\":2,\"\\u006fp\":1}",
		"{\"x\":1,\"x\":1}", "{\"\\u0078\":1,\"x\":1}", "{\"\\u0078\":1,\"\\u0078\":1}", "{\"\":1,\"\":2}",
		"{\"\\u00fc\":1,\"\xc3\xbc\":1}", "{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":1}",
		"{\"\\n\":1,\"\\u000A\":1}", "{\"\\/\":1,\"/\":1}", "{\"a\":{\"x\":1,\"x\":1}}",
		"{\"a\":[{\"x\":1,\"x\":1}]}"};
	struct json_value v[FIELDS];

	(void)state;
	for (size_t i = 0; i < COUNT(twice); i++) {
		if (object(str_of(twice[i]), v) == 0)
			fail_msg("accepted: %s", twice[i]);
		assert_int_equal(check(str_of(twice[i])), -1);
	}
	assert_int_equal(object(STR("{\"\\\\u0078\":1,\"x\":2,\"X\":3,\"\\\\x\":4}"), v), 0);
}

static void test_no_object(void **state)
{
	static const char *const rows[] = {"", "[]", "1", "\"{}\"", "{}{}", "{} 1", "{\"op\":}", "{\"op\":1", "[{}]"};
	struct json_value v[FIELDS];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(object(str_of(rows[i]), v), -1);
}

static void test_members(void **state)
{
	struct json_value v[FIELDS];
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	for (int n = JSON_MEMBERS - 1; n <= JSON_MEMBERS + 1; n++) {
		buf_reset(&b);
		for (int i = 0; i < n; i++)
			buf_addf(&b, "%c\"k%d\":%d", i ? ',' : '{', i, i);
		assert_int_equal(buf_addc(&b, '}'), 0);
		assert_int_equal(object(buf_str(&b), v), n <= JSON_MEMBERS ? 0 : -1);
	}
	buf_release(&b);
}

/* levels containers, the innermost empty, alternating as bits says (1: an object). */
static void nest(struct buf *b, int levels, unsigned bits)
{
	for (int i = 0; i < levels; i++)
		buf_adds(b, !(bits >> i & 1) ? "[" : i + 1 < levels ? "{\"a\":" : "{");
	for (int i = levels; i-- > 0;)
		buf_addc(b, bits >> i & 1 ? '}' : ']');
}

static void test_depth(void **state)
{
	static const unsigned shapes[] = {0, 0xffffffff, 0x55555555, 0xaaaaaaaa, 0x8000, 0x10000};
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	for (size_t i = 0; i < COUNT(shapes); i++)
		for (int levels = 1; levels < 20; levels++) {
			buf_reset(&b);
			nest(&b, levels, shapes[i]);
			assert_int_equal(check(buf_str(&b)), levels <= JSON_DEPTH ? 0 : -1);
		}
	buf_reset(&b);
	for (int i = 0; i < 1 << 20; i++)
		buf_addc(&b, '[');
	assert_int_equal(check(buf_str(&b)), -1);
	buf_release(&b);
}

static void test_array(void **state)
{
	static const struct {
		const char *text;
		enum json_type type;
	} rows[] = {{"1", JSON_NUMBER}, {"\"a,]\"", JSON_STRING}, {"[1, 2]", JSON_ARRAY}, {"{\"a\":[]}", JSON_OBJECT},
		{"null", JSON_NULL}, {"true", JSON_BOOL}};
	struct json_array a;
	struct json_error err;
	struct str element;
	enum json_type type;

	(void)state;
	assert_int_equal(json_array_begin(&a, STR(" [ 1,\"a,]\", [1, 2] ,{\"a\":[]},null\n,true ] \n"), &err), 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(json_array_next(&a, &element, &type, &err), 1);
		assert_true(str_is(element, rows[i].text));
		assert_int_equal(type, rows[i].type);
	}
	assert_int_equal(json_array_next(&a, &element, &type, &err), 0);
	assert_int_equal(json_array_begin(&a, STR("[]"), &err), 0);
	assert_int_equal(json_array_next(&a, &element, &type, &err), 0);
	assert_int_equal(json_array_begin(&a, STR("{}"), &err), -1);
	assert_int_equal(json_array_begin(&a, STR(""), &err), -1);
}

/* Walks to the end; how many elements, or -1. */
static int walk(struct str doc, bool objects)
{
	struct json_array a;
	struct json_error err;
	struct json_value v[FIELDS];
	struct str element;
	enum json_type type;
	int n = 0, rc;

	if (json_array_begin(&a, doc, &err))
		return -1;
	do {
		rc = objects ? json_array_next_object(&a, names, v, FIELDS, &type, &err)
			     : json_array_next(&a, &element, &type, &err);
		n += rc == 1;
	} while (rc == 1);
	return rc ? -1 : n;
}

static void test_array_refused(void **state)
{
	static const char *const bad[] = {"[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1,,2]", "[1]]", "[1] x", "[1}",
		"[x]", "[{\"a\":1,\"a\":1}]", "[{]", "[{}", "[{},]", "[\"\xff\"]", "[{\"op\":1} {\"op\":2}]"};
	struct buf b;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		for (int objects = 0; objects < 2; objects++)
			if (walk(str_of(bad[i]), objects) >= 0)
				fail_msg("accepted: %s", bad[i]);
	assert_int_equal(walk(STR("[ ]"), true), 0);
	assert_int_equal(walk(STR("[1,{},[]]"), true), 3);
	/* The array itself is level 1. */
	buf_init(&b, 4096);
	for (int levels = 14; levels < 19; levels++)
		for (unsigned bits = 0; bits < 8; bits += 2) {
			buf_reset(&b);
			nest(&b, levels, bits);
			assert_int_equal(walk(buf_str(&b), false), levels <= JSON_DEPTH ? 1 : -1);
			assert_int_equal(walk(buf_str(&b), true), levels <= JSON_DEPTH ? 1 : -1);
		}
	buf_release(&b);
}

static void test_array_of_objects(void **state)
{
	struct json_array a;
	struct json_error err;
	struct json_value v[FIELDS];
	enum json_type type;

	(void)state;
	assert_int_equal(json_array_begin(&a, STR("[{\"op\":1,\"to\":\"x\"}, 7 ,{\"body\":\"y\"}]"), &err), 0);
	assert_int_equal(json_array_next_object(&a, names, v, FIELDS, &type, &err), 1);
	assert_int_equal(type, JSON_OBJECT);
	assert_true(str_is(v[OP].raw, "1") && str_is(v[TO].raw, "x"));
	assert_int_equal(v[BODY].type, JSON_NONE);
	assert_int_equal(json_array_next_object(&a, names, v, FIELDS, &type, &err), 1);
	assert_int_equal(type, JSON_NUMBER);
	assert_int_equal(v[OP].type, JSON_NONE);
	assert_int_equal(json_array_next_object(&a, names, v, FIELDS, &type, &err), 1);
	assert_int_equal(v[OP].type, JSON_NONE);
	assert_int_equal(v[TO].type, JSON_NONE);
	assert_true(str_is(v[BODY].raw, "y"));
	assert_int_equal(json_array_next_object(&a, names, v, FIELDS, &type, &err), 0);
}

static void test_int(void **state)
{
	static const struct {
		const char *text;
		int rc;
		int64_t v;
	} rows[] = {{"0", 0, 0}, {"-0", 0, 0}, {"7", 0, 7}, {"-7", 0, -7}, {"9223372036854775807", 0, INT64_MAX},
		{"-9223372036854775808", 0, INT64_MIN}, {"9223372036854775808", -1, 0}, {"-9223372036854775809", -1, 0},
		{"99999999999999999999", -1, 0}, {"123456789012345678901234567890", -1, 0}, {"1.0", -1, 0},
		{"1e2", -1, 0}, {"1E2", -1, 0}};
	int64_t out;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct json_value v = {JSON_NUMBER, false, str_of(rows[i].text)};
		out = 42;
		assert_int_equal(json_int(&v, INT64_MIN, INT64_MAX, &out), rows[i].rc);
		assert_true(out == (rows[i].rc ? 42 : rows[i].v));
	}
	struct json_value five = {JSON_NUMBER, false, STR("5")}, text = {JSON_STRING, false, STR("5")};
	assert_int_equal(json_int(&five, 5, 5, &out), 0);
	assert_int_equal(json_int(&five, 6, 9, &out), -1);
	assert_int_equal(json_int(&five, 1, 4, &out), -1);
	assert_int_equal(json_int(&text, 0, 9, &out), -1);
	assert_int_equal(json_int(&(struct json_value){.type = JSON_NONE}, 0, 9, &out), -1);
}

static void test_writing(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 64);
	assert_int_equal(json_add_string(&b, STR("a\"\\/\b\f\n\r\t\x01\x1f\x7f\u00fc\U0001f600")), 0);
	assert_true(str_is(buf_str(&b), "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\u00fc\U0001f600\""));
	buf_reset(&b);
	assert_int_equal(json_add_string(&b, STR("")), 0);
	assert_true(str_is(buf_str(&b), "\"\""));
	buf_release(&b);
	/* Fits, a byte short, and short only because of an escape. */
	buf_init(&b, 5);
	assert_int_equal(json_add_string(&b, STR("abc")), 0);
	buf_reset(&b);
	assert_int_equal(json_add_string(&b, STR("abcd")), -1);
	buf_reset(&b);
	assert_int_equal(json_add_string(&b, STR("a\nb")), -1);
	assert_true(b.failed && b.len <= b.max);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_string_bytes),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_every_character),
		cmocka_unit_test(test_decoding),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_duplicates),
		cmocka_unit_test(test_no_object),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_array),
		cmocka_unit_test(test_array_refused),
		cmocka_unit_test(test_array_of_objects),
		cmocka_unit_test(test_int),
		cmocka_unit_test(test_writing),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
