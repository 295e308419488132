/* The load client: what its parts share. One thread, epoll, sockets of its own; it drives chatd and rawlimit alike. */
#ifndef CHAT_BENCH_LOAD_H
#define CHAT_BENCH_LOAD_H
#include "cli/bench/net.h"
#include "tests/bench/hist.h"

struct load_options {
	const char *host; /* an IPv4 address */
	unsigned port;
	unsigned connections;
	unsigned senders;   /* how many of them send; 0: all */
	unsigned window;    /* unanswered messages a connection (ws), messages a request (http) */
	unsigned body;      /* bytes, at least BODY_HEAD */
	double seconds;     /* how long new messages are sent */
	uint64_t messages;  /* 0: only the time ends it */
	unsigned ack_ms;    /* pause between two cumulative acks of a connection; 0: none */
	bool spread;        /* http: each request is another user's, in turn, so that all of them take part */
	bool client_ids;    /* each message carries a client_id of its own */
	long server_pid;    /* 0: nobody's CPU time is read */
	const char *tokens; /* file of "user token" lines */
};

struct load_user {
	char name[40], token[72];
};
struct load_users {
	struct load_user *list;
	size_t n;
};

struct load_totals {
	uint64_t acked, pushed, receipts;
	uint64_t lost;       /* acked and never pushed */
	uint64_t duplicated; /* pushed more than once */
	uint64_t unanswered, refused, corrupt, reordered, foreign;
	uint64_t gaps;    /* events whose prev is not the cursor before them */
	char refusal[72]; /* code of the first refusal */
	struct hist ack, e2e;
	uint64_t started, ended;     /* ns */
	double self_cpu, server_cpu; /* s */
};

/* A message's body: run (4 hex), sender's index (4), number (12), time sent (16), then padding. */
enum { BODY_HEAD = 40, WINDOW_MAX = 1024 };
struct body_head {
	uint64_t run, sender, number, time;
};
void body_put(char *to, size_t n, const struct body_head *h);
/* False: not a body of n bytes as body_put() made it. */
bool body_get(struct str body, size_t n, struct body_head *h);

/* Blocking: connects with TCP_NODELAY; ends the program when that fails. */
int load_connect(const struct load_options *o);
/* Writes what the socket takes. 0; -1: the connection broke. */
int load_flush(int fd, struct bytes *out);
/* The loop towards the options' server; ends the program when that fails. */
void load_net(const struct load_options *o, struct net *n);
/* CPU seconds of a process and of this one. */
double load_server_cpu(long pid);
double load_self_cpu(void);
/* Prints a sentence and ends the program with 1. */
_Noreturn void load_fail(const char *what, const char *detail);

/* The scenarios: 0, or -1 when something was lost, duplicated or refused; t says what. */
int ws_run(const struct load_options *o, const struct load_users *users, struct load_totals *t);
int http_run(const struct load_options *o, const struct load_users *users, struct load_totals *t);
/* Opens o->connections sockets that do nothing, says so in one line, and holds them until stdin ends. */
int idle_run(const struct load_options *o, const struct load_users *users);
int redis_run(const struct load_options *o, struct load_totals *t);
/* Registers and logs in n users; writes the tokens file. */
int users_create(const struct load_options *o, unsigned n);
#endif
