#include "server/net/conn.h"
#include "common/base/clock.h"
#include <linux/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { SLOT_MAX = 1 << 24, NO_SLOT = UINT32_MAX };

static uint32_t ref_slot(conn_ref ref)
{
	return (uint32_t)(ref >> 32) & (SLOT_MAX - 1);
}

static bool slots_grow(struct net_thread *t)
{
	uint32_t more = t->slot_count ? t->slot_count * 2 : 64;

	if (more > SLOT_MAX)
		return false;
	struct slot *slots = realloc(t->slots, more * sizeof *slots);
	if (!slots)
		return false;
	for (uint32_t i = t->slot_count; i < more; i++)
		slots[i] = (struct slot){NULL, 0, i + 1 < more ? i + 1 : NO_SLOT};
	t->slots = slots;
	t->slot_free = t->slot_count;
	t->slot_count = more;
	return true;
}

struct conn *conn_new(struct net_thread *t, const char *peer)
{
	if ((t->slot_count == 0 || t->slot_free == NO_SLOT) && !slots_grow(t))
		return NULL;
	struct conn *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	uint32_t i = t->slot_free;
	struct slot *s = &t->slots[i];
	t->slot_free = s->next_free;
	s->c = c;
	s->generation = s->generation == UINT32_MAX ? 1 : s->generation + 1;
	c->ref = (conn_ref)t->index << 56 | (conn_ref)i << 32 | s->generation;
	c->t = t;
	c->reading = c->started = true;
	c->deadline_ms = t->now_ms + t->n->conf.header_ms;
	c->opened_ms = c->input_ms = t->now_ms;
	buf_init(&c->in, HTTP_HEAD_MAX + 2 * READ_MAX);
	buf_init(&c->out, ANSWER_MAX);
	buf_init(&c->msg, t->n->conf.ws_message_max);
	snprintf(c->peer, sizeof c->peer, "%s", peer);
	t->live++;
	return c;
}

void conn_gone(struct conn *c)
{
	struct net_thread *t = c->t;
	struct slot *s = &t->slots[ref_slot(c->ref)];

	if (c->in_write)
		TAILQ_REMOVE(&t->write, c, write_link);
	if (c->in_resume)
		TAILQ_REMOVE(&t->resume, c, resume_link);
	if (c->state == CONN_DEAD)
		STAILQ_REMOVE(&t->dead, c, conn, dead_link);
	c->state = CONN_DEAD;
	c->wsi = NULL;
	if (c->told)
		t->n->handler->closed(t->n->ctx, c);
	s->c = NULL;
	s->next_free = t->slot_free;
	t->slot_free = ref_slot(c->ref);
	t->live--;
	buf_release(&c->in);
	buf_release(&c->out);
	buf_release(&c->msg);
	free(c->reason);
	free(c);
}

void conn_kill(struct conn *c)
{
	if (c->state == CONN_DEAD)
		return;
	c->state = CONN_DEAD;
	STAILQ_INSERT_TAIL(&c->t->dead, c, dead_link);
}

void conn_linger(struct conn *c)
{
	c->state = CONN_LINGER;
	c->need = c->in.len;
	c->paused = false;
	c->deadline_ms = c->t->now_ms + LINGER_MS;
	buf_release(&c->in);
	buf_release(&c->msg);
	if (shutdown(lws_get_socket_fd(c->wsi), SHUT_WR) != 0)
		conn_kill(c);
	conn_read_update(c);
}

void conn_write_later(struct conn *c)
{
	if (c->in_write || c->state == CONN_DEAD)
		return;
	c->in_write = true;
	TAILQ_INSERT_TAIL(&c->t->write, c, write_link);
}

void conn_resume_later(struct conn *c)
{
	if (c->in_resume || !c->blocked || c->in.len == 0 || c->state == CONN_DEAD)
		return;
	c->in_resume = true;
	TAILQ_INSERT_TAIL(&c->t->resume, c, resume_link);
}

