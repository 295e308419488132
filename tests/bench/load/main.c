/* load [options] ws|http|idle|redis|create: drives a server and prints one JSON object. */
#include "tests/bench/load/load.h"
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

void load_fail(const char *what, const char *detail)
{
	fprintf(stderr, "load: %s: %s\n", what, detail);
	exit(1);
}

void body_put(char *to, size_t n, const struct body_head *h)
{
	hex_put(to, 4, h->run);
	hex_put(to + 4, 4, h->sender);
	hex_put(to + 8, 12, h->number);
	hex_put(to + 20, 16, h->time);
	memset(to + 36, 'x', n - 36);
}

bool body_get(struct str body, size_t n, struct body_head *h)
{
	return body.n == n && hex_get(body.p, 4, &h->run) && hex_get(body.p + 4, 4, &h->sender) &&
	       hex_get(body.p + 8, 12, &h->number) && hex_get(body.p + 20, 16, &h->time) && body.p[36] == 'x' &&
	       memcmp(body.p + 36, body.p + 37, n - 37) == 0;
}

enum { PORTS = 20000, CONNECTIONS_MAX = 200000 };

/* The port is chosen at connect, so that it may be one that is in use towards somewhere else. */
static int bind_late(int fd, const struct sockaddr_in *self)
{
	int on = 1;

	return setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) ||
	       bind(fd, (const struct sockaddr *)self, sizeof *self);
}

int load_connect(const struct load_options *o)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)o->port)},
			   self = {.sin_family = AF_INET};
	static unsigned opened;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	/* An address has some 28,000 ports to give; loopback has as many addresses as one wants. */
	self.sin_addr.s_addr = htonl(INADDR_LOOPBACK + opened++ / PORTS);
	if (fd < 0 || inet_pton(AF_INET, o->host, &a.sin_addr) != 1 || bind_late(fd, &self) ||
		connect(fd, (struct sockaddr *)&a, sizeof a))
		load_fail(o->host, strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return fd;
}

