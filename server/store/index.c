#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/need.h"
#include "server/store/memtable.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* A run, or a sealed memtable that is to become one. */
struct part {
	_Atomic uint32_t refs;
	uint64_t from, upto;
	struct run *run; /* one of the two */
	struct memtable *mem;
};

enum { PARTS_MAX = 256 /* beyond it a seal waits for the thread */ };
struct part_list {
	struct part *p[PARTS_MAX];
	unsigned n;
};

struct index {
	int dir_fd;
	pthread_rwlock_t lock;  /* guards parts and the chains of active */
	struct part_list parts; /* ascending, runs first */
	struct memtable *active;
	pthread_mutex_t work_lock;
	pthread_cond_t work, done;
	bool started, stop;
	pthread_t thread;
	void (*after_seal)(void *ctx, uint64_t upto);
	void *ctx;
};

static struct part *part_new(struct run *run, struct memtable *mem)
{
	struct part *p = need_calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->refs = 1;
	p->run = run;
	p->mem = mem;
	p->from = run ? run->from : mem->from;
	p->upto = run ? run->upto : mem->upto;
	return p;
}

static void part_unref(struct part *p)
{
	if (atomic_fetch_sub(&p->refs, 1) != 1)
		return;
	run_free(p->run);
	memtable_free(p->mem);
	free(p);
}

static void parts_take(struct index *x, struct part_list *out)
{
	out->n = x->parts.n;
	for (unsigned i = 0; i < out->n; i++) {
		out->p[i] = x->parts.p[i];
		atomic_fetch_add(&out->p[i]->refs, 1);
	}
}

static void parts_drop(struct part_list *l)
{
	for (unsigned i = 0; i < l->n; i++)
		part_unref(l->p[i]);
}

struct index *index_new(int dir_fd)
{
	struct index *x = calloc(1, sizeof *x);
	pthread_rwlockattr_t attr;

	if (!x || !(x->active = memtable_new())) {
		free(x);
		return NULL;
	}
	x->dir_fd = dir_fd;
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&x->lock, &attr);
	pthread_rwlockattr_destroy(&attr);
	pthread_mutex_init(&x->work_lock, NULL);
	clock_cond_init(&x->work);
	pthread_cond_init(&x->done, NULL);
	return x;
}

void index_free(struct index *x)
{
	if (!x)
		return;
	if (x->started) {
		pthread_mutex_lock(&x->work_lock);
		x->stop = true;
		pthread_cond_signal(&x->work);
		pthread_mutex_unlock(&x->work_lock);
		pthread_join(x->thread, NULL);
	}
	parts_drop(&x->parts);
	memtable_free(x->active);
	pthread_rwlock_destroy(&x->lock);
	pthread_mutex_destroy(&x->work_lock);
	pthread_cond_destroy(&x->work);
	pthread_cond_destroy(&x->done);
	free(x);
}

struct span_name {
	uint64_t from, upto;
};

/* By beginning; of those with the same, the longest first. */
static int by_from(const void *a, const void *b)
{
	const struct span_name *x = a, *y = b;
	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->upto > y->upto ? -1 : x->upto < y->upto;
}

static unsigned list_runs(int dir_fd, struct span_name *out, unsigned max)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	unsigned n = 0;

	while (d && n < max && (e = readdir(d))) {
		struct span_name s;
		int used = 0;
		if (sscanf(e->d_name, "run-%20" SCNu64 "-%20" SCNu64 ".idx%n", &s.from, &s.upto, &used) == 2 && used &&
			!e->d_name[used])
			out[n++] = s;
	}
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
	qsort(out, n, sizeof *out, by_from);
	return n;
}

enum { NAMES_MAX = 1024, VERIFY_MAX = 1 << 30 /* bytes: a larger run is believed, to start in time */ };

static struct run *open_whole(struct index *x, const struct span_name *s)
{
	struct run *r = run_open(x->dir_fd, s->from, s->upto);

	if (r && r->map_len <= VERIFY_MAX && run_verify(r)) {
		run_free(r);
		r = NULL;
	}
	return r;
}

