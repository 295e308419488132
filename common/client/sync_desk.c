/* What needs only the disk: done in the order in which it was asked for, and never behind a request. */
#include "common/base/clock.h"
#include "common/client/sync_parts.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

enum { LOOK_MS = 1000, FOUND_MAX = 500, SHOWN_MAX = 1000, AGAIN_MS = 1000 };

struct desk {
	struct own own;
	int64_t version; /* of the database, as cache_version() had it */
	int64_t seen;    /* the greatest number of an outbox entry that was told */
	unsigned rows, found_rows;
};

static void tell_entry(
	struct sync *s, int64_t job, const char *client_id, const char *to, enum sync_entry entry, const char *why)
{
	struct sync_event e = {.what = SYNC_ENTRY, .job = job, .entry = entry};

	snprintf(e.client_id, sizeof e.client_id, "%s", client_id);
	snprintf(e.with, sizeof e.with, "%s", to);
	snprintf(e.why, sizeof e.why, "%s", why);
	sync_tell(s, &e);
}

/* ---- what others have written ---- */

static int look_at_entry(void *ctx, const struct outbox_entry *e)
{
	struct desk *k = ctx;

	k->found_rows++;
	if (e->number <= k->seen)
		return 0;
	k->seen = e->number;
	tell_entry(k->own.s, 0, e->client_id, e->to, e->state == ENTRY_FAILED ? SYNC_UNSENT : SYNC_WAITING, e->error);
	return 0;
}

/* The outbox is shared: entries that another program appended, or took out, are noticed here. */
static void look_around(struct desk *k)
{
	int64_t version = cache_version(k->own.db);
	int64_t seen = k->seen;

	if (version == k->version)
		return;
	k->version = version;
	k->found_rows = 0;
	if (client_db_entries(k->own.db, false, look_at_entry, k))
		return;
	if (k->seen > seen)
		sync_poke(k->own.s, PART_SENDER);
	if (k->found_rows < k->rows)
		sync_tell(k->own.s, &(struct sync_event){.what = SYNC_CHAT_LIST});
	k->rows = k->found_rows;
}

/* ---- the outbox ---- */

static void make_id(char out[65])
{
	static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
	uint8_t bytes[22];

	if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
		abort(); /* it never is short for so few */
	for (unsigned i = 0; i < sizeof bytes; i++)
		out[i] = letters[bytes[i] & 63];
	out[sizeof bytes] = 0;
}

static int do_send(struct desk *k, struct job *j)
{
	struct outbox_entry e = {.kind = "text", .body = j->text};

	if (!j->client_id[0])
		make_id(j->client_id);
	memcpy(e.client_id, j->client_id, sizeof e.client_id);
	memcpy(e.to, j->with, sizeof e.to);
	int how = client_db_entry_add(k->own.db, &e);
	if (how < 0)
		return -1;
	if (how == ENTRY_DIFFERS) {
		sync_failed(k->own.s, j, "client-id-reused", "that client_id waits with another text");
		return 0;
	}
	struct outbox_entry put;
	if (client_db_entry(k->own.db, j->client_id, &put) == 0) {
		/* What came before it was told, or is by now. */
		if (put.number == k->seen + 1)
			k->seen = put.number, k->rows++;
		free((char *)put.body);
	}
	tell_entry(k->own.s, j->number, j->client_id, j->with, SYNC_WAITING, "");
	sync_poke(k->own.s, PART_SENDER);
	return 0;
}

static int do_retry(struct desk *k, struct job *j)
{
	unsigned n;
	struct outbox_entry e = {0};

	if (j->client_id[0] && client_db_entry(k->own.db, j->client_id, &e) == 0)
		free((char *)e.body);
	if (client_db_entry_again(k->own.db, j->client_id[0] ? j->client_id : NULL, &n))
		return -1;
	if (e.number)
		tell_entry(k->own.s, j->number, j->client_id, e.to, SYNC_WAITING, "");
	else if (n)
		sync_tell(k->own.s, &(struct sync_event){.what = SYNC_CHAT_LIST});
	sync_done(k->own.s, j);
	sync_poke(k->own.s, PART_SENDER);
	return 0;
}

static int do_drop(struct desk *k, struct job *j)
{
	unsigned n = 0;
	struct outbox_entry e = {0};

	if (client_db_entry(k->own.db, j->client_id, &e) == 0)
		free((char *)e.body);
	if (client_db_entry_drop(k->own.db, j->client_id, false, &n))
		return -1;
	if (n == 0)
		sync_failed(k->own.s, j, "", "that message does not wait any more");
	else
		tell_entry(k->own.s, j->number, j->client_id, e.to, SYNC_DROPPED, "");
	k->rows -= n && k->rows ? 1 : 0;
	return 0;
}

/* ---- chats ---- */

static int do_draft(struct desk *k, struct job *j)
{
	if (cache_begin(k->own.db) || cache_end(k->own.db, cache_draft(k->own.db, j->with, j->text)))
		return -1;
	sync_done(k->own.s, j);
	return 0;
}

