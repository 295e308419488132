#include "cli/admin.h"
#include "cli/ping.h"
#include "cli/table.h"
#include "common/msg.h"
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_STEP_MS = 100, USES_MAX = 1000000, EXPIRES_MAX_S = 366 * 86400 };

static int info(struct cli *c)
{
	static const struct column columns[] = {{"version", "version", CELL_TEXT}, {"state", "state", CELL_TEXT},
		{"pid", "pid", CELL_TEXT}, {"started_at", "started", CELL_TIME}, {"uptime_s", "uptime", CELL_S},
		{"listen", "listens on", CELL_TEXT}, {"data", "data", CELL_TEXT}, {"threads", "threads", CELL_NUMBER},
		{"users", "users", CELL_NUMBER}, {"sessions", "sessions", CELL_NUMBER},
		{"connections", "connections", CELL_NUMBER}, {"messages", "messages", CELL_NUMBER},
		{"journal_segments", "segments", CELL_NUMBER}, {"journal_bytes", "journal", CELL_BYTES},
		{"journal_epoch", "epoch", CELL_TEXT}, {"registration", "registration", CELL_TEXT},
		{NULL, NULL, CELL_TEXT}};
	int rc;
	cJSON *o = admin_get(c, "/admin/info", false, NULL, &rc);

	if (o)
		rc = table_object(c, columns, o);
	cJSON_Delete(o);
	return rc;
}

/* Text is what a configuration file would say; csv and tsv have a row a key. */
static int show_config(struct cli *c, const cJSON *all)
{
	static const char *const columns[] = {"key", "value", NULL};
	struct out out;
	const cJSON *v;
	struct buf b;

	out_begin(&out, c, columns, false);
	cJSON_ArrayForEach(v, all)
	{
		cJSON *row = cJSON_CreateObject();
		cJSON_AddStringToObject(row, "key", v->string);
		cJSON_AddStringToObject(row, "value", cJSON_IsString(v) ? v->valuestring : "");
		if (c->mode == OUT_TEXT) {
			buf_init(&b, 65536);
			buf_addf(&b, "%s = %s\n", v->string, cJSON_IsString(v) ? v->valuestring : "");
			out_text(c, buf_str(&b), false);
			buf_release(&b);
		} else {
			(void)out_item(&out, row);
		}
		cJSON_Delete(row);
	}
	return out_end(&out) ? cli_fail(EXIT_FAILED, "cannot write to stdout") : EXIT_DONE;
}

static int config(struct cli *c)
{
	static const char *const none[] = {NULL};
	int rc;
	cJSON *all = admin_get(c, "/admin/config", false, NULL, &rc);
	const cJSON *one = all && c->n_args > 1 ? cJSON_GetObjectItemCaseSensitive(all, c->args[1]) : NULL;

	if (!all)
		return rc;
	if (c->n_args > 1 && !cJSON_IsString(one)) {
		rc = cli_fail(EXIT_FAILED, "chatd has no key \"%s\"", c->args[1]);
	} else if (c->n_args > 1) {
		out_text(c, str_of(one->valuestring), false);
		putchar('\n');
	} else if (c->mode == OUT_JSON || c->mode == OUT_JSONL) {
		struct out out;
		out_begin(&out, c, none, true);
		(void)out_item(&out, all);
		rc = out_end(&out) ? cli_fail(EXIT_FAILED, "cannot write to stdout") : EXIT_DONE;
	} else {
		rc = show_config(c, all);
	}
	cJSON_Delete(all);
	return rc;
}

/* What a call answered, for those who ask for a format. */
static int answer(struct cli *c, const struct column *columns, cJSON *o)
{
	int rc = o && c->mode != OUT_TEXT ? table_object(c, columns, o) : EXIT_DONE;

	cJSON_Delete(o);
	return rc;
}

static int reload(struct cli *c)
{
	static const struct column columns[] = {{"changed", "changed", CELL_TEXT}, {NULL, NULL, CELL_TEXT}};
	cJSON *o;
	const cJSON *key;
	int rc = admin_change(c, "POST", "/admin/reload", NULL, "have chatd read its configuration again", &o);

	if (!o || c->mode != OUT_TEXT)
		return rc ? rc : answer(c, columns, o);
	const cJSON *changed = cJSON_GetObjectItemCaseSensitive(o, "changed");
	cJSON_ArrayForEach(key, changed)
	{
		if (cJSON_IsString(key)) {
			out_text(c, str_of(key->valuestring), false);
			putchar('\n');
		}
	}
	if (!cJSON_GetArraySize(changed))
		cli_note(c, "nothing has changed");
	cJSON_Delete(o);
	return EXIT_DONE;
}

