/* All verbs, in the order in which help shows them. */
#include "cli/verb.h"

extern const struct verb verb_passwd, verb_check, verb_doctor;
extern const struct verb verb_bench;
extern const struct verb verb_server, verb_top, verb_shell, verb_conns, verb_kick, verb_user;
extern const struct verb verb_outbox, verb_search, verb_conv, verb_contact, verb_device;
extern const struct verb verb_send, verb_list, verb_read, verb_mark, verb_watch, verb_register, verb_login, verb_logout,
	verb_whoami, verb_context, verb_api, verb_error, verb_completion, verb_help;

const struct verb *const verbs[] = {
	&verb_send,
	&verb_list,
	&verb_read,
	&verb_mark,
	&verb_watch,
	&verb_search,
	&verb_conv,
	&verb_contact,
	&verb_outbox,
	&verb_register,
	&verb_login,
	&verb_logout,
	&verb_whoami,
	&verb_passwd,
	&verb_device,
	&verb_context,
	&verb_shell,
	&verb_doctor,
	&verb_check,
	&verb_bench,
	&verb_server,
	&verb_top,
	&verb_conns,
	&verb_kick,
	&verb_user,
	&verb_api,
	&verb_error,
	&verb_completion,
	&verb_help,
	NULL,
};
