/* The engine under programs that stay: keeps the profile's database and the server in step, in threads of its own, and never lets its caller wait for
 * network or disk. The caller gives it jobs, takes events from a queue (poll sync_fd()), and reads what it shows from a struct client_db of its own
 * (db.h, "chats"): an event says only what has changed, and that is in the database before the event comes.
 *
 * Threads: live (stream.h: commits what comes, then acknowledges it), desk (all that is only disk: outbox, drafts, marks to be, search), sender (the
 * outbox, in order, and marks), reader (pages, conversations, contacts, devices). So what a person writes is on disk within milliseconds while a page
 * or a POST hangs. Several programs may run on one profile: one of them at a time sends the outbox, and rows that others append are found within a second.
 *
 * Each queue has a maximum. A job that does not fit is refused at once. When the caller leaves events lying until their queue is full, the ones that
 * came last are left out and SYNC_LOOK_AGAIN is among them: read everything anew.
 * Owner: the caller, who may post from any thread and takes events in one. No output, no exit. Times are monotonic microseconds, clock_mono_us(). */
#ifndef CHAT_CLIENT_SYNC_H
#define CHAT_CLIENT_SYNC_H
#include "common/client/db.h"
#include "common/client/profile.h"

struct sync;

enum { SYNC_JOBS_MAX = 1024 /* of each thread */, SYNC_EVENTS_MAX = 4096 };

/* Starts the threads; connects by itself. db_path: as of client_db_path(). NULL, with why. */
struct sync *sync_new(const struct profile *p, const char *db_path, char why[256]);
/* Ends them: jobs that only need the disk are still done, and what has been sent is settled, within about `wait_ms`; a request under way is broken off
 * then. What waits in the outbox stays there. NULL is fine. */
void sync_free(struct sync *s, unsigned wait_ms);

/* ---- jobs ---- */

enum sync_work {
	/* Text `text` to `with`: on disk first, then SYNC_ENTRY with ENTRY_WAITING, then it is sent. client_id: chosen here when empty. */
	SYNC_SEND,
	SYNC_RETRY, /* outbox entry client_id waits again; all failed ones when empty. Sent at once, whatever the next try's time */
	SYNC_DROP,  /* outbox entry client_id leaves the outbox */
	SYNC_DRAFT, /* `text` is the draft for `with`; empty: none */
	/* All to me in the conversation with `with` up to message `id` is read; up to the newest known one when empty. Kept on disk until the server has it. */
	SYNC_READ,
	SYNC_MUTE,   /* `with`, here alone; on */
	SYNC_SEARCH, /* client_db_search() of `text`, `with` or all, `limit`: SYNC_FOUND */
	/* Up to `limit` messages before the oldest of the window of the chat with `with` (the newest ones when it is empty): SYNC_PAGE. */
	SYNC_OLDER,
	SYNC_CHATS,   /* conversations, contacts and blocks anew; done by itself at the start and whenever it is due */
	SYNC_CONTACT, /* `with` is a contact, with alias `text`; on false: no longer one */
	SYNC_BLOCK,   /* `with` is blocked; on false: no longer */
	SYNC_DEVICES, /* SYNC_DEVICE_LIST */
	SYNC_REVOKE,  /* ends the login `id` */
	SYNC_WHO,     /* the profile of `with`: SYNC_PERSON */
	SYNC_TYPING,  /* I am typing to `with`: said at most every 3 s, and only while live */
	SYNC_PRESENCE, /* watch these users, `text`: names with a blank between, at most WATCH_MAX. Takes the place of the ones before */
	SYNC_RECONNECT /* now, also after a login that expired (`text`: the new token, or empty) */
};

struct sync_job {
	enum sync_work work;
	const char *with, *text, *id, *client_id; /* copied; NULL is as good as empty */
	unsigned limit;
	bool on;
};
/* Its number, above 0, which stands in the events that come of it. 0: that queue is full, or a name is no user name, or a text too long for a message. */
int64_t sync_post(struct sync *s, const struct sync_job *job);

/* ---- events ---- */

enum sync_what {
	SYNC_LOOK_AGAIN, /* something was left out, or the window began anew: read everything */
	SYNC_STATE,      /* the connection: e->state, why, until_us, more */
	SYNC_RTT,        /* a round trip took ms */
	SYNC_MESSAGE, /* `id` is new in the chat with `with`; mine: I sent it, here or elsewhere; fresh: not before a live moment, fit for a bell */
	SYNC_MARKS,   /* of the chat with `with`: unread, read, what the other side has */
	SYNC_ENTRY,   /* outbox entry client_id to `with`: e->entry, why when it failed or must wait */
	SYNC_CHAT_LIST,   /* conversations, contacts, aliases, mutes or blocks changed */
	SYNC_PAGE,        /* SYNC_OLDER is done for `with`: n of them are new; end: there is nothing older */
	SYNC_ONLINE,      /* presence of `with`: on, at (last seen, or empty) */
	SYNC_TYPES,       /* `with` is typing now; nothing says when that ends: let it pass after 6 s */
	SYNC_FOUND,       /* e->found, n */
	SYNC_DEVICE_LIST, /* e->devices, n */
	SYNC_PERSON,      /* of `with`: at (last seen), on (online), name */
	SYNC_DONE,        /* that job is done, when nothing else says so */
	SYNC_FAILED, /* that job: why, a sentence; code: the problem's word, or empty. What was written stays where it is */
};

enum sync_state {
	SYNC_CONNECTING,
	SYNC_CATCHING_UP, /* more: how many events so far */
	SYNC_LIVE,
	SYNC_OFFLINE,  /* why; the next try is at until_us */
	SYNC_DRAINING, /* the server is about to restart; until_us */
	SYNC_LOGIN,    /* the login has expired or was ended: why. Nothing is tried until SYNC_RECONNECT */
	SYNC_REFUSED,  /* the server says not to try again: why. As above */
	SYNC_BROKEN,   /* the database cannot be written: why. Tried again with the connection, at until_us */
};

enum sync_entry {
	SYNC_WAITING, /* on disk: queued */
	SYNC_SENDING,
	SYNC_SENT, /* `id` is the message's; it is in the chat from now on, in its final place once SYNC_MESSAGE says so */
	SYNC_UNSENT, /* failed for good: why; stays until retried or dropped */
	SYNC_LATER,  /* did not go through; is tried again: why */
	SYNC_DROPPED,
};

struct sync_device {
	char device[65], name[260], created_at[32], seen_at[32];
	bool current;
};

struct sync_event {
	enum sync_what what;
	int64_t job; /* 0: of no job of this program */
	char with[33], id[65], client_id[65], at[32], code[64], name[260], why[256];
	enum sync_state state;
	enum sync_entry entry;
	uint64_t until_us;
	unsigned n, more, ms;
	bool on, mine, fresh, end;
	struct client_message *found;
	struct sync_device *devices;
	void *heap; /* what found and devices point into; see sync_event_release() */
};

/* Readable while there is an event. */
int sync_fd(const struct sync *s);
/* The next event; false: there is none. */
bool sync_next(struct sync *s, struct sync_event *e);
void sync_event_release(struct sync_event *e);
#endif
