/* What may be sent. Pure: no JSON, no socket, no clock. */
#ifndef CHAT_RULES_SEND_H
#define CHAT_RULES_SEND_H
#include "common/base/err.h"
#include "common/msg.h"

/* Why something is refused. All text is static. */
struct refusal {
	enum err err;
	const char *field;  /* the member at fault, or NULL */
	const char *detail; /* a sentence for people, or NULL */
	uint64_t limit;     /* the limit that was passed; 0: none */
};

/* A message that somebody wants to send. Absent members have p NULL. */
struct send_request {
	struct str client_id, kind, body;
	uint32_t recipient; /* user number; 0: no such user */
};

/* 0 and *kind; -1 and *why. body_max: bytes. */
int send_check(const struct send_request *s, size_t body_max, enum kind *kind, struct refusal *why);
#endif
