/* chatctl: the command line of chat. */
#include "cli/verb.h"
#include <signal.h>
#include <sodium.h>
#include <unistd.h>

static void interrupted(int sig)
{
	(void)sig;
	_exit(EXIT_INTERRUPTED);
}

int main(int argc, char **argv)
{
	/* A reader that had enough ends us without a word, as it does cat. */
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, interrupted);
	if (sodium_init() < 0)
		return cli_fail(EXIT_FAILED, "libsodium does not start");
	return cli_run(argc, argv);
}
