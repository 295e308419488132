/* The queue's thread over any log: takes what was enqueued, sequences it, has the log store it, hands the commit to the sink. What differs between a
 * journal and memory is in struct log_ops alone. */
#ifndef CHAT_QUEUE_LOOP_H
#define CHAT_QUEUE_LOOP_H
#include "server/queue/sequencer.h"

enum log_answer { LOG_OK, LOG_FULL, LOG_FAILED };
struct log_ops {
	const char *name;
	uint64_t (*tail)(void *ctx);           /* where the next record will stand */
	enum log_answer (*prepare)(void *ctx); /* before a batch: may move the tail */
	enum log_answer (*store)(
		void *ctx, const uint8_t *bytes, size_t n); /* durable when LOG_OK; nothing kept when LOG_FULL */
	enum log_answer (*probe)(void *ctx);                /* is there space again? Nothing is kept */
	void (*release)(void *ctx);                         /* with the queue */
};
/* Takes log_ctx over. NULL: out of memory or no thread. */
struct queue *queue_loop_new(
	const struct log_ops *log, void *log_ctx, const struct sequencer_source *source, const struct queue_sink *sink);

struct journal;
struct store;
struct queue *queue_journal_new(struct journal *j, struct store *s, const struct queue_sink *sink);
struct queue *queue_memory_new(struct store *s, const struct queue_sink *sink);
#endif