int index_open(struct index *x, uint64_t tail, uint64_t *upto)
{
	struct span_name names[NAMES_MAX];
	unsigned n = list_runs(x->dir_fd, names, NAMES_MAX);
	uint64_t covered = 0;

	for (unsigned i = 0; i < n; i++) {
		bool fits = names[i].from == covered && names[i].upto <= tail && x->parts.n < PARTS_MAX / 2;
		struct run *r = fits ? open_whole(x, &names[i]) : NULL;
		if (!r) {
			/* A part of a merged one, left by a crash, or damaged: what it said is made again. */
			char name[64];
			run_name(names[i].from, names[i].upto, name);
			log_event(LOG_WARN, "index-run-dropped", "file=%s", name);
			unlinkat(x->dir_fd, name, 0);
			continue;
		}
		struct part *p = part_new(r, NULL);
		if (!p) {
			run_free(r);
			return -1;
		}
		x->parts.p[x->parts.n++] = p;
		covered = r->upto;
	}
	*upto = covered;
	return 0;
}

int index_add(struct index *x, enum index_table t, const struct index_entry *e)
{
	return memtable_add(x->active, t, e);
}

void index_lock(struct index *x)
{
	pthread_rwlock_wrlock(&x->lock);
}

void index_unlock(struct index *x)
{
	pthread_rwlock_unlock(&x->lock);
}

/* Puts a run in the place of parts [i, i + n). */
static int parts_replace(struct index *x, unsigned i, unsigned n, struct run *r)
{
	struct part *p = part_new(r, NULL), *old[2];

	if (!p)
		return -1;
	pthread_rwlock_wrlock(&x->lock);
	for (unsigned k = 0; k < n; k++)
		old[k] = x->parts.p[i + k];
	x->parts.p[i] = p;
	memmove(x->parts.p + i + 1, x->parts.p + i + n, (x->parts.n - i - n) * sizeof x->parts.p[0]);
	x->parts.n -= n - 1;
	pthread_rwlock_unlock(&x->lock);
	for (unsigned k = 0; k < n; k++)
		part_unref(old[k]);
	return 0;
}

/* The first sealed memtable; only the thread (or the one caller before it starts) changes parts other than at the end. */
static struct part *first_sealed(struct index *x, unsigned *i)
{
	struct part *p = NULL;

	pthread_rwlock_rdlock(&x->lock);
	for (*i = 0; *i < x->parts.n && !p; (*i)++)
		if (x->parts.p[*i]->mem)
			p = x->parts.p[*i];
	pthread_rwlock_unlock(&x->lock);
	(*i)--;
	return p;
}

static int make_run(struct index *x, struct part *p, unsigned i)
{
	if (memtable_write(p->mem, x->dir_fd))
		return -1;
	struct run *r = run_open(x->dir_fd, p->from, p->upto);
	if (!r)
		return -1;
	if (parts_replace(x, i, 1, r)) {
		run_free(r);
		return -1;
	}
	return 0;
}

/* Merges the two neighbours that are the least together when there are more runs than INDEX_RUNS. 1 merged, 0 nothing to do, -1 failed. */
static int merge_least(struct index *x)
{
	unsigned best = 0, runs = 0;
	uint64_t least = UINT64_MAX;

	pthread_rwlock_rdlock(&x->lock);
	for (; runs < x->parts.n && x->parts.p[runs]->run; runs++) {
		if (runs == 0)
			continue;
		uint64_t size = x->parts.p[runs]->upto - x->parts.p[runs - 1]->from;
		if (size < least) {
			least = size;
			best = runs - 1;
		}
	}
	struct run *a = runs > INDEX_RUNS ? x->parts.p[best]->run : NULL;
	struct run *b = a ? x->parts.p[best + 1]->run : NULL;
	pthread_rwlock_unlock(&x->lock);
	if (!a)
		return 0;
	if (run_merge(x->dir_fd, a, b))
		return -1;
	struct run *r = run_open(x->dir_fd, a->from, b->upto);
	if (!r)
		return -1;
	a->doomed = b->doomed = true;
	if (parts_replace(x, best, 2, r)) {
		a->doomed = b->doomed = false;
		run_free(r);
		return -1;
	}
	return 1;
}

static bool wait_work(struct index *x, bool failed)
{
	struct timespec until;
	unsigned i;

	pthread_mutex_lock(&x->work_lock);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec++;
	while (!x->stop && (failed || !first_sealed(x, &i))) {
		failed = false; /* after a failure: once a second */
		if (pthread_cond_timedwait(&x->work, &x->work_lock, &until) == ETIMEDOUT)
			until.tv_sec++;
	}
	bool go = !x->stop;
	pthread_mutex_unlock(&x->work_lock);
	return go;
}

