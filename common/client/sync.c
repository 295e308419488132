#include "common/base/clock.h"
#include "common/client/sync_parts.h"
#include "common/msg.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { CALL_MS = 15000, BODY_MAX = 16384 };

struct event_node {
	struct event_node *next;
	struct sync_event e;
};

/* ---- jobs ---- */

struct job *job_new(enum sync_work work, const char *with)
{
	struct job *j = calloc(1, sizeof *j);

	if (!j)
		return NULL;
	j->work = work;
	snprintf(j->with, sizeof j->with, "%s", with);
	j->text = strdup("");
	if (j->text)
		return j;
	free(j);
	return NULL;
}

void job_free(struct job *j)
{
	free(j->text);
	free(j);
}

void jobs_put(struct jobs *q, struct job *j)
{
	struct job **end;

	pthread_mutex_lock(&q->lock);
	for (end = &q->first; *end; end = &(*end)->next)
		;
	*end = j;
	q->n++;
	pthread_cond_signal(&q->wake);
	pthread_mutex_unlock(&q->lock);
}

void sync_poke(struct sync *s, enum part part)
{
	struct jobs *q = &s->jobs[part];

	pthread_mutex_lock(&q->lock);
	q->poked = true;
	pthread_cond_signal(&q->wake);
	pthread_mutex_unlock(&q->lock);
}

