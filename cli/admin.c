#include "cli/admin.h"
#include "cli/messages.h"
#include "common/msg.h"
#include "common/text/sanitise.h"
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int too_long(char why[600])
{
	snprintf(why, 600, "the path of the admin interface is too long");
	return -1;
}

/* The socket's, or the directory's, neighbour that is called admin.token. */
static bool neighbour(char *out, size_t max, const char *dir, size_t n)
{
	return (size_t)snprintf(out, max, "%.*s%sadmin.token", (int)n, dir, n && dir[n - 1] != '/' ? "/" : "") < max;
}

static int place_url(const char *url, struct admin_place *out, char why[600])
{
	if (!http_url_ok(url))
		snprintf(why, 600, "%.400s is no http://HOST[:PORT] or https://HOST[:PORT]", url);
	else if (!http_url_is_private(url))
		snprintf(why, 600,
			"%.400s is plain http and not on this machine: the token would cross the network in the clear; "
			"use "
			"https, or ssh -L",
			url);
	else if (!out->token_file[0])
		snprintf(why, 600,
			"with a URL the token must be named: --admin-token-file FILE (a copy of admin.token "
			"in chatd's data directory)");
	else
		return snprintf(out->url, sizeof out->url, "%s", url), 0;
	return -1;
}

int admin_place(const char *where, const char *token_file, struct admin_place *out, char why[600])
{
	struct stat st;
	size_t n = strlen(where);

	*out = (struct admin_place){.url = "http://localhost"};
	if (n >= 480 || (token_file && strlen(token_file) >= sizeof out->token_file))
		return too_long(why);
	if (token_file && *token_file)
		snprintf(out->token_file, sizeof out->token_file, "%s", token_file);
	if (strncmp(where, "http://", 7) == 0 || strncmp(where, "https://", 8) == 0)
		return place_url(where, out, why);
	if (stat(where, &st)) {
		snprintf(why, 600, "%.400s: %s%s", where, strerror(errno),
			errno == EACCES ? "; run this as the user that runs chatd, or as root" : "");
		return -1;
	}
	bool dir = S_ISDIR(st.st_mode);
	if (!dir && !S_ISSOCK(st.st_mode)) {
		snprintf(why, 600, "%.400s is neither chatd's data directory nor its admin socket", where);
		return -1;
	}
	snprintf(out->socket, sizeof out->socket, "%s%s%s", where, dir && where[n - 1] != '/' ? "/" : "",
		dir ? "admin.sock" : "");
	const char *slash = strrchr(where, '/');
	size_t parent = dir ? n : slash ? (size_t)(slash - where) + 1 : 0;
	if (!out->token_file[0] && !neighbour(out->token_file, sizeof out->token_file, where, parent))
		return too_long(why);
	return 0;
}

static const char *choose(const struct cli *c, const char *flag, const char *env, const char *kept)
{
	const char *v = cli_option(c, flag);

	if (!v && (v = getenv(env)) && !*v)
		v = NULL;
	return v ? v : kept;
}

static int admin_open(struct cli *c)
{
	struct admin_place p;
	const char *where = choose(c, "admin", "CHAT_ADMIN", c->profile.admin),
		   *file = choose(c, "admin-token-file", "CHAT_ADMIN_TOKEN_FILE", c->profile.admin_token_file);
	char why[600], token[65];

	if (!*where)
		return cli_fail(EXIT_USAGE, "which chatd? Give --admin DIR (its data directory, on this machine) or "
					    "--admin URL, or set CHAT_ADMIN");
	if (admin_place(where, file, &p, why))
		return cli_fail(EXIT_USAGE, "--admin: %s", why);
	if (secret_read(p.token_file, token, sizeof token, why))
		return cli_fail(EXIT_USAGE, "the admin token: %s", why);
	if (!token_text_ok(str_of(token)))
		return cli_fail(EXIT_USAGE, "%s does not hold a token", p.token_file);
	c->admin = http_client_new(p.url, token, c->profile.cacert);
	sodium_memzero(token, sizeof token);
	if (!c->admin || (p.socket[0] && http_client_unix(c->admin, p.socket)))
		return cli_fail(EXIT_FAILED, "out of memory");
	return EXIT_DONE;
}

int admin_request(struct cli *c, const char *method, const char *path, const struct str *body, bool again, bool silent,
	struct http_answer *a)
{
	struct http_client *own = c->http;
	int rc = c->admin ? EXIT_DONE : admin_open(c);

	*a = (struct http_answer){0};
	if (rc)
		return rc;
	c->http = c->admin;
	rc = cli_request(c, method, path, body, again, silent, a);
	c->http = own;
	return rc;
}

cJSON *admin_get(struct cli *c, const char *path, bool array, char next[65], int *rc)
{
	struct http_answer a;

	*rc = admin_request(c, "GET", path, NULL, true, false, &a);
	cJSON *json = *rc == EXIT_DONE ? answer_json(&a, array) : NULL;
	if (*rc == EXIT_DONE && !json)
		*rc = EXIT_FAILED;
	if (next)
		memcpy(next, a.next_cursor, 65);
	http_answer_release(&a);
	return json;
}

int admin_change(struct cli *c, const char *method, const char *path, cJSON *body, const char *would, cJSON **answer)
{
	struct http_answer a;
	char *text = body ? cJSON_PrintUnformatted(body) : NULL;
	struct str bytes = str_of(text ? text : "");
	int rc = EXIT_DONE;

	if (answer)
		*answer = NULL;
	if (c->dry_run) {
		printf("would %s\n", would);
	} else if (body && !text) {
		rc = cli_fail(EXIT_FAILED, "out of memory");
	} else {
		cli_restart_clock(c);
		/* What was done twice has been done once, but for what a POST makes. */
		rc = admin_request(c, method, path, body ? &bytes : NULL, strcmp(method, "POST") != 0, false, &a);
		if (rc == EXIT_DONE && answer && a.status != 204 && a.body.len)
			rc = (*answer = answer_json(&a, false)) ? EXIT_DONE : EXIT_FAILED;
		http_answer_release(&a);
	}
	if (text)
		sodium_memzero(text, bytes.n);
	cJSON_free(text);
	cJSON_Delete(body);
	return rc;
}

int admin_confirm(struct cli *c, const char *question)
{
	char line[16];

	if (c->dry_run || cli_switch(c, "yes"))
		return EXIT_DONE;
	if (c->no_input || !isatty(STDIN_FILENO))
		return cli_fail(EXIT_USAGE, "%s Nothing was done: off a terminal give --yes", question);
	fprintf(stderr, "%s [y/N] ", question);
	if (fgets(line, sizeof line, stdin) && (strcmp(line, "y\n") == 0 || strcmp(line, "yes\n") == 0))
		return EXIT_DONE;
	return cli_fail(EXIT_FAILED, "nothing was done");
}

int admin_words(struct cli *c, int at, const struct admin_word *words, size_t n, const char *usage)
{
	for (size_t i = 0; i < n && at < c->n_args; i++)
		if (strcmp(words[i].word, c->args[at]) == 0 && c->n_args - at >= words[i].min &&
			c->n_args - at <= words[i].max)
			return words[i].run(c);
	return cli_fail(EXIT_USAGE, "usage: chatctl %s %s", c->verb->name, usage);
}

int admin_user(const char *name)
{
	return user_name_ok(str_of(name)) ? EXIT_DONE : cli_fail(EXIT_USAGE, "\"%.70s\" is no user name", name);
}
