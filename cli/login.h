/* What register, login and passwd share: ask for the password, make the account, begin the session, save the context. */
#ifndef CHAT_CLI_LOGIN_H
#define CHAT_CLI_LOGIN_H
#include "cli/verb.h"
#include "common/msg.h"

/* The options of both verbs, to be named in their tables. */
#define LOGIN_OPTIONS                                                                                                 \
	{"password-file", 0, "FILE", "the password, without one trailing newline; - is stdin", COMPLETE_FILE, false}, \
		{"device-name", 0, "NAME",                                                                            \
			"how this login is called in the list of devices (default: the host's name)", COMPLETE_NONE,  \
			false},                                                                                       \
	{                                                                                                             \
		"cacert", 0, "FILE", "trust this CA for the server; kept in the context", COMPLETE_FILE, false        \
	}

/* A password from the file that the option names, else asked for on the terminal (twice: and typed again). An exit code after a message; the caller wipes
 * it. */
int password_get(struct cli *c, const char *option, const char *prompt, bool twice, char out[PASSWORD_MAX + 2]);
/* An exit code. */
int login_run(struct cli *c, bool registering);
#endif
