#include "cli/login.h"
#include <cjson/cJSON.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

static int put(struct cli *c, const char *old, const char *new)
{
	struct http_answer a = {0};
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "old", old);
	cJSON_AddStringToObject(o, "new", new);
	char *json = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	if (!json)
		return cli_fail(EXIT_FAILED, "out of memory");
	struct str body = str_of(json);
	cli_restart_clock(c);
	/* Not tried again by itself: had the first try worked, the second would say that the old password is wrong. */
	int rc = cli_request(c, "PUT", "/users/me/password", &body, false, false, &a);
	sodium_memzero(json, body.n);
	free(json);
	http_answer_release(&a);
	if (rc == EXIT_NETWORK || rc == EXIT_TIMEOUT)
		cli_note(c,
			"whether it was changed is not known: run it again; if the old password is wrong then, it was");
	return rc;
}

static int exec_passwd(struct cli *c)
{
	const char *old_file = cli_option(c, "old-password-file"), *new_file = cli_option(c, "password-file");
	char old[PASSWORD_MAX + 2] = "", new[PASSWORD_MAX + 2] = "";
	int rc;

	if (old_file && new_file && strcmp(old_file, "-") == 0 && strcmp(new_file, "-") == 0)
		return cli_fail(EXIT_USAGE, "stdin can be only one of the two files");
	rc = password_get(c, "old-password-file", "Old password: ", false, old);
	if (rc == EXIT_DONE)
		rc = password_get(c, "password-file", "New password: ", true, new);
	if (rc == EXIT_DONE && strlen(new) < PASSWORD_MIN)
		rc = cli_fail(EXIT_USAGE, "a password has at least %d bytes", PASSWORD_MIN);
	if (rc == EXIT_DONE && c->dry_run)
		printf("would change the password of %s\n", c->profile.user);
	else if (rc == EXIT_DONE && (rc = put(c, old, new)) == EXIT_DONE)
		cli_note(c, "changed; other logins of this account have ended, this one goes on");
	sodium_memzero(old, sizeof old);
	sodium_memzero(new, sizeof new);
	return rc;
}

static const struct cli_option options[] = {
	{"old-password-file", 0, "FILE", "the password until now, without one trailing newline; - is stdin",
		COMPLETE_FILE, false},
	{"password-file", 0, "FILE", "the new one", COMPLETE_FILE, false},
	{NULL, 0, NULL, NULL, COMPLETE_NONE, false},
};

const struct verb verb_passwd = {
	.name = "passwd",
	.args = "",
	.summary = "change the password",
	.text = "Asks for the old and the new password, or takes them from files; never as arguments. This login goes "
		"on, all others of the account end.",
	.examples = "chatctl passwd\nchatctl passwd --old-password-file old --password-file new",
	.options = options,
	.need = NEED_LOGIN,
	.timeout_default_s = 60,
	.exec = exec_passwd,
};
