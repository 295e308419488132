/* chatd's options: flags, keys of the config file, defaults. */
#ifndef CHAT_SERVER_CONFIG_H
#define CHAT_SERVER_CONFIG_H
#include "common/conf/options.h"

struct config {
	char *data, *listen, *ready_file, *config, *origins, *admin_socket, *admin_listen, *metrics_listen;
	const char *registration, *log_level, *presence;
	bool check_config, print_config, help, version;
	uint64_t threads, max_connections, segment_bytes;
	uint64_t request_bytes, body_bytes, batch_messages, page_messages;
	uint64_t sends_per_s, sends_burst;
	uint64_t login_rate, argon_memory, argon_passes, hash_threads, read_threads;
	uint64_t header_seconds, body_seconds, frame_seconds, idle_seconds, ping_seconds, pong_seconds, stall_seconds,
		drain_seconds;
};
extern const struct option config_table[];

/* Defaults, then the file that --config names, then the flags again, which win. 0; -1 with why. */
int config_load(struct config *c, int argc, char **argv, char why[256]);
void config_release(struct config *c);
/* "open" on loopback, else "invite", when registration is "auto". */
const char *config_registration(const struct config *c);
bool config_presence_contacts(const struct config *c); /* only her contacts see whether a user is online */
#endif
