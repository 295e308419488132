#include "cli/login.h"
#include "cli/messages.h"
#include "common/msg.h"
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

static struct termios terminal_was;

/* A signal while nothing is echoed must not leave the terminal so. */
static void restore_echo(int sig)
{
	tcsetattr(STDIN_FILENO, TCSANOW, &terminal_was);
	_exit(sig == SIGALRM ? EXIT_TIMEOUT : 128 + sig);
}

/* Asks on the terminal, without echo. 0 or an exit code. */
static int ask(const char *prompt, char out[PASSWORD_MAX + 2])
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGALRM};
	struct sigaction restoring = {.sa_handler = restore_echo}, before[4];
	struct termios quiet;

	if (tcgetattr(STDIN_FILENO, &terminal_was))
		return cli_fail(EXIT_USAGE, "no terminal to ask on; give passwords by --password-file FILE (passwd: "
					    "--old-password-file too; - is stdin)");
	for (int i = 0; i < 4; i++)
		sigaction(signals[i], &restoring, &before[i]);
	quiet = terminal_was;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	fputs(prompt, stderr);
	bool ok = fgets(out, PASSWORD_MAX + 2, stdin) != NULL;
	tcsetattr(STDIN_FILENO, TCSANOW, &terminal_was);
	for (int i = 0; i < 4; i++)
		sigaction(signals[i], &before[i], NULL);
	fputc('\n', stderr);
	out[strcspn(out, "\n")] = 0;
	return ok ? EXIT_DONE : cli_fail(EXIT_USAGE, "no password given");
}

/* Who makes an account types the new password twice: nobody could tell what it was. */
static int ask_password(const char *prompt, char out[PASSWORD_MAX + 2], bool twice)
{
	char again[PASSWORD_MAX + 2];
	int rc = ask(prompt, out);

	if (rc || !twice)
		return rc;
	rc = ask("The same again: ", again);
	if (rc == EXIT_DONE && strcmp(out, again) != 0)
		rc = cli_fail(EXIT_USAGE, "the two are not the same");
	sodium_memzero(again, sizeof again);
	return rc;
}

int password_get(struct cli *c, const char *option, const char *prompt, bool twice, char out[PASSWORD_MAX + 2])
{
	const char *file = cli_option(c, option);
	char why[256];

	if (file)
		return secret_read(file, out, PASSWORD_MAX + 2, why) ? cli_fail(EXIT_USAGE, "--%s: %s", option, why)
								     : EXIT_DONE;
	if (c->no_input)
		return cli_fail(EXIT_USAGE, "a password is needed: --%s FILE (- is stdin)", option);
	return ask_password(prompt, out, twice);
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
	cJSON *s = answer_json(a, false);
	const cJSON *token = cJSON_GetObjectItemCaseSensitive(s, "token"),
		    *device = cJSON_GetObjectItemCaseSensitive(s, "device");
	char why[256] = "the server's answer has no token";
	int rc = -1;

	if (!s)
		return EXIT_FAILED;
	if (cJSON_IsString(token) && cJSON_IsString(device) && token_text_ok(str_of(token->valuestring)) &&
		token_text_ok(str_of(device->valuestring))) {
		snprintf(c->profile.user, sizeof c->profile.user, "%s", c->args[0]);
		snprintf(c->profile.token, sizeof c->profile.token, "%s", token->valuestring);
		snprintf(c->profile.device, sizeof c->profile.device, "%s", device->valuestring);
		rc = profile_save(&c->profile, why);
	}
	cJSON_Delete(s);
	if (rc)
		return cli_fail(EXIT_FAILED, "%s", why);
	cli_note(c, "logged in to %s as %s; context \"%s\"", c->profile.url, c->profile.user, c->profile.name);
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
		cli_no_answer(c, rc, &a);
	else
		rc = do_login(c, password, false);
	http_answer_release(&a);
	return rc;
}

static int check(struct cli *c)
{
	const char *cacert = cli_option(c, "cacert");
	char full[PATH_MAX];

	if (!user_name_ok(str_of(c->args[0])))
		return cli_fail(EXIT_USAGE,
			"a user name is 2 to 32 of a-z 0-9 . _ - and begins with a letter or a digit, not \"%s\"",
			c->args[0]);
	if (!http_url_is_private(c->profile.url))
		return cli_fail(EXIT_USAGE,
			"%s is plain http and not on this machine: a password would cross the network in the clear; "
			"use https",
			c->profile.url);
	/* Kept in the context, which is used from other folders too. */
	if (cacert && (!realpath(cacert, full) || strlen(full) >= sizeof c->profile.cacert))
		return cli_fail(EXIT_USAGE, "--cacert %s: %s", cacert, strerror(errno));
	if (cacert)
		strcpy(c->profile.cacert, full);
	c->profile.token[0] = 0;
	return EXIT_DONE;
}

int login_run(struct cli *c, bool registering)
{
	char password[PASSWORD_MAX + 2];
	int rc = check(c);

	if (rc == EXIT_DONE)
		rc = password_get(c, "password-file", "Password: ", registering, password);
	if (rc)
		return rc;
	cli_restart_clock(c);
	if (c->dry_run)
		printf("would %s %s at %s for the context %s\n", registering ? "register" : "log in", c->args[0],
			c->profile.url, c->profile.name);
	else
		rc = registering ? do_register(c, password) : do_login(c, password, false);
	sodium_memzero(password, sizeof password);
	return rc;
}
