#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "server/pool/pool.h"
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MANY = 1000 };

struct task {
	struct job job; /* first */
	sem_t *started, *go;
	atomic_int *order;
	int place, nice_level;
};

static void run(struct job *j)
{
	struct task *t = (struct task *)j;

	if (t->started)
		sem_post(t->started);
	while (t->go && sem_wait(t->go) && errno == EINTR)
		;
	t->nice_level = getpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid));
	t->place = atomic_fetch_add(t->order, 1) + 1;
}

static void test_order(void **state)
{
	static struct task task[MANY];
	atomic_int order = 0;
	struct pool *p = pool_new("test", 1, MANY, 0);

	(void)state;
	assert_non_null(p);
	for (int i = 0; i < MANY; i++) {
		task[i] = (struct task){.job.run = run, .order = &order};
		assert_int_equal(pool_submit(p, &task[i].job), 0);
	}
	pool_stop(p); /* runs what is queued */
	for (int i = 0; i < MANY; i++)
		assert_int_equal(task[i].place, i + 1);
}

static void test_bound(void **state)
{
	sem_t started, go;
	atomic_int order = 0;
	struct task task[6];
	struct pool *p = pool_new("test", 2, 3, 0);

	(void)state;
	assert_non_null(p);
	sem_init(&started, 0, 0);
	sem_init(&go, 0, 0);
	for (int i = 0; i < 6; i++)
		task[i] = (struct task){.job.run = run, .order = &order, .started = &started, .go = &go};
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pool_submit(p, &task[i].job), 0);
		assert_int_equal(sem_wait(&started), 0);
	}
	/* Both threads are busy: three may wait, the next one is refused. */
	for (int i = 2; i < 5; i++)
		assert_int_equal(pool_submit(p, &task[i].job), 0);
	assert_int_equal(pool_submit(p, &task[5].job), -1);
	sem_post(&go);
	assert_int_equal(sem_wait(&started), 0);
	assert_int_equal(pool_submit(p, &task[5].job), 0);
	for (int i = 0; i < 5; i++)
		sem_post(&go);
	pool_stop(p);
	assert_int_equal(order, 6);
	sem_destroy(&started);
	sem_destroy(&go);
}

static void test_priority(void **state)
{
	atomic_int order = 0;
	int own = getpriority(PRIO_PROCESS, 0);
	struct task t = {.job.run = run, .order = &order};
	struct pool *p = pool_new("a name that is long", 3, 1, 15);

	(void)state;
	assert_non_null(p);
	assert_int_equal(pool_submit(p, &t.job), 0);
	pool_stop(p);
	assert_int_equal(t.nice_level, 15);
	assert_int_equal(getpriority(PRIO_PROCESS, 0), own);
}

/* A job may hand over the next one. */
struct chain {
	struct job job; /* first */
	struct pool *pool;
	sem_t *done;
	int left;
};

static void run_chain(struct job *j)
{
	struct chain *c = (struct chain *)j;

	if (--c->left == 0 || pool_submit(c->pool, j))
		sem_post(c->done);
}

static void test_job_submits_itself(void **state)
{
	sem_t done;
	struct pool *p = pool_new("test", 2, 1, 0);
	struct chain c = {{.run = run_chain}, p, &done, MANY};

	(void)state;
	assert_non_null(p);
	sem_init(&done, 0, 0);
	assert_int_equal(pool_submit(p, &c.job), 0);
	assert_int_equal(sem_wait(&done), 0);
	assert_int_equal(c.left, 0);
	pool_stop(p);
	pool_stop(NULL);
	sem_destroy(&done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_priority),
		cmocka_unit_test(test_job_submits_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
