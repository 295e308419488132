#include "server/config.h"
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static const char *const registrations[] = {"auto", "open", "invite", "closed", NULL};
static const char *const presences[] = {"everyone", "contacts", NULL};
static const char *const levels[] = {"debug", "info", "warn", "error", NULL};

#define AT(member) offsetof(struct config, member)
#define NUMBER(n, member, least, most, dflt, text)                                                                  \
	{                                                                                                           \
		.name = n, .type = OPTION_NUMBER, .offset = AT(member), .arg = "N", .fallback = dflt, .min = least, \
		.max = most, .help = text                                                                           \
	}
#define TEXT(n, member, what, dflt, text)                                                                         \
	{                                                                                                         \
		.name = n, .type = OPTION_TEXT, .offset = AT(member), .arg = what, .fallback = dflt, .help = text \
	}
#define FLAG(n, member, text)                                                                         \
	{                                                                                             \
		.name = n, .type = OPTION_FLAG, .offset = AT(member), .fallback = "no", .help = text, \
		.flag_only = true                                                                     \
	}

const struct option config_table[] = {
	TEXT("data", data, "DIR", NULL, "where accounts and journal live; made with mode 0700"),
	TEXT("listen", listen, "ADDR:PORT", "127.0.0.1:8080", "where to serve; port 0 picks a free one"),
	TEXT("ready-file", ready_file, "FILE", NULL, "the base URL is written there, by rename, once chatd serves"),
	TEXT("admin-socket", admin_socket, "PATH", NULL,
		"Unix socket of the operators' interface; none: there is none; else admin.sock in the data directory"),
	TEXT("admin-listen", admin_listen, "ADDR:PORT", NULL, "serve the operators' interface there, too"),
	TEXT("metrics-listen", metrics_listen, "ADDR:PORT", NULL,
		"serve GET /metrics there, without a token, and no longer where users are served"),
	{.name = "registration",
		.type = OPTION_CHOICE,
		.offset = AT(registration),
		.arg = "WORD",
		.fallback = "auto",
		.choices = registrations,
		.help = "who may register: auto, open, invite, closed; auto is open on loopback, else invite"},
	{.name = "presence",
		.type = OPTION_CHOICE,
		.offset = AT(presence),
		.arg = "WORD",
		.fallback = "everyone",
		.choices = presences,
		.help = "who sees whether a user is online: everyone, or contacts, those that she has as a contact"},
	{.name = "config",
		.type = OPTION_TEXT,
		.offset = AT(config),
		.arg = "FILE",
		.help = "read options from FILE; flags win",
		.flag_only = true},
	FLAG("check-config", check_config, "check flags and file, then end: 0 good, 2 bad"),
	FLAG("print-config", print_config, "print what is in force as a config file, then end"),
	FLAG("help", help, "this text"),
	FLAG("version", version, "the version"),
	{.name = "log-level",
		.type = OPTION_CHOICE,
		.offset = AT(log_level),
		.arg = "WORD",
		.fallback = "info",
		.choices = levels,
		.help = "least level that is logged: debug, info, warn, error"},
	TEXT("origins", origins, "LIST", NULL, "browser origins that may open a WebSocket, comma separated"),
	NUMBER("threads", threads, 0, 64, "0", "network threads; 0: half the processors"),
	NUMBER("max-connections", max_connections, 16, 10000000, "100000", "connections of one network thread"),
	NUMBER("segment-bytes", segment_bytes, 4096, 1073741824, "67108864",
		"size at which a journal segment is sealed"),
	NUMBER("request-bytes", request_bytes, 4096, 16777216, "1048576", "largest request or frame"),
	NUMBER("body-bytes", body_bytes, 1, 24576, "16384", "largest message body"),
	NUMBER("batch-messages", batch_messages, 1, 10000, "1000", "most messages in one request or frame"),
	NUMBER("page-messages", page_messages, 50, 5000, "500", "most messages in one page"),
	NUMBER("login-rate", login_rate, 1, 100000000, "20", "registrations and logins of one address in a minute"),
	NUMBER("sends-per-second", sends_per_s, 0, 1000000, "0",
		"messages that one user may send in a second in the long run; 0: no limit"),
	NUMBER("sends-burst", sends_burst, 1, 1000000, "100",
		"messages that she may send at once, when there is a limit"),
	NUMBER("argon-memory", argon_memory, 8, 1048576, "65536", "KiB of memory for one password hash (Argon2id)"),
	NUMBER("argon-passes", argon_passes, 1, 16, "2", "passes of one password hash"),
	NUMBER("hash-threads", hash_threads, 1, 16, "1", "threads that hash passwords"),
	NUMBER("read-threads", read_threads, 1, 64, "2", "threads that read the disk"),
	NUMBER("header-seconds", header_seconds, 1, 3600, "10", "a request's head must be there by then"),
	NUMBER("body-seconds", body_seconds, 1, 3600, "30", "a request's body must be there by then"),
	NUMBER("frame-seconds", frame_seconds, 1, 3600, "30", "a started WebSocket message must be there by then"),
	NUMBER("idle-seconds", idle_seconds, 1, 86400, "75", "an HTTP connection without a request is closed then"),
	NUMBER("ping-seconds", ping_seconds, 1, 3600, "25", "a silent WebSocket is pinged then"),
	NUMBER("pong-seconds", pong_seconds, 1, 3600, "60",
		"a WebSocket from which nothing comes is closed then (4011)"),
	NUMBER("stall-seconds", stall_seconds, 1, 3600, "60", "a WebSocket that takes nothing is closed then (4008)"),
	NUMBER("drain-seconds", drain_seconds, 1, 600, "10", "SIGTERM ends the server within this time"),
	{.name = NULL},
};

/* A path that does not fit the address of a Unix socket is none. */
static char *socket_in(const char *data)
{
	char path[sizeof((struct sockaddr_un *)0)->sun_path];

	return strdup(snprintf(path, sizeof path, "%s/admin.sock", data) < (int)sizeof path ? path : "none");
}

int config_load(struct config *c, int argc, char **argv, char why[256])
{
	struct options o = {config_table, c};
	int rest;

	memset(c, 0, sizeof *c);
	strcpy(why, "out of memory");
	if (options_init(&o) || options_flags(&o, argc, argv, &rest, why))
		return -1;
	if (rest < argc) {
		snprintf(why, 256, "\"%.60s\" is no option; see --help", argv[rest]);
		return -1;
	}
	if (c->config && (options_file(&o, c->config, why) || options_flags(&o, argc, argv, &rest, why)))
		return -1;
	if (c->data && !c->admin_socket && !(c->admin_socket = socket_in(c->data))) {
		strcpy(why, "out of memory");
		return -1;
	}
	if (c->threads == 0) {
		long n = sysconf(_SC_NPROCESSORS_ONLN) / 2;
		c->threads = n < 1 ? 1 : n > 8 ? 8 : (uint64_t)n;
	}
	if (!c->data && !c->help && !c->version && !c->check_config && !c->print_config) {
		strcpy(why, "--data DIR is needed; see --help");
		return -1;
	}
	return 0;
}

void config_release(struct config *c)
{
	struct options o = {config_table, c};

	options_free(&o);
}

bool config_presence_contacts(const struct config *c)
{
	return strcmp(c->presence, "contacts") == 0;
}

const char *config_registration(const struct config *c)
{
	bool loopback = strncmp(c->listen, "127.", 4) == 0 || strncmp(c->listen, "[::1]", 5) == 0;

	if (strcmp(c->registration, "auto") != 0)
		return c->registration;
	return loopback ? "open" : "invite";
}
