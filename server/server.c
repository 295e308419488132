#include "server/server.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "server/accounts/accounts.h"
#include "server/api/api.h"
#include "server/control.h"
#include "server/distributor/distributor.h"
#include "server/journal/journal.h"
#include "server/ops/admin_token.h"
#include "server/ops/fault.h"
#include "server/ops/metrics.h"
#include "server/ops/notify.h"
#include "server/queue/queue_loop.h"
#include "server/store/store_journal.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ORIGINS_MAX = 32, READ_QUEUE = 4096, HASH_QUEUE = 32, HOUSEKEEP_S = 60, INVITE_DAYS = 30 };

struct server {
	struct config *config;
	int lock_fd;
	struct accounts *accounts;
	struct journal *journal;
	struct store *store;
	struct presence *presence;
	struct distributor *distributor;
	struct queue *queue;
	struct pool *readers, *hashers;
	struct net *net;
	struct metrics metrics;
	struct api api;
	struct admin_token admin_token;
	struct control control;
	char *origins_text;
	const char *origins[ORIGINS_MAX + 1];
	_Atomic bool failed;
};

static void path_in(const struct config *c, const char *name, char out[4096])
{
	snprintf(out, 4096, "%s/%s", c->data, name);
}

/* The data directory, and the lock that keeps a second server out of it. */
static int open_data(struct server *s, char why[256])
{
	char path[4096];

	if (mkdir(s->config->data, 0700) && errno != EEXIST) {
		snprintf(why, 256, "cannot make %.200s: %s", s->config->data, strerror(errno));
		return -1;
	}
	path_in(s->config, "lock", path);
	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock_fd < 0) {
		snprintf(why, 256, "cannot open %.200s: %s", path, strerror(errno));
		return -1;
	}
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB)) {
		snprintf(why, 256, "another chatd is running on %.200s", s->config->data);
		return -1;
	}
	return 0;
}

static int open_admin(struct server *s, char why[256])
{
	char path[4096];

	path_in(s->config, "admin.token", path);
	if (admin_token_load(&s->admin_token, path, why))
		return -1;
	if (s->admin_token.drawn)
		log_event(LOG_INFO, "admin-token", "file=%s", path);
	return 0;
}

static int open_accounts(struct server *s, char why[256])
{
	static char path[4096];
	struct accounts_config conf = {
		.path = path,
		.argon_kib = (unsigned)s->config->argon_memory,
		.argon_passes = (unsigned)s->config->argon_passes,
		.login_per_minute = (unsigned)s->config->login_rate,
		.sliding_ms = 30 * 86400000ull,
		.absolute_ms = 180 * 86400000ull,
		.sends_per_s = (unsigned)s->config->sends_per_s,
		.sends_burst = (unsigned)s->config->sends_burst,
	};

	path_in(s->config, "accounts.db", path);
	return accounts_open(&s->accounts, &conf, why);
}

static int open_journal(struct server *s, char why[256])
{
	static char path[4096];
	struct journal_config conf = {.dir = path, .segment_bytes = s->config->segment_bytes};

	path_in(s->config, "journal", path);
	if (journal_open(&s->journal, &conf, why) || store_journal_new(&s->store, s->journal, path, why))
		return -1;
	uint32_t met = store_journal_max_user(s->store), given = accounts_highest(s->accounts);
	if (met > given) {
		snprintf(why, 256,
			"the journal speaks of user number %u, but accounts.db has given out only %u: put the "
			"accounts.db that belongs to it back",
			met, given);
		return -1;
	}
	return 0;
}

/* The queue cannot store any more. It must not go on, and nobody else may wait for it. */
static void on_failed(void *ctx, const char *why)
{
	struct server *s = ctx;

	log_event(LOG_ERROR, "stopped", "error=\"%s\"", why);
	s->failed = true;
	kill(getpid(), SIGTERM);
}

static bool blocks(void *ctx, uint32_t user, uint32_t whom)
{
	return accounts_blocks(ctx, user, whom, NULL);
}

static int open_delivery(struct server *s, char why[256])
{
	s->presence = presence_new();
	s->distributor = distributor_new(s->store, s->presence, &s->metrics, (unsigned)s->config->threads);
	s->readers = pool_new("read", (unsigned)s->config->read_threads, READ_QUEUE, 0);
	s->hashers = pool_new("hash", (unsigned)s->config->hash_threads, HASH_QUEUE, 10);
	if (!s->presence || !s->distributor || !s->readers || !s->hashers) {
		snprintf(why, 256, "out of memory or threads");
		return -1;
	}
	distributor_set_failed(s->distributor, on_failed, s);
	struct queue_sink sink = distributor_sink(s->distributor);
	sink.blocks = blocks;
	sink.blocks_ctx = s->accounts;
	s->queue = queue_journal_new(s->journal, s->store, &sink);
	if (!s->queue)
		snprintf(why, 256, "out of memory or threads");
	return s->queue ? 0 : -1;
}

