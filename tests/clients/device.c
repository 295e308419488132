/* device PROFILE: one device of an account, as a program over common/client/sync.h is one. Commands on stdin, a line each; events on stdout, one JSON object
 * a line. End of input ends it.
 *   send TO CLIENT_ID TEXT    read WITH [ID]    older WITH LIMIT    draft WITH [TEXT]    search WORD    chats    reconnect
 *   contact WITH ALIAS    block WITH    unblock WITH    who WITH    devices    presence NAMES    typing WITH    mute WITH    retry [CLIENT_ID]
 *   drop CLIENT_ID    dump: {"chats":[…]} with every chat, its marks and the lines of its window, the oldest first */
#include "common/client/sync.h"
#include <cjson/cJSON.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const whats[] = {
	[SYNC_LOOK_AGAIN] = "look-again",
	[SYNC_STATE] = "state",
	[SYNC_RTT] = "rtt",
	[SYNC_MESSAGE] = "message",
	[SYNC_MARKS] = "marks",
	[SYNC_ENTRY] = "entry",
	[SYNC_CHAT_LIST] = "chat-list",
	[SYNC_PAGE] = "page",
	[SYNC_ONLINE] = "online",
	[SYNC_TYPES] = "types",
	[SYNC_FOUND] = "found",
	[SYNC_DEVICE_LIST] = "devices",
	[SYNC_PERSON] = "person",
	[SYNC_DONE] = "done",
	[SYNC_FAILED] = "failed",
};
static const char *const states[] = {
	[SYNC_CONNECTING] = "connecting",
	[SYNC_CATCHING_UP] = "catching-up",
	[SYNC_LIVE] = "live",
	[SYNC_OFFLINE] = "offline",
	[SYNC_DRAINING] = "draining",
	[SYNC_LOGIN] = "login",
	[SYNC_REFUSED] = "refused",
	[SYNC_BROKEN] = "broken",
};
static const char *const entries[] = {
	[SYNC_WAITING] = "waiting",
	[SYNC_SENDING] = "sending",
	[SYNC_SENT] = "sent",
	[SYNC_UNSENT] = "unsent",
	[SYNC_LATER] = "later",
	[SYNC_DROPPED] = "dropped",
};

static void say(cJSON *o)
{
	char *text = cJSON_PrintUnformatted(o);

	puts(text);
	fflush(stdout);
	cJSON_free(text);
	cJSON_Delete(o);
}

static void add(cJSON *o, const char *name, const char *text)
{
	if (text && *text)
		cJSON_AddStringToObject(o, name, text);
}

static void say_event(const struct sync_event *e)
{
	cJSON *o = cJSON_CreateObject(), *list = NULL;

	add(o, "what", whats[e->what]);
	if (e->what == SYNC_STATE)
		add(o, "state", states[e->state]);
	if (e->what == SYNC_ENTRY)
		add(o, "entry", entries[e->entry]);
	add(o, "with", e->with);
	add(o, "id", e->id);
	add(o, "client_id", e->client_id);
	add(o, "at", e->at);
	add(o, "name", e->name);
	add(o, "code", e->code);
	add(o, "why", e->why);
	cJSON_AddNumberToObject(o, "job", (double)e->job);
	cJSON_AddNumberToObject(o, "n", e->n);
	cJSON_AddBoolToObject(o, "on", e->on);
	cJSON_AddBoolToObject(o, "mine", e->mine);
	cJSON_AddBoolToObject(o, "fresh", e->fresh);
	cJSON_AddBoolToObject(o, "end", e->end);
	if (e->found || e->devices)
		list = cJSON_AddArrayToObject(o, "list");
	for (unsigned i = 0; list && i < e->n; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(e->found ? e->found[i].body : e->devices[i].device));
	say(o);
}

/* ---- what the database has ---- */

static int add_line(void *ctx, const struct chat_line *l)
{
	static const char *const words[] = {"received", "sent", "delivered", "read"};
	cJSON *o = cJSON_CreateObject();

	add(o, "id", l->m.id);
	add(o, "client_id", l->m.client_id);
	add(o, "body", l->m.body);
	add(o, "from", l->m.from);
	add(o, "state", words[l->state]);
	cJSON_AddBoolToObject(o, "placed", l->place != 0);
	cJSON_InsertItemInArray(ctx, 0, o);
	return 0;
}

static int add_chat(void *ctx, const struct client_chat *c)
{
	cJSON *o = cJSON_CreateObject();

	add(o, "with", c->with);
	add(o, "alias", c->alias);
	add(o, "last", c->last_id);
	add(o, "draft", c->draft);
	add(o, "read_up_to", c->read_up_to);
	add(o, "peer_read_up_to", c->peer_read_up_to);
	add(o, "peer_delivered_up_to", c->peer_delivered_up_to);
	cJSON_AddNumberToObject(o, "unread", c->unread);
	cJSON_AddNumberToObject(o, "queued", c->queued);
	cJSON_AddNumberToObject(o, "failed", c->failed);
	cJSON_AddBoolToObject(o, "contact", c->contact);
	cJSON_AddBoolToObject(o, "blocked", c->blocked);
	cJSON_AddBoolToObject(o, "muted", c->muted);
	cJSON_AddBoolToObject(o, "complete", c->complete);
	cJSON_AddItemToArray(ctx, o);
	return 0;
}

