#include "server/api/sight.h"
#include "common/base/clock.h"

bool sight_presence(struct api *a, uint32_t viewer, uint32_t user)
{
	if (viewer == user)
		return true;
	if (accounts_blocks(a->accounts, user, viewer, NULL))
		return false;
	return !a->config.presence_contacts || accounts_has_contact(a->accounts, user, viewer);
}

struct sighting sight_of(struct api *a, uint32_t viewer, uint32_t user)
{
	if (!sight_presence(a, viewer, user))
		return (struct sighting){false, 0};
	return (struct sighting){presence_online(a->presence, user), presence_last_seen(a->presence, user)};
}

void sight_write(struct buf *b, const struct sighting *s)
{
	char time[CLOCK_TEXT + 1];

	buf_adds(b, s->online ? "\"online\":true,\"last_seen\":" : "\"online\":false,\"last_seen\":");
	clock_format(s->last_seen_ms, time);
	if (s->last_seen_ms)
		buf_addf(b, "\"%s\"", time);
	else
		buf_adds(b, "null");
}

bool sight_receipts_hidden(struct api *a, uint32_t viewer, uint32_t user)
{
	return viewer != user && accounts_blocks(a->accounts, user, viewer, NULL);
}

void sight_hide(struct api *a, uint32_t viewer, struct page *page)
{
	for (uint32_t i = 0; i < page->n; i++) {
		struct stored *m = &page->items[i];
		uint64_t since;
		if (m->rec.actor != viewer || m->rec.peer == viewer ||
			!accounts_blocks(a->accounts, m->rec.peer, viewer, &since))
			continue;
		if (m->delivered_ms >= since)
			m->delivered_ms = 0;
		if (m->read_ms >= since)
			m->read_ms = 0;
	}
}
