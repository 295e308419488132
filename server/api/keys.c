/* Public keys for encryption between clients: opaque here beyond their sizes. */
#include "common/base/clock.h"
#include "server/api/query.h"
#include "server/api/sight.h"
#include <sodium.h>
#include <stdlib.h>

enum { BUNDLE_TEXT = (BUNDLE_MAX * 4 + 2) / 3, KEY_TEXT = 43, VARIANT = sodium_base64_VARIANT_URLSAFE_NO_PADDING };

/* What a call carries to the pool. */
struct keys {
	uint32_t user;
	bool one_time; /* is one to be taken? */
	size_t n;      /* of one_time_key that are put */
	struct key_bundle bundle;
	struct one_time_key put[ONE_TIME_MAX];
};

static struct keys *keys_new(struct api_call *c)
{
	struct keys *k = calloc(1, sizeof *k);

	c->data = k;
	c->release = api_free_data;
	if (!k)
		api_fail(c, ERR_OVERLOADED, NULL);
	return k;
}

/* Strict base64url: what it stands for must be written just so. Bytes, 0: it is not. */
static size_t decode(struct str text, uint8_t *out, size_t room)
{
	char again[BUNDLE_TEXT + 2];
	size_t n;

	if (text.n == 0 || text.n > BUNDLE_TEXT ||
		sodium_base642bin(out, room, text.p, text.n, NULL, &n, NULL, VARIANT))
		return 0;
	sodium_bin2base64(again, sizeof again, out, n, VARIANT);
	return str_is(text, again) ? n : 0;
}

static void add_base64(struct buf *b, const uint8_t *bytes, size_t n)
{
	char text[BUNDLE_TEXT + 2];

	sodium_bin2base64(text, sizeof text, bytes, n, VARIANT);
	buf_addf(b, "\"%s\"", text);
}

static int bad_keys(struct api_call *c, const char *detail)
{
	api_fail_field(c, ERR_BAD_FIELD, "one_time", detail);
	return -1;
}

static int take_key(struct api_call *c, struct keys *k, const struct json_value v[2])
{
	char scratch[KEY_TEXT * 6];
	struct one_time_key *to = &k->put[k->n];
	int64_t id;

	if (json_int(&v[0], 0, UINT32_MAX, &id))
		return bad_keys(c, "An id is a whole number from 0 to 2^32 - 1");
	if (v[1].type != JSON_STRING || v[1].raw.n > sizeof scratch ||
		decode(json_text(&v[1], scratch), to->key, sizeof to->key) != sizeof to->key)
		return bad_keys(c, "A key is 32 bytes in base64url without padding");
	to->id = (uint32_t)id;
	k->n++;
	return 0;
}

static int take_keys(struct api_call *c, struct keys *k, const struct json_value *list)
{
	static const char *const names[] = {"id", "key"};
	struct json_value v[2];
	struct json_error err = {0};
	struct json_array a;
	enum json_type type;

	if (list->type == JSON_NONE)
		return 0;
	if (list->type != JSON_ARRAY || json_array_begin(&a, list->raw, &err))
		return bad_keys(c, "An array is wanted");
	while (json_array_next_object(&a, names, v, 2, &type, &err) == 1) {
		if (k->n == ONE_TIME_MAX) {
			c->limit = ONE_TIME_MAX;
			return bad_keys(c, "Too many keys");
		}
		if (type != JSON_OBJECT)
			return bad_keys(c, "An element is an object");
		if (take_key(c, k, v))
			return -1;
	}
	return err.why ? bad_keys(c, err.why) : 0;
}

