/* A bounded pool of threads for what blocks: password hashing, account writes, reads that may be cold. Any thread submits and never waits; the job stays its
 * submitter's, who frees it once it has run. */
#ifndef CHAT_POOL_H
#define CHAT_POOL_H

struct pool;
struct job {
	struct job *next;
	void (*run)(struct job *j); /* on a pool thread; posts its own result */
};
/* queue_max: jobs that wait. NULL: out of memory or no thread. */
struct pool *pool_new(const char *name, unsigned threads, unsigned queue_max, int nice_level);
int pool_submit(struct pool *p, struct job *j); /* 0; -1: full (answer 503) */
void pool_stop(struct pool *p);                 /* runs what is queued, joins, frees */
#endif
