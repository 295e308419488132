#include "cli/local.h"
#include "cli/out.h"
#include "common/client/pin.h"
#include "common/msg.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct listing {
	struct out out;
	char current[65];
};

static void show_row(void *ctx, const char *name)
{
	struct listing *l = ctx;
	struct profile p;
	char why[256];
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "current", strcmp(l->current, name) == 0 ? "*" : "-");
	cJSON_AddStringToObject(o, "name", name);
	if (profile_load(&p, name, why) == 0) {
		cJSON_AddStringToObject(o, "url", p.url);
		cJSON_AddStringToObject(o, "user", p.user);
		cJSON_AddStringToObject(o, "login", p.token[0] ? "yes" : "no");
	} else {
		cli_fail(EXIT_USAGE, "%s", why);
	}
	(void)out_item(&l->out, o);
	cJSON_Delete(o);
}

static int list(struct cli *c)
{
	static const char *const columns[] = {"current", "name", "url", "user", "login", NULL};
	struct listing l;

	profile_current(l.current);
	out_begin(&l.out, c, columns, false);
	profile_each(show_row, &l);
	return out_end(&l.out) ? EXIT_FAILED : EXIT_DONE;
}

/* The context that is named, for those that must exist. An exit code. */
static int load(struct cli *c, const char *name)
{
	char why[256];
	int rc = profile_load(&c->profile, name, why);

	if (rc > 0)
		return cli_fail(EXIT_FAILED, "there is no context \"%s\"; see: chatctl context ls", name);
	return rc < 0 ? cli_fail(EXIT_USAGE, "%s", why) : EXIT_DONE;
}

static int use(struct cli *c)
{
	char why[256];
	int rc = load(c, c->args[1]);

	if (rc)
		return rc;
	if (c->dry_run)
		printf("would use the context %s\n", c->args[1]);
	else if (profile_use(c->args[1], why))
		return cli_fail(EXIT_USAGE, "%s", why);
	return EXIT_DONE;
}

/* ---- show ---- */

static const char *const shown[] = {"name", "url", "user", "login", "device", "cacert", "pin", "admin",
	"admin_token_file", "file", "database", NULL};

/* All but the token, which nobody has to see. */
static cJSON *describe(const struct profile *p)
{
	char file[700] = "", database[700] = "";
	cJSON *o = cJSON_CreateObject();

	(void)profile_path(p->name, file);
	(void)client_db_path(p->name, false, database);
	const char *const values[] = {p->name, p->url, p->user, p->token[0] ? "yes" : "no", p->device, p->cacert,
		p->pin, p->admin, p->admin_token_file, file, database};
	for (unsigned i = 0; shown[i]; i++)
		cJSON_AddStringToObject(o, shown[i], values[i]);
	return o;
}

static int show(struct cli *c)
{
	const char *name = c->n_args > 1 ? c->args[1] : cli_option(c, "context");
	char current[65];
	struct out out;
	int rc;

	profile_current(current);
	if (!name && (name = getenv("CHAT_CONTEXT")) && !*name)
		name = NULL;
	if ((rc = load(c, name ? name : current)))
		return rc;
	cJSON *o = describe(&c->profile), *f;
	out_begin(&out, c, shown, true);
	if (c->mode != OUT_TEXT || c->format) {
		(void)out_item(&out, o);
	} else {
		cJSON_ArrayForEach(f, o)
		{
			char line[800];
			int n = snprintf(line, sizeof line, "%-16s  %s\n", f->string, f->valuestring);
			out_text(c, (struct str){line, (size_t)n}, false);
		}
	}
	cJSON_Delete(o);
	return out_end(&out) ? cli_fail(EXIT_FAILED, "cannot write to stdout") : EXIT_DONE;
}

/* ---- add ---- */

static int add_url(struct cli *c)
{
	struct profile *p = &c->profile;
	const char *url = cli_option(c, "url");
	char was[sizeof p->url];

	if (!url)
		return EXIT_DONE;
	if (!http_url_ok(url))
		return cli_fail(EXIT_USAGE, "--url is http://HOST[:PORT] or https://HOST[:PORT], not \"%s\"", url);
	strcpy(was, p->url);
	snprintf(p->url, sizeof p->url, "%.*s", (int)(strlen(url) - (url[strlen(url) - 1] == '/')), url);
	/* A login belongs to the server that gave it. */
	if (strcmp(was, p->url) != 0)
		p->user[0] = p->token[0] = p->device[0] = 0;
	return EXIT_DONE;
}