/* The process, when it is one of this machine: then the interface is a socket. 0: not known. */
static pid_t process(struct cli *c)
{
	int rc;
	cJSON *o = admin_get(c, "/admin/info", false, NULL, &rc);
	const cJSON *pid = cJSON_GetObjectItemCaseSensitive(o, "pid");
	bool here = o && cJSON_IsNumber(pid) && pid->valueint > 0 && !strstr(http_client_where(c->admin), "://");
	pid_t is = here ? pid->valueint : 0;

	cJSON_Delete(o);
	return is;
}

/* It stops listening before it has ended: so nobody answers there, and the process is gone. */
static int wait_for_end(struct cli *c, pid_t pid)
{
	c->retries = 0;
	for (;;) {
		struct http_answer a;
		int rc = admin_request(c, "GET", "/admin/info", NULL, true, true, &a);
		http_answer_release(&a);
		if (rc == EXIT_NETWORK && (!pid || (kill(pid, 0) && errno == ESRCH)))
			return EXIT_DONE;
		if (rc == EXIT_TIMEOUT || cli_left_ms(c) <= WAIT_STEP_MS)
			return cli_fail(EXIT_TIMEOUT, "it has not ended yet");
		nanosleep(&(struct timespec){.tv_nsec = WAIT_STEP_MS * 1000000L}, NULL);
	}
}

static int drain(struct cli *c)
{
	int rc = admin_confirm(c, "Ends chatd: connections are told to come back later.");

	if (rc)
		return rc;
	pid_t pid = cli_switch(c, "wait") && !c->dry_run ? process(c) : 0;
	rc = admin_change(c, "POST", "/admin/drain", NULL, "have chatd end", NULL);
	if (rc || c->dry_run)
		return rc;
	if (cli_switch(c, "wait"))
		return wait_for_end(c, pid);
	cli_note(c, "it drains and then ends; server drain --wait would wait for that");
	return EXIT_DONE;
}

static int backup(struct cli *c)
{
	static const struct column columns[] = {{"files", "files", CELL_NUMBER}, {"bytes", "bytes", CELL_BYTES},
		{"took_ms", "took", CELL_MS}, {NULL, NULL, CELL_TEXT}};
	char path[PATH_MAX], would[PATH_MAX + 32];
	cJSON *body = cJSON_CreateObject(), *o;

	/* The directory is on chatd's machine, which is this one as a rule. */
	if (c->args[1][0] == '/')
		snprintf(path, sizeof path, "%s", c->args[1]);
	else if (!getcwd(path, sizeof path - strlen(c->args[1]) - 1))
		return cJSON_Delete(body), cli_fail(EXIT_USAGE, "give the directory with its whole path");
	else
		snprintf(path + strlen(path), sizeof path - strlen(path), "/%s", c->args[1]);
	cJSON_AddStringToObject(body, "to", path);
	snprintf(would, sizeof would, "write a backup to %s", path);
	/* It takes as long as it takes, unless --timeout says otherwise. */
	c->call_max_ms = UINT_MAX;
	if (!c->timeout_given)
		c->timeout_ms = c->deadline_us = 0;
	int rc = admin_change(c, "POST", "/admin/backup", body, would, &o);
	if (rc || !o)
		return rc;
	if (c->mode == OUT_TEXT && !c->quiet)
		rc = table_object(c, columns, o), cJSON_Delete(o);
	else
		rc = answer(c, columns, o);
	return rc;
}

static int invite_new(struct cli *c)
{
	static const struct column columns[] = {{"id", "id", CELL_TEXT}, {"invite", "invite", CELL_TEXT},
		{"uses", "uses", CELL_NUMBER}, {"expires_at", "expires", CELL_TIME}, {NULL, NULL, CELL_TEXT}};
	const char *text = cli_option(c, "expires");
	uint64_t ms = 7 * 86400000ull;
	unsigned uses;
	int rc = cli_number(c, "uses", 1, USES_MAX, 1, &uses);
	cJSON *body, *o;

	if (rc)
		return rc;
	if (text && (duration_parse(text, &ms) || ms < 1000 || ms / 1000 > EXPIRES_MAX_S))
		return cli_fail(EXIT_USAGE, "--expires is a time from 1s to 8784h, not \"%s\"", text);
	body = cJSON_CreateObject();
	cJSON_AddNumberToObject(body, "uses", uses);
	cJSON_AddNumberToObject(body, "expires_s", (double)(ms / 1000));
	rc = admin_change(c, "POST", "/admin/invites", body, "make an invite", &o);
	if (!o || c->mode != OUT_TEXT)
		return rc ? rc : answer(c, columns, o);
	const cJSON *code = cJSON_GetObjectItemCaseSensitive(o, "invite"),
		    *id = cJSON_GetObjectItemCaseSensitive(o, "id");
	if (cJSON_IsString(code)) {
		out_text(c, str_of(code->valuestring), false);
		putchar('\n');
	}
	if (cJSON_IsString(id))
		cli_note(c,
			"for: chatctl register USER --url URL --invite CODE; end it with: chatctl server invite revoke "
			"%s%s",
			id->valuestring[0] == '-' ? "-- " : "", id->valuestring);
	cJSON_Delete(o);
	return EXIT_DONE;
}

