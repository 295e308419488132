#include "server/pool/pool.h"
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct job *first, **last;
	unsigned queued, queue_max, threads;
	int nice_level;
	bool stop;
	char name[16];
	pthread_t thread[];
};

static struct job *take(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	while (!p->first && !p->stop)
		pthread_cond_wait(&p->more, &p->lock);
	struct job *j = p->first;
	if (j) {
		p->first = j->next;
		if (!p->first)
			p->last = &p->first;
		p->queued--;
	}
	pthread_mutex_unlock(&p->lock);
	return j;
}

static void *worker(void *arg)
{
	struct pool *p = arg;
	struct job *j;

	/* On Linux a priority belongs to a thread, by its own number. */
	(void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), p->nice_level);
	while ((j = take(p)))
		j->run(j);
	return NULL;
}

struct pool *pool_new(const char *name, unsigned threads, unsigned queue_max, int nice_level)
{
	struct pool *p = calloc(1, sizeof *p + threads * sizeof p->thread[0]);

	if (!p)
		return NULL;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->more, NULL);
	p->last = &p->first;
	p->queue_max = queue_max;
	p->nice_level = nice_level;
	strncpy(p->name, name, sizeof p->name - 1);
	for (; p->threads < threads; p->threads++) {
		if (pthread_create(&p->thread[p->threads], NULL, worker, p)) {
			pool_stop(p);
			return NULL;
		}
		pthread_setname_np(p->thread[p->threads], p->name);
	}
	return p;
}

int pool_submit(struct pool *p, struct job *j)
{
	int rc = -1;

	j->next = NULL;
	pthread_mutex_lock(&p->lock);
	if (p->queued < p->queue_max && !p->stop) {
		*p->last = j;
		p->last = &j->next;
		p->queued++;
		pthread_cond_signal(&p->more);
		rc = 0;
	}
	pthread_mutex_unlock(&p->lock);
	return rc;
}

void pool_stop(struct pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->more);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->threads; i++)
		pthread_join(p->thread[i], NULL);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->more);
	free(p);
}