static int add_login(struct cli *c)
{
	struct profile *p = &c->profile;
	const char *user = cli_option(c, "user"), *file = cli_option(c, "token-file");
	char why[256];

	if (user && !user_name_ok(str_of(user)))
		return cli_fail(EXIT_USAGE, "\"%s\" is no user name", user);
	if (user && strcmp(user, p->user) != 0) {
		snprintf(p->user, sizeof p->user, "%s", user);
		p->token[0] = p->device[0] = 0;
	}
	if (!file)
		return EXIT_DONE;
	if (!p->user[0])
		return cli_fail(EXIT_USAGE, "--token-file needs --user: whose token it is");
	p->device[0] = 0;
	if (secret_read(file, p->token, sizeof p->token, why))
		return cli_fail(EXIT_USAGE, "--token-file: %s", why);
	return token_text_ok(str_of(p->token)) ? EXIT_DONE
					       : cli_fail(EXIT_USAGE, "--token-file: %s does not hold a token", file);
}

/* A file is kept with its whole path: the context is used from other folders too. */
static int add_path(const struct cli *c, const char *option, const char *given, char *out, size_t max)
{
	char full[PATH_MAX];

	if (!given)
		return EXIT_DONE;
	if (!realpath(given, full) || strlen(full) >= max)
		return cli_fail(EXIT_USAGE, "--%s %s: %s", option, given, errno ? strerror(errno) : "too long");
	(void)c;
	strcpy(out, full);
	return EXIT_DONE;
}

static int add_admin(struct cli *c)
{
	struct profile *p = &c->profile;
	const char *admin = cli_option(c, "admin"), *file = cli_option(c, "admin-token-file");
	int rc = add_path(c, "admin-token-file", file, p->admin_token_file, sizeof p->admin_token_file);

	if (rc || !admin)
		return rc;
	if (!strstr(admin, "://"))
		return add_path(c, "admin", admin, p->admin, sizeof p->admin);
	if (!http_url_ok(admin) || strlen(admin) >= sizeof p->admin)
		return cli_fail(
			EXIT_USAGE, "--admin is chatd's data directory, its admin socket or a URL, not \"%s\"", admin);
	snprintf(p->admin, sizeof p->admin, "%s", admin);
	return EXIT_DONE;
}

static int add_tls(struct cli *c)
{
	struct profile *p = &c->profile;
	const char *pin = cli_option(c, "pin");
	int rc = add_path(c, "cacert", cli_option(c, "cacert"), p->cacert, sizeof p->cacert);

	if (rc || !pin)
		return rc;
	if (*pin && !pin_ok(pin))
		return cli_fail(EXIT_USAGE, "--pin is sha256// and the base64 of a SHA-256, as chatctl help context "
					    "says how to make; or empty for none");
	if (*pin && strncmp(p->url, "https://", 8) != 0)
		return cli_fail(EXIT_USAGE, "--pin is for an https:// server: there is no key in \"%s\"", p->url);
	snprintf(p->pin, sizeof p->pin, "%s", pin);
	return EXIT_DONE;
}

static int add(struct cli *c)
{
	static int (*const parts[])(struct cli *) = {add_url, add_login, add_tls, add_admin};
	char why[256];
	int rc = profile_load(&c->profile, c->args[1], why) < 0 ? cli_fail(EXIT_USAGE, "%s", why) : EXIT_DONE;

	for (unsigned i = 0; i < sizeof parts / sizeof *parts && rc == EXIT_DONE; i++)
		rc = parts[i](c);
	if (rc)
		return rc;
	if (!c->profile.url[0] && !c->profile.admin[0])
		return cli_fail(EXIT_USAGE, "a context needs a server: --url URL (or --admin DIR, for operators)");
	if (c->dry_run)
		printf("would save the context %s\n", c->args[1]);
	else if (profile_save(&c->profile, why))
		return cli_fail(EXIT_FAILED, "%s", why);
	else if (c->profile.url[0] && !c->profile.token[0])
		cli_note(c, "next: chatctl -c %s login %s", c->args[1], c->profile.user[0] ? c->profile.user : "USER");
	return EXIT_DONE;
}

