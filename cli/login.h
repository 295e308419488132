/* What register and login share: ask for the password, make the account, begin the session, save the context. */
#ifndef CHAT_CLI_LOGIN_H
#define CHAT_CLI_LOGIN_H
#include "cli/verb.h"

/* The options of both verbs, to be named in their tables. */
#define LOGIN_OPTIONS                                                                                                 \
	{"password-file", 0, "FILE", "the password, without one trailing newline; - is stdin", COMPLETE_FILE, false}, \
		{"device-name", 0, "NAME",                                                                            \
			"how this login is called in the list of devices (default: the host's name)", COMPLETE_NONE,  \
			false},                                                                                       \
	{                                                                                                             \
		"cacert", 0, "FILE", "trust this CA for the server; kept in the context", COMPLETE_FILE, false        \
	}

/* An exit code. */
int login_run(struct cli *c, bool registering);
#endif
