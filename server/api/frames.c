/* What a client says on its WebSocket: one table of ops. */
#include "server/api/send.h"
#include "server/api/watch.h"
#include <stdlib.h>

enum member { M_OP, M_REF, M_TO, M_BODY, M_CLIENT_ID, M_KIND, M_ID, M_WITH, M_UP_TO, M_CURSOR, M_USERS, MEMBERS };
static const char *const member_names[MEMBERS] = {
	"op", "ref", "to", "body", "client_id", "kind", "id", "with", "up_to", "cursor", "users"};

enum { SHORT = 512 /* bytes of JSON text: no op, name, id or cursor is longer */ };
#define REF_MAX ((INT64_C(1) << 53) - 1)

struct frame {
	struct socket *k;
	const struct json_value *v; /* by enum member */
	int64_t ref;                /* -1: none */
};

static void refuse(const struct frame *f, enum err e, const char *field, const char *detail)
{
	socket_err(f->k, f->ref, e, field, detail);
}

/* The text of a short string member: 0; -1: it is none. */
static int short_text(const struct json_value *v, char scratch[SHORT], struct str *out)
{
	if (v->type != JSON_STRING || v->raw.n > SHORT)
		return -1;
	*out = json_text(v, scratch);
	return 0;
}

static void op_hello(const struct frame *f)
{
	const struct json_value *v = &f->v[M_CURSOR];
	char scratch[SHORT];
	struct place after;
	struct str text;

	if (v->type != JSON_NONE && v->type != JSON_STRING)
		refuse(f, ERR_BAD_FIELD, "cursor", "A string is wanted");
	else if (v->type == JSON_STRING && short_text(v, scratch, &text) == 0 &&
		 cursor_parse(f->k->s.w->key, text, f->k->who.user, &after) == 0)
		socket_hello(f->k, &after);
	else {
		if (v->type == JSON_STRING)
			thread_count(f->k->t->api, METRIC_RESUMES_UNKNOWN, 1);
		socket_hello(f->k, NULL);
	}
}

static void op_send(const struct frame *f)
{
	struct socket *k = f->k;
	struct send_members m = {&f->v[M_TO], &f->v[M_BODY], &f->v[M_CLIENT_ID], &f->v[M_KIND]};
	struct refusal why;

	if (f->ref < 0) {
		refuse(f, ERR_BAD_FIELD, "ref", "A send needs a ref, a whole number from 0");
		return;
	}
	if (k->bye_said || atomic_load_explicit(&k->t->api->draining, memory_order_relaxed)) {
		refuse(f, ERR_DRAINING, NULL, NULL);
		return;
	}
	struct op *op = send_add(k->t, k->who.user, &m, &why);
	if (!op) {
		socket_error(k, f->ref, &why);
		return;
	}
	op->origin = conn_id(k->c);
	op->token = (uint64_t)f->ref;
	socket_unanswered(k, 1);
}

static void op_ack(const struct frame *f)
{
	struct socket *k = f->k;
	char scratch[SHORT];
	struct str text;
	struct place at;

	if (f->v[M_CURSOR].type != JSON_STRING) {
		refuse(f, ERR_BAD_FIELD, "cursor", "A string is wanted");
		return;
	}
	if (short_text(&f->v[M_CURSOR], scratch, &text) || cursor_parse(k->s.w->key, text, k->who.user, &at) ||
		at.pos > store_head(k->t->api->store, k->who.user).pos) {
		refuse(f, ERR_BAD_CURSOR, "cursor", NULL);
		return;
	}
	struct op_batch *b = at.pos && queue_room(k->t->api->queue) ? thread_batch(k->t) : NULL;
	struct op *op = b ? op_batch_add(b) : NULL;
	if (!op)
		return; /* nothing to mark; or no room, and a later ack says the same */
	op->type = OP_DELIVERED;
	op->silent = true;
	op->actor = k->who.user;
	op->target = at;
}

