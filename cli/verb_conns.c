#include "cli/admin.h"
#include "cli/table.h"
#include <stdio.h>

enum { CONNS_MAX = 10000, CONNS_DEFAULT = 100 };

static bool known(const char *word, const char *const *words)
{
	while (*words && strcmp(word, *words) != 0)
		words++;
	return *words;
}

static int exec_conns(struct cli *c)
{
	static const struct column columns[] = {{"id", "ID", CELL_TEXT}, {"user", "USER", CELL_TEXT},
		{"device", "DEVICE", CELL_TEXT}, {"kind", "KIND", CELL_TEXT}, {"state", "STATE", CELL_TEXT},
		{"lag_events", "LAG", CELL_NUMBER}, {"out_bytes", "OUT", CELL_BYTES},
		{"received", "RECEIVED", CELL_NUMBER}, {"pushed", "PUSHED", CELL_NUMBER}, {"idle_ms", "IDLE", CELL_MS},
		{"since", "SINCE", CELL_TIME}, {"address", "ADDRESS", CELL_TEXT}, {NULL, NULL, CELL_TEXT}};
	static const char *const sorts[] = {"lag", "idle", "age", NULL};
	const char *user = cli_option(c, "user"), *sort = cli_option(c, "sort");
	char path[160];
	unsigned limit;
	int rc = cli_number(c, "limit", 1, CONNS_MAX, CONNS_DEFAULT, &limit);

	if (rc || (user && (rc = admin_user(user))))
		return rc;
	if (sort && !known(sort, sorts))
		return cli_fail(EXIT_USAGE, "--sort is lag, idle or age, not \"%s\"", sort);
	snprintf(path, sizeof path, "/admin/conns?limit=%u%s%s%s%s", limit, sort ? "&sort=" : "", sort ? sort : "",
		user ? "&user=" : "", user ? user : "");
	cJSON *list = admin_get(c, path, true, NULL, &rc);
	int n = cJSON_GetArraySize(list);
	if (list)
		rc = table_show(c, columns, list);
	cJSON_Delete(list);
	if (rc == EXIT_DONE && n == (int)limit && limit < CONNS_MAX)
		cli_note(c, "these are %d; there may be more: --limit N", n);
	return rc == EXIT_DONE && n == 0 && cli_switch(c, "empty") ? EXIT_NOTHING : rc;
}

static const struct cli_option options[] = {
	ADMIN_OPTIONS,
	{"user", 0, "USER", "only those of this user", COMPLETE_NONE, false},
	{"sort", 0, "WORD", "the greatest first: lag, idle or age", COMPLETE_NONE, false},
	{"limit", 0, "N", "at most so many, 1 to 10000 (default 100)", COMPLETE_NONE, false},
	{"empty", 'e', NULL, "exit 3 when there are none", COMPLETE_NONE, false},
	{NULL, 0, NULL, NULL, COMPLETE_NONE, false},
};

const struct verb verb_conns = {
	.name = "conns",
	.args = "",
	.summary = "connections of a chatd: for operators",
	.text = "Lists the connections with whose they are, how far they are behind and what waits to be written to "
		"them. A state is live, catching-up (reads on from the store after its hello), lagging (fell behind "
		"while it was live) or handshake. The columns LAG and OUT are events and bytes that it has not taken "
		"yet; RECEIVED and PUSHED count what came from it and what went to it.",
	.examples =
		"chatctl conns --admin /var/lib/chatd\nchatctl conns --sort lag --limit 10\nchatctl conns --user bob "
		"-o jsonl | jq -r .id",
	.options = options,
	.max_args = 0,
	.need = NEED_CONTEXT,
	.timeout_default_s = 30,
	.exec = exec_conns,
};
