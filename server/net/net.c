#include "server/net/net.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "server/net/conn.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BACKLOG = 1024, THREADS_MAX = 64, WATCH_STEP_MS = 500, DESCRIPTORS_MAX = 1 << 20 };

struct address {
	struct sockaddr_storage ss;
	socklen_t len;
};

/* "127.0.0.1:0" or "[::1]:8080": numeric only, for a name could take long or mean several. */
static int address_parse(const char *text, struct address *out)
{
	char host[64];
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : 0;
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *found;

	if (n >= 2 && text[0] == '[' && text[n - 1] == ']')
		text++, n -= 2;
	/* getaddrinfo() takes a port of any size and keeps 16 bits of it. */
	if (n == 0 || n >= sizeof host || !colon[1] || strlen(colon + 1) > 5 || strtoul(colon + 1, NULL, 10) > 65535)
		return -1;
	memcpy(host, text, n);
	host[n] = '\0';
	if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
		return -1;
	memcpy(&out->ss, found->ai_addr, found->ai_addrlen);
	out->len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static in_port_t *address_port(struct address *a)
{
	return a->ss.ss_family == AF_INET6 ? &((struct sockaddr_in6 *)&a->ss)->sin6_port
					   : &((struct sockaddr_in *)&a->ss)->sin_port;
}

static int socket_bound(const struct address *a, bool shared)
{
	int on = 1, fd = socket(a->ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
		(shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) ||
		bind(fd, (const struct sockaddr *)&a->ss, a->len) != 0) {
		int saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

/* Takes the port alone once: with SO_REUSEPORT from the start a second server would silently share it. */
static int port_probe(struct address *a)
{
	int fd = socket_bound(a, false);

	if (fd < 0)
		return -1;
	int r = getsockname(fd, (struct sockaddr *)&a->ss, &a->len);
	close(fd);
	return r;
}

static int listen_all(struct net *n, struct address *a)
{
	if (port_probe(a) != 0)
		return -1;
	for (unsigned i = 0; i < n->thread_count; i++) {
		int fd = socket_bound(a, true);
		if (fd < 0)
			return -1;
		n->threads[i].listen_fd = fd;
		if (listen(fd, BACKLOG) != 0)
			return -1;
	}
	return 0;
}

static void url_make(struct net *n, const struct address *a)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->ss;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->ss;
	char host[INET6_ADDRSTRLEN] = "127.0.0.1";
	bool six = a->ss.ss_family == AF_INET6;

	if (six && IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr))
		snprintf(host, sizeof host, "::1");
	else if (six)
		inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
	else if (v4->sin_addr.s_addr != htonl(INADDR_ANY))
		inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
	snprintf(n->url, sizeof n->url, six ? "http://[%s]:%u" : "http://%s:%u", host, n->port);
}

static void lws_line(int level, const char *line)
{
	char quoted[832];

	log_event(
		level & LLL_ERR ? LOG_ERROR : LOG_WARN, "lws", "line=%s", log_quote(line, strcspn(line, "\n"), quoted));
}

/* lws makes a table with an entry for each descriptor the process may have, which can be a thousand million. */
static void descriptors_cap(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur > DESCRIPTORS_MAX) {
		r.rlim_cur = DESCRIPTORS_MAX;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

static struct net *net_alloc(const struct net_config *conf, const struct net_handler *h, void *ctx)
{
	struct net *n = calloc(1, sizeof *n);

	if (!n)
		return NULL;
	n->conf = *conf;
	n->handler = h;
	n->ctx = ctx;
	n->thread_count = conf->threads < 1 ? 1 : conf->threads > THREADS_MAX ? THREADS_MAX : conf->threads;
	n->threads = calloc(n->thread_count, sizeof *n->threads);
	if (!n->threads) {
		free(n);
		return NULL;
	}
	for (unsigned i = 0; i < n->thread_count; i++)
		n->threads[i].listen_fd = -1;
	clock_cond_init(&n->done);
	pthread_mutex_init(&n->lock, NULL);
	return n;
}

int net_new(struct net **out, const struct net_config *conf, const struct net_handler *h, void *ctx, char why[256])
{
	struct address a;
	struct net *n = NULL;

	*out = NULL;
	why[0] = '\0';
	if (address_parse(conf->listen, &a) != 0)
		snprintf(why, 256, "not an address with a port: %.100s", conf->listen);
	else if (!(n = net_alloc(conf, h, ctx)))
		snprintf(why, 256, "out of memory");
	else if (listen_all(n, &a) != 0)
		snprintf(why, 256, "cannot listen on %.100s: %s", conf->listen, strerror(errno));
	if (why[0])
		goto fail;
	n->port = ntohs(*address_port(&a));
	url_make(n, &a);
	lws_set_log_level(LLL_ERR, lws_line);
	descriptors_cap();
	for (unsigned i = 0; i < n->thread_count; i++)
		if (thread_init(&n->threads[i], n, i, why) != 0)
			goto fail;
	*out = n;
	return 0;
fail:
	if (n)
		net_free(n);
	return -1;
}

/* What the watchdog remembers of a thread. */
struct watched {
	unsigned turns;
	unsigned steps; /* looks that found the loop at work in the same turn */
};

static void watch_one(struct net_thread *t, struct watched *w)
{
	unsigned turns = atomic_load_explicit(&t->turns, memory_order_relaxed);

	w->steps = turns == w->turns && turns % 2 ? w->steps + 1 : 0;
	w->turns = turns;
	if (w->steps < WATCHDOG_MS / WATCH_STEP_MS)
		return;
	log_event(LOG_ERROR, "loop-stuck", "thread=%u ms=%d", t->index, WATCHDOG_MS);
	abort();
}

/* Counts its own looks, not the clock: a process that was stopped and goes on is not taken for a stuck one. */
static void *watchdog_run(void *arg)
{
	struct net *n = arg;
	struct watched watched[THREADS_MAX] = {0};
	struct timespec at;

	pthread_mutex_lock(&n->lock);
	while (!n->stopped) {
		clock_gettime(CLOCK_MONOTONIC, &at);
		at.tv_nsec += WATCH_STEP_MS * 1000000L;
		at.tv_sec += at.tv_nsec / 1000000000L;
		at.tv_nsec %= 1000000000L;
		if (pthread_cond_timedwait(&n->done, &n->lock, &at) == 0)
			continue;
		for (unsigned i = 0; i < n->thread_count; i++)
			watch_one(&n->threads[i], &watched[i]);
	}
	pthread_mutex_unlock(&n->lock);
	return NULL;
}

static int threads_start(struct net *n)
{
	for (unsigned i = 0; i < n->thread_count; i++) {
		struct net_thread *t = &n->threads[i];
		if (pthread_create(&t->thread, NULL, thread_run, t) != 0)
			return -1;
		t->running = true;
	}
	if (pthread_create(&n->watchdog, NULL, watchdog_run, n) != 0)
		return -1;
	n->watching = true;
	return 0;
}

int net_start(struct net *n, char why[256])
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT};
	sigset_t all, old;

	/* Signals are for the thread that called, but for those that a thread's own fault raises: blocked they would kill without a word. */
	sigfillset(&all);
	for (unsigned i = 0; i < sizeof faults / sizeof *faults; i++)
		sigdelset(&all, faults[i]);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int r = threads_start(n);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r != 0) {
		snprintf(why, 256, "cannot start the network threads");
		net_stop(n);
	}
	return r;
}

