/* libFuzzer: JSON from peers. json_check(), json_object() and the walks over arrays agree on what is acceptable; what is acceptable cJSON
 * reads too, with the same members and the same text; what is decoded is UTF-8, and reads the same once written again. */
#include "common/wire/json.h"
#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"op", "ref", "to", "body", "client_id", "a", "b", ""};
enum { NAMES = sizeof names / sizeof *names, SIZE_MOST = 1 << 16 };

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void must_explain(struct str doc, const struct json_error *err)
{
	must(err->why && err->at <= doc.n);
}

/* The string's text, checked in itself; the caller frees it. */
static char *text_of(const struct json_value *v, struct str *text)
{
	static const char *const one[] = {"v"};
	char *scratch = malloc(v->raw.n + 1), *again = malloc(v->raw.n * 6 + 1);
	struct json_value w;
	struct json_error err;
	struct buf b;

	must(scratch && again);
	*text = json_text(v, scratch);
	must(text->n <= v->raw.n && utf8_ok(*text));
	must(v->escaped == (v->raw.n && memchr(v->raw.p, '\\', v->raw.n)));
	buf_init(&b, v->raw.n * 6 + 16);
	must(!buf_adds(&b, "{\"v\":") && !json_add_string(&b, *text) && !buf_addc(&b, '}'));
	must(!json_object(buf_str(&b), one, &w, 1, &err) && w.type == JSON_STRING);
	must(w.raw.n <= v->raw.n * 6 && str_eq(json_text(&w, again), *text));
	buf_release(&b);
	free(again);
	return scratch;
}

static void same_value(const struct json_value *v, const cJSON *item)
{
	struct str text;
	bool flag;
	int64_t number;

	must((v->type == JSON_NONE) == !item);
	if (!item)
		return;
	must((v->type == JSON_STRING) == cJSON_IsString(item) && (v->type == JSON_NUMBER) == cJSON_IsNumber(item));
	must((v->type == JSON_ARRAY) == cJSON_IsArray(item) && (v->type == JSON_OBJECT) == cJSON_IsObject(item));
	must((v->type == JSON_BOOL) == cJSON_IsBool(item) && (v->type == JSON_NULL) == cJSON_IsNull(item));
	must((json_bool(v, &flag) == 0) == (v->type == JSON_BOOL));
	if (v->type == JSON_BOOL)
		must(flag == cJSON_IsTrue(item));
	if (json_int(v, -(1ll << 53), 1ll << 53, &number) == 0)
		must((double)number == item->valuedouble);
	if (v->type == JSON_STRING) {
		char *scratch = text_of(v, &text);
		must(str_is(text, item->valuestring));
		free(scratch);
	}
}

/* cJSON gives up on longer numbers than these, where RFC 8259 does not. */
static bool long_number(struct str doc)
{
	size_t run = 0;

	for (size_t i = 0; i < doc.n; i++) {
		run = memchr("0123456789+-.eE", doc.p[i], 15) ? run + 1 : 0;
		if (run > 60)
			return true;
	}
	return false;
}

static void try_object(struct str doc, bool good, const cJSON *tree)
{
	struct json_value v[NAMES];
	struct json_error err;
	int rc = json_object(doc, names, v, NAMES, &err);

	must(good == (rc == 0));
	if (rc)
		must_explain(doc, &err);
	for (int i = 0; rc == 0 && tree && i < NAMES; i++)
		same_value(&v[i], cJSON_GetObjectItemCaseSensitive(tree, names[i]));
}

static void try_array(struct str doc, bool good, const cJSON *tree)
{
	struct json_array a, b;
	struct json_error err;
	struct json_value v[NAMES];
	struct str element;
	enum json_type type, other;
	const cJSON *item = tree ? tree->child : NULL;
	int rc = json_array_begin(&a, doc, &err);

	if (rc)
		must(!good);
	if (rc)
		return;
	b = a;
	while ((rc = json_array_next(&a, &element, &type, &err)) == 1) {
		must(element.p >= doc.p && element.p + element.n <= doc.p + doc.n);
		must(json_array_next_object(&b, names, v, NAMES, &other, &err) == 1 && type == other && a.at == b.at);
		must(!good || json_check(element, &other, &err) == 0);
		must(!good || type == other);
		if (good && type == JSON_OBJECT)
			try_object(element, true, item);
		item = item ? item->next : NULL;
	}
	must(json_array_next_object(&b, names, v, NAMES, &other, &err) == rc && !item);
	must(good == (rc == 0));
}

/* doc is one string with white space around it. */
static void try_string(struct str doc, const cJSON *tree)
{
	const char *from = memchr(doc.p, '"', doc.n), *to = doc.p + doc.n;
	struct str text;

	while (*--to != '"')
		;
	struct str raw = {from + 1, (size_t)(to - from - 1)};
	struct json_value v = {JSON_STRING, raw.n && memchr(raw.p, '\\', raw.n), raw};
	char *scratch = text_of(&v, &text);
	must(!tree || str_is(text, tree->valuestring));
	free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str doc = {(const char *)data, size};
	struct json_error err;
	enum json_type type;
	cJSON *tree = NULL;

	if (size > SIZE_MOST)
		return 0;
	bool good = json_check(doc, &type, &err) == 0;
	if (!good)
		must_explain(doc, &err);
	if (good && !long_number(doc)) {
		tree = cJSON_ParseWithLength(doc.p, doc.n);
		must(tree != NULL);
	}
	try_object(doc, good && type == JSON_OBJECT, type == JSON_OBJECT ? tree : NULL);
	try_array(doc, good && type == JSON_ARRAY, type == JSON_ARRAY ? tree : NULL);
	if (good && type == JSON_STRING)
		try_string(doc, tree);
	cJSON_Delete(tree);
	return 0;
}
