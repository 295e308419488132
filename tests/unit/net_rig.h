/* For the tests of net/: a server on a free port with an echoing handler, and a client made of plain sockets, so that
 * what goes over the wire is what the test says. Each test has its own server. */
#ifndef CHAT_TESTS_NET_RIG_H
#define CHAT_TESTS_NET_RIG_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "server/net/net.h"
#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RIG_BODY_MAX = 1 << 20, RIG_WAIT_MS = 10000 };

struct rig {
	struct net *net;
	atomic_int closed, opened, turns, ticks, messages, disordered;
	_Atomic conn_ref waiting; /* the connection that asked for /later or said "pause" */
	int last_seq[8];
};

struct rig_msg {
	struct net_msg head;
	int verb; /* 0: count; 1: answer the waiting request; 2: go on reading; 3: close every connection with 4401 */
	int from, seq;
};

/* Of a WebSocket: what is to be echoed. */
struct rig_ws {
	struct buf queue;
	bool flood;
};

static void rig_head(void *ctx, struct conn *c, const struct http_head *h, struct http_verdict *v)
{
	(void)ctx, (void)c;
	v->body_max = RIG_BODY_MAX;
	v->body = h->method == HTTP_POST ? BODY_REQUIRED : h->method == HTTP_PUT ? BODY_OPTIONAL : BODY_NONE;
	if (str_is(h->path, "/ws"))
		v->websocket = true;
	else if (str_is(h->path, "/secret") && !str_is(h->authorization, "Bearer x"))
		v->err = ERR_UNAUTHENTICATED;
	else if (h->method == HTTP_OTHER)
		v->err = ERR_METHOD_NOT_ALLOWED, v->allow = "GET, POST";
}

static void rig_answer(struct conn *c, struct str a, struct str b)
{
	struct buf out;

	buf_init(&out, 2 * RIG_BODY_MAX);
	buf_addstr(&out, a);
	buf_addc(&out, ' ');
	buf_addstr(&out, b);
	conn_reply(c, &(struct http_answer){200, "text/plain", {"", 0}, buf_str(&out), false});
	buf_release(&out);
}

static void rig_request(void *ctx, struct conn *c, const struct http_head *h, struct str body)
{
	struct rig *r = ctx;

	if (str_is(h->path, "/later"))
		atomic_store(&r->waiting, conn_id(c));
	else if (str_is(h->path, "/nothing"))
		conn_reply(c, &(struct http_answer){.status = 204});
	else if (str_is(h->path, "/busy"))
		conn_reply_err(c, ERR_OVERLOADED, "Try again");
	else
		rig_answer(c, h->path, body);
}

static void rig_ws_open(void *ctx, struct conn *c)
{
	struct rig_ws *w = calloc(1, sizeof *w);

	atomic_fetch_add(&((struct rig *)ctx)->opened, 1);
	assert_non_null(w);
	buf_init(&w->queue, 8 << 20);
	conn_set_data(c, w);
}

static void rig_ws_text(void *ctx, struct conn *c, struct str text)
{
	struct rig *r = ctx;
	struct rig_ws *w = conn_data(c);

	if (str_is(text, "close"))
		conn_ws_close(c, 4401, "auth");
	else if (str_is(text, "pause")) {
		conn_ws_pause(c, true);
		atomic_store(&r->waiting, conn_id(c));
	} else if (str_is(text, "flood"))
		w->flood = true;
	else
		buf_addstr(&w->queue, text);
	conn_ws_want_write(c);
}

static bool rig_ws_fill(void *ctx, struct conn *c, struct buf *out)
{
	struct rig_ws *w = conn_data(c);
	size_t n = w->queue.len < 65536 ? w->queue.len : 65536;

	(void)ctx;
	if (w->flood) {
		memset(buf_reserve(out, 65536), 'f', 65536);
		out->len += 65536;
		return true;
	}
	if (n == 0)
		return false;
	buf_add(out, w->queue.data, n);
	buf_consume(&w->queue, n);
	return w->queue.len > 0;
}

static void rig_closed(void *ctx, struct conn *c)
{
	struct rig_ws *w = conn_data(c);

	if (w)
		buf_release(&w->queue);
	free(w);
	atomic_fetch_add(&((struct rig *)ctx)->closed, 1);
}

static void rig_close_one(void *ctx, struct conn *c)
{
	(void)ctx;
	conn_ws_close(c, 4401, NULL);
}

