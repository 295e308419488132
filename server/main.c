/* chatd: reads its options and runs the server, or one of the offline tools. */
#include "server/journal/journal.h"
#include "server/server.h"
#include <sodium.h>
#include <string.h>

static void help(void)
{
	static const struct options o = {config_table, NULL};

	puts("usage: chatd --data DIR [options]\n"
	     "       chatd journal dump|verify [--bodies] DIR\n"
	     "       chatd invite --data DIR\n"
	     "\nThe chat server: REST and WebSocket on one port, an append-only journal on disk.\n"
	     "Each option is also a key of the config file: login-rate = 20\n");
	options_help(&o, stdout);
	puts("\nSIGTERM drains and ends; SIGHUP reloads what can change while it runs; SIGUSR1 logs what it holds.\n"
	     "Manual: chatd(8)");
}

int main(int argc, char **argv)
{
	struct config c;
	char why[256];
	int rc = 0;

	if (argc > 1 && strcmp(argv[1], "journal") == 0)
		return journal_tool(argc - 1, argv + 1);
	bool invite = argc > 1 && strcmp(argv[1], "invite") == 0;
	if (config_load(&c, argc - invite, argv + invite, why)) {
		fprintf(stderr, "chatd: %s\n", why);
		rc = 2;
	} else if (sodium_init() < 0) {
		fprintf(stderr, "chatd: libsodium does not start\n");
		rc = 1;
	} else if (c.help) {
		help();
	} else if (c.version) {
		puts("chatd " CHAT_VERSION);
	} else if (c.print_config) {
		options_print(&(struct options){config_table, &c}, stdout);
	} else if (!c.check_config) {
		rc = invite ? server_invite(&c) : server_run(&c, argc, argv);
	}
	config_release(&c);
	return rc;
}
