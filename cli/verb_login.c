#include "cli/login.h"

static int exec_login(struct cli *c)
{
	return login_run(c, false);
}

static const struct cli_option options[] = {
	LOGIN_OPTIONS,
	{NULL, 0, NULL, NULL, COMPLETE_NONE, false},
};

const struct verb verb_login = {
	.name = "login",
	.args = "USER",
	.summary = "log in, save the context",
	.text = "Logs in and saves server, user and token as a context (-c NAME, else the one in use).",
	.examples = "chatctl -c work login alice --url https://chat.example --password-file pw",
	.options = options,
	.min_args = 1,
	.max_args = 1,
	.need = NEED_URL,
	.timeout_default_s = 60,
	.exec = exec_login,
};
