#include "cli/local.h"
#include <stdio.h>

/* The context's login is another one when the token came from elsewhere. */
static int forget_token(struct cli *c)
{
	char why[256];

	if (c->foreign_token)
		return EXIT_DONE;
	c->profile.token[0] = c->profile.device[0] = 0;
	return profile_save(&c->profile, why) ? cli_fail(EXIT_FAILED, "%s", why) : EXIT_DONE;
}

static int exec_logout(struct cli *c)
{
	struct http_answer a;

	if (c->dry_run) {
		printf("would log out %s\n", c->profile.user);
		return EXIT_DONE;
	}
	/* First, for it may say no: what is local goes with the login, unless something is still to be sent with it. */
	int rc = c->foreign_token ? EXIT_DONE : local_remove(c, cli_switch(c, "force"));
	if (rc)
		return rc;
	rc = cli_request(c, "DELETE", "/sessions/current", NULL, true, true, &a);
	/* A token that is no longer good is as gone as it can be. */
	if (rc == EXIT_DONE || a.status == 401)
		rc = forget_token(c);
	else
		rc = a.status ? cli_answer(&a, false) : cli_no_answer(c, rc, &a);
	http_answer_release(&a);
	return rc;
}

static const struct cli_option options[] = {
	{"force", 0, NULL, "also when unsent messages wait in the outbox: they are lost", COMPLETE_NONE, false},
	{NULL, 0, NULL, NULL, COMPLETE_NONE, false},
};

const struct verb verb_logout = {
	.name = "logout",
	.args = "",
	.summary = "end this login",
	.text = "Ends the session on the server, forgets the token and removes the local history, outbox and watches; "
		"the context with its server and user stays. Refuses while unsent messages wait in the outbox, and "
		"says how to send them.",
	.examples = "chatctl -c alice logout",
	.options = options,
	.need = NEED_LOGIN,
	.timeout_default_s = 30,
	.exec = exec_logout,
};
