/* What is asked of the server: pages of history, what it lists, and what changes there. */
#include "common/base/clock.h"
#include "common/client/sync_parts.h"
#include "common/msg.h"
#include <stdio.h>
#include <stdlib.h>

enum {
	CHATS_MAX = 5000, /* conversations that are loaded */
	PAGE = 100,
	IDLE_MS = 60000,
	AGAIN_MS = 1000, /* conversations, when the stream was not where the answer was */
	AGAIN_TIMES = 10,
	DEVICES_MAX = 1000,
};

struct reader {
	struct own own;
	unsigned again; /* times in a row */
};

/* A call whose answer is JSON. EXIT 0 with *doc (NULL on 204), or -1 with code and why. */
static int ask(struct reader *r, const char *method, const char *path, const char *body, cJSON **doc, char cursor[65],
	char code[64], char why[256])
{
	struct http_answer a;
	int rc = 0;

	*doc = NULL;
	(void)own_call(&r->own, method, path, body, &a);
	if (cursor)
		snprintf(cursor, 65, "%s", a.next_cursor);
	if (a.status == 200)
		*doc = cJSON_Parse(a.body.data);
	if (a.status != 204 && !*doc) {
		explain_answer(&a, code, why);
		if (a.status == 200)
			snprintf(why, 256, "the server's answer is no JSON");
		rc = -1;
	}
	http_answer_release(&a);
	return rc;
}

/* ---- conversations, contacts, blocks ---- */

static struct cache_conversation conversation_of(const cJSON *o)
{
	const cJSON *unread = cJSON_GetObjectItemCaseSensitive(o, "unread");

	return (struct cache_conversation){
		.with = member_text(o, "with"),
		.last = message_of_json(cJSON_GetObjectItemCaseSensitive(o, "last")),
		.unread = cJSON_IsNumber(unread) && unread->valuedouble > 0 ? (unsigned)unread->valuedouble : 0,
		.read_up_to = member_text(o, "read_up_to"),
		.peer_read_up_to = member_text(o, "peer_read_up_to"),
		.peer_delivered_up_to = member_text(o, "peer_delivered_up_to"),
	};
}

/* The latest first; so from the end on. 1: some were not where the stream is. */
static int keep_conversations(struct client_db *d, cJSON *const *pages, unsigned n_pages)
{
	int behind = 0, rc = cache_begin(d);

	if (rc)
		return -1;
	for (unsigned p = n_pages; p-- && rc == 0;) {
		for (int i = cJSON_GetArraySize(pages[p]); i-- && rc == 0;) {
			struct cache_conversation c = conversation_of(cJSON_GetArrayItem(pages[p], i));
			if (!c.with || !c.last.id || !c.last.from || !c.last.to || !c.last.body || !c.last.sent_at)
				continue;
			int one = cache_conversation(d, &c);
			behind |= one == 1;
			rc = one < 0;
		}
	}
	return cache_end(d, rc) ? -1 : behind;
}

static int load_conversations(struct reader *r, char code[64], char why[256])
{
	cJSON *pages[CHATS_MAX / PAGE];
	char path[128], cursor[65] = "";
	unsigned n = 0;
	int rc = 0;

	do {
		snprintf(path, sizeof path, "/conversations?limit=%d%s%s", PAGE, cursor[0] ? "&after=" : "", cursor);
		rc = ask(r, "GET", path, NULL, &pages[n], cursor, code, why);
		n += rc == 0;
	} while (rc == 0 && cursor[0] && n < CHATS_MAX / PAGE);
	if (rc == 0) {
		rc = keep_conversations(r->own.db, pages, n);
		if (rc < 0)
			snprintf(why, 256, "%s", client_db_why(r->own.db));
	}
	while (n)
		cJSON_Delete(pages[--n]);
	return rc;
}

