/* The queue over the journal: one append and one fdatasync a commit. */
#include "server/queue/queue_loop.h"
#include "server/store/store_journal.h"
#include <stdlib.h>

struct journal_log {
	struct journal *journal;
	struct store *store;
};

static uint64_t jl_tail(void *ctx)
{
	return journal_tail(((struct journal_log *)ctx)->journal);
}

/* A full segment is sealed between batches, so that a batch stands in one segment and all before it has been applied. */
static enum log_answer jl_prepare(void *ctx)
{
	struct journal_log *l = ctx;
	uint64_t end = journal_tail(l->journal);

	if (!journal_full(l->journal))
		return LOG_OK;
	int rc = journal_roll(l->journal);
	if (rc)
		return rc > 0 ? LOG_FULL : LOG_FAILED;
	return store_journal_seal(l->store, end) ? LOG_FAILED : LOG_OK;
}

static enum log_answer jl_store(void *ctx, const uint8_t *bytes, size_t n)
{
	struct journal_log *l = ctx;
	int rc = journal_append(l->journal, bytes, n);

	if (rc)
		return rc > 0 ? LOG_FULL : LOG_FAILED;
	return journal_sync(l->journal) ? LOG_FAILED : LOG_OK;
}

static enum log_answer jl_probe(void *ctx)
{
	int rc = journal_probe(((struct journal_log *)ctx)->journal);

	return rc == 0 ? LOG_OK : LOG_FULL;
}

static const struct log_ops journal_log_ops = {.name = "journal",
	.tail = jl_tail,
	.prepare = jl_prepare,
	.store = jl_store,
	.probe = jl_probe,
	.release = free};

struct queue *queue_journal_new(struct journal *j, struct store *s, const struct queue_sink *sink)
{
	struct sequencer_source source = store_journal_source(s);
	struct journal_log *l = malloc(sizeof *l);

	if (!l)
		return NULL;
	*l = (struct journal_log){j, s};
	return queue_loop_new(&journal_log_ops, l, &source, sink);
}