static void rig_message(void *ctx, struct net_thread *t, struct net_msg *m)
{
	struct rig *r = ctx;
	struct rig_msg *msg = (struct rig_msg *)m;
	struct conn *c = msg->verb ? net_conn(t, atomic_load(&r->waiting)) : NULL;

	if (msg->verb == 1 && c)
		rig_answer(c, STR("late"), STR(""));
	if (msg->verb == 2 && c)
		conn_ws_pause(c, false);
	if (msg->verb == 3)
		net_each(t, rig_close_one, NULL);
	if (msg->verb == 0 && msg->seq != r->last_seq[msg->from]++)
		atomic_fetch_add(&r->disordered, 1);
	atomic_fetch_add(&r->messages, 1);
	free(msg);
}

static void rig_turn_end(void *ctx, struct net_thread *t)
{
	(void)t;
	atomic_fetch_add(&((struct rig *)ctx)->turns, 1);
}

static void rig_tick(void *ctx, struct net_thread *t)
{
	(void)t;
	atomic_fetch_add(&((struct rig *)ctx)->ticks, 1);
}

static const struct net_handler rig_handler = {
	rig_head, rig_request, rig_ws_open, rig_ws_text, rig_ws_fill, rig_closed, rig_message, rig_turn_end, rig_tick};

static const struct net_config rig_config = {
	.listen = "127.0.0.1:0",
	.threads = 1,
	.ws_message_max = RIG_BODY_MAX,
	.max_connections = 100,
	.header_ms = 10000,
	.body_ms = 30000,
	.frame_ms = 30000,
	.ping_ms = 25000,
	.pong_ms = 60000,
	.stall_ms = 60000,
	.keep_alive_ms = 30000,
};

static void rig_start(struct rig *r, const struct net_config *conf)
{
	char why[256];

	memset(r, 0, sizeof *r);
	if (net_new(&r->net, conf, &rig_handler, r, why) != 0 || net_start(r->net, why) != 0)
		fail_msg("%s", why);
}

static void rig_stop(struct rig *r)
{
	net_stop(r->net);
	net_free(r->net);
}

static void rig_post(struct rig *r, int verb)
{
	struct rig_msg *m = calloc(1, sizeof *m);

	assert_non_null(m);
	m->verb = verb;
	net_post(r->net, 0, &m->head);
}

/* Polls until *value is at least least; fails after RIG_WAIT_MS. */
static inline void rig_wait(atomic_int *value, int least)
{
	for (int i = 0; atomic_load(value) < least; i++) {
		assert_true(i < RIG_WAIT_MS);
		poll(NULL, 0, 1);
	}
}

static int client(const struct rig *r)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval wait = {RIG_WAIT_MS / 1000, 0};
	int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_port = htons((uint16_t)net_port(r->net));
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

static void put(int fd, const void *p, size_t n)
{
	while (n > 0) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);
		if (k <= 0)
			return; /* the other side has closed: what it said is what the test looks at */
		p = (const char *)p + k;
		n -= (size_t)k;
	}
}

static inline void puts_to(int fd, const char *text)
{
	put(fd, text, strlen(text));
}

static void get_exact(int fd, void *p, size_t n)
{
	while (n > 0) {
		ssize_t k = recv(fd, p, n, 0);
		if (k <= 0)
			fail_msg("%zu bytes missing: %s", n, k ? strerror(errno) : "closed");
		p = (char *)p + k;
		n -= (size_t)k;
	}
}

/* The other side has closed, and said nothing more. */
static inline void get_end(int fd)
{
	char byte;

	assert_int_equal(recv(fd, &byte, 1, 0), 0);
	close(fd);
}

struct answer {
	int status;
	char head[2048];
	char *body; /* heap, NUL-terminated */
	size_t len;
};

static void get_answer(int fd, struct answer *a)
{
	size_t n = 0;

	memset(a, 0, sizeof *a);
	while (n < 4 || memcmp(a->head + n - 4, "\r\n\r\n", 4) != 0) {
		assert_true(n < sizeof a->head - 1);
		get_exact(fd, a->head + n++, 1);
	}
	assert_int_equal(sscanf(a->head, "HTTP/1.1 %d", &a->status), 1);
	const char *length = strstr(a->head, "Content-Length: ");
	a->len = length ? strtoul(length + 16, NULL, 10) : 0;
	a->body = calloc(1, a->len + 1);
	assert_non_null(a->body);
	get_exact(fd, a->body, a->len);
}

static inline void expect_answer(int fd, int status, const char *body)
{
	struct answer a;

	get_answer(fd, &a);
	assert_int_equal(a.status, status);
	if (body)
		assert_string_equal(a.body, body);
	free(a.body);
}
#endif
