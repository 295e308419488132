#include "cli/bench/net.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { READ_MAX = 256 * 1024, EVENTS_MAX = 512 };

uint64_t net_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool is_loopback(const struct sockaddr_storage *a)
{
	if (a->ss_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr) >> 24 == 127;
	return a->ss_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
}

/* http://HOST[:PORT] to host and port; a port that is not named is 80. */
static int url_split(const char *url, char host[128], char port[6])
{
	const char *p = strncmp(url, "http://", 7) == 0 ? url + 7 : NULL, *end;
	bool bracket = p && *p == '[';

	if (!p || !(end = bracket ? strchr(++p, ']') : p + strcspn(p, ":/")) || end == p || end - p > 127)
		return -1;
	memcpy(host, p, (size_t)(end - p));
	host[end - p] = 0;
	end += bracket;
	strcpy(port, "80");
	if (*end == ':') {
		size_t n = strspn(++end, "0123456789");
		if (n == 0 || n > 5)
			return -1;
		memcpy(port, end, n);
		port[n] = 0;
		end += n;
	}
	return *end && strcmp(end, "/") != 0 ? -1 : 0;
}

int net_init(struct net *n, const char *url, char why[256])
{
	struct addrinfo want = {.ai_socktype = SOCK_STREAM}, *found = NULL;
	char port[6];

	memset(n, 0, sizeof *n);
	n->epoll = -1;
	if (url_split(url, n->host, port)) {
		snprintf(why, 256, "the load generator takes http://HOST[:PORT] only, not %.100s", url);
		return -1;
	}
	int rc = getaddrinfo(n->host, port, &want, &found);
	if (rc) {
		snprintf(why, 256, "%s: %s", n->host, gai_strerror(rc));
		return -1;
	}
	memcpy(&n->to, found->ai_addr, found->ai_addrlen);
	n->to_len = found->ai_addrlen;
	freeaddrinfo(found);
	n->loopback = is_loopback(&n->to);
	n->now = net_clock();
	n->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (n->epoll < 0)
		snprintf(why, 256, "epoll: %s", strerror(errno));
	return n->epoll < 0 ? -1 : 0;
}

void net_release(struct net *n)
{
	if (n->epoll >= 0)
		close(n->epoll);
	free(n->room);
	free(n->dirty);
	memset(n, 0, sizeof *n);
	n->epoll = -1;
}

void sock_init(struct sock *s, struct net *n, const struct sock_ops *ops)
{
	memset(s, 0, sizeof *s);
	s->ops = ops;
	s->net = n;
	s->fd = -1;
	s->allowance = UINT64_MAX;
}

void sock_release(struct sock *s)
{
	sock_close(s, false);
	free(s->in.p);
	free(s->out.p);
	memset(&s->in, 0, sizeof s->in);
	memset(&s->out, 0, sizeof s->out);
}

static void watch(struct sock *s, int op)
{
	struct epoll_event e = {.data.ptr = s};

	e.events = (s->deaf ? 0 : EPOLLIN) | (s->connecting || s->blocked ? EPOLLOUT : 0);
	epoll_ctl(s->net->epoll, op, s->fd, &e);
}

int sock_open(struct sock *s, char why[256])
{
	int on = 1;

	s->fd = socket(s->net->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0) {
		snprintf(why, 256, "socket: %s", strerror(errno));
		return -1;
	}
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(s->fd, (struct sockaddr *)&s->net->to, s->net->to_len) && errno != EINPROGRESS) {
		snprintf(why, 256, "connect: %s", strerror(errno));
		close(s->fd);
		s->fd = -1;
		return -1;
	}
	s->connecting = true;
	s->blocked = s->deaf = false;
	s->in.n = s->out.n = 0;
	watch(s, EPOLL_CTL_ADD);
	return 0;
}

void sock_close(struct sock *s, bool abruptly)
{
	struct linger reset = {.l_onoff = 1};

	if (s->fd < 0)
		return;
	if (abruptly)
		setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	close(s->fd);
	s->fd = -1;
	s->connecting = s->blocked = s->deaf = false;
	s->in.n = s->out.n = 0;
}

static void fail(struct sock *s, const char *why)
{
	sock_close(s, false);
	s->ops->broken(s, why);
}

