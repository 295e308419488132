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
	/* A peer that closes its socket is an error to be handled. A reader of stdout that had enough ends us without a word, see out_flush(). */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, interrupted);
	if (sodium_init() < 0)
		return cli_fail(EXIT_FAILED, "libsodium does not start");
	return cli_run(argc, argv);
}