static int read_members(const struct frame *f, struct lookup *l)
{
	bool by_id = f->v[M_ID].type != JSON_NONE;
	char scratch[SHORT], name[SHORT];
	struct str text, with;

	l->up_to = !by_id;
	if (short_text(&f->v[by_id ? M_ID : M_UP_TO], scratch, &text)) {
		refuse(f, ERR_BAD_FIELD, by_id ? "id" : "up_to", "A message id is wanted");
		return -1;
	}
	if (!by_id) {
		if (short_text(&f->v[M_WITH], name, &with)) {
			refuse(f, ERR_BAD_FIELD, "with", "A user name is wanted");
			return -1;
		}
		l->with = accounts_find_any(f->k->t->api->accounts, with);
		if (!l->with) {
			refuse(f, ERR_NOT_FOUND, "with", NULL);
			return -1;
		}
	}
	if (id_parse(f->k->s.w->key, text, l->user, &l->at)) {
		refuse(f, ERR_NOT_FOUND, by_id ? "id" : "up_to", NULL);
		return -1;
	}
	return 0;
}

static void op_read(const struct frame *f)
{
	struct socket *k = f->k;
	struct lookup l = {.to = conn_id(k->c), .user = k->who.user, .ref = f->ref};

	if (read_members(f, &l))
		return;
	if (lookup_add(k->t, &l)) {
		refuse(f, ERR_OVERLOADED, NULL, NULL);
		return;
	}
	k->lookups++;
	socket_unanswered(k, 1);
}

static void op_typing(const struct frame *f)
{
	char scratch[SHORT];
	struct str name;

	if (short_text(&f->v[M_TO], scratch, &name)) {
		refuse(f, ERR_BAD_FIELD, "to", "A user name is wanted");
		return;
	}
	uint32_t to = accounts_find(f->k->t->api->accounts, name);
	if (to)
		typing_say(f->k, to);
	else
		refuse(f, ERR_UNKNOWN_RECIPIENT, "to", NULL);
}

/* An element of `users`: the user's number. 0: refused. */
static uint32_t watched(const struct frame *f, struct str element, enum json_type type)
{
	char scratch[SHORT];
	struct str name;

	if (type != JSON_STRING) {
		refuse(f, ERR_BAD_FIELD, "users", "An array of user names is wanted");
		return 0;
	}
	struct str raw = {element.p + 1, element.n - 2};
	struct json_value v = {JSON_STRING, memchr(raw.p, '\\', raw.n), raw};
	uint32_t user = short_text(&v, scratch, &name) ? 0 : accounts_find(f->k->t->api->accounts, name);
	if (!user)
		refuse(f, ERR_NOT_FOUND, "users", "One of them is no user");
	return user;
}

static int by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

/* Sorts them and keeps one of each: how many are left. */
static uint32_t unique(uint32_t users[], uint32_t n)
{
	uint32_t kept = 0;

	qsort(users, n, sizeof *users, by_number);
	for (uint32_t i = 0; i < n; i++)
		if (i == 0 || users[i] != users[i - 1])
			users[kept++] = users[i];
	return kept;
}

static void op_watch(const struct frame *f)
{
	uint32_t users[WATCH_MAX], n = 0;
	struct json_error err = {0};
	struct json_array a;
	enum json_type type;
	struct str element;

	if (f->v[M_USERS].type != JSON_ARRAY || json_array_begin(&a, f->v[M_USERS].raw, &err)) {
		refuse(f, ERR_BAD_FIELD, "users", "An array of user names is wanted");
		return;
	}
	while (json_array_next(&a, &element, &type, &err) == 1) {
		if (n == WATCH_MAX) {
			struct refusal why = {ERR_BAD_FIELD, "users", "Too many users", WATCH_MAX};
			socket_error(f->k, f->ref, &why);
			return;
		}
		users[n] = watched(f, element, type);
		if (!users[n++])
			return;
	}
	if (watch_set(f->k, users, unique(users, n)))
		refuse(f, ERR_OVERLOADED, NULL, NULL);
}

