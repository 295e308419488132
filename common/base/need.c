#include "common/base/need.h"
#include <stdlib.h>
#include <time.h>

enum { TRIES = 100 };
static const struct timespec between = {.tv_nsec = 10000000};

void *need_calloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	for (int i = 0; !p && i < TRIES; i++) {
		nanosleep(&between, NULL);
		p = calloc(n, size);
	}
	return p;
}

void *need_realloc(void *p, size_t size)
{
	void *q = realloc(p, size);

	for (int i = 0; !q && i < TRIES; i++) {
		nanosleep(&between, NULL);
		q = realloc(p, size);
	}
	return q;
}