static void put_work(struct api_call *c)
{
	struct keys *k = c->data;
	struct str bundle = {(const char *)k->bundle.bytes, k->bundle.n};
	unsigned left;

	c->err = accounts_keys_put(c->api->accounts, &c->session, bundle, k->put, k->n, &left);
	if (c->err == ERR_KEY_ID_REUSED || c->err == ERR_BAD_FIELD)
		c->field = "one_time";
	if (c->err == ERR_BAD_FIELD) {
		c->limit = ONE_TIME_MAX;
		c->detail = "Too many keys at once, those that are there counted";
	}
	if (c->err == ERR_FORBIDDEN) {
		c->limit = ONE_TIME_IDS_MAX;
		c->detail = "This session has used too many ids: log in anew";
	}
	if (c->err == ERR_OK)
		buf_addf(&c->out, "{\"one_time_left\":%u}", left);
}

void api_keys_put(struct api_call *c)
{
	static const char *const names[] = {"bundle", "one_time"};
	struct keys *k = keys_new(c);
	struct json_value v[2];
	struct str bundle;

	if (!k || api_object(c, names, v, 2) || api_text(c, "bundle", &v[0], false, &bundle))
		return;
	k->bundle.n = decode(bundle, k->bundle.bytes, sizeof k->bundle.bytes);
	if (k->bundle.n == 0) {
		c->limit = BUNDLE_MAX;
		api_fail_field(c, ERR_BAD_FIELD, "bundle", "1 to 1,024 bytes in base64url without padding are wanted");
	} else if (take_keys(c, k, &v[1]) == 0) {
		api_work(c, c->api->hashers, put_work, NULL);
	}
}

static void own_work(struct api_call *c)
{
	struct keys *k = c->data;

	c->err = accounts_keys_own(c->api->accounts, c->session.user, &k->bundle);
	if (c->err)
		return;
	buf_adds(&c->out, "{\"bundle\":");
	add_base64(&c->out, k->bundle.bytes, k->bundle.n);
	buf_addf(&c->out, ",\"one_time_left\":%u}", k->bundle.one_time_left);
}

void api_keys_get(struct api_call *c)
{
	if (keys_new(c))
		api_work(c, c->api->readers, own_work, NULL);
}

static void take_work(struct api_call *c)
{
	struct keys *k = c->data;

	c->err = accounts_keys_take(c->api->accounts, k->user, k->one_time, &k->bundle);
	if (c->err)
		return;
	buf_adds(&c->out, "{\"bundle\":");
	add_base64(&c->out, k->bundle.bytes, k->bundle.n);
	if (k->bundle.has_one_time) {
		buf_addf(&c->out, ",\"one_time\":{\"id\":%u,\"key\":", k->bundle.one_time.id);
		add_base64(&c->out, k->bundle.one_time.key, sizeof k->bundle.one_time.key);
		buf_adds(&c->out, "}}");
	} else {
		buf_adds(&c->out, ",\"one_time\":null}");
	}
}

/* Counted also when nothing is found, so that nobody learns faster who has keys. */
static bool too_often(struct api_call *c, uint32_t user)
{
	unsigned ms = accounts_keys_wait(c->api->accounts, c->session.user, user, clock_mono_us());

	if (ms == 0)
		return false;
	c->retry_ms = ms;
	api_fail(c, ERR_RATE_LIMITED, "10 fetches an hour of one user's keys, 100 of all");
	return true;
}

void api_keys_user_get(struct api_call *c)
{
	static const char *const names[] = {"one_time"};
	struct keys *k = keys_new(c);
	uint64_t one_time = 1;
	struct str q[1];

	if (!k)
		return;
	if (query_read(c->query, names, q, 1) || (q[0].p && query_uint(q[0], 0, 1, &one_time))) {
		api_fail_field(c, ERR_BAD_QUERY, "one_time", "0 or 1 is wanted");
		return;
	}
	k->user = accounts_find(c->api->accounts, str_of(c->param));
	k->one_time = one_time;
	if (k->user == 0)
		api_fail(c, ERR_NOT_FOUND, NULL);
	else if (too_often(c, k->user))
		return;
	else if (k->user != c->session.user && accounts_blocks(c->api->accounts, k->user, c->session.user, NULL))
		api_fail(c, ERR_NOT_FOUND, NULL);
	else
		api_work(c, one_time ? c->api->hashers : c->api->readers, take_work, NULL);
}