static int invite_list(struct cli *c)
{
	static const struct column columns[] = {{"id", "ID", CELL_TEXT}, {"uses_left", "USES LEFT", CELL_NUMBER},
		{"created_at", "CREATED", CELL_TIME}, {"expires_at", "EXPIRES", CELL_TIME}, {NULL, NULL, CELL_TEXT}};
	int rc;
	cJSON *list = admin_get(c, "/admin/invites", true, NULL, &rc);

	if (list)
		rc = table_show(c, columns, list);
	cJSON_Delete(list);
	return rc;
}

static int invite_revoke(struct cli *c)
{
	char path[128], would[128];

	if (!token_text_ok(str_of(c->args[2])))
		return cli_fail(EXIT_USAGE, "\"%.70s\" is no invite's id; see: chatctl server invite ls", c->args[2]);
	snprintf(path, sizeof path, "/admin/invites/%s", c->args[2]);
	snprintf(would, sizeof would, "revoke the invite %s", c->args[2]);
	return admin_change(c, "DELETE", path, NULL, would, NULL);
}

static int invite(struct cli *c)
{
	static const struct admin_word words[] = {{"new", 1, 1, invite_new}, {"ls", 1, 1, invite_list},
		{"list", 1, 1, invite_list}, {"revoke", 2, 2, invite_revoke}};

	return admin_words(c, 1, words, sizeof words / sizeof *words, "invite new | ls | revoke ID");
}

static int exec_server(struct cli *c)
{
	static const struct admin_word words[] = {{"info", 1, 1, info}, {"ping", 1, 1, ping_run},
		{"drain", 1, 1, drain}, {"reload", 1, 1, reload}, {"backup", 2, 2, backup}, {"config", 1, 2, config},
		{"invite", 2, 3, invite}};

	return admin_words(c, 0, words, sizeof words / sizeof *words,
		"info | ping | drain | reload | backup DIR | config [KEY] | invite new|ls|revoke [ID]");
}

static const struct cli_option options[] = {
	ADMIN_OPTIONS,
	YES_OPTION,
	{"wait", 0, NULL, "drain: end once chatd has ended", COMPLETE_NONE, false},
	{"count", 0, "N", "ping: how often (default 4)", COMPLETE_NONE, false},
	{"interval", 0, "TIME", "ping: from one to the next (default 1s)", COMPLETE_NONE, false},
	{"uses", 0, "N", "invite new: how many accounts it makes (default 1)", COMPLETE_NONE, false},
	{"expires", 0, "TIME", "invite new: how long it is good (default 168h)", COMPLETE_NONE, false},
	{NULL, 0, NULL, NULL, COMPLETE_NONE, false},
};

const struct verb verb_server = {
	.name = "server",
	.args = "info|ping|drain|reload|backup|config|invite [ARGUMENT]",
	.summary = "look after a chatd: for operators",
	.text = "info says what it is and holds. ping measures the answers of the context's server over HTTP and, with "
		"a login, over a WebSocket; it needs no admin interface: exit 6 when none came, 7 when some did. drain "
		"ends chatd as SIGTERM does: what was read is answered, clients are told when to come back. reload has "
		"it read its configuration file again and prints the keys that changed. backup DIR writes a copy of "
		"everything, while it serves, into a directory of chatd's machine that is empty or not there yet; "
		"chatd --data DIR starts from it. config prints the options in force, or one of them. invite new "
		"prints a code for register --invite, which is shown this once; invite ls and invite revoke ID are "
		"about those that still count. drain asks first.",
	.examples = "chatctl server info --admin /var/lib/chatd\nexport CHAT_ADMIN=/var/lib/chatd\nchatctl server ping "
		    "--url https://chat.example --count 10 --interval 200ms\nchatctl server backup /backup/chat-$(date "
		    "+%F)\ncode=$(chatctl -q server invite new --uses 5)\nchatctl server drain --yes --wait",
	.options = options,
	.min_args = 1,
	.max_args = 3,
	.need = NEED_CONTEXT,
	.timeout_default_s = 30,
	.exec = exec_server,
};
