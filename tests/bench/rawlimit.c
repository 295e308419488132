/* The raw limit: epoll, a file and nothing else. It speaks the part of the contract that the load client speaks (upgrade unchecked, hello, send,
 * sent, message) and keeps its promise (an append and one fdatasync for a batch, then the answers), but it checks nothing, looks nothing up and
 * remembers nothing. What chatd takes beyond this is the price of the rest of the contract.
 *
 * rawlimit DIRECTORY READY_FILE: the port stands in READY_FILE once it serves; SIGTERM ends it. A token is the user's name.
 * One network thread and one writer: batches change hands whole, with one wake-up a commit. */
#include "cli/bench/wire.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { READ_MAX = 256 * 1024, EVENTS_MAX = 256, NAMES = 1 << 17, RECORD_HEAD = 100, ID_DIGITS = 22 };

struct conn {
	int fd; /* -1: gone; the slot is not used again, so that a batch may refer to it by pointer */
	bool open, dirty, writing;
	char name[40];
	size_t name_len;
	struct bytes in, out;
	struct bytes events; /* of the frame being built, each with a comma before it */
	struct conn *next_dirty;
};

/* A message on its way: its body stands in the batch's records. */
struct pending {
	struct conn *from, *to;
	uint64_t ref, at;
	size_t body, body_len;
};
struct batch {
	struct bytes records;
	struct pending *list;
	size_t n, room;
};

static struct conn *names[NAMES]; /* open addressing */
static struct batch batches[2], *gather = &batches[0], *under_way = &batches[1];
static struct conn *dirty;
static char *in_buffer;
static size_t in_room;
static uint64_t file_at;
static int epoll, listener, journal, committed;

/* The writer's: the batch that it has, or NULL. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t handed = PTHREAD_COND_INITIALIZER;
static struct batch *to_write;
static bool writing;

_Noreturn static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static struct conn **name_slot(struct str name)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)name.p[i]) * 16777619u;
	for (;; h++) {
		struct conn **c = &names[h % NAMES];
		if (!*c || ((*c)->name_len == name.n && memcmp((*c)->name, name.p, name.n) == 0))
			return c;
	}
}

static void *writer(void *arg)
{
	uint64_t one = 1;

	for (;;) {
		pthread_mutex_lock(&lock);
		while (!to_write)
			pthread_cond_wait(&handed, &lock);
		struct batch *b = to_write;
		to_write = NULL;
		pthread_mutex_unlock(&lock);
		for (size_t done = 0; done < b->records.n;) {
			ssize_t n = write(journal, b->records.p + done, b->records.n - done);
			if (n < 0)
				fail("write");
			done += (size_t)n;
		}
		if (fdatasync(journal) || write(committed, &one, sizeof one) != sizeof one)
			fail("fdatasync");
	}
	return arg;
}

static void hand_over(void)
{
	struct batch *b = gather;

	if (writing || b->n == 0)
		return;
	gather = under_way;
	under_way = b;
	writing = true;
	pthread_mutex_lock(&lock);
	to_write = b;
	pthread_cond_signal(&handed);
	pthread_mutex_unlock(&lock);
}

static void conn_dirty(struct conn *c)
{
	if (c->dirty)
		return;
	c->dirty = true;
	c->next_dirty = dirty;
	dirty = c;
}

static void add_id(struct bytes *b, const char *key, uint64_t at)
{
	bytes_adds(b, key);
	hex_put(bytes_reserve(b, ID_DIGITS), ID_DIGITS, at);
	b->n += ID_DIGITS;
}

static void add_sent(const struct pending *p, const char *time)
{
	struct bytes *b = &p->from->events;

	bytes_adds(b, ",{\"ev\":\"sent\",\"ref\":");
	bytes_addu(b, p->ref);
	add_id(b, ",\"id\":\"", p->at);
	add_id(b, "\",\"client_id\":\"", p->at);
	bytes_adds(b, "\",\"sent_at\":\"");
	bytes_adds(b, time);
	add_id(b, "\",\"cursor\":\"", p->at);
	bytes_adds(b, "\"}");
	conn_dirty(p->from);
}

static void add_message(const struct pending *p, const struct batch *batch, const char *time)
{
	struct bytes *b = &p->to->events;

	add_id(b, ",{\"ev\":\"message\",\"cursor\":\"", p->at);
	add_id(b, "\",\"message\":{\"id\":\"", p->at);
	add_id(b, "\",\"client_id\":\"", p->at);
	bytes_adds(b, "\",\"from\":\"");
	bytes_add(b, p->from->name, p->from->name_len);
	bytes_adds(b, "\",\"to\":\"");
	bytes_add(b, p->to->name, p->to->name_len);
	bytes_adds(b, "\",\"kind\":\"text\",\"body\":\"");
	bytes_add(b, batch->records.p + p->body, p->body_len);
	bytes_adds(b, "\",\"sent_at\":\"");
	bytes_adds(b, time);
	bytes_adds(b, "\",\"delivered_at\":null,\"read_at\":null}}");
	conn_dirty(p->to);
}

/* What was committed is answered and pushed. */
static void announce(struct batch *b)
{
	char time_text[32];
	time_t now = time(NULL);
	struct tm tm;

	strftime(time_text, sizeof time_text, "%Y-%m-%dT%H:%M:%S.000Z", gmtime_r(&now, &tm));
	for (size_t i = 0; i < b->n; i++) {
		if (b->list[i].from->fd >= 0)
			add_sent(&b->list[i], time_text);
		if (b->list[i].to && b->list[i].to->fd >= 0)
			add_message(&b->list[i], b, time_text);
	}
	b->n = b->records.n = 0;
}

