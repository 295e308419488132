#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/clock.h"
#include "common/client/outbox.h"
#include <cjson/cJSON.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DEATH = 77 };

/* A server in a file: it keeps a line "TO BODY" for each client_id that it has not seen, on disk before it answers. What it says to whom is set by the test. */
struct server {
	char dir[64], path[700], log[128];
	const char *refuses, *limits; /* recipients: 404, 429 */
	int whole;                    /* answer every request with that status */
	bool silent;                  /* no answer, though it took the messages */
	unsigned requests, arrays, refused;
	int die_before, die_after; /* the n-th request ends the process, before or after the server has it */
	struct client_db *db;
};

static int left = -1; /* steps of the database until the process ends */

static void maybe_die(void *ctx)
{
	(void)ctx;
	if (--left == 0)
		_exit(DEATH);
}

static int set_up(void **state)
{
	struct server *s = calloc(1, sizeof *s);
	char why[256];

	snprintf(s->dir, sizeof s->dir, "%s", "/tmp/chat-unit.XXXXXX");
	if (!mkdtemp(s->dir))
		return -1;
	snprintf(s->path, sizeof s->path, "%s/ada.db", s->dir);
	snprintf(s->log, sizeof s->log, "%s/server", s->dir);
	s->db = client_db_open(s->path, "http://127.0.0.1:1", "ada", why);
	*state = s;
	return s->db ? 0 : -1;
}

static int tear_down(void **state)
{
	struct server *s = *state;
	char command[128];

	client_db_close(s->db);
	snprintf(command, sizeof command, "rm -rf '%s'", s->dir);
	int rc = system(command);
	free(s);
	return rc;
}

static const char *text_of(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
	return cJSON_IsString(v) ? v->valuestring : "";
}

static void take(struct server *s, const cJSON *m)
{
	char line[256];
	bool known = false;
	FILE *f = fopen(s->log, "a+");

	while (fgets(line, sizeof line, f))
		known = known || strncmp(line, text_of(m, "client_id"), strlen(text_of(m, "client_id"))) == 0;
	if (!known)
		fprintf(f, "%s %s %s\n", text_of(m, "client_id"), text_of(m, "to"), text_of(m, "body"));
	fclose(f);
}

static void answer_one(struct server *s, const cJSON *m, struct buf *b)
{
	const char *to = text_of(m, "to");

	if (s->refuses && strcmp(to, s->refuses) == 0) {
		buf_adds(b, "{\"status\":404,\"code\":\"unknown-recipient\",\"detail\":\"nobody\"}");
	} else if (s->limits && strcmp(to, s->limits) == 0) {
		buf_adds(b, "{\"status\":429,\"code\":\"rate-limited\",\"detail\":\"slowly\"}");
	} else {
		take(s, m);
		buf_addf(b, "{\"id\":\"id-%s\",\"client_id\":\"%s\",\"sent_at\":\"2026-01-02T03:04:05.678Z\"}",
			text_of(m, "client_id"), text_of(m, "client_id"));
	}
}

static int status_of(struct server *s, const cJSON *doc)
{
	const char *to = text_of(doc, "to");

	return s->refuses && strcmp(to, s->refuses) == 0 ? 404 : s->limits && strcmp(to, s->limits) == 0 ? 429 : 200;
}

static void post(void *ctx, struct str body, struct http_answer *a)
{
	struct server *s = ctx;
	cJSON *doc = cJSON_ParseWithLength(body.p, body.n), *m;
	const char *comma = "[";

	if (--s->die_before == 0)
		_exit(DEATH);
	assert_non_null(doc);
	buf_init(&a->body, 1 << 20);
	s->requests++;
	s->arrays += cJSON_IsArray(doc);
	a->status = s->whole ? s->whole : status_of(s, doc);
	if (s->whole) {
		buf_adds(&a->body,
			s->whole == 413 ? "{\"status\":413,\"code\":\"too-large\",\"detail\":\"no\"}" : "<html>");
	} else if (cJSON_IsArray(doc)) {
		cJSON_ArrayForEach(m, doc)
		{
			buf_adds(&a->body, comma);
			answer_one(s, m, &a->body);
			comma = ",";
		}
		buf_adds(&a->body, "]");
	} else {
		answer_one(s, doc, &a->body);
	}
	buf_addc(&a->body, 0);
	cJSON_Delete(doc);
	if (--s->die_after == 0)
		_exit(DEATH);
	if (s->silent)
		a->status = 0;
}

