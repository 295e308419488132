#include "cli/login.h"

static int exec_register(struct cli *c)
{
	return login_run(c, true);
}

static const struct cli_option options[] = {
	LOGIN_OPTIONS,
	{"display-name", 0, "NAME", "how others see you", COMPLETE_NONE, false},
	{"invite", 0, "CODE", "where registration needs an invite", COMPLETE_NONE, false},
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
	.options = options,
	.min_args = 1,
	.max_args = 1,
	.need = NEED_URL,
	.timeout_default_s = 60,
	.exec = exec_register,
};