/* ---- rm ---- */

static int remove_one(struct cli *c)
{
	char why[256];
	int rc;

	if (c->dry_run) {
		printf("would remove the context %s\n", c->args[1]);
		return EXIT_DONE;
	}
	/* One that cannot be read can still be removed, but then nobody knows what waits in its outbox. */
	if (!profile_name_ok(c->args[1]) || profile_load(&c->profile, c->args[1], why) > 0)
		rc = load(c, c->args[1]);
	else
		rc = local_remove(c, cli_switch(c, "force"));
	if (rc)
		return rc;
	return profile_remove(c->args[1], why) ? cli_fail(EXIT_FAILED, "%s", why) : EXIT_DONE;
}

static const struct {
	const char *word;
	int min, max; /* arguments, with the word */
	int (*fn)(struct cli *);
	const char *options; /* those that it takes */
} actions[] = {
	{"ls", 1, 1, list, ""},
	{"list", 1, 1, list, ""},
	{"use", 2, 2, use, ""},
	{"show", 1, 2, show, ""},
	{"add", 2, 2, add, " user token-file cacert pin admin admin-token-file "},
	{"rm", 2, 2, remove_one, " force "},
};

static const struct cli_option options[] = {
	{"user", 0, "USER", "add: who logs in", COMPLETE_NONE, false},
	{"token-file", 0, "FILE", "add: a file with the token of a login, in place of login", COMPLETE_FILE, false},
	{"cacert", 0, "FILE", "add: trust this CA for the server", COMPLETE_FILE, false},
	{"pin", 0, "PIN", "add: talk to the server only when it has this key; empty takes the pin away", COMPLETE_NONE,
		false},
	{"admin", 0, "DIR", "add: chatd's data directory, its admin socket or a URL, for operators", COMPLETE_FILE,
		false},
	{"admin-token-file", 0, "FILE", "add: a file with the admin token, where DIR has none", COMPLETE_FILE, false},
	{"force", 0, NULL, "rm: also when unsent messages wait in its outbox: they are lost", COMPLETE_NONE, false},
	{NULL, 0, NULL, NULL, COMPLETE_NONE, false},
};

static int exec_context(struct cli *c)
{
	for (unsigned i = 0; i < sizeof actions / sizeof *actions; i++) {
		char name[32];
		if (strcmp(actions[i].word, c->args[0]) != 0 || c->n_args < actions[i].min ||
			c->n_args > actions[i].max)
			continue;
		for (const struct cli_option *o = options; o->name; o++) {
			snprintf(name, sizeof name, " %s ", o->name);
			if (cli_switch(c, o->name) && !strstr(actions[i].options, name))
				return cli_fail(EXIT_USAGE, "context %s takes no --%s; see: chatctl help context",
					c->args[0], o->name);
		}
		return actions[i].fn(c);
	}
	return cli_fail(
		EXIT_USAGE, "usage: chatctl context ls | add NAME --url URL | use NAME | show [NAME] | rm NAME");
}

const struct verb verb_context = {
	.name = "context",
	.args = "ls|add|use|show|rm [NAME]",
	.summary = "list, make, choose, show and remove contexts",
	.fields = "current name url user login device cacert pin admin admin_token_file file database",
	.text = "A context is a server, a user and a login under one name. ls lists them (* is in use), use chooses "
		"one for all later commands, show says all of one but its token. add makes one, or changes in one what "
		"is given: then login logs in. rm removes one with its local history and outbox, unless something "
		"unsent waits there; it does not log out. The pin of a server whose certificate is in the file crt is "
		"what the second example prints, behind sha256//.",
	.examples = "chatctl context add work --url https://chat.example --user alice --cacert ca.pem\n"
		    "openssl x509 -in crt -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 "
		    "-binary | base64\n"
		    "chatctl context add work --pin sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
		    "chatctl context use work\nchatctl context show work -o json",
	.options = options,
	.min_args = 1,
	.max_args = 2,
	.complete = COMPLETE_CONTEXT,
	.exec = exec_context,
};
