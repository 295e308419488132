#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/client/db.h"
#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char url[] = "http://127.0.0.1:1";

struct place {
	char dir[64], path[700];
};

static int set_up(void **state)
{
	struct place *p = calloc(1, sizeof *p);

	snprintf(p->dir, sizeof p->dir, "%s", "/tmp/chat-unit.XXXXXX");
	if (!mkdtemp(p->dir) || setenv("CHAT_CONFIG_DIR", p->dir, 1) || client_db_path("ada", true, p->path))
		return -1;
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;
	char command[128];

	snprintf(command, sizeof command, "rm -rf '%s'", p->dir);
	int rc = system(command);
	free(p);
	return rc;
}

static struct client_db *open_as(const struct place *p, const char *user)
{
	char why[256] = "";
	struct client_db *d = client_db_open(p->path, url, user, why);

	assert_string_equal(why, "");
	assert_non_null(d);
	return d;
}

/* SQL behind the program's back. */
static void sql(const struct place *p, const char *text)
{
	sqlite3 *h;
	char *why = NULL;

	assert_int_equal(sqlite3_open(p->path, &h), SQLITE_OK);
	if (sqlite3_exec(h, text, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", text, why);
	sqlite3_close(h);
}

static struct outbox_entry entry(const char *client_id, const char *to, const char *body)
{
	struct outbox_entry e = {.kind = "text", .body = body};

	snprintf(e.client_id, sizeof e.client_id, "%s", client_id);
	snprintf(e.to, sizeof e.to, "%s", to);
	return e;
}

static int add(struct client_db *d, const char *client_id, const char *to, const char *body)
{
	struct outbox_entry e = entry(client_id, to, body);

	return client_db_entry_add(d, &e);
}

static int join_ids(void *ctx, const struct outbox_entry *e)
{
	char *out = ctx;

	snprintf(out + strlen(out), 256 - strlen(out), "%s%s%s", *out ? " " : "", e->client_id,
		e->state == ENTRY_FAILED ? "!" : "");
	return 0;
}

static void assert_entries(struct client_db *d, bool heads, const char *wanted)
{
	char got[256] = "";

	assert_int_equal(client_db_entries(d, heads, join_ids, got), 0);
	assert_string_equal(got, wanted);
}

static int join_bodies(void *ctx, const struct client_message *m)
{
	char *out = ctx;

	snprintf(out + strlen(out), 256 - strlen(out), "%s%s", *out ? "|" : "", m->body);
	return 0;
}

static void assert_found(struct client_db *d, const char *words, const char *with, const char *wanted)
{
	char got[256] = "";

	assert_int_equal(client_db_search(d, words, with, 10, join_bodies, got), 0);
	assert_string_equal(got, wanted);
}

static struct client_message message(const char *id, const char *from, const char *to, const char *body)
{
	return (struct client_message){
		.id = id, .from = from, .to = to, .kind = "text", .body = body, .sent_at = "2026-01-02T03:04:05.678Z"};
}

static void paths(void **state)
{
	struct place *p = *state;
	char path[700], wanted[700];

	snprintf(wanted, sizeof wanted, "%s/state/ada.db", p->dir);
	assert_string_equal(p->path, wanted);
	unsetenv("CHAT_CONFIG_DIR");
	setenv("XDG_STATE_HOME", "/nowhere/state", 1);
	assert_int_equal(client_db_path("ada", false, path), 0);
	assert_string_equal(path, "/nowhere/state/chat/ada.db");
	unsetenv("XDG_STATE_HOME");
	setenv("HOME", "/nowhere/home", 1);
	assert_int_equal(client_db_path("ada", false, path), 0);
	assert_string_equal(path, "/nowhere/home/.local/state/chat/ada.db");
}

static void nobody_else_may_read(void **state)
{
	struct place *p = *state;
	char log[720], why[256];
	struct stat st;

	snprintf(log, sizeof log, "%s-wal", p->path);
	umask(0);
	struct client_db *d = open_as(p, "ada");
	assert_int_equal(add(d, "one", "bob", "hello"), ENTRY_ADDED);
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(log, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	client_db_close(d);
	chmod(p->path, 0644);
	client_db_close(open_as(p, "ada"));
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* A link is not followed. */
	snprintf(log, sizeof log, "%s.link", p->path);
	assert_int_equal(symlink(p->path, log), 0);
	assert_null(client_db_open(log, url, "ada", why));
	assert_non_null(strstr(why, "link"));
}

static int is_received(void *ctx, const struct chat_line *l)
{
	(void)ctx;
	assert_int_equal(l->state, LINE_RECEIVED);
	assert_int_equal(l->place, 0); /* in no window */
	return 0;
}

static void older_versions_are_brought_forward(void **state)
{
	struct place *p = *state;
	struct client_db *d = open_as(p, "ada");

	assert_int_equal(add(d, "one", "bob", "hello"), ENTRY_ADDED);
	client_db_close(d);
	/* As version 1 left it, then version 2, then 3. */
#define BACK_TO_3                                                                                                     \
	"DROP TABLE peers; DROP INDEX messages_window; DROP INDEX messages_fresh; ALTER TABLE messages DROP COLUMN "  \
	"peer; ALTER TABLE messages DROP COLUMN place; ALTER TABLE messages DROP COLUMN fresh; ALTER TABLE accounts " \
	"DROP COLUMN cursor; ALTER TABLE accounts DROP COLUMN next_place; "
	static const char *const back[] = {
		BACK_TO_3 "DROP TABLE words; DROP TABLE messages; DROP TABLE handled; DROP TABLE watches; PRAGMA "
			  "user_version = 1",
		BACK_TO_3 "DROP TABLE words; DROP TABLE messages; PRAGMA user_version = 2",
		BACK_TO_3 "PRAGMA user_version = 3",
	};
	for (unsigned i = 0; i < 3; i++) {
		struct client_message m = message("m1", "bob", "ada", "an old friend");
		char cursor[65];
		sql(p, back[i]);
		d = open_as(p, "ada");
		assert_entries(d, false, "one");
		assert_int_equal(client_db_keep(d, &m, 1), 0);
		assert_found(d, "friend", NULL, "an old friend");
		assert_true(client_db_watch(d, "bot", cursor) > 0);
		assert_int_equal(client_db_line(d, "m1", is_received, NULL), 0);
		assert_int_equal(client_db_line(d, "m2", is_received, NULL), 1);
		client_db_close(d);
	}
}

static void a_newer_version_is_refused(void **state)
{
	struct place *p = *state;
	char why[256];

	client_db_close(open_as(p, "ada"));
	sql(p, "PRAGMA user_version = 99");
	assert_null(client_db_open(p->path, url, "ada", why));
	assert_non_null(strstr(why, "version 99"));
}

static void what_is_no_database_is_refused(void **state)
{
	struct place *p = *state;
	char why[256] = "";
	FILE *f = fopen(p->path, "w");

	fputs("this is a text that is long enough to be no database at all, and it is not one\n", f);
	for (int i = 0; i < 100; i++)
		fputs("more of it, since SQLite reads a whole page\n", f);
	fclose(f);
	assert_null(client_db_open(p->path, url, "ada", why));
	assert_true(why[0]);
}

static void users_and_servers_are_apart(void **state)
{
	struct place *p = *state;
	char why[256];
	struct client_db *ada = open_as(p, "ada"), *eve = open_as(p, "eve"),
			 *other = client_db_open(p->path, "http://127.0.0.1:2", "ada", why),
			 *same = client_db_open(p->path, "http://127.0.0.1:1/", "ada", why);
	struct client_message m = message("m1", "bob", "ada", "for ada alone");

	assert_int_equal(add(ada, "one", "bob", "hello"), ENTRY_ADDED);
	if (client_db_keep(ada, &m, 1))
		fail_msg("%s", client_db_why(ada));
	assert_entries(eve, false, "");
	assert_entries(other, false, "");
	assert_entries(same, false, "one");
	assert_found(eve, "alone", NULL, "");
	assert_int_equal(client_db_strangers(eve), 1);
	assert_int_equal(client_db_strangers(ada), 0);
	assert_int_equal(add(eve, "one", "bob", "another one"), ENTRY_ADDED);
	client_db_close(ada);
	client_db_close(eve);
	client_db_close(other);
	client_db_close(same);
}

static void entries(void **state)
{
	struct client_db *d = open_as(*state, "ada");
	struct outbox_entry e;
	int64_t newest;
	unsigned n;
	char id[65], at[65];

	assert_int_equal(add(d, "one", "bob", "1"), ENTRY_ADDED);
	assert_int_equal(add(d, "two", "bob", "2"), ENTRY_ADDED);
	assert_int_equal(add(d, "three", "carl", "3"), ENTRY_ADDED);
	assert_int_equal(add(d, "one", "bob", "1"), ENTRY_KNOWN);
	assert_int_equal(add(d, "one", "bob", "other"), ENTRY_DIFFERS);
	assert_int_equal(add(d, "one", "carl", "1"), ENTRY_DIFFERS);
	assert_entries(d, false, "one two three");
	assert_entries(d, true, "one three");
	assert_int_equal(client_db_waiting(d, "bob", NULL), 2);
	assert_int_equal(client_db_waiting(d, NULL, &newest), 3);
	assert_true(newest >= 3);

	struct settlement s[] = {
		{"one", SETTLED_SENT, "m1", "2026-01-02T03:04:05.678Z", NULL},
		{"three", SETTLED_REFUSED, NULL, NULL, "unknown-recipient: nobody"},
	};
	assert_int_equal(client_db_settle(d, s, 2), 0);
	assert_entries(d, false, "two three!");
	assert_entries(d, true, "two");
	assert_int_equal(client_db_sent(d, "one", id, at), 0);
	assert_string_equal(id, "m1");
	assert_string_equal(at, "2026-01-02T03:04:05.678Z");
	assert_int_equal(client_db_sent(d, "two", id, at), 1);
	assert_int_equal(client_db_entry(d, "three", &e), 0);
	assert_string_equal(e.error, "unknown-recipient: nobody");
	assert_string_equal(e.body, "3");
	assert_int_equal(e.attempts, 1);
	free((char *)e.body);
	assert_int_equal(client_db_entry(d, "none", &e), 1);

	assert_int_equal(client_db_entry_again(d, NULL, &n), 0);
	assert_int_equal(n, 1);
	assert_entries(d, true, "two three");
	assert_int_equal(client_db_entry_drop(d, NULL, true, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(client_db_entry_drop(d, "two", false, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(client_db_entry_drop(d, NULL, false, &n), 0);
	assert_int_equal(n, 1);
	assert_entries(d, false, "");
	client_db_close(d);
}

static void searching(void **state)
{
	struct client_db *d = open_as(*state, "ada");
	struct client_message list[] = {
		message("m1", "bob", "ada", "The deploy is done"),
		message("m2", "ada", "bob", "done? was the Café open"),
		message("m3", "carl", "ada", "deployment OR nothing"),
		message("m4", "carl", "ada", "ZGVwbG95"),
	};

	list[3].kind = "ce2e.v1";
	assert_int_equal(client_db_keep(d, list, 4), 0);
	assert_int_equal(client_db_keep(d, list, 4), 0);
	assert_found(d, "deploy", NULL, "The deploy is done");
	assert_found(d, "DONE deploy", NULL, "The deploy is done");
	assert_found(d, "deploy*", NULL, "deployment OR nothing|The deploy is done");
	assert_found(d, "done", NULL, "done? was the Café open|The deploy is done");
	assert_found(d, "deploy*", "carl", "deployment OR nothing");
	assert_found(d, "done", "bob", "done? was the Café open|The deploy is done");
	assert_found(d, "cafe", NULL, "done? was the Café open");
	assert_found(d, "\"deploy is\"", NULL, "The deploy is done");
	assert_found(d, "\"is deploy\"", NULL, "");
	assert_found(d, "ZGVwbG95", NULL, "");
	/* Nothing in a query is an operator. */
	assert_found(d, "OR", NULL, "deployment OR nothing");
	assert_found(d, "body:deploy", NULL, "");
	assert_found(d, "deploy AND", NULL, "");
	assert_found(d, "\"unclosed", NULL, "");
	assert_found(d, "done?)", NULL, "done? was the Café open|The deploy is done");
	client_db_close(d);
}

static void watching(void **state)
{
	struct place *p = *state;
	struct client_db *d = open_as(p, "ada");
	struct client_message m1 = message("m1", "bob", "ada", "first"), m2 = message("m2", "bob", "ada", "second");
	char cursor[65] = "x", id[65];
	int64_t w = client_db_watch(d, "bot", cursor), other = client_db_watch(d, "log", cursor);

	assert_true(w > 0 && other > 0 && w != other);
	assert_string_equal(cursor, "");
	assert_int_equal(client_db_watch_done(d, w, &m1, "c1", true), 0);
	assert_int_equal(client_db_watch_done(d, w, &m2, NULL, true), 0);
	assert_int_equal(client_db_watch_handled(d, w, "m1"), 1);
	assert_int_equal(client_db_watch_handled(d, w, "m3"), 0);
	assert_int_equal(client_db_watch_handled(d, other, "m1"), 0);
	client_db_close(d);

	d = open_as(p, "ada");
	assert_int_equal(client_db_watch(d, "bot", cursor), w);
	assert_string_equal(cursor, "c1");
	assert_int_equal(client_db_watch_unmarked(d, w, id), 0);
	assert_string_equal(id, "m1");
	assert_int_equal(client_db_watch_marked(d, w, "m1"), 0);
	assert_int_equal(client_db_watch_unmarked(d, w, id), 0);
	assert_string_equal(id, "m2");
	assert_int_equal(client_db_watch_marked(d, w, "m2"), 0);
	assert_int_equal(client_db_watch_unmarked(d, w, id), 1);
	assert_int_equal(client_db_watch_move(d, w, "c9"), 0);
	assert_int_equal(client_db_watch(d, "bot", cursor), w);
	assert_string_equal(cursor, "c9");
	assert_int_equal(client_db_watch_handled(d, w, "m1"), 1);
	assert_found(d, "second", NULL, "second");
	client_db_close(d);
}

/* ---- the end of the process at every step of every transaction ---- */

static int left;

static void maybe_die(void *ctx)
{
	(void)ctx;
	if (--left == 0)
		_exit(77);
}

static void live(const struct place *p)
{
	struct client_db *d = open_as(p, "ada");
	struct client_message m = message("m9", "bob", "ada", "pushed");
	struct settlement s[] = {
		{"one", SETTLED_SENT, "m1", "2026-01-02T03:04:05.678Z", NULL},
		{"two", SETTLED_REFUSED, NULL, NULL, "too-large: no"},
	};
	char cursor[65];

	client_db_on_step(d, maybe_die, NULL);
	int bad = add(d, "one", "bob", "hello") != ENTRY_ADDED || add(d, "two", "carl", "there") != ENTRY_ADDED ||
		  client_db_settle(d, s, 2);
	int64_t w = client_db_watch(d, "bot", cursor);
	_exit(bad || client_db_watch_done(d, w, &m, "c1", true));
}

/* What must hold, whatever came last. */
static void assert_whole(const struct place *p)
{
	struct client_db *d = open_as(p, "ada");
	struct outbox_entry e;
	char id[65], at[65], cursor[65];

	sql(p, "PRAGMA integrity_check");
	bool one_waits = client_db_entry(d, "one", &e) == 0;
	if (one_waits)
		free((char *)e.body);
	bool one_sent = client_db_sent(d, "one", id, at) == 0;
	assert_false(one_waits && one_sent);
	if (client_db_entry(d, "two", &e) == 0) {
		assert_int_equal(e.state, one_sent ? ENTRY_FAILED : ENTRY_WAITING);
		free((char *)e.body);
	} else {
		assert_false(one_sent);
	}
	int64_t w = client_db_watch(d, "bot", cursor);
	assert_int_equal(client_db_watch_handled(d, w, "m9"), cursor[0] != 0);
	assert_int_equal(client_db_watch_unmarked(d, w, id), cursor[0] == 0);
	assert_found(d, "pushed", NULL, cursor[0] ? "pushed" : "");
	client_db_close(d);
}

static void dying_anywhere_leaves_it_whole(void **state)
{
	const struct place *p = *state;
	int deaths = 0, status = 1;

	for (int n = 1; status != 0; n++) {
		pid_t child = fork();
		if (child == 0) {
			left = n;
			live(p);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFEXITED(status));
		assert_true(WEXITSTATUS(status) == 77 || status == 0);
		deaths += status != 0;
		assert_whole(p);
		assert_true(n < 100);
		if (status)
			sql(p, "DELETE FROM outbox; DELETE FROM messages; DELETE FROM handled; DELETE FROM watches");
	}
	assert_true(deaths >= 12);
}

static void many_may_write(void **state)
{
	const struct place *p = *state;
	enum { WRITERS = 4, EACH = 25 };
	pid_t child[WRITERS];

	for (int i = 0; i < WRITERS; i++) {
		child[i] = fork();
		if (child[i])
			continue;
		char why[256], id[32];
		struct client_db *d = client_db_open(p->path, url, "ada", why);
		int bad = d == NULL;
		for (int k = 0; d && k < EACH; k++) {
			snprintf(id, sizeof id, "w%d-%d", i, k);
			bad += add(d, id, "bob", "x") != ENTRY_ADDED;
		}
		_exit(bad);
	}
	for (int i = 0; i < WRITERS; i++) {
		int status;
		assert_int_equal(waitpid(child[i], &status, 0), child[i]);
		assert_int_equal(status, 0);
	}
	struct client_db *d = open_as(p, "ada");
	assert_int_equal(client_db_waiting(d, "bob", NULL), WRITERS * EACH);
	client_db_close(d);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(paths),
		T(nobody_else_may_read),
		T(older_versions_are_brought_forward),
		T(a_newer_version_is_refused),
		T(what_is_no_database_is_refused),
		T(users_and_servers_are_apart),
		T(entries),
		T(searching),
		T(watching),
		T(dying_anywhere_leaves_it_whole),
		T(many_may_write),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
