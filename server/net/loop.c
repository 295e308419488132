#include "common/base/clock.h"
#include "common/base/log.h"
#include "server/net/conn.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int lws_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct conn *c = lws_get_opaque_user_data(wsi);

	(void)user;
	if (!c)
		return 0;
	if (reason == LWS_CALLBACK_RAW_RX)
		conn_input(c, in, len);
	else if (reason == LWS_CALLBACK_RAW_WRITEABLE)
		conn_writable(c);
	else if (reason == LWS_CALLBACK_RAW_CLOSE) {
		lws_set_opaque_user_data(wsi, NULL);
		conn_gone(c);
	}
	return 0;
}

/* rx_buffer_size 0: a read takes what the context's buffer holds. tx_packet_size: a write goes out at once. */
static const struct lws_protocols protocols[] = {
	{.name = "chat-raw", .callback = lws_event, .tx_packet_size = FILL_HEADROOM + FILL_MAX + FILL_TAILROOM},
	{.name = NULL},
};

static void on_accept_again(struct ev_loop *loop, ev_timer *w, int events)
{
	struct net_thread *t = w->data;

	(void)events;
	for (unsigned i = 0; i < LISTENERS; i++)
		if (t->listener[i].fd >= 0)
			ev_io_start(loop, &t->listener[i].accept);
}

/* No descriptors or memory are left: look again later, for the connection stays in the queue and would wake the loop at once. */
static void accept_pause(struct net_thread *t)
{
	if (t->now_ms - t->accept_logged_ms >= ACCEPT_LOG_MS || t->accept_logged_ms == 0) {
		log_event(LOG_WARN, "accept-paused", "thread=%u errno=%d", t->index, errno);
		t->accept_logged_ms = t->now_ms;
	}
	for (unsigned i = 0; i < LISTENERS; i++)
		ev_io_stop(t->loop, &t->listener[i].accept);
	ev_timer_set(&t->accept_again, TICK_MS / 1000.0, 0.);
	ev_timer_start(t->loop, &t->accept_again);
}

static void peer_text(const struct sockaddr_storage *ss, char out[46])
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)ss;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)ss;

	out[0] = '\0';
	if (ss->ss_family == AF_INET)
		inet_ntop(AF_INET, &v4->sin_addr, out, 46);
	else if (ss->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		inet_ntop(AF_INET, (const char *)&v6->sin6_addr + 12, out, 46);
	else if (ss->ss_family == AF_INET6)
		inet_ntop(AF_INET6, &v6->sin6_addr, out, 46);
	else
		strcpy(out, "unix");
}

#define BUSY_BODY                                                                                                     \
	"{\"type\":\"about:blank\",\"title\":\"Overloaded\",\"status\":503,\"code\":\"overloaded\",\"detail\":\"Too " \
	"many "                                                                                                       \
	"connections\",\"retry_after_ms\":1000}"