static void dump(struct client_db *d)
{
	cJSON *o = cJSON_CreateObject(), *chats = cJSON_AddArrayToObject(o, "chats"), *c;

	add(o, "what", "dump");
	if (client_db_chats(d, true, add_chat, chats))
		add(o, "why", client_db_why(d));
	cJSON_ArrayForEach(c, chats)
	{
		const char *with = cJSON_GetObjectItemCaseSensitive(c, "with")->valuestring;
		if (client_db_lines(d, with, 0, 1000000, add_line, cJSON_AddArrayToObject(c, "lines")))
			add(o, "why", client_db_why(d));
		cJSON_AddNumberToObject(c, "new", client_db_first_unread(d, with) != 0);
	}
	say(o);
}

/* ---- commands ---- */

static const struct {
	const char *word;
	enum sync_work work;
	const char *args; /* w: with, c: client_id, i: id, n: limit, t: the rest as text */
	bool on;
} commands[] = {
	{"send", SYNC_SEND, "wct", false},
	{"read", SYNC_READ, "wi", false},
	{"older", SYNC_OLDER, "wn", false},
	{"draft", SYNC_DRAFT, "wt", false},
	{"search", SYNC_SEARCH, "t", false},
	{"chats", SYNC_CHATS, "", false},
	{"reconnect", SYNC_RECONNECT, "", false},
	{"contact", SYNC_CONTACT, "wt", true},
	{"block", SYNC_BLOCK, "w", true},
	{"unblock", SYNC_BLOCK, "w", false},
	{"who", SYNC_WHO, "w", false},
	{"devices", SYNC_DEVICES, "", false},
	{"presence", SYNC_PRESENCE, "t", false},
	{"typing", SYNC_TYPING, "w", false},
	{"mute", SYNC_MUTE, "w", true},
	{"retry", SYNC_RETRY, "c", false},
	{"drop", SYNC_DROP, "c", false},
};

static void command(struct sync *s, struct client_db *d, char *line)
{
	char *rest = line, *word = strsep(&rest, " ");

	line[strcspn(line, "\n")] = 0;
	if (strcmp(word, "dump") == 0)
		dump(d);
	for (unsigned i = 0; i < sizeof commands / sizeof *commands; i++) {
		struct sync_job j = {.work = commands[i].work, .on = commands[i].on};
		if (strcmp(word, commands[i].word) != 0)
			continue;
		for (const char *a = commands[i].args; *a && rest; a++) {
			const char *arg = *a == 't' ? rest : strsep(&rest, " ");
			if (*a == 'w')
				j.with = arg;
			else if (*a == 'c')
				j.client_id = arg;
			else if (*a == 'i')
				j.id = arg;
			else if (*a == 'n')
				j.limit = (unsigned)atoi(arg);
			else
				j.text = arg;
		}
		if (!sync_post(s, &j))
			printf("{\"what\":\"refused\"}\n");
	}
}

static void serve(struct sync *s, struct client_db *d)
{
	struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = sync_fd(s), .events = POLLIN}};
	static char line[20000];
	struct sync_event e;
	size_t n = 0;

	while (poll(fds, 2, -1) >= 0) {
		while (sync_next(s, &e)) {
			say_event(&e);
			sync_event_release(&e);
		}
		if (!fds[0].revents)
			continue;
		ssize_t k = read(STDIN_FILENO, line + n, sizeof line - 1 - n);
		if (k <= 0)
			return;
		n += (size_t)k;
		for (char *end; (end = memchr(line, '\n', n));) {
			size_t used = (size_t)(end - line) + 1;
			*end = 0;
			command(s, d, line);
			memmove(line, line + used, n - used);
			n -= used;
		}
	}
}

int main(int argc, char **argv)
{
	struct profile p;
	char path[700], why[256] = "no PROFILE";

	if (argc != 2 || profile_load(&p, argv[1], why) || client_db_path(argv[1], true, path)) {
		fprintf(stderr, "device: %s\n", why);
		return 2;
	}
	struct sync *s = sync_new(&p, path, why);
	struct client_db *d = s ? client_db_open(path, p.url, p.user, why) : NULL;
	if (!d) {
		fprintf(stderr, "device: %s\n", why);
		sync_free(s, 0);
		return 1;
	}
	serve(s, d);
	sync_free(s, 2000);
	client_db_close(d);
	return 0;
}