int load_flush(int fd, struct bytes *out)
{
	size_t done = 0;

	while (done < out->n) {
		ssize_t n = send(fd, out->p + done, out->n - done, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return -1;
		if (n < 0)
			break;
		done += (size_t)n;
	}
	bytes_drop(out, done);
	return 0;
}

void load_net(const struct load_options *o, struct net *n)
{
	char url[64], why[256];

	snprintf(url, sizeof url, "http://%s:%u", o->host, o->port);
	if (net_init(n, url, why))
		load_fail(url, why);
}

double load_server_cpu(long pid)
{
	char path[40], line[1024];
	unsigned long user = 0, kernel = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%ld/stat", pid);
	if (pid == 0 || !(f = fopen(path, "re")))
		return 0;
	/* Fields 14 and 15, counted from after the name, which may hold anything. */
	if (fgets(line, sizeof line, f) && strrchr(line, ')'))
		sscanf(strrchr(line, ')') + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel);
	fclose(f);
	return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

double load_self_cpu(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static struct load_users users_read(const char *path)
{
	struct load_users users = {0};
	struct load_user u;
	FILE *f = path ? fopen(path, "re") : NULL;

	if (!f)
		load_fail("--tokens", path ? strerror(errno) : "is needed");
	while (fscanf(f, "%39s %71s", u.name, u.token) == 2) {
		users.list = realloc(users.list, (users.n + 1) * sizeof u);
		if (!users.list)
			abort();
		users.list[users.n++] = u;
	}
	fclose(f);
	return users;
}

static void report(const struct load_options *o, const struct load_totals *t)
{
	double seconds = t->ended > t->started ? (double)(t->ended - t->started) / 1e9 : 0;
	double per = t->acked ? 1e6 / (double)t->acked : 0;

	printf("{\"connections\":%u,\"window\":%u,\"seconds\":%.3f,\"acked\":%llu,\"messages_per_s\":%.0f",
		o->connections, o->window, seconds, (unsigned long long)t->acked,
		seconds > 0 ? (double)t->acked / seconds : 0);
	printf(",\"ack_p50_ms\":%.3f,\"ack_p99_ms\":%.3f,\"ack_p999_ms\":%.3f", hist_ms(&t->ack, 0.5),
		hist_ms(&t->ack, 0.99), hist_ms(&t->ack, 0.999));
	printf(",\"e2e_p50_ms\":%.3f,\"e2e_p99_ms\":%.3f,\"e2e_p999_ms\":%.3f", hist_ms(&t->e2e, 0.5),
		hist_ms(&t->e2e, 0.99), hist_ms(&t->e2e, 0.999));
#define COUNT(x) printf(",\"" #x "\":%llu", (unsigned long long)t->x)
	COUNT(pushed);
	COUNT(lost);
	COUNT(duplicated);
	COUNT(reordered);
	COUNT(corrupt);
	COUNT(gaps);
	COUNT(receipts);
	COUNT(refused);
	COUNT(unanswered);
#undef COUNT
	printf(",\"refusal\":\"%s\",\"client_cpu_s\":%.2f,\"server_cpu_s\":%.2f,\"server_us_per_message\":%.3f}\n",
		t->refusal, t->self_cpu, t->server_cpu, t->server_cpu * per);
}

static const struct option options[] = {{"host", 1, 0, 'h'}, {"port", 1, 0, 'p'}, {"connections", 1, 0, 'c'},
	{"senders", 1, 0, 'S'}, {"window", 1, 0, 'w'}, {"body", 1, 0, 'b'}, {"seconds", 1, 0, 's'},
	{"messages", 1, 0, 'm'}, {"ack-ms", 1, 0, 'a'}, {"client-ids", 0, 0, 'i'}, {"spread", 0, 0, 'r'},
	{"server-pid", 1, 0, 'P'}, {"tokens", 1, 0, 't'}, {0}};

static void take_option(struct load_options *o, int letter, const char *arg)
{
	uint64_t number = arg ? strtoull(arg, NULL, 10) : 0;
	unsigned *const unsigneds[] = {['p'] = &o->port,
		['c'] = &o->connections,
		['S'] = &o->senders,
		['w'] = &o->window,
		['b'] = &o->body,
		['a'] = &o->ack_ms,
		[127] = NULL};

	if (letter == 'h')
		o->host = arg;
	else if (letter == 't')
		o->tokens = arg;
	else if (letter == 's')
		o->seconds = atof(arg);
	else if (letter == 'm')
		o->messages = number;
	else if (letter == 'i')
		o->client_ids = true;
	else if (letter == 'r')
		o->spread = true;
	else if (letter == 'P')
		o->server_pid = (long)number;
	else if (letter < 127 && unsigneds[letter])
		*unsigneds[letter] = (unsigned)number;
	else
		load_fail("usage", "load [--OPTION VALUE]... ws|http|idle|redis|create");
}

static void raise_descriptors(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

int main(int argc, char **argv)
{
	static struct load_totals t;
	struct load_options o = {
		.host = "127.0.0.1", .connections = 64, .window = 64, .body = 200, .seconds = 5, .ack_ms = 100};
	int letter;

	while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1)
		take_option(&o, letter, optarg);
	const char *what = optind < argc ? argv[optind] : "";
	if (o.port == 0 || o.connections == 0 || o.window == 0 || o.window > WINDOW_MAX || o.body < BODY_HEAD ||
		o.connections > CONNECTIONS_MAX)
		load_fail("options", "out of range, or no --port");
	signal(SIGPIPE, SIG_IGN);
	raise_descriptors();
	if (strcmp(what, "create") == 0)
		return users_create(&o, o.connections) ? 1 : 0;
	if (strcmp(what, "redis") == 0) {
		int failed = redis_run(&o, &t);
		report(&o, &t);
		return failed ? 1 : 0;
	}
	struct load_users users = users_read(o.tokens);
	if (users.n < (strcmp(what, "ws") == 0 ? o.connections : 2))
		load_fail(o.tokens, "too few users");
	if (strcmp(what, "idle") == 0)
		return idle_run(&o, &users) ? 1 : 0;
	int rc = strcmp(what, "ws") == 0     ? ws_run(&o, &users, &t)
		 : strcmp(what, "http") == 0 ? http_run(&o, &users, &t)
					     : -2;
	if (rc == -2)
		load_fail("usage", "load [--OPTION VALUE]... ws|http|idle|redis|create");
	report(&o, &t);
	free(users.list);
	return rc ? 1 : 0;
}
