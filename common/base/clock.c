#include "common/base/clock.h"
#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

uint64_t clock_wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t clock_mono_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

int clock_cond_init(pthread_cond_t *c)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	int rc = pthread_cond_init(c, &attr);
	pthread_condattr_destroy(&attr);
	return rc;
}

static void digits(char *to, unsigned v, int n)
{
	while (n-- > 0) {
		to[n] = (char)('0' + v % 10);
		v /= 10;
	}
}

void clock_format(uint64_t wall_ms, char out[CLOCK_TEXT + 1])
{
	time_t s = (time_t)(wall_ms / 1000);
	struct tm tm;

	memcpy(out, "0000-00-00T00:00:00.000Z", CLOCK_TEXT + 1);
	if (!gmtime_r(&s, &tm) || tm.tm_year > 8099)
		return;
	digits(out, (unsigned)tm.tm_year + 1900, 4);
	digits(out + 5, (unsigned)tm.tm_mon + 1, 2);
	digits(out + 8, (unsigned)tm.tm_mday, 2);
	digits(out + 11, (unsigned)tm.tm_hour, 2);
	digits(out + 14, (unsigned)tm.tm_min, 2);
	digits(out + 17, (unsigned)tm.tm_sec, 2);
	digits(out + 20, (unsigned)(wall_ms % 1000), 3);
}

/* The n digits at p as a number, or -1. */
static int number(const char *p, int n)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		if (!isdigit((unsigned char)p[i]))
			return -1;
		v = v * 10 + (p[i] - '0');
	}
	return v;
}

/* The zone behind the seconds: minutes east of UTC. */
static int zone(const char *p, int *minutes)
{
	if ((*p == 'Z' || *p == 'z') && !p[1]) {
		*minutes = 0;
		return 0;
	}
	int h = strlen(p) == 6 && p[3] == ':' ? number(p + 1, 2) : -1, m = h >= 0 ? number(p + 4, 2) : -1;
	if (h < 0 || h > 23 || m < 0 || m > 59 || (*p != '+' && *p != '-'))
		return -1;
	*minutes = (*p == '-' ? -1 : 1) * (h * 60 + m);
	return 0;
}

static int days_of(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month] + (month == 1 && leap);
}

int clock_parse(const char *text, unsigned long len, uint64_t *wall_ms)
{
	char b[48];
	struct tm tm = {0};
	int minutes, ms = 0, scale = 100;
	const char *p;

	if (len < 20 || len >= sizeof b || memchr(text, 0, len))
		return -1;
	memcpy(b, text, len);
	b[len] = 0;
	tm.tm_year = number(b, 4) - 1900;
	tm.tm_mon = number(b + 5, 2) - 1;
	tm.tm_mday = number(b + 8, 2);
	tm.tm_hour = number(b + 11, 2);
	tm.tm_min = number(b + 14, 2);
	tm.tm_sec = number(b + 17, 2);
	if (b[4] != '-' || b[7] != '-' || (b[10] != 'T' && b[10] != 't' && b[10] != ' ') || b[13] != ':' ||
		b[16] != ':')
		return -1;
	if (tm.tm_year < 70 || tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_mday < 1 || tm.tm_hour < 0 || tm.tm_hour > 23 ||
		tm.tm_min < 0 || tm.tm_min > 59 || tm.tm_sec < 0 || tm.tm_sec > 60)
		return -1;
	if (tm.tm_mday > days_of(tm.tm_year + 1900, tm.tm_mon))
		return -1;
	p = b + 19;
	if (*p == '.') {
		if (!isdigit((unsigned char)*++p))
			return -1;
		for (; isdigit((unsigned char)*p); p++, scale /= 10)
			ms += (*p - '0') * scale;
	}
	if (zone(p, &minutes))
		return -1;
	int64_t s = (int64_t)timegm(&tm) - (int64_t)minutes * 60;
	if (s < 0)
		return -1;
	*wall_ms = (uint64_t)s * 1000 + (uint64_t)ms;
	return 0;
}
