/* From JSON members to an op of the queue: the one way that a message takes in, by REST and by WebSocket. */
#ifndef CHAT_API_SEND_H
#define CHAT_API_SEND_H
#include "server/api/thread.h"
#include "server/rules/send.h"

struct send_members {
	const struct json_value *to, *body, *client_id, *kind;
};
/* Adds the send to the thread's batch: the op, whose origin, token and index the caller fills in, or NULL and *why. */
struct op *send_add(struct api_thread *t, uint32_t actor, const struct send_members *m, struct refusal *why);
#endif