static void adopt(struct listener *l, int fd, const struct sockaddr_storage *peer)
{
	static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
				   "Content-Type: application/problem+json\r\nContent-Length: 130\r\n\r\n" BUSY_BODY;
	_Static_assert(sizeof BUSY_BODY - 1 == 130, "its Content-Length");
	struct net_thread *t = l->t;
	uint32_t most = t->n->conf.max_connections + (l->side ? EXTRA_CONNECTIONS : 0);
	char text[46];
	int on = 1;

	peer_text(peer, text);
	struct conn *c = t->live < most ? conn_new(t, text) : NULL;
	if (!c) {
		ssize_t sent = send(fd, busy, sizeof busy - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		(void)sent;
		close(fd);
		return;
	}
	c->side = l->side;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	lws_sock_file_fd_type desc = {.sockfd = fd};
	c->wsi = lws_adopt_descriptor_vhost(t->vhost, LWS_ADOPT_SOCKET, desc, protocols[0].name, NULL);
	if (!c->wsi) {
		conn_gone(c); /* lws has closed fd */
		return;
	}
	lws_set_opaque_user_data(c->wsi, c);
}

static void on_accept(struct ev_loop *loop, ev_io *w, int events)
{
	struct listener *l = w->data;
	struct sockaddr_storage peer;

	(void)loop, (void)events;
	for (int i = 0; i < ACCEPT_BATCH; i++) {
		socklen_t len = sizeof peer;
		int fd = accept4(l->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			adopt(l, fd, &peer);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			return accept_pause(l->t);
		else if (errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

static void listener_close(struct listener *l)
{
	if (l->fd < 0)
		return;
	if (l->t->loop)
		ev_io_stop(l->t->loop, &l->accept);
	close(l->fd);
	l->fd = -1;
}

/* Delivers what was posted, oldest first. */
static void drain(struct net_thread *t)
{
	struct net_msg *newest = atomic_exchange_explicit(&t->posted, NULL, memory_order_acquire), *oldest = NULL;

	while (newest) {
		struct net_msg *next = newest->next;
		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	while (oldest) {
		struct net_msg *next = oldest->next;
		t->n->handler->message(t->n->ctx, t, oldest);
		oldest = next;
	}
}

static void on_wake(struct ev_loop *loop, ev_async *w, int events)
{
	struct net_thread *t = w->data;

	(void)events;
	drain(t);
	if (atomic_load(&t->stop_accepting))
		listener_close(&t->listener[0]);
	if (atomic_load(&t->stop))
		ev_break(loop, EVBREAK_ALL);
}

static void on_woken(struct ev_loop *loop, ev_check *w, int events)
{
	struct net_thread *t = w->data;

	(void)loop, (void)events;
	t->now_ms = clock_mono_us() / 1000;
	atomic_store_explicit(
		&t->turns, atomic_load_explicit(&t->turns, memory_order_relaxed) | 1, memory_order_relaxed);
}

static void resume_all(struct net_thread *t)
{
	struct conn_list todo = TAILQ_HEAD_INITIALIZER(todo);
	struct conn *c;

	TAILQ_CONCAT(&todo, &t->resume, resume_link);
	while ((c = TAILQ_FIRST(&todo))) {
		TAILQ_REMOVE(&todo, c, resume_link);
		c->in_resume = false;
		conn_resume(c);
	}
}

static void flush_all(struct net_thread *t)
{
	struct conn_list todo = TAILQ_HEAD_INITIALIZER(todo);
	struct conn *c;

	TAILQ_CONCAT(&todo, &t->write, write_link);
	while ((c = TAILQ_FIRST(&todo))) {
		TAILQ_REMOVE(&todo, c, write_link);
		c->in_write = false;
		conn_flush(c);
	}
}

static bool reap(struct net_thread *t)
{
	struct conn *c;
	bool any = false;

	while ((c = STAILQ_FIRST(&t->dead))) {
		any = true;
		lws_set_timeout(c->wsi, PENDING_TIMEOUT_CLOSE_ACK, LWS_TO_KILL_SYNC); /* comes back as conn_gone() */
	}
	return any;
}

/* The end of a turn: everything that came in was handed out. */
static void on_turn(struct ev_loop *loop, ev_prepare *w, int events)
{
	struct net_thread *t = w->data;
	const struct net_handler *h = t->n->handler;

	(void)events;
	h->turn_end(t->n->ctx, t);
	if (!TAILQ_EMPTY(&t->resume)) {
		resume_all(t);
		h->turn_end(t->n->ctx, t);
	}
	flush_all(t);
	bool reaped = reap(t);
	if (reaped || !TAILQ_EMPTY(&t->write) || !TAILQ_EMPTY(&t->resume))
		ev_idle_start(loop, &t->again);
	else
		ev_idle_stop(loop, &t->again);
	atomic_store_explicit(
		&t->turns, (atomic_load_explicit(&t->turns, memory_order_relaxed) | 1) + 1, memory_order_relaxed);
}

static void on_again(struct ev_loop *loop, ev_idle *w, int events)
{
	(void)loop, (void)w, (void)events;
}

static void on_tick(struct ev_loop *loop, ev_timer *w, int events)
{
	struct net_thread *t = w->data;

	(void)loop, (void)events;
	for (uint32_t i = t->sweep_part; i < t->slot_count; i += SWEEP_PARTS)
		if (t->slots[i].c)
			conn_sweep(t->slots[i].c);
	t->sweep_part = (t->sweep_part + 1) % SWEEP_PARTS;
	t->n->handler->tick(t->n->ctx, t);
}

static void watchers_init(struct net_thread *t)
{
	ev_timer_init(&t->accept_again, on_accept_again, TICK_MS / 1000.0, 0.);
	ev_timer_init(&t->tick, on_tick, TICK_MS / 1000.0, TICK_MS / 1000.0);
	ev_async_init(&t->wake, on_wake);
	ev_prepare_init(&t->turn, on_turn);
	ev_check_init(&t->woken, on_woken);
	ev_idle_init(&t->again, on_again);
	ev_set_priority(&t->woken, EV_MAXPRI);
	ev_set_priority(&t->turn, EV_MINPRI);
	t->accept_again.data = t->tick.data = t->wake.data = t->turn.data = t->woken.data = t;
	for (unsigned i = 0; i < LISTENERS; i++) {
		struct listener *l = &t->listener[i];
		ev_io_init(&l->accept, on_accept, l->fd, EV_READ);
		l->accept.data = l;
		if (l->fd >= 0)
			ev_io_start(t->loop, &l->accept);
	}
	ev_timer_start(t->loop, &t->tick);
	ev_async_start(t->loop, &t->wake);
	ev_prepare_start(t->loop, &t->turn);
	ev_check_start(t->loop, &t->woken);
}

static int lws_init(struct net_thread *t)
{
	void *loops[1] = {t->loop};
	struct lws_context_creation_info info;

	memset(&info, 0, sizeof info);
	info.port = CONTEXT_PORT_NO_LISTEN;
	info.protocols = protocols;
	info.gid = info.uid = -1;
	info.pt_serv_buf_size = READ_MAX + LWS_PRE;
	info.foreign_loops = loops;
	info.options = LWS_SERVER_OPTION_LIBEV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
	info.vhost_name = "chat";
	t->lws = lws_create_context(&info);
	if (t->lws)
		t->vhost = lws_create_vhost(t->lws, &info);
	return t->vhost ? 0 : -1;
}

int thread_init(struct net_thread *t, struct net *n, unsigned index, char why[256])
{
	t->n = n;
	t->index = index;
	t->slot_free = UINT32_MAX;
	TAILQ_INIT(&t->write);
	TAILQ_INIT(&t->resume);
	STAILQ_INIT(&t->dead);
	t->now_ms = clock_mono_us() / 1000;
	t->arena = malloc(FILL_HEADROOM + FILL_MAX + FILL_TAILROOM);
	t->loop = ev_loop_new(EVFLAG_NOENV);
	if (!t->arena || !t->loop || lws_init(t) != 0) {
		snprintf(why, 256, "cannot make a network loop (is libwebsockets' libev plug-in installed?)");
		return -1;
	}
	watchers_init(t);
	return 0;
}

static void kill_one(void *ctx, struct conn *c)
{
	(void)ctx;
	conn_kill(c);
}

void *thread_run(void *arg)
{
	struct net_thread *t = arg;

	ev_run(t->loop, 0);
	for (unsigned i = 0; i < LISTENERS; i++)
		listener_close(&t->listener[i]);
	drain(t);
	t->n->handler->turn_end(t->n->ctx, t);
	flush_all(t); /* what was answered last still goes out */
	net_each(t, kill_one, NULL);
	reap(t);
	t->n->handler->turn_end(t->n->ctx, t);
	atomic_store(&t->turns, 0);
	return NULL;
}

void thread_release(struct net_thread *t)
{
	drain(t); /* what pools finished after the loop */
	if (t->loop && t->vhost) {
		net_each(t, kill_one, NULL);
		reap(t);
	}
	for (unsigned i = 0; i < LISTENERS; i++)
		listener_close(&t->listener[i]);
	if (t->lws)
		lws_context_destroy(t->lws);
	if (t->loop)
		ev_loop_destroy(t->loop);
	free(t->slots);
	free(t->arena);
}