static void on_commit(void)
{
	uint64_t count;
	struct batch *b = under_way;

	if (read(committed, &count, sizeof count) != sizeof count)
		return;
	writing = false;
	hand_over();
	announce(b);
}

static void on_send(struct conn *c, const struct item *it)
{
	char head[RECORD_HEAD] = {0};

	if (gather->n == gather->room) {
		gather->room = gather->room * 2 + 1024;
		if (!(gather->list = realloc(gather->list, gather->room * sizeof *gather->list)))
			abort();
	}
	memcpy(head, c->name, c->name_len);
	bytes_add(&gather->records, head, sizeof head);
	gather->list[gather->n++] =
		(struct pending){c, *name_slot(it->to), it->ref, file_at, gather->records.n, it->body.n};
	bytes_add(&gather->records, it->body.p, it->body.n);
	file_at += sizeof head + it->body.n;
}

static void on_frame(struct conn *c, const struct frame *f)
{
	const char *p = f->payload, *end = p + f->n;
	struct item it;

	while (f->opcode == FRAME_TEXT && item_next(&p, end, &it)) {
		if (str_is(it.op, "send")) {
			on_send(c, &it);
		} else if (str_is(it.op, "hello")) {
			bytes_adds(&c->events,
				",{\"ev\":\"welcome\",\"cursor\":\"0\"},{\"ev\":\"live\",\"cursor\":\"0\"}");
			conn_dirty(c);
		}
	}
}

/* Its name stays in the table until somebody else takes it. */
static void conn_gone(struct conn *c)
{
	close(c->fd);
	c->fd = -1;
	c->open = false;
}

/* The upgrade; answers the bytes it took. */
static size_t on_upgrade(struct conn *c, char *p, size_t n)
{
	static const char answer[] =
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
	char *end = memmem(p, n, "\r\n\r\n", 4), *token;

	if (!end)
		return 0;
	*end = 0;
	token = strstr(p, "Authorization: Bearer ");
	if (!token || sscanf(token + 22, "%39[a-z0-9]", c->name) != 1) {
		conn_gone(c);
		return n;
	}
	c->name_len = strlen(c->name);
	c->open = true;
	*name_slot((struct str){c->name, c->name_len}) = c;
	bytes_add(&c->out, answer, sizeof answer - 1);
	conn_dirty(c);
	return (size_t)(end + 4 - p);
}