static void refused(void *ctx, const char *client_id, const char *to, const char *error)
{
	(void)client_id, (void)to, (void)error;
	((struct server *)ctx)->refused++;
}

static enum outbox_end flush(struct server *s, struct outbox_report *r)
{
	struct outbox_way way = {.post = post, .refused = refused, .ctx = s};

	return outbox_flush(s->db, &way, 0, r);
}

static void add(struct server *s, const char *client_id, const char *to, const char *body)
{
	struct outbox_entry e = {.kind = "text", .body = body};

	snprintf(e.client_id, sizeof e.client_id, "%s", client_id);
	snprintf(e.to, sizeof e.to, "%s", to);
	assert_int_equal(client_db_entry_add(s->db, &e), ENTRY_ADDED);
}

static void assert_has(const struct server *s, const char *wanted)
{
	char got[4096] = "";
	FILE *f = fopen(s->log, "r");

	if (f) {
		got[fread(got, 1, sizeof got - 1, f)] = 0;
		fclose(f);
	}
	assert_string_equal(got, wanted);
}

static enum entry_state state_of(const struct server *s, const char *client_id)
{
	struct outbox_entry e;

	assert_int_equal(client_db_entry(s->db, client_id, &e), 0);
	free((char *)e.body);
	return e.state;
}

static void everything_goes_in_order(void **state)
{
	struct server *s = *state;
	struct outbox_report r;

	add(s, "a1", "bob", "1");
	add(s, "a2", "bob", "2");
	add(s, "a3", "carl", "3");
	add(s, "a4", "bob", "4");
	assert_int_equal(flush(s, &r), OUTBOX_EMPTY);
	assert_int_equal(r.sent, 4);
	assert_has(s, "a1 bob 1\na3 carl 3\na2 bob 2\na4 bob 4\n");
	/* Two conversations share a request; one conversation has one message under way. */
	assert_int_equal(s->requests, 3);
	assert_int_equal(s->arrays, 1);
	assert_int_equal(flush(s, &r), OUTBOX_EMPTY);
	assert_int_equal(s->requests, 3);
}

static void a_refusal_stays_and_lets_others_pass(void **state)
{
	struct server *s = *state;
	struct outbox_report r;
	struct outbox_entry e;

	s->refuses = "nobody";
	add(s, "a1", "nobody", "1");
	add(s, "a2", "bob", "2");
	add(s, "a3", "nobody", "3");
	assert_int_equal(flush(s, &r), OUTBOX_EMPTY);
	assert_int_equal(r.sent, 1);
	assert_int_equal(r.refused, 2);
	assert_int_equal(s->refused, 2);
	assert_has(s, "a2 bob 2\n");
	assert_int_equal(state_of(s, "a1"), ENTRY_FAILED);
	assert_int_equal(client_db_entry(s->db, "a3", &e), 0);
	assert_string_equal(e.error, "unknown-recipient: nobody");
	free((char *)e.body);
	/* It is not tried again by itself, but when it is asked for: under the same client_id. */
	s->refuses = NULL;
	assert_int_equal(flush(s, &r), OUTBOX_EMPTY);
	assert_int_equal(r.sent, 0);
	unsigned n;
	assert_int_equal(client_db_entry_again(s->db, NULL, &n), 0);
	assert_int_equal(flush(s, &r), OUTBOX_EMPTY);
	assert_has(s, "a2 bob 2\na1 nobody 1\na3 nobody 3\n");
}

static void nothing_passes_what_will_be_tried_again(void **state)
{
	struct server *s = *state;
	struct outbox_report r;

	s->limits = "bob";
	add(s, "a1", "bob", "1");
	add(s, "a2", "bob", "2");
	add(s, "a3", "carl", "3");
	add(s, "a4", "carl", "4");
	assert_int_equal(flush(s, &r), OUTBOX_WAITS);
	assert_string_equal(r.why, "rate-limited: slowly");
	assert_has(s, "a3 carl 3\na4 carl 4\n");
	assert_int_equal(state_of(s, "a1"), ENTRY_WAITING);
	s->limits = NULL;
	assert_int_equal(flush(s, &r), OUTBOX_EMPTY);
	assert_has(s, "a3 carl 3\na4 carl 4\na1 bob 1\na2 bob 2\n");
}

