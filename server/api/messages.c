/* POST /messages: one message or an array of them. */
#include "server/api/send.h"
#include <stdlib.h>

enum member { M_TO, M_BODY, M_CLIENT_ID, M_KIND, MEMBERS };
static const char *const member_names[MEMBERS] = {"to", "body", "client_id", "kind"};

/* One element of the answer: what the queue said, or why it never came so far. */
struct posted {
	bool refused;
	struct refusal why;
	struct outcome o;
};

/* A POST that waits for its outcomes. */
struct post {
	bool array;
	uint32_t n, waiting;
	struct posted item[];
};

static const struct writer *writer_of(const struct api_call *c)
{
	return &call_thread(c)->writer;
}

static void fail_with(struct api_call *c, const struct refusal *why)
{
	c->limit = why->limit;
	api_fail_field(c, why->err, why->field, why->detail);
}

static void write_one(struct api_call *c, const struct posted *p)
{
	buf_addc(&c->out, '{');
	write_accepted(&c->out, writer_of(c), &p->o);
	/* A single one says it in a header, and its body is the first answer to the byte. */
	if (p->o.replayed && ((const struct post *)c->data)->array)
		buf_adds(&c->out, ",\"replayed\":true");
	buf_addc(&c->out, '}');
}

static void answer_one(struct api_call *c, const struct posted *p)
{
	if (p->refused) {
		fail_with(c, &p->why);
		return;
	}
	if (p->o.replayed)
		api_header(c, "Idempotency-Replayed", "true");
	write_one(c, p);
	api_reply(c, 200);
}

static void answer(struct api_call *c)
{
	const struct post *post = c->data;

	if (!post->array) {
		answer_one(c, &post->item[0]);
		return;
	}
	for (uint32_t i = 0; i < post->n; i++) {
		buf_addc(&c->out, i ? ',' : '[');
		if (post->item[i].refused)
			write_problem(&c->out, &post->item[i].why, 0);
		else
			write_one(c, &post->item[i]);
	}
	buf_addc(&c->out, ']');
	api_reply(c, 200);
}

static void on_outcome(struct api_call *c, const struct outcome *o)
{
	struct post *post = c->data;
	struct posted *p = &post->item[o->index];

	p->o = *o;
	if (o->err != ERR_OK) {
		p->refused = true;
		p->why = (struct refusal){.err = o->err};
	}
	if (--post->waiting == 0)
		answer(c);
}

static struct post *post_new(struct api_call *c, bool array, uint32_t n)
{
	struct post *post = calloc(1, sizeof *post + n * sizeof post->item[0]);

	if (post)
		post->array = array;
	c->data = post;
	c->release = api_free_data;
	return post;
}

static void add(struct api_call *c, struct post *post, const struct json_value v[MEMBERS])
{
	struct send_members m = {&v[M_TO], &v[M_BODY], &v[M_CLIENT_ID], &v[M_KIND]};
	struct posted *p = &post->item[post->n];
	struct op *op = send_add(call_thread(c), c->session.user, &m, &p->why);

	if (op) {
		op->origin = c->conn;
		op->index = post->n;
		post->waiting++;
	}
	p->refused = !op;
	post->n++;
}

static void wait_for(struct api_call *c, const struct post *post)
{
	c->outcome = on_outcome;
	if (post->waiting)
		api_park(c);
	else
		answer(c);
}

static void post_one(struct api_call *c)
{
	struct json_value v[MEMBERS];
	struct json_error err = {0};

	if (json_object(c->body, member_names, v, MEMBERS, &err)) {
		api_fail(c, ERR_BAD_JSON, err.why);
		return;
	}
	struct post *post = post_new(c, false, 1);
	if (!post) {
		api_fail(c, ERR_OVERLOADED, NULL);
		return;
	}
	add(c, post, v);
	wait_for(c, post);
}

/* Reads all elements: 0; -1: refused as a whole, nothing of it may stay in the batch. */
static int read_array(struct api_call *c, struct post *post, struct refusal *why)
{
	struct json_value v[MEMBERS];
	struct json_error err = {0};
	struct json_array a;
	enum json_type type;
	int rc = json_array_begin(&a, c->body, &err);

	while (rc == 0 && (rc = json_array_next_object(&a, member_names, v, MEMBERS, &type, &err)) == 1) {
		rc = 0;
		if (post->n == c->api->config.batch_max) {
			*why = (struct refusal){
				ERR_TOO_LARGE, NULL, "Too many messages in one request", c->api->config.batch_max};
			return -1;
		}
		if (type == JSON_OBJECT)
			add(c, post, v);
		else
			post->item[post->n++] =
				(struct posted){true, {ERR_BAD_FIELD, NULL, "An element is an object", 0}, {0}};
	}
	if (rc < 0)
		*why = (struct refusal){.err = ERR_BAD_JSON, .detail = err.why};
	else if (post->n == 0)
		*why = (struct refusal){.err = ERR_BAD_REQUEST, .detail = "An empty array says nothing"};
	return rc < 0 || post->n == 0 ? -1 : 0;
}

static void post_array(struct api_call *c)
{
	struct op_batch *b = thread_batch(call_thread(c));
	struct post *post = b ? post_new(c, true, c->api->config.batch_max) : NULL;
	struct refusal why;

	if (!post) {
		api_fail(c, ERR_OVERLOADED, NULL);
		return;
	}
	uint32_t kept = b->n;
	if (read_array(c, post, &why)) {
		b->n = kept;
		fail_with(c, &why);
		return;
	}
	wait_for(c, post);
}

void api_messages_post(struct api_call *c)
{
	if (atomic_load(&c->api->draining)) {
		api_fail(c, ERR_DRAINING, NULL);
		return;
	}
	if (json_is_array(c->body))
		post_array(c);
	else
		post_one(c);
}
