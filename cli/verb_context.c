#include "cli/out.h"
#include <stdio.h>
#include <string.h>

struct listing {
	struct out out;
	char current[65];
};

static void show(void *ctx, const char *name)
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
	profile_each(show, &l);
	return out_end(&l.out) ? EXIT_FAILED : EXIT_DONE;
}

static int use(struct cli *c)
{
	struct profile p;
	char why[256];
	int rc = profile_load(&p, c->args[1], why);

	if (rc > 0)
		return cli_fail(EXIT_FAILED, "there is no context \"%s\"; see: chatctl context ls", c->args[1]);
	if (rc == 0 && c->dry_run) {
		printf("would use the context %s\n", c->args[1]);
		return EXIT_DONE;
	}
	if (rc < 0 || profile_use(c->args[1], why))
		return cli_fail(EXIT_USAGE, "%s", why);
	return EXIT_DONE;
}

static int remove_one(struct cli *c)
{
	char why[256];

	if (c->dry_run) {
		printf("would remove the context %s\n", c->args[1]);
		return EXIT_DONE;
	}
	if (profile_remove(c->args[1], why) == 0)
		return EXIT_DONE;
	return profile_name_ok(c->args[1]) ? cli_fail(EXIT_FAILED, "%s", why) : cli_fail(EXIT_USAGE, "%s", why);
}

static int exec_context(struct cli *c)
{
	static const struct {
		const char *word;
		int args;
		int (*fn)(struct cli *);
	} words[] = {{"ls", 1, list}, {"use", 2, use}, {"rm", 2, remove_one}};

	for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(words[i].word, c->args[0]) == 0 && words[i].args == c->n_args)
			return words[i].fn(c);
	return cli_fail(EXIT_USAGE, "usage: chatctl context ls | use NAME | rm NAME");
}

const struct verb verb_context = {
	.name = "context",
	.args = "ls|use|rm [NAME]",
	.summary = "list, choose and remove contexts",
	.text = "A context is a server, a user and a login under one name. ls lists them (* is in use), use chooses "
		"one for all later commands, rm removes one; it does not log out.",
	.examples = "chatctl context ls\nchatctl context use alice",
	.min_args = 1,
	.max_args = 2,
	.complete = COMPLETE_CONTEXT,
	.exec = exec_context,
};
