/* Inside sync.h: what its threads share. Each thread has its own queue of jobs, database connection and HTTP client; what is in struct sync is guarded as
 * said. For sync*.c alone. */
#ifndef CHAT_CLIENT_SYNC_PARTS_H
#define CHAT_CLIENT_SYNC_PARTS_H
#include "common/client/cache.h"
#include "common/client/http.h"
#include "common/client/sync.h"
#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdatomic.h>

enum part { PART_LIVE, PART_DESK, PART_SENDER, PART_READER, PARTS };

struct job {
	struct job *next;
	int64_t number; /* 0: of no caller */
	enum sync_work work;
	unsigned limit;
	bool on;
	uint64_t due_us; /* not before; 0: at once */
	char with[33], id[65], client_id[65];
	char *text; /* heap; never NULL */
};

struct jobs {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct job *first;
	unsigned n;
	bool poked; /* there is something to look at that is no job */
	bool ended; /* its thread has */
};

struct event_node;
struct sync {
	struct profile profile; /* its token guarded by token_lock, the rest unchanging */
	pthread_mutex_t token_lock;
	unsigned token_version; /* as above */
	char path[700];
	struct jobs jobs[PARTS];
	pthread_t threads[PARTS];
	unsigned started;
	atomic_int_fast64_t next_job;
	atomic_bool stop;            /* the program ends */
	atomic_bool over[PARTS];     /* that thread ends when it has done what is at hand */
	atomic_bool abort;           /* break requests off */
	atomic_bool chats_due;       /* the reader has been asked for them, and has not begun */
	atomic_bool live;            /* the stream is caught up: the server can be reached */
	atomic_uint_fast64_t end_us; /* with stop: until when requests may begin */
	pthread_mutex_t events_lock;
	struct event_node *events, **events_end;
	unsigned n_events;
	bool overflow;
	int fd;
};

/* ---- jobs ---- */
struct job *job_new(enum sync_work work, const char *with);
void job_free(struct job *j);
void jobs_put(struct jobs *q, struct job *j); /* takes it, whatever the number of the others */
/* The next one that is due, waiting until until_us (monotonic), a poke, or the end of s. NULL: none. */
struct job *jobs_take(struct sync *s, enum part part, uint64_t until_us);
void sync_poke(struct sync *s, enum part part);
void *jobs_ended(struct sync *s, enum part part); /* the last thing a thread does; NULL */

/* ---- events ---- */
void sync_tell(struct sync *s, const struct sync_event *e); /* takes e->heap */
void sync_failed(struct sync *s, const struct job *j, const char *code, const char *why);
void sync_done(struct sync *s, const struct job *j);
void sync_tell_marks(struct sync *s, const char *with);

/* ---- a thread's own things ---- */
struct own {
	struct sync *s;
	struct client_db *db;
	struct http_client *http;
	unsigned token_version;
};
int own_db(struct own *o, char why[256]); /* opens it unless it is open */
/* One call. HTTP_ANSWERED, or another, with a->why. */
enum http_result own_call(struct own *o, const char *method, const char *path, const char *body, struct http_answer *a);
void own_release(struct own *o);

struct client_message message_of_json(const cJSON *m);     /* borrowed */
const char *member_text(const cJSON *o, const char *name); /* or NULL */
/* An answer's problem, or what kept it from coming, as code and sentence. */
void explain_answer(const struct http_answer *a, char code[64], char why[256]);
/* Would the same again end the same? */
bool answer_is_final(const struct http_answer *a);

void *sync_live_main(void *s);
void *sync_desk_main(void *s);
void *sync_sender_main(void *s);
void *sync_reader_main(void *s);
#endif
