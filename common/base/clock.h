/* Two clocks. Wall time is for people and may jump either way; monotonic time is for deadlines. */
#ifndef CHAT_BASE_CLOCK_H
#define CHAT_BASE_CLOCK_H
#include <pthread.h>
#include <stdint.h>

uint64_t clock_wall_ms(void); /* milliseconds since 1970, UTC */
uint64_t clock_mono_us(void); /* microseconds, CLOCK_MONOTONIC */
/* A condition whose timed waits end by CLOCK_MONOTONIC: the wall clock may jump while one waits. 0, or an error number. */
int clock_cond_init(pthread_cond_t *c);
/* RFC 3339 UTC with milliseconds: "2026-01-02T03:04:05.678Z" */
#define CLOCK_TEXT 24
void clock_format(uint64_t wall_ms, char out[CLOCK_TEXT + 1]);
int clock_parse(const char *text, unsigned long len, uint64_t *wall_ms); /* 0, -1; any RFC 3339 zone */
#endif
