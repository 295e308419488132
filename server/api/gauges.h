/* Inside api/ only: how things stand now. Each network thread looks at its sockets once a second and leaves what it saw in atomics; readers add them up. */
#ifndef CHAT_API_GAUGES_H
#define CHAT_API_GAUGES_H
#include "common/base/buf.h"
#include <stdatomic.h>
#include <stdint.h>

struct api;
struct api_thread;

#define GAUGES(X)                                                                                  \
	X(LIVE, "connections_live", "chat_connections{state=\"live\"}", true)                      \
	X(CATCHING_UP, "connections_catching_up", "chat_connections{state=\"catching-up\"}", true) \
	X(LAGGING, "connections_lagging", "chat_connections{state=\"lagging\"}", true)             \
	X(HANDSHAKE, "connections_handshake", "chat_connections{state=\"handshake\"}", true)       \
	X(HTTP, "connections_http", "chat_connections{state=\"http\"}", false)                     \
	X(OUT_BYTES, "out_bytes", "chat_out_bytes", true)                                          \
	X(BEHIND_1, "behind_up_to_1s", "chat_sockets_behind{up_to=\"1\"}", true)                   \
	X(BEHIND_10, "behind_up_to_10s", "chat_sockets_behind{up_to=\"10\"}", true)                \
	X(BEHIND_60, "behind_up_to_60s", "chat_sockets_behind{up_to=\"60\"}", true)                \
	X(BEHIND_LONG, "behind_longer", "chat_sockets_behind{up_to=\"inf\"}", true)                \
	X(LAG_MAX, "stream_lag_max", "chat_stream_lag_max_bytes", true)                            \
	X(LAG_MAX_MS, "stream_lag_max_ms", "chat_stream_lag_max_milliseconds", true)               \
	X(QUEUE_DEPTH, "queue_depth", "chat_queue_depth", false)                                   \
	X(QUEUE_BYTES, "queue_bytes", "chat_queue_bytes", false)

/* name in JSON, name for Prometheus; last: is it counted by the threads. The two maxima are the highest of the threads, all others sums. */
enum gauge {
#define GAUGE_ENUM(name, json, prometheus, of_thread) GAUGE_##name,
	GAUGES(GAUGE_ENUM)
#undef GAUGE_ENUM
		GAUGE_COUNT
};
struct thread_gauges {
	_Atomic uint64_t value[GAUGE_COUNT];
};

void gauges_look(struct api_thread *t, uint64_t now_us); /* the thread's own; once a second */
void gauges_write(struct api *a, struct buf *out);       /* Prometheus */
void gauges_write_json(struct api *a, struct buf *out);  /* "gauges":{…} */
#endif
