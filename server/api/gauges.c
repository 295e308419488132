#include "server/api/gauges.h"
#include "server/api/socket.h"
#include <inttypes.h>
#include <string.h>

static const struct {
	const char *json, *prometheus;
	bool of_thread;
} gauges[] = {
#define GAUGE_ROW(name, text, prom, thread) [GAUGE_##name] = {text, prom, thread},
	GAUGES(GAUGE_ROW)
#undef GAUGE_ROW
};

static const enum gauge by_state[] = {
	[SESSION_NEW] = GAUGE_HANDSHAKE,
	[SESSION_ASKING] = GAUGE_HANDSHAKE,
	[SESSION_CATCHING] = GAUGE_CATCHING_UP,
	[SESSION_LAGGING] = GAUGE_LAGGING,
	[SESSION_LIVE] = GAUGE_LIVE,
};

static void highest(uint64_t *max, uint64_t v)
{
	if (v > *max)
		*max = v;
}

/* One that is behind: for how long, and how much of the journal stands between it and the head of its stream. */
static void look_behind(struct socket *k, uint64_t now_us, uint64_t v[GAUGE_COUNT])
{
	uint64_t head = store_head(k->t->api->store, k->who.user).pos;

	if (!k->behind_us)
		k->behind_us = now_us;
	uint64_t ms = (now_us - k->behind_us) / 1000;
	v[ms <= 1000          ? GAUGE_BEHIND_1
		: ms <= 10000 ? GAUGE_BEHIND_10
		: ms <= 60000 ? GAUGE_BEHIND_60
			      : GAUGE_BEHIND_LONG]++;
	highest(&v[GAUGE_LAG_MAX], head > k->s.at.pos ? head - k->s.at.pos : 0);
	highest(&v[GAUGE_LAG_MAX_MS], ms);
}

void gauges_look(struct api_thread *t, uint64_t now_us)
{
	uint64_t v[GAUGE_COUNT] = {0};
	struct socket *k;

	TAILQ_FOREACH(k, &t->sockets, link)
	{
		v[by_state[k->s.state]]++;
		v[GAUGE_OUT_BYTES] += k->s.out.len;
		if (k->s.state == SESSION_CATCHING || k->s.state == SESSION_LAGGING)
			look_behind(k, now_us, v);
		else
			k->behind_us = 0;
	}
	for (unsigned i = 0; i < GAUGE_COUNT; i++)
		atomic_store_explicit(&t->gauges.value[i], v[i], memory_order_relaxed);
}

static void add_up(struct api *a, uint64_t v[GAUGE_COUNT])
{
	struct queue_depth depth = queue_depth(a->queue);
	uint64_t all = net_connections(a->net), sockets = 0;

	memset(v, 0, GAUGE_COUNT * sizeof *v);
	for (struct api_thread *t = atomic_load(&a->threads); t; t = t->next)
		for (unsigned i = 0; i < GAUGE_COUNT; i++) {
			uint64_t one = atomic_load_explicit(&t->gauges.value[i], memory_order_relaxed);
			if (i == GAUGE_LAG_MAX || i == GAUGE_LAG_MAX_MS)
				highest(&v[i], one);
			else if (gauges[i].of_thread)
				v[i] += one;
		}
	for (unsigned i = GAUGE_LIVE; i < GAUGE_HTTP; i++)
		sockets += v[i];
	v[GAUGE_HTTP] = all > sockets ? all - sockets : 0;
	v[GAUGE_QUEUE_DEPTH] = depth.ops;
	v[GAUGE_QUEUE_BYTES] = depth.bytes;
}

static const struct {
	const char *name, *help;
} families[] = {
	{"chat_connections", "Connections by what they do"},
	{"chat_out_bytes", "Bytes that wait to be written to sockets"},
	{"chat_sockets_behind",
		"Sockets behind their stream, by seconds for which they have been (up to, not cumulative)"},
	{"chat_stream_lag_max_bytes",
		"Bytes of journal between the socket that is furthest behind and its stream's head"},
	{"chat_stream_lag_max_milliseconds", "For how long the socket that is behind longest has been"},
	{"chat_queue_depth", "Ops handed over and not yet sequenced"},
	{"chat_queue_bytes", "Bytes of memory that these take"},
};

void gauges_write(struct api *a, struct buf *out)
{
	uint64_t v[GAUGE_COUNT];

	add_up(a, v);
	for (unsigned f = 0; f < sizeof families / sizeof *families; f++) {
		const char *name = families[f].name;
		buf_addf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, families[f].help, name);
		for (unsigned i = 0; i < GAUGE_COUNT; i++)
			if (strcspn(gauges[i].prometheus, "{") == strlen(name) &&
				strncmp(gauges[i].prometheus, name, strlen(name)) == 0)
				buf_addf(out, "%s %" PRIu64 "\n", gauges[i].prometheus, v[i]);
	}
}

void gauges_write_json(struct api *a, struct buf *out)
{
	uint64_t v[GAUGE_COUNT];

	add_up(a, v);
	buf_adds(out, "\"gauges\":{");
	for (unsigned i = 0; i < GAUGE_COUNT; i++)
		buf_addf(out, "%s\"%s\":%" PRIu64, i ? "," : "", gauges[i].json, v[i]);
	buf_addc(out, '}');
}