unsigned net_port(const struct net *n)
{
	return n->port;
}

const char *net_base_url(const struct net *n)
{
	return n->url;
}

unsigned net_threads(const struct net *n)
{
	return n->thread_count;
}

void net_stop_accepting(struct net *n)
{
	for (unsigned i = 0; i < n->thread_count; i++) {
		atomic_store(&n->threads[i].stop_accepting, true);
		ev_async_send(n->threads[i].loop, &n->threads[i].wake);
	}
}

void net_stop(struct net *n)
{
	pthread_mutex_lock(&n->lock);
	n->stopped = true;
	pthread_cond_signal(&n->done);
	pthread_mutex_unlock(&n->lock);
	if (n->watching)
		pthread_join(n->watchdog, NULL);
	n->watching = false;
	for (unsigned i = 0; i < n->thread_count; i++) {
		atomic_store(&n->threads[i].stop, true);
		if (n->threads[i].running)
			ev_async_send(n->threads[i].loop, &n->threads[i].wake);
	}
	for (unsigned i = 0; i < n->thread_count; i++) {
		if (n->threads[i].running)
			pthread_join(n->threads[i].thread, NULL);
		n->threads[i].running = false;
	}
}

void net_free(struct net *n)
{
	if (!n)
		return;
	net_stop(n);
	for (unsigned i = 0; i < n->thread_count; i++)
		thread_release(&n->threads[i]);
	pthread_cond_destroy(&n->done);
	pthread_mutex_destroy(&n->lock);
	free(n->threads);
	free(n);
}

void net_post(struct net *n, unsigned thread, struct net_msg *m)
{
	struct net_thread *t = &n->threads[thread];
	struct net_msg *head = atomic_load_explicit(&t->posted, memory_order_relaxed);

	do
		m->next = head;
	while (!atomic_compare_exchange_weak_explicit(
		&t->posted, &head, m, memory_order_release, memory_order_relaxed));
	if (!head)
		ev_async_send(t->loop, &t->wake);
}

unsigned net_thread_index(const struct net_thread *t)
{
	return t->index;
}

void *net_thread_data(struct net_thread *t)
{
	return t->data;
}

void net_thread_set_data(struct net_thread *t, void *data)
{
	t->data = data;
}