static void conn_read(struct conn *c)
{
	struct frame f;
	size_t had = c->in.n, at = 0, n;

	if (had + READ_MAX > in_room) {
		in_room = (had + READ_MAX) * 2;
		if (!(in_buffer = realloc(in_buffer, in_room)))
			abort();
	}
	ssize_t got = read(c->fd, in_buffer + had, READ_MAX);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		conn_gone(c);
		return;
	}
	if (had)
		memcpy(in_buffer, c->in.p, had);
	had += (size_t)got;
	if (!c->open)
		at = on_upgrade(c, in_buffer, had);
	for (; c->open && (n = frame_read(in_buffer + at, had - at, &f)); at += n)
		on_frame(c, &f);
	c->in.n = 0;
	bytes_add(&c->in, in_buffer + at, had - at);
}

/* One write for all that the turn has for this connection. */
static void conn_flush(struct conn *c)
{
	size_t done = 0;

	if (c->fd < 0)
		return;
	if (c->events.n) {
		c->events.p[0] = '[';
		bytes_adds(&c->events, "]");
		frame_write(&c->out, FRAME_TEXT, c->events.p, c->events.n, false, 0);
		c->events.n = 0;
	}
	ssize_t n = send(c->fd, c->out.p, c->out.n, MSG_NOSIGNAL);
	if (n > 0)
		done = (size_t)n;
	bytes_drop(&c->out, done);
	if ((c->out.n > 0) == c->writing)
		return;
	c->writing = c->out.n > 0;
	struct epoll_event e = {.events = EPOLLIN | (c->writing ? EPOLLOUT : 0), .data.ptr = c};
	epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &e);
}

static void on_accept(void)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
	struct conn *c = fd < 0 ? NULL : calloc(1, sizeof *c);

	if (!c)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	c->fd = fd;
	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.ptr = c});
}

static void turn(void)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(epoll, events, EVENTS_MAX, -1);

	for (int i = 0; i < n; i++) {
		struct conn *c = events[i].data.ptr;
		if (events[i].data.ptr == &listener) {
			on_accept();
		} else if (events[i].data.ptr == &committed) {
			on_commit();
		} else {
			if (events[i].events & ~(unsigned)EPOLLOUT)
				conn_read(c);
			if (c->writing)
				conn_dirty(c);
		}
	}
	hand_over();
	while (dirty) {
		struct conn *c = dirty;
		dirty = c->next_dirty;
		c->dirty = false;
		conn_flush(c);
	}
}

static void serve(const char *ready)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof a;

	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	committed = eventfd(0, EFD_CLOEXEC);
	if (listener < 0 || epoll < 0 || committed < 0 || bind(listener, (struct sockaddr *)&a, size) ||
		listen(listener, 1024) || getsockname(listener, (struct sockaddr *)&a, &size))
		fail("listen");
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN, .data.ptr = &listener});
	epoll_ctl(epoll, EPOLL_CTL_ADD, committed, &(struct epoll_event){.events = EPOLLIN, .data.ptr = &committed});
	FILE *f = fopen(ready, "we");
	if (!f || fprintf(f, "%u\n", ntohs(a.sin_port)) < 0 || fclose(f))
		fail(ready);
	for (;;)
		turn();
}

int main(int argc, char **argv)
{
	char path[4096];
	pthread_t thread;

	if (argc != 3) {
		fprintf(stderr, "usage: rawlimit DIRECTORY READY_FILE\n");
		return 2;
	}
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){65536, 65536});
	snprintf(path, sizeof path, "%s/rawlimit.XXXXXX", argv[1]);
	journal = mkstemp(path);
	if (journal < 0 || unlink(path) || pthread_create(&thread, NULL, writer, NULL))
		fail(path);
	serve(argv[2]);
}
