#include "server/queue/overlay.h"
#include "common/base/array.h"
#include <stdlib.h>

enum { MAP_FIRST = 1024 };

static uint32_t map_slot(const struct stamp_map *m, uint64_t key)
{
	uint32_t i = (uint32_t)((key * 0x9e3779b97f4a7c15u) >> 32) & (m->cap - 1);

	while (m->slot[i].generation == m->generation && m->slot[i].key != key)
		i = (i + 1) & (m->cap - 1);
	return i;
}

static uint32_t map_get(const struct stamp_map *m, uint64_t key)
{
	if (m->n == 0)
		return UINT32_MAX;
	uint32_t i = map_slot(m, key);
	return m->slot[i].generation == m->generation ? m->slot[i].value : UINT32_MAX;
}

static int map_grow(struct stamp_map *m)
{
	struct stamp_map to = {.cap = m->cap ? m->cap * 2 : MAP_FIRST, .n = m->n, .generation = 1};

	to.slot = calloc(to.cap, sizeof *to.slot);
	if (!to.slot)
		return -1;
	for (uint32_t i = 0; i < m->cap; i++) {
		if (m->slot[i].generation != m->generation)
			continue;
		uint32_t at = map_slot(&to, m->slot[i].key);
		to.slot[at].key = m->slot[i].key;
		to.slot[at].value = m->slot[i].value;
		to.slot[at].generation = 1;
	}
	free(m->slot);
	*m = to;
	return 0;
}

static int map_put(struct stamp_map *m, uint64_t key, uint32_t value)
{
	if ((m->n + 1) * 2 > m->cap && map_grow(m))
		return -1;
	uint32_t i = map_slot(m, key);
	m->n += m->slot[i].generation != m->generation;
	m->slot[i].key = key;
	m->slot[i].value = value;
	m->slot[i].generation = m->generation;
	return 0;
}

static void map_clear(struct stamp_map *m)
{
	m->n = 0;
	if (++m->generation != 0)
		return;
	for (uint32_t i = 0; i < m->cap; i++)
		m->slot[i].generation = 0;
	m->generation = 1;
}

void overlay_init(struct overlay *o, struct heads *h)
{
	*o = (struct overlay){.heads = h};
	o->user_map.generation = o->conv_map.generation = o->client_map.generation = 1;
}

void overlay_clear(struct overlay *o)
{
	for (uint32_t i = 0; i < o->n_convs; i++)
		for (unsigned d = 0; d < 2; d++)
			if (o->convs[i].side[d].marked) {
				marks_release(&o->convs[i].side[d].read);
				marks_release(&o->convs[i].side[d].delivered);
			}
	o->n_users = o->n_convs = 0;
	map_clear(&o->user_map);
	map_clear(&o->conv_map);
	map_clear(&o->client_map);
}

void overlay_release(struct overlay *o)
{
	overlay_clear(o);
	free(o->users);
	free(o->convs);
	free(o->user_map.slot);
	free(o->conv_map.slot);
	free(o->client_map.slot);
}

struct overlay_user *overlay_user(struct overlay *o, uint32_t user)
{
	uint32_t i = map_get(&o->user_map, user);

	if (i != UINT32_MAX)
		return &o->users[i];
	struct overlay_user *p = array_room(o->users, o->n_users, &o->cap_users, sizeof *p, 256);
	if (!p)
		return NULL;
	o->users = p;
	if (map_put(&o->user_map, user, o->n_users))
		return NULL;
	o->users[o->n_users] = (struct overlay_user){.user = user, .head = heads_user(o->heads, user)};
	return &o->users[o->n_users++];
}

struct overlay_conv *overlay_conv(struct overlay *o, uint32_t a, uint32_t b)
{
	uint64_t key = conv_key(a, b);
	uint32_t i = map_get(&o->conv_map, key);

	if (i != UINT32_MAX)
		return &o->convs[i];
	struct overlay_conv *p = array_room(o->convs, o->n_convs, &o->cap_convs, sizeof *p, 256);
	if (!p)
		return NULL;
	o->convs = p;
	if (map_put(&o->conv_map, key, o->n_convs))
		return NULL;
	struct overlay_conv *c = &o->convs[o->n_convs++];
	*c = (struct overlay_conv){.user = {a < b ? a : b, a < b ? b : a}};
	const struct conv *from = heads_conv(o->heads, a, b);
	for (unsigned d = 0; from && d < 2; d++) {
		c->side[d].last = side_last(&from->side[d]);
		c->side[d].total = from->side[d].total;
	}
	return c;
}

int overlay_marks(struct overlay *o, struct overlay_conv *c, unsigned d)
{
	struct overlay_side *s = &c->side[d];
	const struct conv *from = heads_conv(o->heads, c->user[0], c->user[1]);

	if (s->marked)
		return 0;
	s->read = s->delivered = (struct marks){0};
	if (from) {
		if (marks_copy(&s->read, &from->side[d].read))
			return -1;
		if (marks_copy(&s->delivered, &from->side[d].delivered)) {
			marks_release(&s->read);
			return -1;
		}
	}
	s->marked = true;
	return 0;
}

uint32_t overlay_client(struct overlay *o, uint64_t key)
{
	return map_get(&o->client_map, key);
}

int overlay_client_set(struct overlay *o, uint64_t key, uint32_t outcome)
{
	return map_put(&o->client_map, key, outcome);
}
