#include "server/net/net.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "server/net/conn.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { THREADS_MAX = 64, WATCH_STEP_MS = 500, DESCRIPTORS_MAX = 1 << 20 };

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
		for (unsigned k = 0; k < LISTENERS; k++)
			n->threads[i].listener[k] = (struct listener){.t = &n->threads[i], .fd = -1};
	clock_cond_init(&n->done);
	pthread_mutex_init(&n->lock, NULL);
	return n;
}

int net_new(struct net **out, const struct net_config *conf, const struct net_handler *h, void *ctx, char why[256])
{
	struct net *n = net_alloc(conf, h, ctx);

	*out = NULL;
	if (!n) {
		snprintf(why, 256, "out of memory");
		return -1;
	}
	if (listen_all(n, why) != 0)
		goto fail;
	lws_set_log_level(LLL_ERR, lws_line);
	descriptors_cap();
	for (unsigned i = 0; i < n->thread_count; i++)
		if (thread_init(&n->threads[i], n, i, why) != 0)
			goto fail;
	*out = n;
	return 0;
fail:
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

const char *net_extra_url(const struct net *n, unsigned i)
{
	return n->extra_url[i];
}

unsigned net_connections(const struct net *n)
{
	unsigned all = 0;

	for (unsigned i = 0; i < n->thread_count; i++)
		all += n->threads[i].live;
	return all;
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
	listen_end(n);
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
