/* Sockets that are open and do nothing: what each costs is read from the server's /proc/PID/status by whoever started this. */
#include "tests/bench/load/load.h"
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_MAX = 16 << 10 };

/* Reads until all of the words have come. */
static void wait_for(int fd, const char *word)
{
	char got[ANSWER_MAX + 1];
	size_t n = 0;

	do {
		ssize_t k = read(fd, got + n, ANSWER_MAX - n);
		if (k <= 0)
			load_fail("an idle socket was refused", n ? got : strerror(errno));
		n += (size_t)k;
		got[n] = 0;
	} while (!memmem(got, n, word, strlen(word)) && n < ANSWER_MAX);
}

static int open_idle(const struct load_options *o, const struct load_user *user)
{
	static const char hello[] = "{\"op\":\"hello\"}";
	struct bytes out = {0};
	int fd = load_connect(o);

	bytes_adds(&out, "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: "
			 "Upgrade\r\nSec-WebSocket-Version: 13\r\n"
			 "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: "
			 "chat.v1\r\nAuthorization: Bearer ");
	bytes_adds(&out, user->token);
	bytes_adds(&out, "\r\n\r\n");
	if (load_flush(fd, &out))
		load_fail("an idle socket broke", strerror(errno));
	wait_for(fd, "\r\n\r\n");
	frame_write(&out, FRAME_TEXT, hello, sizeof hello - 1, true, 1);
	if (load_flush(fd, &out))
		load_fail("an idle socket broke", strerror(errno));
	wait_for(fd, "\"live\"");
	free(out.p);
	return fd;
}

int idle_run(const struct load_options *o, const struct load_users *users)
{
	char line[16];

	for (unsigned i = 0; i < o->connections; i++)
		open_idle(o, &users->list[i % users->n]);
	printf("{\"open\":%u}\n", o->connections);
	fflush(stdout);
	while (fgets(line, sizeof line, stdin))
		;
	return 0;
}
