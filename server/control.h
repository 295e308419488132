/* What may be asked of the running server as a whole, by signals and by the operators' interface (struct api_control). Any thread that may block. */
#ifndef CHAT_SERVER_CONTROL_H
#define CHAT_SERVER_CONTROL_H
#include "server/api/api.h"
#include "server/config.h"
#include "server/journal/journal.h"
#include <pthread.h>

/* Filled in by server.c before it serves; all borrowed. */
struct control {
	pthread_mutex_t lock; /* guards the values of config that a reload changes */
	struct config *config;
	struct api *api;
	struct journal *journal;
	int argc;
	char **argv;
	uint64_t started_ms; /* wall clock */
};
struct api_control control_for_api(struct control *k);
/* Reads the configuration again. out: {"changed":[…],"needs_restart":[…]}; of an error: why, as text. */
enum err control_reload(struct control *k, struct buf *out);
#endif