bool conn_may_take(struct conn *c)
{
	c->blocked = c->choked || c->paused || c->close_after || c->code || c->out.len >= PIPELINE_MAX;
	return !c->blocked;
}

/* A request that waits for its answer may have the next ones behind it, up to a bound; so may frames for which it is not the time. */
void conn_read_update(struct conn *c)
{
	bool waits = c->state == CONN_WAIT || c->state == CONN_HEAD || (c->state == CONN_WS && c->blocked);
	bool full = waits && c->in.len >= HTTP_HEAD_MAX;
	bool want = !c->choked && !c->paused && !full && c->state != CONN_DEAD;

	if (want == c->reading || !c->wsi)
		return;
	c->reading = want;
	if (lws_rx_flow_control(c->wsi, want) < 0)
		conn_kill(c);
}

static size_t step_wait(struct conn *c, uint8_t *p, size_t n)
{
	(void)p, (void)n;
	c->blocked = true;
	return 0;
}

static size_t step_linger(struct conn *c, uint8_t *p, size_t n)
{
	(void)p;
	c->need += n;
	if (c->need > LINGER_MAX)
		conn_kill(c);
	return n;
}

static size_t step_drop(struct conn *c, uint8_t *p, size_t n)
{
	(void)c, (void)p;
	return n;
}

/* Takes bytes off the front: the number taken, 0 when more are needed or it is not the time. */
static size_t (*const steps[CONN_STATES])(struct conn *c, uint8_t *p, size_t n) = {
	[CONN_HEAD] = http_step_head,
	[CONN_BODY] = http_step_body,
	[CONN_WAIT] = step_wait,
	[CONN_LINGER] = step_linger,
	[CONN_WS] = ws_step,
	[CONN_WS_CLOSING] = ws_step_closing,
	[CONN_DEAD] = step_drop,
};

static size_t take(struct conn *c, uint8_t *p, size_t n)
{
	size_t used = 0;

	c->blocked = false;
	while (used < n) {
		size_t k = steps[c->state](c, p + used, n - used);
		if (k == 0)
			break;
		used += k;
	}
	return used;
}

static void take_kept(struct conn *c)
{
	size_t used = take(c, (uint8_t *)c->in.data, c->in.len);

	if (used == c->in.len)
		buf_release(&c->in);
	else if (used > 0)
		buf_consume(&c->in, used);
}

static void keep(struct conn *c, const uint8_t *p, size_t n)
{
	if (n > 0 && c->state != CONN_DEAD && buf_add(&c->in, p, n) != 0)
		conn_kill(c);
}

/* How much of n new bytes to put behind the kept ones: of a WebSocket just what completes the frame, so that the
 * frames behind it are read where they lie. */
static size_t join_size(const struct conn *c, size_t n)
{
	size_t size = c->state == CONN_WS ? ws_frame_size((const uint8_t *)c->in.data, c->in.len) : 0;

	if (size <= c->in.len)
		return n;
	return size - c->in.len < n ? size - c->in.len : n;
}

static void after_input(struct conn *c)
{
	if (c->state == CONN_WS)
		ws_deadline(c);
	conn_read_update(c);
}

void conn_input(struct conn *c, uint8_t *p, size_t n)
{
	c->input_ms = c->t->now_ms;
	while (n > 0 && c->in.len > 0 && c->state != CONN_DEAD) {
		size_t k = join_size(c, n);
		keep(c, p, k);
		p += k;
		n -= k;
		take_kept(c);
	}
	size_t used = take(c, p, n);
	keep(c, p + used, n - used);
	after_input(c);
}

void conn_resume(struct conn *c)
{
	if (c->in.len > 0)
		take_kept(c);
	after_input(c);
}

