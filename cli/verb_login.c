/* register and login: both end with a saved context. */
#include "cli/out.h"
#include "common/msg.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

/* Asks on the terminal, without echo. 0 or an exit code. */
static int ask_password(char out[PASSWORD_MAX + 2])
{
	struct termios was, quiet;

	if (tcgetattr(STDIN_FILENO, &was))
		return cli_fail(
			EXIT_USAGE, "no terminal to ask for the password; give --password-file FILE (- is stdin)");
	fputs("Password: ", stderr);
	quiet = was;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	bool ok = fgets(out, PASSWORD_MAX + 2, stdin) != NULL;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
	fputc('\n', stderr);
	out[strcspn(out, "\n")] = 0;
	return ok ? EXIT_DONE : cli_fail(EXIT_USAGE, "no password given");
}

static int get_password(struct cli *c, char out[PASSWORD_MAX + 2])
{
	const char *file = cli_option(c, "password-file");
	char why[256];

	if (file)
		return secret_read(file, out, PASSWORD_MAX + 2, why) ? cli_fail(EXIT_USAGE, "--password-file: %s", why)
								     : EXIT_DONE;
	if (c->no_input)
		return cli_fail(EXIT_USAGE, "a password is needed: --password-file FILE (- is stdin)");
	return ask_password(out);
}

static char *credentials(struct cli *c, const char *password, bool registering)
{
	cJSON *o = cJSON_CreateObject();
	const char *display = cli_option(c, "display-name"), *invite = cli_option(c, "invite"),
		   *device = cli_option(c, "device-name");
	char host[65] = "chatctl";

	(void)gethostname(host, sizeof host - 1);
	cJSON_AddStringToObject(o, "user", c->args[0]);
	cJSON_AddStringToObject(o, "password", password);
	if (registering && display)
		cJSON_AddStringToObject(o, "display_name", display);
	if (registering && invite)
		cJSON_AddStringToObject(o, "invite", invite);
	if (!registering)
		cJSON_AddStringToObject(o, "device_name", device ? device : host);
	char *json = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	return json;
}

static int post_secret(
	struct cli *c, const char *path, const char *password, bool registering, bool silent, struct http_answer *a)
{
	char *json = credentials(c, password, registering);
	struct str body = {json, json ? strlen(json) : 0};

	*a = (struct http_answer){0};
	if (!json)
		return cli_fail(EXIT_FAILED, "out of memory");
	/* A session made twice is one too many, no harm; an account made twice is "taken", which is looked at. */
	int rc = cli_request(c, "POST", path, &body, true, silent, a);
	sodium_memzero(json, body.n);
	free(json);
	return rc;
}

static int save_session(struct cli *c, const struct http_answer *a)
{
	cJSON *s = cJSON_Parse(a->body.data);
	const cJSON *token = cJSON_GetObjectItemCaseSensitive(s, "token"),
		    *device = cJSON_GetObjectItemCaseSensitive(s, "device");
	char why[256] = "the server's answer has no token";
	int rc = -1;

	if (cJSON_IsString(token) && cJSON_IsString(device)) {
		snprintf(c->profile.user, sizeof c->profile.user, "%s", c->args[0]);
		snprintf(c->profile.token, sizeof c->profile.token, "%s", token->valuestring);
		snprintf(c->profile.device, sizeof c->profile.device, "%s", device->valuestring);
		rc = profile_save(&c->profile, why);
	}
	cJSON_Delete(s);
	if (rc)
		return cli_fail(EXIT_FAILED, "%s", why);
	if (!c->quiet)
		fprintf(stderr, "chatctl: logged in to %s as %s; context \"%s\"\n", c->profile.url, c->profile.user,
			c->profile.name);
	return EXIT_DONE;
}

static int do_login(struct cli *c, const char *password, bool silent)
{
	struct http_answer a;
	int rc = post_secret(c, "/sessions", password, false, silent, &a);

	if (rc == EXIT_DONE)
		rc = save_session(c, &a);
	if (a.body.data)
		sodium_memzero(a.body.data, a.body.len);
	http_answer_release(&a);
	return rc;
}

