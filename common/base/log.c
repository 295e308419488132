#include "common/base/log.h"
#include "common/base/clock.h"
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const word[] = {
	[LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};
static _Atomic int least = LOG_INFO;

void log_set_level(enum log_level level)
{
	least = level;
}

int log_level_parse(const char *text)
{
	for (int i = LOG_DEBUG; i <= LOG_ERROR; i++)
		if (strcmp(word[i], text) == 0)
			return i;
	return -1;
}

/* One write a line, so that lines of several threads do not mix. Whoever reads stderr and has stopped must not stop who serves: what finds a full pipe is
 * counted, and the next line that is taken has the count before it. A log that cannot be written has nobody to tell. */
static void write_line(const char *line, size_t n)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static unsigned long dropped;
	struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
	char whole[4096]; /* a pipe that is writable takes so much */
	int m = 0;

	pthread_mutex_lock(&lock);
	if (poll(&out, 1, 0) == 0) {
		dropped++;
	} else {
		if (dropped)
			m = snprintf(whole, sizeof whole, "%.*s warn log-lines-dropped count=%lu\n", CLOCK_TEXT, line,
				dropped);
		dropped = 0;
		memcpy(whole + m, line, n);
		ssize_t done = write(STDERR_FILENO, whole, (size_t)m + n);
		(void)done;
	}
	pthread_mutex_unlock(&lock);
}

void log_event(enum log_level level, const char *event, const char *fmt, ...)
{
	char line[2048], time[CLOCK_TEXT + 1];
	va_list args;

	if ((int)level < least)
		return;
	clock_format(clock_wall_ms(), time);
	int n = snprintf(line, sizeof line, "%s %s %s ", time, word[level], event);
	va_start(args, fmt);
	int m = vsnprintf(line + n, sizeof line - (size_t)n - 1, fmt, args);
	va_end(args);
	size_t len = (size_t)n + (m < 0 ? 0 : (size_t)m);
	if (len > sizeof line - 2)
		len = sizeof line - 2;
	line[len++] = '\n';
	write_line(line, len);
}

const char *log_quote(const char *p, unsigned long n, char out[832])
{
	static const char hex[] = "0123456789abcdef";
	char *to = out;

	*to++ = '"';
	for (unsigned long i = 0; i < n && i < 200; i++) {
		unsigned char c = (unsigned char)p[i];
		if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
			*to++ = (char)c;
			continue;
		}
		*to++ = '\\';
		*to++ = 'x';
		*to++ = hex[c >> 4];
		*to++ = hex[c & 15];
	}
	*to++ = '"';
	if (n > 200) {
		memcpy(to, "...", 3);
		to += 3;
	}
	*to = 0;
	return out;
}