static int load_list(struct reader *r, enum cache_list list, char code[64], char why[256])
{
	static const char *const paths[] = {[CACHE_CONTACTS] = "/contacts", [CACHE_BLOCKS] = "/blocks"};
	const cJSON *one;
	cJSON *doc;

	if (ask(r, "GET", paths[list], NULL, &doc, NULL, code, why))
		return -1;
	struct client_db *d = r->own.db;
	int rc = cache_begin(d);
	if (rc == 0) {
		rc = cache_list_clear(d, list);
		cJSON_ArrayForEach(one, doc)
		{
			const char *user = member_text(one, "user");
			if (rc == 0 && user)
				rc = cache_list_add(d, list, user, member_text(one, "alias"));
		}
		rc = cache_end(d, rc);
	}
	if (rc)
		snprintf(why, 256, "%s", client_db_why(d));
	cJSON_Delete(doc);
	return rc;
}

/* Once more a little later, by ourselves, a few times. */
static void again_later(struct reader *r)
{
	struct job *j = r->again < AGAIN_TIMES ? job_new(SYNC_CHATS, "") : NULL;

	if (!j)
		return;
	r->again++;
	j->due_us = clock_mono_us() + AGAIN_MS * 1000;
	jobs_put(&r->own.s->jobs[PART_READER], j);
}

static int do_chats(struct reader *r, struct job *j, char code[64], char why[256])
{
	r->own.s->chats_due = false;
	int rc = load_conversations(r, code, why);

	if (rc < 0)
		return -1;
	if (rc == 1)
		again_later(r);
	else
		r->again = 0;
	/* The lists change rarely: the tries that follow leave them out. */
	if (r->again <= 1 && (load_list(r, CACHE_CONTACTS, code, why) || load_list(r, CACHE_BLOCKS, code, why)))
		return -1;
	sync_tell(r->own.s, &(struct sync_event){.what = SYNC_CHAT_LIST, .job = j->number});
	return 0;
}

/* ---- history ---- */

static int do_older(struct reader *r, struct job *j, char code[64], char why[256])
{
	struct sync_event e = {.what = SYNC_PAGE, .job = j->number};
	struct client_message list[PAGE_MAX];
	struct cache_spot spot;
	char path[256], next[65];
	unsigned limit = j->limit && j->limit < PAGE_MAX ? j->limit : PAGE_DEFAULT, n = 0;
	const cJSON *one;
	cJSON *doc = NULL;

	snprintf(e.with, sizeof e.with, "%s", j->with);
	int rc = cache_spot(r->own.db, j->with, &spot);
	if (rc == 0 && !spot.complete) {
		snprintf(path, sizeof path, "/conversations/%s/messages?limit=%u%s%s", j->with, limit,
			spot.before[0] ? "&before=" : "", spot.before);
		if (ask(r, "GET", path, NULL, &doc, next, code, why))
			return -1;
		cJSON_ArrayForEach(one, doc)
		{
			list[n] = message_of_json(one);
			n += n < PAGE_MAX - 1 && list[n].id && list[n].from && list[n].to && list[n].body &&
			     list[n].sent_at;
		}
		rc = cache_page(r->own.db, j->with, &spot, list, n, !next[0], &e.n);
		spot.complete = !next[0];
		cJSON_Delete(doc);
	}
	if (rc) {
		snprintf(why, 256, "%s", client_db_why(r->own.db));
		return -1;
	}
	e.end = spot.complete;
	sync_tell(r->own.s, &e);
	return 0;
}

/* ---- contacts and blocks ---- */

static int change_list(struct reader *r, struct job *j, enum cache_list list, char code[64], char why[256])
{
	static const char *const folder[] = {[CACHE_CONTACTS] = "contacts", [CACHE_BLOCKS] = "blocks"};
	cJSON *doc, *body = cJSON_CreateObject();
	char path[80], *text = NULL;

	if (body && j->on && list == CACHE_CONTACTS && j->text[0])
		cJSON_AddStringToObject(body, "alias", j->text);
	if (body && j->on)
		text = cJSON_PrintUnformatted(body);
	cJSON_Delete(body);
	snprintf(path, sizeof path, "/%s/%s", folder[list], j->with);
	int rc = ask(r, j->on ? "PUT" : "DELETE", path, text, &doc, NULL, code, why);
	cJSON_free(text);
	cJSON_Delete(doc);
	/* One that is not there is as gone as it can be. */
	if (rc && !(!j->on && strcmp(code, "not-found") == 0))
		return -1;
	struct client_db *d = r->own.db;
	if (cache_begin(d) ||
		cache_end(d, j->on ? cache_list_add(d, list, j->with, j->text) : cache_list_remove(d, list, j->with))) {
		snprintf(why, 256, "%s", client_db_why(d));
		return -1;
	}
	struct sync_event e = {.what = SYNC_CHAT_LIST, .job = j->number};
	snprintf(e.with, sizeof e.with, "%s", j->with);
	sync_tell(r->own.s, &e);
	return 0;
}

