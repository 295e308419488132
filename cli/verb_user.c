#include "cli/admin.h"
#include "cli/login.h"
#include "cli/table.h"
#include "common/wire/json.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

enum { RATE_MAX = 1000000 };

/* The path of one page; -1 when something in it cannot stand in a query. */
static int page_path(struct cli *c, const char *after, unsigned limit, char out[256])
{
	const char *prefix = cli_option(c, "prefix");
	size_t n = prefix ? strlen(prefix) : 0;

	if (n > 32 || (prefix && strspn(prefix, "abcdefghijklmnopqrstuvwxyz0123456789._-") != n))
		return cli_fail(EXIT_USAGE, "no user name begins with \"%.70s\"", prefix);
	if (*after && !token_text_ok(str_of(after)) && !user_name_ok(str_of(after)))
		return cli_fail(EXIT_USAGE, "\"%.70s\" is no cursor", after);
	snprintf(out, 256, "/admin/users?limit=%u%s%s%s%s", limit, n ? "&prefix=" : "", n ? prefix : "",
		*after ? "&after=" : "", after);
	return EXIT_DONE;
}

static int list(struct cli *c)
{
	static const struct column columns[] = {{"user", "USER", CELL_TEXT}, {"online", "ONLINE", CELL_TEXT},
		{"locked", "LOCKED", CELL_TEXT}, {"bench", "BENCH", CELL_TEXT}, {"sessions", "SESSIONS", CELL_NUMBER},
		{"created_at", "CREATED", CELL_TIME}, {"display_name", "NAME", CELL_TEXT}, {NULL, NULL, CELL_TEXT}};
	const char *after = cli_option(c, "after");
	char next[65] = "", path[256];
	cJSON *all = cJSON_CreateArray(), *page, *u;
	unsigned limit;
	int rc = cli_number(c, "limit", 1, PAGE_MAX, cli_switch(c, "all-pages") ? PAGE_MAX : 50, &limit);

	snprintf(next, sizeof next, "%s", after ? after : "");
	do {
		if (rc || (rc = page_path(c, next, limit, path)))
			break;
		page = admin_get(c, path, true, next, &rc);
		while (page && (u = cJSON_DetachItemFromArray(page, 0)))
			cJSON_AddItemToArray(all, u);
		cJSON_Delete(page);
	} while (rc == EXIT_DONE && *next && cli_switch(c, "all-pages"));
	if (rc == EXIT_DONE)
		rc = table_show(c, columns, all);
	if (rc == EXIT_DONE && *next)
		cli_note(c, "there are more: --all-pages, or --after %s", next);
	if (rc == EXIT_DONE && cJSON_GetArraySize(all) == 0 && cli_switch(c, "empty"))
		rc = EXIT_NOTHING;
	cJSON_Delete(all);
	return rc;
}

/* Asks for the password and puts it into a new object; an exit code. */
static int with_password(struct cli *c, cJSON **body)
{
	char password[PASSWORD_MAX + 2] = "";
	int rc = password_get(c, "password-file", "Password: ", true, password);

	*body = NULL;
	if (rc == EXIT_DONE && strlen(password) < PASSWORD_MIN)
		rc = cli_fail(EXIT_USAGE, "a password has at least %d bytes", PASSWORD_MIN);
	if (rc == EXIT_DONE && !utf8_ok(str_of(password)))
		rc = cli_fail(EXIT_USAGE, "the password is not UTF-8");
	if (rc == EXIT_DONE) {
		*body = cJSON_CreateObject();
		cJSON_AddStringToObject(*body, "password", password);
	}
	sodium_memzero(password, sizeof password);
	return rc;
}

/* A call about the user who was named; %s in path and would stands for the name. */
static int change(struct cli *c, const char *method, const char *tail, cJSON *body, const char *would)
{
	char path[128], words[128];

	snprintf(path, sizeof path, "/admin/users/%s%s", c->args[1], tail);
	snprintf(words, sizeof words, "%s %s", would, c->args[1]);
	return admin_change(c, method, path, body, words, NULL);
}

static int add(struct cli *c)
{
	const char *display = cli_option(c, "display-name");
	char would[128];
	cJSON *body;

	if (display && !utf8_ok(str_of(display)))
		return cli_fail(EXIT_USAGE, "the name is not UTF-8");
	int rc = with_password(c, &body);
	if (rc)
		return rc;
	cJSON_AddStringToObject(body, "user", c->args[1]);
	if (display)
		cJSON_AddStringToObject(body, "display_name", display);
	snprintf(would, sizeof would, "add %s", c->args[1]);
	return admin_change(c, "POST", "/admin/users", body, would, NULL);
}

static int passwd(struct cli *c)
{
	cJSON *body;
	int rc = with_password(c, &body);

	return rc ? rc : change(c, "PUT", "/password", body, "change the password of");
}

static int remove_user(struct cli *c)
{
	char question[256];

	snprintf(question, sizeof question,
		"Removes the account %s, its sessions, contacts and keys, for good; nobody gets the name again.",
		c->args[1]);
	int rc = admin_confirm(c, question);
	return rc ? rc : change(c, "DELETE", "", NULL, "remove");
}