static void split_origins(struct server *s)
{
	char *rest = s->config->origins ? strdup(s->config->origins) : NULL, *one;
	unsigned n = 0;

	s->origins_text = rest;
	while (rest && n < ORIGINS_MAX && (one = strsep(&rest, ", ")))
		if (*one)
			s->origins[n++] = one;
}

static void fill_api(struct server *s)
{
	const struct config *c = s->config;

	split_origins(s);
	s->api.queue = s->queue;
	s->api.store = s->store;
	s->api.accounts = s->accounts;
	s->api.presence = s->presence;
	s->api.readers = s->readers;
	s->api.hashers = s->hashers;
	s->api.metrics = &s->metrics;
	s->api.token_key = journal_key(s->journal);
	s->api.admin_token = &s->admin_token;
	s->api.control = control_for_api(&s->control);
	s->api.started_us = clock_mono_us();
	s->api.config = (struct api_config){
		.request_max = c->request_bytes,
		.body_max = c->body_bytes,
		.batch_max = (unsigned)c->batch_messages,
		.page_max = (unsigned)c->page_messages,
		.name_chars_max = NAME_CHARS_MAX,
		.ping_ms = (unsigned)c->ping_seconds * 1000,
		.reconnect_ms = 1000,
		.presence_contacts = config_presence_contacts(c),
		.metrics_apart = c->metrics_listen != NULL,
		.registration = config_registration(c),
		.origins = s->origins,
	};
}

static void add_listener(struct net_config *n, const char *address, unsigned side)
{
	if (address && strcmp(address, "none") != 0)
		n->extra[n->extras++] = (struct net_extra){address, side};
}

static int open_net(struct server *s, char why[256])
{
	const struct config *c = s->config;
	struct net_config conf = {
		.listen = c->listen,
		.threads = (unsigned)c->threads,
		.ws_message_max = c->request_bytes,
		.max_connections = (unsigned)c->max_connections,
		.header_ms = (unsigned)c->header_seconds * 1000,
		.body_ms = (unsigned)c->body_seconds * 1000,
		.frame_ms = (unsigned)c->frame_seconds * 1000,
		.ping_ms = (unsigned)c->ping_seconds * 1000,
		.pong_ms = (unsigned)c->pong_seconds * 1000,
		.stall_ms = (unsigned)c->stall_seconds * 1000,
		.keep_alive_ms = (unsigned)c->idle_seconds * 1000,
	};

	add_listener(&conf, c->admin_socket, SIDE_ADMIN);
	add_listener(&conf, c->admin_listen, SIDE_ADMIN);
	add_listener(&conf, c->metrics_listen, SIDE_METRICS);
	if (net_new(&s->net, &conf, &api_handler, &s->api, why))
		return -1;
	s->api.net = s->net;
	distributor_set_net(s->distributor, s->net);
	s->api.ready = true;
	return net_start(s->net, why);
}

static int write_ready_file(const struct config *c, const char *url, char why[256])
{
	char tmp[4096];

	if (!c->ready_file)
		return 0;
	snprintf(tmp, sizeof tmp, "%s.tmp", c->ready_file);
	FILE *f = fopen(tmp, "we");
	if (!f || fprintf(f, "%s\n", url) < 0 || fclose(f) || rename(tmp, c->ready_file)) {
		snprintf(why, 256, "cannot write %.200s: %s", c->ready_file, strerror(errno));
		return -1;
	}
	return 0;
}

