/* Where the network threads listen: the public port, shared by all of them, and the extra listeners of the first one. */
#include "server/net/conn.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

_Static_assert(offsetof(struct sockaddr_in, sin_port) == offsetof(struct sockaddr_in6, sin6_port), "read as one");

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

static int listen_public(struct net *n, struct address *a)
{
	if (port_probe(a) != 0)
		return -1;
	for (unsigned i = 0; i < n->thread_count; i++) {
		int fd = socket_bound(a, true);
		if (fd < 0)
			return -1;
		n->threads[i].listener[0].fd = fd;
		if (listen(fd, BACKLOG) != 0)
			return -1;
	}
	return 0;
}

static void url_make(char url[NET_URL_MAX], const struct address *a)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->ss;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->ss;
	in_port_t port = v4->sin_port; /* of an IPv6 address at the same place */
	char host[INET6_ADDRSTRLEN] = "127.0.0.1";
	bool six = a->ss.ss_family == AF_INET6;

	if (six && IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr))
		snprintf(host, sizeof host, "::1");
	else if (six)
		inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
	else if (v4->sin_addr.s_addr != htonl(INADDR_ANY))
		inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
	snprintf(url, NET_URL_MAX, six ? "http://[%s]:%u" : "http://%s:%u", host, ntohs(port));
}

/* Nobody answers on a socket that was left by a server that was killed. */
static int unlink_stale(const struct address *a, const char *path)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct stat st;

	if (fd < 0)
		return -1;
	int rc = connect(fd, (const struct sockaddr *)&a->ss, a->len), saved = errno;
	close(fd);
	if (rc != 0 && saved == ECONNREFUSED && lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		return unlink(path);
	errno = rc == 0 || saved == EAGAIN ? EADDRINUSE : saved;
	return rc != 0 && saved == ENOENT ? 0 : -1;
}

/* Mode 0600 from the moment it is there: Linux takes the mode from the socket. */
static int listen_unix(struct listener *l, const char *path)
{
	struct address a = {.len = sizeof(struct sockaddr_un)};
	struct sockaddr_un *un = (struct sockaddr_un *)&a.ss;

	if (strlen(path) >= sizeof un->sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	un->sun_family = AF_UNIX;
	strcpy(un->sun_path, path);
	if (unlink_stale(&a, path) != 0)
		return -1;
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0 || fchmod(l->fd, 0600) != 0 || bind(l->fd, (struct sockaddr *)un, a.len) != 0)
		return -1;
	l->path = strdup(path);
	return l->path ? listen(l->fd, BACKLOG) : -1;
}

static int listen_tcp(struct listener *l, const char *text, char url[NET_URL_MAX])
{
	struct address a;

	if (address_parse(text, &a) != 0) {
		errno = EINVAL;
		return -1;
	}
	l->fd = socket_bound(&a, false);
	if (l->fd < 0 || getsockname(l->fd, (struct sockaddr *)&a.ss, &a.len) != 0)
		return -1;
	url_make(url, &a);
	return listen(l->fd, BACKLOG);
}

static int listen_extra(struct net *n, unsigned i, char why[256])
{
	const struct net_extra *x = &n->conf.extra[i];
	struct listener *l = &n->threads[0].listener[1 + i];
	bool path = strchr(x->address, '/') != NULL;

	l->side = x->side;
	if (path)
		snprintf(n->extra_url[i], NET_URL_MAX, "unix:%.120s", x->address);
	if ((path ? listen_unix(l, x->address) : listen_tcp(l, x->address, n->extra_url[i])) == 0)
		return 0;
	snprintf(why, 256, "cannot listen on %.150s: %s", x->address, strerror(errno));
	return -1;
}

int listen_all(struct net *n, char why[256])
{
	struct address a;

	if (address_parse(n->conf.listen, &a) != 0) {
		snprintf(why, 256, "not an address with a port: %.100s", n->conf.listen);
		return -1;
	}
	if (listen_public(n, &a) != 0) {
		snprintf(why, 256, "cannot listen on %.100s: %s", n->conf.listen, strerror(errno));
		return -1;
	}
	url_make(n->url, &a);
	n->port = (unsigned)strtoul(strrchr(n->url, ':') + 1, NULL, 10);
	for (unsigned i = 0; i < n->conf.extras; i++)
		if (listen_extra(n, i, why))
			return -1;
	return 0;
}

void listen_end(struct net *n)
{
	for (unsigned i = 1; i < LISTENERS; i++) {
		struct listener *l = &n->threads[0].listener[i];
		if (l->path)
			unlink(l->path);
		free(l->path);
	}
}