static int set_lock(struct cli *c, bool locked)
{
	cJSON *body = cJSON_CreateObject();

	cJSON_AddBoolToObject(body, "locked", locked);
	return change(c, "PUT", "/lock", body, locked ? "lock" : "unlock");
}

static int lock(struct cli *c)
{
	return set_lock(c, true);
}

static int unlock(struct cli *c)
{
	return set_lock(c, false);
}

/* A member that was given: a number, or "default" for what the configuration says. */
static int add_limit(struct cli *c, cJSON *body, const char *option, const char *key)
{
	const char *text = cli_option(c, option);
	unsigned n;
	int rc = EXIT_DONE;

	if (text && strcmp(text, "default") == 0)
		cJSON_AddNullToObject(body, key);
	else if (text && (rc = cli_number(c, option, 1, RATE_MAX, 1, &n)) == EXIT_DONE)
		cJSON_AddNumberToObject(body, key, n);
	return rc;
}

static int limit(struct cli *c)
{
	static const struct column columns[] = {{"sends_per_s", "sends per second", CELL_NUMBER},
		{"burst", "burst", CELL_NUMBER}, {NULL, NULL, CELL_TEXT}};
	char path[128], would[128];
	cJSON *body, *o;

	if (!cli_option(c, "sends-per-s") && !cli_option(c, "burst"))
		return cli_fail(EXIT_USAGE, "give --sends-per-s N, --burst N, or both; \"default\" is what the "
					    "configuration says");
	body = cJSON_CreateObject();
	int rc = add_limit(c, body, "sends-per-s", "sends_per_s");
	if (rc || (rc = add_limit(c, body, "burst", "burst"))) {
		cJSON_Delete(body);
		return rc;
	}
	snprintf(path, sizeof path, "/admin/users/%s/limits", c->args[1]);
	snprintf(would, sizeof would, "set the limits of %s", c->args[1]);
	rc = admin_change(c, "PUT", path, body, would, &o);
	if (o)
		rc = table_object(c, columns, o);
	cJSON_Delete(o);
	return rc;
}

static int exec_user(struct cli *c)
{
	static const struct admin_word words[] = {{"ls", 1, 1, list}, {"list", 1, 1, list}, {"add", 2, 2, add},
		{"passwd", 2, 2, passwd}, {"rm", 2, 2, remove_user}, {"lock", 2, 2, lock}, {"unlock", 2, 2, unlock},
		{"limit", 2, 2, limit}};
	int rc = c->n_args > 1 ? admin_user(c->args[1]) : EXIT_DONE;

	return rc ? rc
		  : admin_words(c, 0, words, sizeof words / sizeof *words,
			    "ls | add USER | passwd USER | rm USER | lock USER | unlock USER | limit USER");
}

static const struct cli_option options[] = {
	ADMIN_OPTIONS,
	YES_OPTION,
	{"password-file", 0, "FILE", "add, passwd: the password, without one trailing newline; - is stdin",
		COMPLETE_FILE, false},
	{"display-name", 0, "NAME", "add: how others see the user", COMPLETE_NONE, false},
	{"sends-per-s", 0, "N", "limit: messages a second, or default", COMPLETE_NONE, false},
	{"burst", 0, "N", "limit: so many at once before that counts, or default", COMPLETE_NONE, false},
	{"prefix", 0, "TEXT", "ls: only names that begin so", COMPLETE_NONE, false},
	{"limit", 0, "N", "ls: at most so many, 1 to 500 (default 50)", COMPLETE_NONE, false},
	{"after", 0, "CURSOR", "ls: go on behind this place", COMPLETE_NONE, false},
	{"all-pages", 0, NULL, "ls: all pages, not only the first", COMPLETE_NONE, false},
	{"empty", 'e', NULL, "ls: exit 3 when there are none", COMPLETE_NONE, false},
	{NULL, 0, NULL, NULL, COMPLETE_NONE, false},
};

const struct verb verb_user = {
	.name = "user",
	.args = "ls|add|passwd|rm|lock|unlock|limit [USER]",
	.summary = "accounts of a chatd: for operators",
	.text = "ls lists accounts by name. add makes one whatever registration says. passwd sets a new password and "
		"ends "
		"all sessions. rm removes an account for good, after a question: sessions, contacts and keys go, the "
		"messages stay with the other side, and nobody gets the name again. lock ends the connections of a "
		"user and keeps her out until unlock; nothing of hers is lost, and messages to her wait. limit sets "
		"how fast she may send.",
	.examples =
		"chatctl user ls --admin /var/lib/chatd\nchatctl user add bob --password-file pw\nchatctl user lock "
		"mallory\nchatctl user limit bot --sends-per-s 200 --burst 1000\nchatctl user rm mallory --yes",
	.options = options,
	.min_args = 1,
	.max_args = 2,
	.need = NEED_CONTEXT,
	.timeout_default_s = 30,
	.exec = exec_user,
};