static int do_mute(struct desk *k, struct job *j)
{
	if (cache_begin(k->own.db) || cache_end(k->own.db, cache_mute(k->own.db, j->with, j->on)))
		return -1;
	sync_tell(k->own.s, &(struct sync_event){.what = SYNC_CHAT_LIST, .job = j->number});
	return 0;
}

static int do_read(struct desk *k, struct job *j)
{
	if (cache_begin(k->own.db))
		return -1;
	int rc = cache_mark_want(k->own.db, j->with, j->id);
	if (cache_end(k->own.db, rc < 0))
		return -1;
	if (rc == 0) {
		sync_tell_marks(k->own.s, j->with);
		sync_poke(k->own.s, PART_SENDER);
	}
	sync_done(k->own.s, j);
	return 0;
}

/* ---- search ---- */

struct found {
	struct client_message list[FOUND_MAX]; /* with offsets into text in place of pointers, plus one */
	unsigned n;
	struct buf text;
};

static const char *put_text(struct buf *b, const char *text)
{
	size_t at = b->len;

	if (!text)
		return NULL;
	buf_add(b, text, strlen(text) + 1);
	return (const char *)(at + 1);
}

static int add_found(void *ctx, const struct client_message *m)
{
	struct found *f = ctx;
	struct client_message *o = &f->list[f->n++];

	*o = (struct client_message){put_text(&f->text, m->id), put_text(&f->text, m->client_id),
		put_text(&f->text, m->from), put_text(&f->text, m->to), put_text(&f->text, m->kind),
		put_text(&f->text, m->body), put_text(&f->text, m->sent_at), put_text(&f->text, m->delivered_at),
		put_text(&f->text, m->read_at)};
	return f->n == FOUND_MAX || f->text.failed;
}

static const char *moved(const char *offset, char *text)
{
	return offset ? text + ((uintptr_t)offset - 1) : NULL;
}

/* One piece of memory: the messages, then their texts. */
static int tell_found(struct desk *k, struct job *j, struct found *f)
{
	size_t rows = f->n * sizeof f->list[0];
	struct client_message *list = malloc(rows + f->text.len + 1);
	struct sync_event e = {.what = SYNC_FOUND, .job = j->number, .n = f->n, .found = list, .heap = list};

	if (!list || f->text.failed) {
		free(list);
		return 1;
	}
	char *text = (char *)list + rows;
	if (f->text.len)
		memcpy(text, f->text.data, f->text.len);
	for (unsigned i = 0; i < f->n; i++) {
		struct client_message m = f->list[i];
		list[i] = (struct client_message){moved(m.id, text), moved(m.client_id, text), moved(m.from, text),
			moved(m.to, text), moved(m.kind, text), moved(m.body, text), moved(m.sent_at, text),
			moved(m.delivered_at, text), moved(m.read_at, text)};
	}
	snprintf(e.with, sizeof e.with, "%s", j->with);
	sync_tell(k->own.s, &e);
	return 0;
}

static int do_search(struct desk *k, struct job *j)
{
	struct found *f = calloc(1, sizeof *f);
	unsigned limit = j->limit && j->limit < FOUND_MAX ? j->limit : FOUND_MAX;
	int rc = -1;

	if (f) {
		buf_init(&f->text, 16 << 20);
		rc = client_db_search(k->own.db, j->text, j->with[0] ? j->with : NULL, limit, add_found, f);
		if (rc == 0 && tell_found(k, j, f))
			sync_failed(k->own.s, j, "", "too much was found: narrow the search");
		buf_release(&f->text);
	}
	free(f);
	return rc;
}

/* ---- the thread ---- */

static int (*const does[])(struct desk *k, struct job *j) = {
	[SYNC_SEND] = do_send,
	[SYNC_RETRY] = do_retry,
	[SYNC_DROP] = do_drop,
	[SYNC_DRAFT] = do_draft,
	[SYNC_READ] = do_read,
	[SYNC_MUTE] = do_mute,
	[SYNC_SEARCH] = do_search,
};

static void work(struct desk *k, struct job *j)
{
	char why[256] = "out of memory";

	if (own_db(&k->own, why))
		sync_failed(k->own.s, j, "", why);
	else if (does[j->work](k, j))
		sync_failed(k->own.s, j, "", client_db_why(k->own.db));
}

void *sync_desk_main(void *arg)
{
	struct sync *s = arg;
	struct desk k = {.own = {.s = s}, .version = -1};
	char why[256];

	for (;;) {
		struct job *j = jobs_take(s, PART_DESK, clock_mono_us() + LOOK_MS * 1000);
		if (j) {
			work(&k, j);
			job_free(j);
		} else if (s->over[PART_DESK]) {
			break;
		} else if (own_db(&k.own, why) == 0) {
			look_around(&k);
		}
	}
	own_release(&k.own);
	return jobs_ended(s, PART_DESK);
}
