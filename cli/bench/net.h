/* The generator's sockets: one epoll loop for all of them, non-blocking connects, one write a socket and turn. Everything belongs to the thread that
 * calls net_turn(). A sock is embedded in what it serves and outlives the loop's turns: it is closed and opened again, never freed in a callback. */
#ifndef CHAT_CLI_BENCH_NET_H
#define CHAT_CLI_BENCH_NET_H
#include "cli/bench/wire.h"
#include <netdb.h>
#include <sys/socket.h>

struct sock;
struct sock_ops {
	void (*connected)(struct sock *s);
	/* n bytes at p, which may be changed. Answers how many are done with: what is left is given again, with what came after it. */
	size_t (*data)(struct sock *s, char *p, size_t n);
	void (*broken)(struct sock *s, const char *why); /* it is closed already */
};

enum { SOCK_IN_MAX = 16 << 20, SOCK_OUT_MAX = 1 << 20 /* above it nothing more should be said, see sock_room() */ };

struct sock {
	const struct sock_ops *ops;
	struct net *net;
	int fd; /* -1: closed */
	bool connecting, blocked, deaf, dirty;
	uint64_t since;       /* ns: when it last became able to take something */
	struct bytes in, out; /* in: what ops->data() left */
	uint64_t allowance;   /* bytes that may be read now; UINT64_MAX: no limit */
};

struct net {
	int epoll;
	uint64_t now;    /* ns, CLOCK_MONOTONIC: of this turn */
	uint64_t asleep; /* ns spent in epoll_wait(), all in all */
	struct sockaddr_storage to;
	socklen_t to_len;
	char host[128]; /* for the Host header */
	bool loopback;
	char *room;
	size_t room_n;
	struct sock **dirty;
	size_t n_dirty, cap_dirty;
	uint64_t bytes_in, bytes_out;
};

uint64_t net_clock(void); /* ns */
/* url: http://HOST[:PORT]. 0, or -1 with a sentence. */
int net_init(struct net *n, const char *url, char why[256]);
void net_release(struct net *n);
/* Waits at most `wait` ns for something to happen, lets it happen, then writes what was said. */
void net_turn(struct net *n, uint64_t wait);

void sock_init(struct sock *s, struct net *n, const struct sock_ops *ops);
void sock_release(struct sock *s);
/* Begins to connect; the outcome comes by connected or broken, in a later turn. 0; -1: not even begun (no descriptors), with a sentence. */
int sock_open(struct sock *s, char why[256]);
void sock_close(struct sock *s, bool abruptly); /* abruptly: by a reset */
/* Something was put into s->out: it is written at the end of this turn. */
void sock_say(struct sock *s);
/* False: it has enough to write. */
static inline bool sock_room(const struct sock *s)
{
	return s->fd >= 0 && !s->connecting && !(s->blocked && s->out.n > SOCK_OUT_MAX / 4) && s->out.n < SOCK_OUT_MAX;
}
/* Bytes that may be read from now on: a slow reader's. UINT64_MAX: as many as come. */
void sock_allow(struct sock *s, uint64_t bytes);
#endif