static void harden(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (getenv("CHAT_DEBUG"))
		return;
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static void reload(struct server *s)
{
	struct buf out;

	buf_init(&out, 65536);
	(void)control_reload(&s->control, &out); /* it says in the log what came of it */
	buf_release(&out);
}

static void dump(struct server *s)
{
	log_event(LOG_INFO, "dump",
		"sockets=%" PRId64 " messages=%" PRId64 " commits=%" PRId64 " tail=%" PRIu64 " storing=%s",
		s->metrics.counter[METRIC_SOCKETS], s->metrics.counter[METRIC_MESSAGES],
		s->metrics.counter[METRIC_COMMITS], journal_tail(s->journal), queue_ready(s->queue) ? "yes" : "no");
}

static void drain(struct server *s)
{
	uint64_t end = clock_mono_us() + s->config->drain_seconds * 1000000 - 500000;

	log_event(LOG_INFO, "draining", "sockets=%" PRId64, s->metrics.counter[METRIC_SOCKETS]);
	notify_systemd("STOPPING=1");
	s->api.ready = false;
	net_stop_accepting(s->net);
	api_drain(&s->api);
	while (!s->failed && s->api.open > 0 && clock_mono_us() < end)
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

static void serve(struct server *s, const sigset_t *signals)
{
	uint64_t housekeep = clock_mono_us() + HOUSEKEEP_S * 1000000ull;

	for (;;) {
		int sig = sigtimedwait(signals, NULL, &(struct timespec){.tv_sec = 5});
		if (sig == SIGTERM || sig == SIGINT)
			break;
		if (sig == SIGHUP)
			reload(s);
		if (sig == SIGUSR1)
			dump(s);
		notify_systemd("WATCHDOG=1");
		if (clock_mono_us() > housekeep) {
			accounts_housekeep(s->accounts);
			housekeep += HOUSEKEEP_S * 1000000ull;
		}
	}
	if (!s->failed)
		drain(s);
}

/* In the opposite order of building. What is enqueued is committed and handed to the network threads before these end. */
static void close_all(struct server *s)
{
	if (s->queue)
		queue_stop(s->queue);
	if (s->net)
		net_stop(s->net);
	pool_stop(s->hashers);
	pool_stop(s->readers);
	net_free(s->net);
	api_release(&s->api);
	if (s->store && s->queue && !s->failed)
		store_journal_snapshot(s->store);
	queue_free(s->queue);
	distributor_free(s->distributor);
	presence_free(s->presence);
	store_free(s->store);
	journal_close(s->journal);
	accounts_close(s->accounts);
	pthread_mutex_destroy(&s->control.lock);
	free(s->origins_text);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
}

/* For every thread made from here on, too: this one waits for them. */
static void block_signals(sigset_t *signals)
{
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(signals);
	sigaddset(signals, SIGTERM);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGHUP);
	sigaddset(signals, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, signals, NULL);
}

int server_run(struct config *c, int argc, char **argv)
{
	struct server *s = calloc(1, sizeof *s);
	sigset_t signals;
	char why[256] = "out of memory";
	int rc = 1;

	if (!s) {
		log_event(LOG_ERROR, "start-failed", "error=\"%s\"", why);
		return 1;
	}
	s->config = c;
	s->lock_fd = -1;
	pthread_mutex_init(&s->control.lock, NULL);
	log_set_level((enum log_level)log_level_parse(c->log_level));
	fault_load();
	harden();
	block_signals(&signals);
	if (open_data(s, why) || open_admin(s, why) || open_accounts(s, why) || open_journal(s, why) ||
		open_delivery(s, why))
		goto out;
	fill_api(s);
	s->control.config = c;
	s->control.api = &s->api;
	s->control.journal = s->journal;
	s->control.argc = argc;
	s->control.argv = argv;
	s->control.started_ms = clock_wall_ms();
	if (open_net(s, why) || write_ready_file(c, net_base_url(s->net), why))
		goto out;
	log_event(LOG_INFO, "serving", "url=%s data=%s registration=%s threads=%u", net_base_url(s->net), c->data,
		s->api.config.registration, net_threads(s->net));
	notify_systemd("READY=1");
	serve(s, &signals);
	rc = s->failed;
	why[0] = 0;
out:
	if (why[0])
		log_event(LOG_ERROR, "start-failed", "error=\"%s\"", why);
	close_all(s);
	if (rc == 0)
		log_event(LOG_INFO, "ended", "data=%s", c->data);
	free(s);
	return rc;
}

int server_invite(struct config *c)
{
	struct server s = {.config = c};
	char why[256], code[INVITE_TEXT + 1];
	struct invite info;

	if (open_accounts(&s, why)) {
		fprintf(stderr, "chatd: %s\n", why);
		return 1;
	}
	enum err e = accounts_invite(s.accounts, clock_wall_ms(), 1, INVITE_DAYS * 86400000ull, &info, code);
	if (e)
		fprintf(stderr, "chatd: %s\n", err_title(e));
	else
		puts(code);
	accounts_close(s.accounts);
	return e ? 1 : 0;
}