void *jobs_ended(struct sync *s, enum part part)
{
	struct jobs *q = &s->jobs[part];

	pthread_mutex_lock(&q->lock);
	q->ended = true;
	pthread_cond_broadcast(&q->wake);
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

static struct timespec at_us(uint64_t us)
{
	return (struct timespec){.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000};
}

/* Takes the first that is due out of the queue; else *until_us is when the next one is. Locked. */
static struct job *first_due(struct jobs *q, uint64_t *until_us)
{
	uint64_t now = clock_mono_us();

	for (struct job **p = &q->first; *p; p = &(*p)->next) {
		struct job *j = *p;
		if (j->due_us <= now) {
			*p = j->next;
			j->next = NULL;
			q->n--;
			return j;
		}
		if (j->due_us < *until_us)
			*until_us = j->due_us;
	}
	return NULL;
}

struct job *jobs_take(struct sync *s, enum part part, uint64_t until_us)
{
	struct jobs *q = &s->jobs[part];
	struct job *j;

	pthread_mutex_lock(&q->lock);
	for (;;) {
		uint64_t next_us = until_us;
		j = first_due(q, &next_us);
		if (j || q->poked || s->over[part] || clock_mono_us() >= until_us)
			break;
		struct timespec at = at_us(next_us);
		pthread_cond_timedwait(&q->wake, &q->lock, &at);
	}
	if (!j)
		q->poked = false;
	pthread_mutex_unlock(&q->lock);
	return j;
}

/* Who does what, and what it needs. */
static const struct {
	enum part part;
	bool with, body;
} work_table[] = {
	[SYNC_SEND] = {PART_DESK, true, true},
	[SYNC_RETRY] = {PART_DESK, false, false},
	[SYNC_DROP] = {PART_DESK, false, false},
	[SYNC_DRAFT] = {PART_DESK, true, false},
	[SYNC_READ] = {PART_DESK, true, false},
	[SYNC_MUTE] = {PART_DESK, true, false},
	[SYNC_SEARCH] = {PART_DESK, false, false},
	[SYNC_OLDER] = {PART_READER, true, false},
	[SYNC_CHATS] = {PART_READER, false, false},
	[SYNC_CONTACT] = {PART_READER, true, false},
	[SYNC_BLOCK] = {PART_READER, true, false},
	[SYNC_DEVICES] = {PART_READER, false, false},
	[SYNC_REVOKE] = {PART_READER, false, false},
	[SYNC_WHO] = {PART_READER, true, false},
	[SYNC_TYPING] = {PART_LIVE, true, false},
	[SYNC_PRESENCE] = {PART_LIVE, false, false},
	[SYNC_RECONNECT] = {PART_LIVE, false, false},
};

static bool job_ok(const struct sync_job *w)
{
	const char *with = w->with ? w->with : "", *text = w->text ? w->text : "";

	if ((unsigned)w->work >= sizeof work_table / sizeof *work_table)
		return false;
	if ((*with || work_table[w->work].with) && !user_name_ok(str_of(with)))
		return false;
	if (w->client_id && *w->client_id && !client_id_ok(str_of(w->client_id)))
		return false;
	if (w->id && *w->id && !token_text_ok(str_of(w->id)))
		return false;
	return !work_table[w->work].body || (*text && strlen(text) <= BODY_MAX);
}

int64_t sync_post(struct sync *s, const struct sync_job *w)
{
	if (!job_ok(w))
		return 0;
	struct jobs *q = &s->jobs[work_table[w->work].part];
	pthread_mutex_lock(&q->lock);
	bool full = q->n >= SYNC_JOBS_MAX;
	pthread_mutex_unlock(&q->lock);
	struct job *j = full ? NULL : job_new(w->work, w->with ? w->with : "");
	char *text = j && w->text ? strdup(w->text) : NULL;
	if (!j || (w->text && !text)) {
		if (j)
			job_free(j);
		return 0;
	}
	if (text) {
		free(j->text);
		j->text = text;
	}
	snprintf(j->id, sizeof j->id, "%s", w->id ? w->id : "");
	snprintf(j->client_id, sizeof j->client_id, "%s", w->client_id ? w->client_id : "");
	j->limit = w->limit;
	j->on = w->on;
	int64_t number = j->number = atomic_fetch_add(&s->next_job, 1);
	jobs_put(q, j);
	return number;
}

/* ---- events ---- */

static void wake_reader(struct sync *s)
{
	uint64_t one = 1;

	if (write(s->fd, &one, sizeof one) < 0)
		return; /* it is readable already */
}

void sync_tell(struct sync *s, const struct sync_event *e)
{
	struct event_node *n;

	pthread_mutex_lock(&s->events_lock);
	n = s->n_events < SYNC_EVENTS_MAX ? malloc(sizeof *n) : NULL;
	if (n) {
		n->next = NULL;
		n->e = *e;
		*s->events_end = n;
		s->events_end = &n->next;
		s->n_events++;
	} else {
		s->overflow = true;
	}
	pthread_mutex_unlock(&s->events_lock);
	if (!n)
		free(e->heap);
	wake_reader(s);
}

bool sync_next(struct sync *s, struct sync_event *e)
{
	uint64_t count;
	bool have = true;

	pthread_mutex_lock(&s->events_lock);
	struct event_node *n = s->events;
	if (n) {
		*e = n->e;
		s->events = n->next;
		if (!s->events)
			s->events_end = &s->events;
		s->n_events--;
		free(n);
	} else if (s->overflow) {
		*e = (struct sync_event){.what = SYNC_LOOK_AGAIN};
		s->overflow = false;
	} else {
		have = false;
		if (read(s->fd, &count, sizeof count) < 0)
			count = 0; /* it was not readable */
	}
	pthread_mutex_unlock(&s->events_lock);
	return have;
}

void sync_event_release(struct sync_event *e)
{
	free(e->heap);
	*e = (struct sync_event){0};
}

int sync_fd(const struct sync *s)
{
	return s->fd;
}

void sync_failed(struct sync *s, const struct job *j, const char *code, const char *why)
{
	struct sync_event e = {.what = SYNC_FAILED, .job = j->number};

	if (!j->number)
		return;
	snprintf(e.with, sizeof e.with, "%s", j->with);
	snprintf(e.code, sizeof e.code, "%s", code);
	snprintf(e.why, sizeof e.why, "%s", why);
	sync_tell(s, &e);
}

void sync_done(struct sync *s, const struct job *j)
{
	struct sync_event e = {.what = SYNC_DONE, .job = j->number};

	if (!j->number)
		return;
	snprintf(e.with, sizeof e.with, "%s", j->with);
	sync_tell(s, &e);
}

void sync_tell_marks(struct sync *s, const char *with)
{
	struct sync_event e = {.what = SYNC_MARKS};

	snprintf(e.with, sizeof e.with, "%s", with);
	sync_tell(s, &e);
}

/* ---- a thread's own things ---- */

int own_db(struct own *o, char why[256])
{
	if (!o->db)
		o->db = client_db_open(o->s->path, o->s->profile.url, o->s->profile.user, why);
	return o->db ? 0 : -1;
}

/* The client for the token of now. */
static int own_http(struct own *o)
{
	struct sync *s = o->s;
	struct profile p;

	pthread_mutex_lock(&s->token_lock);
	p = s->profile;
	unsigned version = s->token_version;
	pthread_mutex_unlock(&s->token_lock);
	if (o->http && o->token_version != version) {
		http_client_free(o->http);
		o->http = NULL;
	}
	if (!o->http) {
		o->http = http_client_new(p.url, p.token, p.cacert);
		o->token_version = version;
		if (o->http && http_client_pin(o->http, p.pin)) {
			http_client_free(o->http);
			o->http = NULL;
		}
		if (o->http)
			http_client_break_off(o->http, &s->abort);
	}
	explicit_bzero(p.token, sizeof p.token);
	return o->http ? 0 : -1;
}

enum http_result own_call(struct own *o, const char *method, const char *path, const char *body, struct http_answer *a)
{
	struct str text = str_of(body ? body : "");

	*a = (struct http_answer){0};
	if (o->s->stop && clock_mono_us() > o->s->end_us) {
		snprintf(a->why, sizeof a->why, "the program ends");
		return HTTP_UNSENT;
	}
	if (own_http(o)) {
		snprintf(a->why, sizeof a->why, "out of memory");
		return HTTP_UNSENT;
	}
	enum http_result r = http_call(o->http, method, path, body ? &text : NULL, CALL_MS, false, a);
	if (r != HTTP_ANSWERED)
		a->status = 0;
	return r;
}

void own_release(struct own *o)
{
	http_client_free(o->http);
	client_db_close(o->db);
}

/* ---- JSON ---- */

const char *member_text(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
	return cJSON_IsString(v) ? v->valuestring : NULL;
}

struct client_message message_of_json(const cJSON *m)
{
	return (struct client_message){
		.id = member_text(m, "id"),
		.client_id = member_text(m, "client_id"),
		.from = member_text(m, "from"),
		.to = member_text(m, "to"),
		.kind = member_text(m, "kind"),
		.body = member_text(m, "body"),
		.sent_at = member_text(m, "sent_at"),
		.delivered_at = member_text(m, "delivered_at"),
		.read_at = member_text(m, "read_at"),
	};
}

void explain_answer(const struct http_answer *a, char code[64], char why[256])
{
	cJSON *problem = a->status ? cJSON_Parse(a->body.data) : NULL;
	const char *word = member_text(problem, "code"), *detail = member_text(problem, "detail");

	snprintf(code, 64, "%s", word ? word : "");
	if (!a->status)
		snprintf(why, 256, "%s", a->why[0] ? a->why : "no answer");
	else if (word)
		snprintf(why, 256, "%.255s", detail ? detail : word);
	else
		snprintf(why, 256, "the server answered %d, and not as chatd does", a->status);
	cJSON_Delete(problem);
}

bool answer_is_final(const struct http_answer *a)
{
	char code[64], why[256];

	explain_answer(a, code, why);
	return code[0] && a->status >= 400 && a->status < 500 && a->status != 401 && a->status != 408 &&
	       a->status != 429;
}

/* ---- beginning and end ---- */

static int init(struct sync *s)
{
	s->events_end = &s->events;
	s->next_job = 1;
	pthread_mutex_init(&s->token_lock, NULL);
	pthread_mutex_init(&s->events_lock, NULL);
	for (unsigned i = 0; i < PARTS; i++)
		if (pthread_mutex_init(&s->jobs[i].lock, NULL) || clock_cond_init(&s->jobs[i].wake))
			return -1;
	s->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return s->fd < 0 ? -1 : 0;
}

struct sync *sync_new(const struct profile *p, const char *db_path, char why[256])
{
	static void *(*const mains[])(void *) = {
		[PART_LIVE] = sync_live_main,
		[PART_DESK] = sync_desk_main,
		[PART_SENDER] = sync_sender_main,
		[PART_READER] = sync_reader_main,
	};
	struct sync *s = calloc(1, sizeof *s);
	/* The database is made, and brought forward, before the caller reads from it. */
	struct client_db *db = s ? client_db_open(db_path, p->url, p->user, why) : NULL;
	struct http_client *first = db ? http_client_new(p->url, NULL, p->cacert) : NULL;

	client_db_close(db);
	http_client_free(first); /* libcurl is set up before there are threads */
	if (!first) {
		if (!s || db)
			snprintf(why, 256, "out of memory");
		free(s);
		return NULL;
	}
	s->profile = *p;
	snprintf(s->path, sizeof s->path, "%s", db_path);
	if (init(s)) {
		snprintf(why, 256, "no descriptor for it is left");
		free(s);
		return NULL;
	}
	while (s->started < PARTS && pthread_create(&s->threads[s->started], NULL, mains[s->started], s) == 0)
		s->started++;
	if (s->started == PARTS)
		return s;
	snprintf(why, 256, "no thread for it is left");
	sync_free(s, 0);
	return NULL;
}

/* until_us 0: however long it takes; else requests are broken off then. */
static void join(struct sync *s, enum part part, uint64_t until_us)
{
	struct timespec at = at_us(until_us);
	struct jobs *q = &s->jobs[part];
	int rc = 0;

	s->over[part] = true;
	sync_poke(s, part);
	if (part >= s->started)
		return;
	pthread_mutex_lock(&q->lock);
	while (until_us && !q->ended && rc == 0)
		rc = pthread_cond_timedwait(&q->wake, &q->lock, &at);
	if (rc)
		s->abort = true;
	pthread_mutex_unlock(&q->lock);
	pthread_join(s->threads[part], NULL);
}

void sync_free(struct sync *s, unsigned wait_ms)
{
	static const enum part order[] = {PART_DESK, PART_SENDER, PART_READER, PART_LIVE};
	struct sync_event e;

	if (!s)
		return;
	s->end_us = clock_mono_us() + wait_ms * 1000ull;
	s->stop = true;
	/* What the desk has put into the outbox may still be sent. */
	for (unsigned i = 0; i < PARTS; i++)
		join(s, order[i], order[i] == PART_DESK ? 0 : s->end_us);
	while (sync_next(s, &e))
		sync_event_release(&e);
	for (unsigned i = 0; i < PARTS; i++) {
		struct jobs *q = &s->jobs[i];
		for (struct job *j; (j = q->first);) {
			q->first = j->next;
			job_free(j);
		}
		pthread_mutex_destroy(&q->lock);
		pthread_cond_destroy(&q->wake);
	}
	pthread_mutex_destroy(&s->token_lock);
	pthread_mutex_destroy(&s->events_lock);
	close(s->fd);
	explicit_bzero(&s->profile, sizeof s->profile);
	free(s);
}
