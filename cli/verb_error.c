#include "cli/verb.h"
#include "common/base/err.h"
#include <stdio.h>

static void show(enum err e)
{
	printf("%-24s HTTP %d, exit %d: %s\n", err_code(e), err_status(e), err_exit(e), err_title(e));
}

static int exec_error(struct cli *c)
{
	if (c->n_args == 0) {
		for (int i = ERR_OK + 1; i < ERR_COUNT; i++)
			show((enum err)i);
		return EXIT_DONE;
	}
	enum err e = err_from_code(c->args[0], strlen(c->args[0]));
	if (e == ERR_COUNT || e == ERR_OK)
		return cli_fail(EXIT_FAILED, "there is no error code \"%s\"; chatctl error lists them", c->args[0]);
	show(e);
	return EXIT_DONE;
}

const struct verb verb_error = {
	.name = "error",
	.args = "[CODE]",
	.summary = "explain an error code of the server",
	.text = "Says what a code word of the server means, with which HTTP status it comes and how chatctl ends then. "
		"Without CODE: all of them.",
	.examples = "chatctl error client-id-reused",
	.max_args = 1,
	.complete = COMPLETE_ERROR,
	.exec = exec_error,
};
