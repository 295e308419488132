/* Accounts for load tests, in bulk: no password, no hash; one transaction on a pool thread. */
#include "common/base/clock.h"
#include "server/api/admin.h"
#include "server/api/query.h"
#include <stdio.h>
#include <string.h>

enum { ANSWER_ROW = USER_MAX + TOKEN_SECRET_TEXT + 16 /* bytes of the answer for one account */ };

static void add_account(void *ctx, const char *name, const char *token)
{
	struct buf *b = ctx;

	buf_addf(b, "%s[\"%s\",\"%s\"]", b->data[b->len - 1] == '[' ? "" : ",", name, token);
}

static void add_work(struct api_call *c)
{
	struct bench *b = c->data;

	buf_adds(&c->out, "{\"users\":[");
	c->err = accounts_bench_add(c->api->accounts, b, clock_wall_ms(), add_account, &c->out);
	buf_addf(&c->out, "],\"run\":\"%s\",\"count\":%u}", b->run, b->count);
	if (c->err == ERR_USER_TAKEN)
		c->detail = "One of these names is that of an account that was not made for a load test";
}

/* The last name must be one, and then all are. */
static bool names_ok(const struct bench *b)
{
	char name[USER_MAX + 16];
	int n = snprintf(name, sizeof name, "%.*s%06u", (int)b->prefix.n, b->prefix.p, b->first + b->count - 1);

	return b->prefix.n <= BENCH_PREFIX_MAX && user_name_ok((struct str){name, (size_t)n});
}

void admin_bench_post(struct api_call *c)
{
	static const char *const names[] = {"prefix", "count", "first"};
	struct json_value v[3];
	int64_t count, first;

	if (admin_data(c, sizeof(struct bench)) || api_object(c, names, v, 3))
		return;
	struct bench *b = c->data;
	if (api_text(c, "prefix", &v[0], false, &b->prefix) ||
		admin_number(c, "count", &v[1], 1, BENCH_MAX, 0, &count) ||
		admin_number(c, "first", &v[2], 0, BENCH_LAST - BENCH_MAX, 1, &first))
		return;
	b->count = (uint32_t)count;
	b->first = (uint32_t)first;
	if (b->count == 0) {
		api_fail_field(c, ERR_BAD_FIELD, "count", "A whole number is wanted");
		return;
	}
	if (!names_ok(b)) {
		api_fail_field(c, ERR_BAD_FIELD, "prefix", "Prefix and number make no user name");
		return;
	}
	c->out.max = (size_t)b->count * ANSWER_ROW + 256;
	/* Not in the pool of those who hash: they have the lowest priority, and this is waited for. */
	api_work(c, c->api->readers, add_work, NULL);
}

static void remove_work(struct api_call *c)
{
	unsigned n;

	c->err = accounts_bench_remove(c->api->accounts, str_of(c->param), clock_wall_ms(), &n);
	buf_addf(&c->out, "{\"removed\":%u}", n);
	if (c->err == ERR_NOT_FOUND)
		c->detail = "No such run, or its accounts are removed already";
}

void admin_bench_delete(struct api_call *c)
{
	static const char *const names[] = {"messages"};
	struct str q;

	if (query_read(c->query, names, &q, 1) || (q.p && !str_is(q, "keep"))) {
		api_fail_field(c, ERR_BAD_QUERY, "messages", "keep is what there is");
		return;
	}
	api_work(c, c->api->readers, remove_work, NULL);
}