void sock_say(struct sock *s)
{
	struct net *n = s->net;

	if (s->dirty)
		return;
	if (n->n_dirty == n->cap_dirty) {
		n->cap_dirty = n->cap_dirty ? n->cap_dirty * 2 : 256;
		n->dirty = realloc(n->dirty, n->cap_dirty * sizeof *n->dirty);
		if (!n->dirty)
			abort();
	}
	s->dirty = true;
	n->dirty[n->n_dirty++] = s;
}

void sock_allow(struct sock *s, uint64_t bytes)
{
	bool deaf = bytes == 0;

	s->allowance = bytes;
	if (deaf == s->deaf)
		return;
	s->deaf = deaf;
	if (s->fd >= 0)
		watch(s, EPOLL_CTL_MOD);
}

static void sock_flush(struct sock *s)
{
	size_t done = 0;
	ssize_t n = 0;

	while (done < s->out.n) {
		n = send(s->fd, s->out.p + done, s->out.n - done, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		done += (size_t)n;
	}
	s->net->bytes_out += done;
	if (n < 0 && errno != EAGAIN) {
		fail(s, strerror(errno));
		return;
	}
	bytes_drop(&s->out, done);
	if ((s->out.n > 0) == s->blocked)
		return;
	s->blocked = s->out.n > 0;
	if (!s->blocked)
		s->since = s->net->now;
	watch(s, EPOLL_CTL_MOD);
}

static void flush_dirty(struct net *n)
{
	/* A callback of a broken socket may add to the list. */
	for (size_t i = 0; i < n->n_dirty; i++) {
		struct sock *s = n->dirty[i];
		s->dirty = false;
		if (s->fd >= 0 && !s->connecting && !s->blocked && s->out.n)
			sock_flush(s);
	}
	n->n_dirty = 0;
}

static void sock_read(struct sock *s)
{
	struct net *n = s->net;
	size_t had = s->in.n, most = s->allowance < READ_MAX ? (size_t)s->allowance : READ_MAX;

	if (had + READ_MAX > n->room_n) {
		n->room_n = (had + READ_MAX) * 2;
		if (!(n->room = realloc(n->room, n->room_n)))
			abort();
	}
	ssize_t got = read(s->fd, n->room + had, most);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		fail(s, got ? strerror(errno) : "the server closed the connection");
		return;
	}
	n->bytes_in += (size_t)got;
	if (s->allowance != UINT64_MAX)
		sock_allow(s, s->allowance - (size_t)got);
	if (had)
		memcpy(n->room, s->in.p, had);
	had += (size_t)got;
	size_t used = s->ops->data(s, n->room, had);
	if (s->fd < 0)
		return;
	s->in.n = 0;
	bytes_add(&s->in, n->room + used, had - used);
	if (s->in.n > SOCK_IN_MAX)
		fail(s, "the server sent something without an end");
	else if (s->in.n == 0 && s->in.room > READ_MAX) {
		free(s->in.p);
		memset(&s->in, 0, sizeof s->in);
	}
}

static void finish_connect(struct sock *s)
{
	int error = 0;
	socklen_t size = sizeof error;

	getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error) {
		fail(s, strerror(error));
		return;
	}
	s->connecting = false;
	s->since = s->net->now;
	watch(s, EPOLL_CTL_MOD);
	s->ops->connected(s);
}

static void serve(struct sock *s, unsigned events)
{
	if (s->fd >= 0 && s->connecting) {
		finish_connect(s);
		return;
	}
	if (s->fd >= 0 && events & EPOLLOUT && s->blocked)
		sock_flush(s);
	if (s->fd >= 0 && events & ~(unsigned)EPOLLOUT && !s->deaf)
		sock_read(s);
	else if (s->fd >= 0 && s->deaf && events & (EPOLLERR | EPOLLHUP))
		fail(s, "the server closed the connection");
}

void net_turn(struct net *n, uint64_t wait)
{
	struct epoll_event events[EVENTS_MAX];
	struct timespec t = {.tv_sec = (time_t)(wait / 1000000000u), .tv_nsec = (long)(wait % 1000000000u)};

	flush_dirty(n);
	uint64_t before = net_clock();
	int got = epoll_pwait2(n->epoll, events, EVENTS_MAX, &t, NULL);
	n->now = net_clock();
	if (wait)
		n->asleep += n->now - before;
	for (int i = 0; i < got; i++) {
		serve(events[i].data.ptr, events[i].events);
		if (i % 16 == 15)
			n->now = net_clock();
	}
	flush_dirty(n);
	n->now = net_clock();
}
