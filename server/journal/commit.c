#include "server/journal/commit.h"
#include <stdlib.h>

struct commit *commit_ref(struct commit *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void commit_unref(struct commit *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	free(c->bytes);
	free(c->records);
	free(c->outcomes);
	free(c);
}
