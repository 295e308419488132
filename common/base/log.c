#include "common/base/log.h"
#include "common/base/clock.h"
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
	/* One write a line, so that lines of several threads do not mix; a log that cannot be written has nobody to tell. */
	ssize_t done = write(STDERR_FILENO, line, len);
	(void)done;
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