static void *background(void *arg)
{
	struct index *x = arg;
	bool failed = false;

	while (wait_work(x, failed)) {
		unsigned i;
		struct part *p = first_sealed(x, &i);
		uint64_t upto = p->upto;
		int rc = make_run(x, p, i);
		if (rc == 0) {
			x->after_seal(x->ctx, upto);
			while ((rc = merge_least(x)) > 0)
				;
		}
		failed = rc < 0;
		if (failed)
			log_event(LOG_WARN, "index-run-failed", "error=\"%s\" retry_s=1", strerror(errno));
		pthread_mutex_lock(&x->work_lock);
		pthread_cond_signal(&x->done);
		pthread_mutex_unlock(&x->work_lock);
	}
	return NULL;
}

int index_start(struct index *x, void (*after_seal)(void *ctx, uint64_t upto), void *ctx)
{
	x->after_seal = after_seal;
	x->ctx = ctx;
	while (merge_least(x) > 0)
		;
	if (pthread_create(&x->thread, NULL, background, x))
		return -1;
	x->started = true;
	return 0;
}

static int seal_now(struct index *x)
{
	unsigned i;
	struct part *p = first_sealed(x, &i);

	if (make_run(x, p, i))
		return -1;
	return merge_least(x) < 0 ? -1 : 0;
}

static bool parts_full(struct index *x)
{
	pthread_rwlock_rdlock(&x->lock);
	bool full = x->parts.n == PARTS_MAX;
	pthread_rwlock_unlock(&x->lock);
	return full;
}

int index_seal(struct index *x, uint64_t from, uint64_t upto)
{
	struct memtable *fresh = memtable_new();
	struct part *p = NULL;

	x->active->from = from;
	x->active->upto = upto;
	if (!fresh || !(p = part_new(NULL, x->active))) {
		memtable_free(fresh);
		return -1;
	}
	pthread_mutex_lock(&x->work_lock);
	while (x->started && parts_full(x))
		pthread_cond_wait(&x->done, &x->work_lock);
	pthread_rwlock_wrlock(&x->lock);
	x->parts.p[x->parts.n++] = p;
	x->active = fresh;
	pthread_rwlock_unlock(&x->lock);
	pthread_cond_signal(&x->work);
	pthread_mutex_unlock(&x->work_lock);
	return x->started ? 0 : seal_now(x);
}

static uint32_t part_forward(
	const struct part *p, enum index_table t, uint64_t key, uint64_t after, struct index_entry *out, uint32_t limit)
{
	uint32_t n = 0;

	if (p->upto <= after)
		return 0;
	if (p->mem)
		return memtable_forward(p->mem, t, key, after, out, limit);
	for (uint64_t i = run_lower(p->run, t, key, after + 1); n < limit && i < p->run->n[t]; i++) {
		out[n] = run_entry(p->run, t, i);
		if (out[n].key != key)
			break;
		n++;
	}
	return n;
}

int index_forward(
	struct index *x, enum index_table t, uint64_t key, uint64_t after, struct index_entry *out, uint32_t limit)
{
	struct index_entry *recent = malloc(limit * sizeof *recent);
	struct part_list parts;
	uint32_t n = 0;

	if (!recent)
		return -1;
	pthread_rwlock_rdlock(&x->lock);
	uint32_t newest = memtable_forward(x->active, t, key, after, recent, limit);
	parts_take(x, &parts);
	pthread_rwlock_unlock(&x->lock);
	for (unsigned i = 0; i < parts.n && n < limit; i++)
		n += part_forward(parts.p[i], t, key, after, out + n, limit - n);
	parts_drop(&parts);
	for (uint32_t i = 0; i < newest && n < limit; i++)
		out[n++] = recent[i];
	free(recent);
	return (int)n;
}

static bool mem_client(const struct memtable *m, uint64_t key, struct index_entry *out)
{
	return memtable_back(m, INDEX_CLIENT, key, MEM_SUB_MAX, &(struct mem_walk){0}, out);
}

