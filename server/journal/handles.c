#include "server/journal/handles.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

void segment_name(uint64_t base, char out[32])
{
	snprintf(out, 32, "%020" PRIu64 ".seg", base);
}

void handles_init(struct handles *h, int dir_fd)
{
	h->dir_fd = dir_fd;
	h->clock = 0;
	pthread_mutex_init(&h->lock, NULL);
	for (unsigned i = 0; i < HANDLES; i++)
		h->slot[i] = (struct handle_slot){.fd = -1};
}

void handles_release(struct handles *h)
{
	for (unsigned i = 0; i < HANDLES; i++)
		if (h->slot[i].fd >= 0)
			close(h->slot[i].fd);
	pthread_mutex_destroy(&h->lock);
}

/* The slot of that segment; else a free one, else the one whose last use is the longest ago. NULL: all are in use. */
static struct handle_slot *slot_for(struct handles *h, uint64_t base)
{
	struct handle_slot *best = NULL;

	for (struct handle_slot *s = h->slot; s < h->slot + HANDLES; s++) {
		if (s->fd >= 0 && s->base == base)
			return s;
		if (s->refs == 0 && (!best || s->used < best->used))
			best = s;
	}
	return best;
}

static int open_segment(struct handles *h, uint64_t base)
{
	char name[32];

	segment_name(base, name);
	return openat(h->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

int handle_take(struct handles *h, uint64_t base, struct handle *out)
{
	pthread_mutex_lock(&h->lock);
	struct handle_slot *s = slot_for(h, base);
	if (s && !(s->fd >= 0 && s->base == base)) {
		/* Closed first: when descriptors are short, this is the one to have. */
		if (s->fd >= 0)
			close(s->fd);
		*s = (struct handle_slot){.base = base, .fd = open_segment(h, base)};
	}
	if (s && s->fd >= 0) {
		s->refs++;
		s->used = ++h->clock;
	}
	*out = s ? (struct handle){s->fd, (int)(s - h->slot)} : (struct handle){open_segment(h, base), -1};
	int error = errno;
	pthread_mutex_unlock(&h->lock);
	errno = error;
	return out->fd < 0 ? -1 : 0;
}

void handle_give(struct handles *h, struct handle *x)
{
	if (x->slot < 0) {
		close(x->fd);
		return;
	}
	pthread_mutex_lock(&h->lock);
	h->slot[x->slot].refs--;
	pthread_mutex_unlock(&h->lock);
}