static int do_contact(struct reader *r, struct job *j, char code[64], char why[256])
{
	return change_list(r, j, CACHE_CONTACTS, code, why);
}

static int do_block(struct reader *r, struct job *j, char code[64], char why[256])
{
	return change_list(r, j, CACHE_BLOCKS, code, why);
}

/* ---- people and devices ---- */

static void set_text(char *out, size_t max, const char *text)
{
	snprintf(out, max, "%s", text ? text : "");
}

static int do_who(struct reader *r, struct job *j, char code[64], char why[256])
{
	struct sync_event e = {.what = SYNC_PERSON, .job = j->number};
	char path[64];
	cJSON *doc;

	snprintf(path, sizeof path, "/users/%s", j->with);
	if (ask(r, "GET", path, NULL, &doc, NULL, code, why))
		return -1;
	set_text(e.with, sizeof e.with, j->with);
	set_text(e.name, sizeof e.name, member_text(doc, "display_name"));
	set_text(e.at, sizeof e.at, member_text(doc, "last_seen"));
	e.on = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(doc, "online"));
	cJSON_Delete(doc);
	sync_tell(r->own.s, &e);
	return 0;
}

static int do_devices(struct reader *r, struct job *j, char code[64], char why[256])
{
	struct sync_event e = {.what = SYNC_DEVICE_LIST, .job = j->number};
	const cJSON *one;
	cJSON *doc;

	if (ask(r, "GET", "/sessions", NULL, &doc, NULL, code, why))
		return -1;
	e.heap = e.devices = calloc(DEVICES_MAX, sizeof *e.devices);
	cJSON_ArrayForEach(one, doc)
	{
		if (!e.devices || e.n == DEVICES_MAX)
			break;
		struct sync_device *v = &e.devices[e.n++];
		set_text(v->device, sizeof v->device, member_text(one, "device"));
		set_text(v->name, sizeof v->name, member_text(one, "device_name"));
		set_text(v->created_at, sizeof v->created_at, member_text(one, "created_at"));
		set_text(v->seen_at, sizeof v->seen_at, member_text(one, "seen_at"));
		v->current = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(one, "current"));
	}
	cJSON_Delete(doc);
	sync_tell(r->own.s, &e);
	return 0;
}

static int do_revoke(struct reader *r, struct job *j, char code[64], char why[256])
{
	char path[90];
	cJSON *doc;

	snprintf(path, sizeof path, "/sessions/%s", j->id);
	if (ask(r, "DELETE", path, NULL, &doc, NULL, code, why))
		return -1;
	cJSON_Delete(doc);
	sync_done(r->own.s, j);
	return 0;
}

/* ---- the thread ---- */

static int (*const does[])(struct reader *r, struct job *j, char code[64], char why[256]) = {
	[SYNC_OLDER] = do_older,
	[SYNC_CHATS] = do_chats,
	[SYNC_CONTACT] = do_contact,
	[SYNC_BLOCK] = do_block,
	[SYNC_DEVICES] = do_devices,
	[SYNC_REVOKE] = do_revoke,
	[SYNC_WHO] = do_who,
};

void *sync_reader_main(void *arg)
{
	struct sync *s = arg;
	struct reader r = {.own = {.s = s}};

	while (!s->over[PART_READER]) {
		struct job *j = jobs_take(s, PART_READER, clock_mono_us() + IDLE_MS * 1000ull);
		char code[64] = "", why[256] = "out of memory";
		if (!j)
			continue;
		if (own_db(&r.own, why) || does[j->work](&r, j, code, why))
			sync_failed(s, j, code, why);
		job_free(j);
	}
	own_release(&r.own);
	return jobs_ended(s, PART_READER);
}
