#include "cli/messages.h"
#include "common/msg.h"
#include <stdio.h>

static int list(struct cli *c)
{
	static const char *const columns[] = {"device", "current", "device_name", "created_at", "seen_at", NULL};
	struct http_answer a;
	struct out out;
	int rc = cli_request(c, "GET", "/sessions", NULL, true, false, &a);
	cJSON *all = rc == EXIT_DONE ? answer_json(&a, true) : NULL, *d;

	http_answer_release(&a);
	if (!all)
		return rc ? rc : EXIT_FAILED;
	out_begin(&out, c, columns, false);
	cJSON_ArrayForEach(d, all)
	{
		if (out_item(&out, d))
			break;
	}
	cJSON_Delete(all);
	return out_end(&out) ? cli_fail(EXIT_FAILED, "cannot write to stdout") : EXIT_DONE;
}

static int revoke(struct cli *c)
{
	const char *device = c->args[1];
	struct http_answer a;
	char path[128];

	if (!token_text_ok(str_of(device)))
		return cli_fail(EXIT_USAGE, "\"%.70s\" is no device; see: chatctl device ls", device);
	/* The context would keep a token that is good for nothing. */
	if (strcmp(device, "current") == 0 || strcmp(device, c->profile.device) == 0)
		return cli_fail(EXIT_USAGE, "that is this login; end it with: chatctl -c %s logout", c->profile.name);
	if (c->dry_run) {
		printf("would revoke %s\n", device);
		return EXIT_DONE;
	}
	snprintf(path, sizeof path, "/sessions/%s", device);
	int rc = cli_request(c, "DELETE", path, NULL, true, false, &a);
	http_answer_release(&a);
	return rc;
}

static int exec_device(struct cli *c)
{
	static const struct {
		const char *word;
		int args;
		int (*fn)(struct cli *);
	} words[] = {{"ls", 1, list}, {"list", 1, list}, {"revoke", 2, revoke}};

	if (c->n_args == 0)
		return list(c);
	for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(words[i].word, c->args[0]) == 0 && words[i].args == c->n_args)
			return words[i].fn(c);
	return cli_fail(EXIT_USAGE, "usage: chatctl device ls | revoke DEVICE");
}

const struct verb verb_device = {
	.name = "device",
	.args = "[ls|revoke DEVICE]",
	.summary = "list your logins and end one of them",
	.fields = "device current device_name created_at seen_at expires_at",
	.text = "A device is one login of your account. ls shows all of them; revoke ends another one: its token is "
		"good for nothing from then on, and its open connections are closed. This login is ended by logout. "
		"Where a DEVICE begins with -, write -- before it.",
	.examples = "chatctl device ls\nchatctl device revoke d3nYkq0wTz\nchatctl device revoke -- -x1yQ7",
	.max_args = 2,
	.need = NEED_LOGIN,
	.timeout_default_s = 30,
	.exec = exec_device,
};