/* True when the peer has taken bytes since the last look. TCP tells what was acknowledged. */
static bool peer_takes(struct conn *c)
{
	struct tcp_info info;
	socklen_t len = sizeof info;

	memset(&info, 0, sizeof info);
	if (getsockopt(lws_get_socket_fd(c->wsi), IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
		return false;
	bool takes = info.tcpi_bytes_acked != c->acked;
	c->acked = info.tcpi_bytes_acked;
	return takes;
}

void conn_write(struct conn *c, char *p, size_t n)
{
	if (n == 0 || c->state == CONN_DEAD)
		return;
	if (lws_write(c->wsi, (unsigned char *)p, n, LWS_WRITE_RAW) < 0) {
		conn_kill(c);
		return;
	}
	if (!lws_partial_buffered(c->wsi))
		return;
	c->choked = true;
	c->stall_ms = c->t->now_ms;
	peer_takes(c);
	conn_read_update(c);
}

void conn_flush(struct conn *c)
{
	if (c->choked || c->state == CONN_DEAD || c->state == CONN_LINGER)
		return;
	if (conn_is_ws(c))
		ws_flush(c);
	else
		http_flush(c);
	if (!c->choked)
		conn_resume_later(c);
}

void conn_writable(struct conn *c)
{
	if (lws_partial_buffered(c->wsi))
		return;
	c->choked = false;
	c->pong_ms = c->t->now_ms;
	if (c->state == CONN_WS && c->started)
		c->deadline_ms = c->t->now_ms + c->t->n->conf.frame_ms;
	conn_write_later(c);
	conn_resume_later(c);
	conn_read_update(c);
}

static void sweep_choked(struct conn *c)
{
	if (peer_takes(c)) {
		c->stall_ms = c->t->now_ms;
		return;
	}
	if (c->t->now_ms - c->stall_ms < c->t->n->conf.stall_ms)
		return;
	if (c->state == CONN_WS)
		ws_stalled(c);
	else
		conn_kill(c);
}

static void conn_late(struct conn *c)
{
	if (c->state == CONN_HEAD || c->state == CONN_BODY)
		http_late(c);
	else
		conn_kill(c);
}

void conn_sweep(struct conn *c)
{
	if (c->state == CONN_DEAD)
		return;
	if (c->choked && c->state != CONN_WS_CLOSING)
		sweep_choked(c);
	else if (c->state == CONN_WS)
		ws_sweep(c);
	else if (c->deadline_ms && c->t->now_ms >= c->deadline_ms)
		conn_late(c);
}

struct conn *net_conn(struct net_thread *t, conn_ref ref)
{
	uint32_t i = ref_slot(ref);

	if (conn_ref_thread(ref) != t->index || i >= t->slot_count || t->slots[i].generation != (uint32_t)ref)
		return NULL;
	struct conn *c = t->slots[i].c;
	return c && c->state != CONN_DEAD ? c : NULL;
}

void net_each(struct net_thread *t, void (*fn)(void *ctx, struct conn *c), void *ctx)
{
	for (uint32_t i = 0; i < t->slot_count; i++)
		if (t->slots[i].c && t->slots[i].c->state != CONN_DEAD)
			fn(ctx, t->slots[i].c);
}

conn_ref conn_id(const struct conn *c)
{
	return c->ref;
}

struct net_thread *conn_thread(struct conn *c)
{
	return c->t;
}

bool conn_is_ws(const struct conn *c)
{
	return c->state == CONN_WS || c->state == CONN_WS_CLOSING;
}

const char *conn_peer(const struct conn *c)
{
	return c->peer;
}

unsigned conn_side(const struct conn *c)
{
	return c->side;
}

uint64_t conn_age_ms(const struct conn *c)
{
	return c->t->now_ms - c->opened_ms;
}

uint64_t conn_idle_ms(const struct conn *c)
{
	return c->t->now_ms - c->input_ms;
}

void conn_drop(struct conn *c)
{
	conn_kill(c);
}

void *conn_data(const struct conn *c)
{
	return c->data;
}

void conn_set_data(struct conn *c, void *data)
{
	c->data = data;
}