static void without_an_answer_all_waits(void **state)
{
	static const int statuses[] = {0, 401, 404, 429, 500, 502, 503, 302, 200};
	struct server *s = *state;
	struct outbox_report r;
	struct outbox_entry e;

	add(s, "a1", "bob", "1");
	add(s, "a2", "bob", "2");
	add(s, "a3", "carl", "3");
	for (unsigned i = 0; i < sizeof statuses / sizeof *statuses; i++) {
		s->whole = statuses[i];
		s->silent = statuses[i] == 0;
		unsigned before = s->requests;
		assert_int_equal(flush(s, &r), OUTBOX_WAITS);
		assert_int_equal(s->requests, before + 1);
		assert_true(r.why[0]);
		assert_int_equal(client_db_waiting(s->db, NULL, NULL), 3);
	}
	assert_int_equal(client_db_entry(s->db, "a1", &e), 0);
	assert_int_equal(e.attempts, sizeof statuses / sizeof *statuses);
	free((char *)e.body);
	s->whole = 0;
	s->silent = false;
	assert_int_equal(flush(s, &r), OUTBOX_EMPTY);
	/* Two were taken the first time: not again. */
	assert_has(s, "a1 bob 1\na3 carl 3\na2 bob 2\n");
}

static void a_request_refused_as_a_whole_is_taken_apart(void **state)
{
	struct server *s = *state;
	struct outbox_report r;

	s->whole = 413;
	add(s, "a1", "bob", "1");
	add(s, "a2", "carl", "2");
	assert_int_equal(flush(s, &r), OUTBOX_EMPTY);
	assert_int_equal(s->requests, 3);
	assert_int_equal(state_of(s, "a1"), ENTRY_FAILED);
	assert_int_equal(state_of(s, "a2"), ENTRY_FAILED);
}

static void one_flusher_at_a_time(void **state)
{
	struct server *s = *state;
	struct outbox_report r;
	int fd = outbox_lock(s->db, 0);

	add(s, "a1", "bob", "1");
	assert_true(fd >= 0);
	assert_int_equal(outbox_lock(s->db, clock_mono_us() + 30000), -1);
	assert_int_equal(flush(s, &r), OUTBOX_BUSY);
	assert_int_equal(s->requests, 0);
	close(fd);
	assert_int_equal(flush(s, &r), OUTBOX_EMPTY);
	assert_int_equal(s->requests, 1);
}

/* A child flushes and ends at the n-th step of the database, before or after the n-th request; then the next run brings all of it to an end. */
static bool dies(struct server *s, int step, int before, int after)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		struct outbox_report r;
		char why[256];
		s->db = client_db_open(s->path, "http://127.0.0.1:1", "ada", why);
		client_db_on_step(s->db, maybe_die, NULL);
		left = step;
		s->die_before = before;
		s->die_after = after;
		_exit(!s->db || flush(s, &r) != OUTBOX_EMPTY);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_true(WEXITSTATUS(status) == DEATH || WEXITSTATUS(status) == 0);
	return WEXITSTATUS(status) == DEATH;
}

static unsigned die_everywhere(struct server *s, int step, int before, int after)
{
	struct outbox_report r;
	unsigned deaths = 0;

	for (int n = 1; n < 100; n++) {
		char id[3][48];
		char wanted[256];
		unlink(s->log);
		for (int i = 0; i < 3; i++)
			snprintf(id[i], sizeof id[i], "r%d-%d-%d.", n, step * 4 + before * 2 + after, i);
		add(s, id[0], "bob", "1");
		add(s, id[1], "bob", "2");
		add(s, id[2], "carl", "3");
		bool died = dies(s, step * n, before * n, after * n);
		assert_int_equal(flush(s, &r), OUTBOX_EMPTY);
		snprintf(wanted, sizeof wanted, "%s bob 1\n%s carl 3\n%s bob 2\n", id[0], id[2], id[1]);
		assert_has(s, wanted);
		if (!died)
			return deaths;
		deaths++;
	}
	return deaths;
}

static void dying_anywhere_loses_and_repeats_nothing(void **state)
{
	struct server *s = *state;

	assert_int_equal(die_everywhere(s, 0, 1, 0), 2);
	assert_int_equal(die_everywhere(s, 0, 0, 1), 2);
	assert_int_equal(die_everywhere(s, 1, 0, 0), 6);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(everything_goes_in_order),
		T(a_refusal_stays_and_lets_others_pass),
		T(nothing_passes_what_will_be_tried_again),
		T(without_an_answer_all_waits),
		T(a_request_refused_as_a_whole_is_taken_apart),
		T(one_flusher_at_a_time),
		T(dying_anywhere_loses_and_repeats_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