bool index_client(struct index *x, uint64_t key, struct index_entry *out)
{
	struct part_list parts;
	bool found = mem_client(x->active, key, out);

	if (found)
		return true;
	pthread_rwlock_rdlock(&x->lock);
	parts_take(x, &parts);
	pthread_rwlock_unlock(&x->lock);
	for (unsigned i = parts.n; i-- > 0 && !found;) {
		const struct part *p = parts.p[i];
		if (p->mem) {
			found = mem_client(p->mem, key, out);
		} else if (run_may_have(p->run, key)) {
			uint64_t at = run_lower(p->run, INDEX_CLIENT, key, 0);
			if (at < p->run->n[INDEX_CLIENT])
				*out = run_entry(p->run, INDEX_CLIENT, at);
			found = at < p->run->n[INDEX_CLIENT] && out->key == key;
		}
	}
	parts_drop(&parts);
	return found;
}

/* The entry of the class with the least ordinal at or above the one wanted. */
static uint64_t mem_mark(const struct memtable *m, uint64_t conv, uint64_t want)
{
	struct index_entry e;

	return memtable_forward(m, INDEX_UPTO, conv, want - 1, &e, 1) ? e.val : 0;
}

static uint64_t run_mark(const struct run *r, uint64_t conv, uint64_t want)
{
	const uint64_t class_mask = (uint64_t)3 << 62;
	uint64_t i = run_lower(r, INDEX_UPTO, conv, want);

	if (i == r->n[INDEX_UPTO])
		return 0;
	struct index_entry e = run_entry(r, INDEX_UPTO, i);
	return e.key == conv && (e.sub & class_mask) == (want & class_mask) ? e.val : 0;
}

static uint64_t part_one(const struct part *p, uint64_t pos, uint64_t kind)
{
	struct index_entry e;
	struct mem_walk walk = {0};

	if (p->mem) {
		while (memtable_back(p->mem, INDEX_ONE, pos, MEM_SUB_MAX, &walk, &e))
			if (e.sub == kind)
				return e.val;
		return 0;
	}
	uint64_t i = run_lower(p->run, INDEX_ONE, pos, kind);
	if (i == p->run->n[INDEX_ONE])
		return 0;
	e = run_entry(p->run, INDEX_ONE, i);
	return e.key == pos && e.sub == kind ? e.val : 0;
}

uint64_t index_mark_time(struct index *x, uint64_t conv, uint64_t mark_class, uint32_t ordinal, uint64_t from)
{
	uint64_t kind = mark_class >> 62 & 1, want = mark_class | ordinal, one = 0, upto = 0, recent;
	struct part_list parts;

	pthread_rwlock_rdlock(&x->lock);
	struct part active = {.mem = x->active};
	one = part_one(&active, from, kind);
	recent = mem_mark(x->active, conv, want);
	parts_take(x, &parts);
	pthread_rwlock_unlock(&x->lock);
	for (unsigned i = 0; i < parts.n && !one; i++)
		if (parts.p[i]->upto > from)
			one = part_one(parts.p[i], from, kind);
	for (unsigned i = 0; i < parts.n && !one && !upto; i++)
		if (parts.p[i]->upto > from)
			upto = parts.p[i]->mem ? mem_mark(parts.p[i]->mem, conv, want)
					       : run_mark(parts.p[i]->run, conv, want);
	parts_drop(&parts);
	return one ? one : upto ? upto : recent;
}

static bool mem_last_before(
	const struct memtable *m, uint64_t conv, unsigned direction, uint64_t pos, struct index_entry *out)
{
	struct mem_walk walk = {0};

	while (memtable_back(m, INDEX_CONV, conv, pos, &walk, out))
		if (out->val >> 63 == direction)
			return true;
	return false;
}

bool index_last_before(struct index *x, uint64_t conv, unsigned direction, uint64_t pos, struct index_entry *out)
{
	struct part_list parts;

	pthread_rwlock_rdlock(&x->lock);
	bool found = mem_last_before(x->active, conv, direction, pos, out);
	parts_take(x, &parts);
	pthread_rwlock_unlock(&x->lock);
	for (unsigned i = parts.n; i-- > 0 && !found;) {
		const struct part *p = parts.p[i];
		found = p->mem && mem_last_before(p->mem, conv, direction, pos, out);
		for (uint64_t at = p->run ? run_lower(p->run, INDEX_CONV, conv, pos + 1) : 0; at-- > 0 && !found;) {
			*out = run_entry(p->run, INDEX_CONV, at);
			if (out->key != conv)
				break;
			found = out->val >> 63 == direction;
		}
	}
	parts_drop(&parts);
	return found;
}