static int do_register(struct cli *c, const char *password)
{
	struct http_answer a;
	int rc = post_secret(c, "/users", password, true, true, &a);
	bool taken = a.status == 409;

	/* Taken, perhaps by a first try of ours whose answer was lost: then the password fits, and all is well. */
	if (taken && do_login(c, password, true) == EXIT_DONE)
		rc = EXIT_DONE;
	else if (rc && a.status)
		rc = cli_answer(&a, false);
	else if (rc)
		cli_fail(rc, "%s: %s", c->profile.url, a.why);
	else
		rc = do_login(c, password, false);
	http_answer_release(&a);
	return rc;
}

static int check(struct cli *c)
{
	const char *cacert = cli_option(c, "cacert");

	if (!user_name_ok(str_of(c->args[0])))
		return cli_fail(EXIT_USAGE,
			"a user name is 2 to 32 of a-z 0-9 . _ - and begins with a letter or a digit, not \"%s\"",
			c->args[0]);
	if (!http_url_is_private(c->profile.url))
		return cli_fail(EXIT_USAGE,
			"%s is plain http and not on this machine: a password would cross the network in the clear; "
			"use https",
			c->profile.url);
	if (cacert)
		snprintf(c->profile.cacert, sizeof c->profile.cacert, "%s", cacert);
	c->profile.token[0] = 0;
	return EXIT_DONE;
}

static int run(struct cli *c, bool registering)
{
	char password[PASSWORD_MAX + 2];
	int rc = check(c);

	if (rc == EXIT_DONE)
		rc = get_password(c, password);
	if (rc)
		return rc;
	rc = registering ? do_register(c, password) : do_login(c, password, false);
	sodium_memzero(password, sizeof password);
	return rc;
}

static int exec_register(struct cli *c)
{
	return run(c, true);
}

static int exec_login(struct cli *c)
{
	return run(c, false);
}

static const struct cli_option register_options[] = {
	{"password-file", 0, "FILE", "the password, without one trailing newline; - is stdin", COMPLETE_FILE, false},
	{"display-name", 0, "NAME", "how others see you", COMPLETE_NONE, false},
	{"invite", 0, "CODE", "where registration needs an invite", COMPLETE_NONE, false},
	{"device-name", 0, "NAME", "how this login is called in the list of devices (default: the host's name)",
		COMPLETE_NONE, false},
	{"cacert", 0, "FILE", "trust this CA for the server; kept in the context", COMPLETE_FILE, false},
	{NULL, 0, NULL, NULL, COMPLETE_NONE, false},
};
static const struct cli_option login_options[] = {
	{"password-file", 0, "FILE", "the password, without one trailing newline; - is stdin", COMPLETE_FILE, false},
	{"device-name", 0, "NAME", "how this login is called in the list of devices (default: the host's name)",
		COMPLETE_NONE, false},
	{"cacert", 0, "FILE", "trust this CA for the server; kept in the context", COMPLETE_FILE, false},
	{NULL, 0, NULL, NULL, COMPLETE_NONE, false},
};

const struct verb verb_register = {
	.name = "register",
	.args = "USER",
	.summary = "make an account, log in, save the context",
	.text = "Makes the account, logs in and saves server, user and token as a context (-c NAME, else the one in "
		"use). A register whose answer was lost can be run again: "
		"it then logs in. The password comes from --password-file or is asked for; never as an argument.",
	.examples = "chatctl -c alice register alice --url http://127.0.0.1:8080 --password-file pw",
	.options = register_options,
	.min_args = 1,
	.max_args = 1,
	.need = NEED_URL,
	.timeout_default_s = 60,
	.exec = exec_register,
};

const struct verb verb_login = {
	.name = "login",
	.args = "USER",
	.summary = "log in, save the context",
	.text = "Logs in and saves server, user and token as a context (-c NAME, else the one in use).",
	.examples = "chatctl -c work login alice --url https://chat.example --password-file pw",
	.options = login_options,
	.min_args = 1,
	.max_args = 1,
	.need = NEED_URL,
	.timeout_default_s = 60,
	.exec = exec_login,
};