static void op_ping(const struct frame *f)
{
	struct buf *b = session_begin(&f->k->s);

	buf_adds(b, "{\"ev\":\"pong\"");
	if (f->ref >= 0) {
		buf_adds(b, ",\"ref\":");
		buf_addu(b, (uint64_t)f->ref);
	}
	buf_adds(b, ",\"cursor\":\"");
	buf_add(b, f->k->s.cursor, CURSOR_TEXT);
	buf_adds(b, "\"}");
	session_end(&f->k->s);
	socket_stir(f->k);
}

static const struct {
	const char *word;
	void (*run)(const struct frame *f);
} ops[] = {
	{"send", op_send},
	{"ack", op_ack},
	{"read", op_read},
	{"typing", op_typing},
	{"watch", op_watch},
	{"ping", op_ping},
	{"hello", op_hello},
};

static void (*find_op(const struct json_value *v))(const struct frame *f)
{
	char scratch[SHORT];
	struct str word;

	if (short_text(v, scratch, &word))
		return NULL;
	for (unsigned i = 0; i < sizeof ops / sizeof *ops; i++)
		if (str_is(word, ops[i].word))
			return ops[i].run;
	return NULL;
}

static void take_object(struct socket *k, const struct json_value v[MEMBERS])
{
	struct frame f = {.k = k, .v = v, .ref = -1};
	void (*run)(const struct frame *f) = find_op(&v[M_OP]);

	if (k->closing)
		return;
	if (k->s.state == SESSION_NEW && run != op_hello)
		socket_close(k, CLOSE_PROTOCOL, "hello comes first");
	else if (v[M_REF].type != JSON_NONE && json_int(&v[M_REF], 0, REF_MAX, &f.ref))
		refuse(&f, ERR_BAD_FIELD, "ref", "A whole number from 0 to 2^53 - 1 is wanted");
	else if (!run)
		refuse(&f, ERR_BAD_OP, "op", NULL);
	else
		run(&f);
}

/* How much had been gathered in this turn before a frame. */
struct before {
	uint32_t ops, lookups;
};

/* A frame that turns out to be no JSON takes back the sends, acks and reads before the error, so that it is refused as a whole. */
static void take_back(struct socket *k, const struct before *was, enum err e, const char *detail)
{
	struct op_batch *b = k->t->batch;

	while (b && b->n > was->ops) {
		struct op *op = &b->ops[--b->n];
		if (op->type == OP_SEND)
			socket_unanswered(k, -1);
	}
	lookups_cut(k, was->lookups);
	socket_err(k, -1, e, NULL, detail);
}

static void take_array(struct socket *k, struct str text)
{
	struct before was = {k->t->batch ? k->t->batch->n : 0, lookups_count(k->t)};
	uint32_t n = 0;
	struct json_value v[MEMBERS];
	struct json_error err = {0};
	struct json_array a;
	enum json_type type;
	int rc = json_array_begin(&a, text, &err);

	while (rc == 0 && (rc = json_array_next_object(&a, member_names, v, MEMBERS, &type, &err)) == 1) {
		rc = 0;
		if (++n > k->t->api->config.batch_max) {
			take_back(k, &was, ERR_TOO_LARGE, "Too many elements in one frame");
			return;
		}
		if (type == JSON_OBJECT)
			take_object(k, v);
		else
			socket_err(k, -1, ERR_BAD_JSON, NULL, "An object is wanted");
	}
	if (rc < 0)
		take_back(k, &was, ERR_BAD_JSON, err.why);
	else if (n == 0)
		socket_err(k, -1, ERR_BAD_JSON, NULL, "An empty array says nothing");
}

void frame_take(struct socket *k, struct str text)
{
	struct json_value v[MEMBERS];
	struct json_error err = {0};

	if (json_is_array(text))
		take_array(k, text);
	else if (json_object(text, member_names, v, MEMBERS, &err))
		socket_err(k, -1, ERR_BAD_JSON, NULL, err.why);
	else
		take_object(k, v);
}
