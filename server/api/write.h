/* What the API says, as JSON: one writer for each object, used by REST and WebSocket alike. Appends to a buf; a full buf is marked failed (base/buf.h).
 * On the hot path: literals and copies, no printf. Any thread. */
#ifndef CHAT_API_WRITE_H
#define CHAT_API_WRITE_H
#include "common/base/buf.h"
#include "common/base/err.h"
#include "server/journal/token.h"
#include "server/queue/queue.h"
#include "server/rules/send.h"

struct writer {
	const struct token_key *key;
	struct str (*name)(void *ctx, uint32_t user); /* a user's name; needs no escaping */
	void *ctx;
};

/* The contract's message object. Times are wall ms; 0: not yet, written as null. */
void write_message(
	struct buf *b, const struct writer *w, const struct record *r, uint64_t delivered_ms, uint64_t read_ms);
/* The stream event that record r is for `user`: message, receipt or read. cursor and prev are texts. */
void write_event(struct buf *b, const struct writer *w, const struct record *r, uint32_t user,
	const char cursor[CURSOR_TEXT], const char prev[CURSOR_TEXT]);
/* The members of an accepted send's answer: "id":…,"client_id":…,"sent_at":… without braces. */
void write_accepted(struct buf *b, const struct writer *w, const struct outcome *o);
/* {"ev":"sent",…}; cursor NULL: bare. */
void write_sent(struct buf *b, const struct writer *w, const struct outcome *o, const char *cursor, const char *prev);
/* {"ev":"error",…}; ref -1: none. */
void write_error(struct buf *b, int64_t ref, const struct refusal *why);
/* An RFC 9457 problem object. retry_ms 0: the usual one where the status wants it. */
void write_problem(struct buf *b, const struct refusal *why, unsigned retry_ms);
enum { RETRY_MS = 1000 };
bool write_retries(enum err e); /* the status is one that carries Retry-After */
#endif
