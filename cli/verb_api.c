#include "cli/out.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BODY_BYTES_MAX = 16 << 20 };

static int read_body(struct cli *c, struct buf *b)
{
	const char *path = cli_option(c, "file");
	FILE *f = !path || strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	char chunk[8192];
	size_t n;

	if (!f)
		return cli_fail(EXIT_USAGE, "cannot open %s: %s", path, strerror(errno));
	while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
		buf_add(b, chunk, n);
	if (f != stdin)
		fclose(f);
	return b->failed ? cli_fail(EXIT_USAGE, "the body is longer than 16 MiB") : EXIT_DONE;
}

static int exec_api(struct cli *c)
{
	struct http_answer a;
	struct buf b;
	char method[16] = "";
	bool idempotent;

	for (size_t i = 0; c->args[0][i] && i < sizeof method - 1; i++)
		method[i] = (char)(c->args[0][i] >= 'a' && c->args[0][i] <= 'z' ? c->args[0][i] - 32 : c->args[0][i]);
	if (c->args[1][0] != '/' || strlen(c->args[1]) > 1024)
		return cli_fail(EXIT_USAGE, "PATH begins with /, as in: chatctl api GET /messages");
	bool body = strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
	idempotent = strcmp(method, "POST") != 0;
	buf_init(&b, BODY_BYTES_MAX);
	int rc = body ? read_body(c, &b) : EXIT_DONE;
	if (rc == EXIT_DONE && c->dry_run) {
		printf("would call %s %s with %zu bytes\n", method, c->args[1], b.len);
	} else if (rc == EXIT_DONE) {
		struct str text = buf_str(&b);
		rc = cli_request(c, method, c->args[1], b.len ? &text : NULL, idempotent, true, &a);
		if (a.status && c->tty_out)
			out_safe(a.body.data);
		else if (a.status)
			fwrite(a.body.data, 1, a.body.len, stdout);
		if (a.status && a.body.len && c->tty_out)
			putchar('\n');
		if (!a.status)
			cli_fail(rc, "%s: %s", c->profile.url, a.why);
		http_answer_release(&a);
	}
	buf_release(&b);
	return rc;
}

static const struct cli_option options[] = {
	{"file", 'f', "FILE", "the body; stdin when not given (POST, PUT, PATCH)", COMPLETE_FILE, false},
	{NULL, 0, NULL, NULL, COMPLETE_NONE, false},
};

const struct verb verb_api = {
	.name = "api",
	.args = "METHOD PATH",
	.summary = "call the REST API, with this login",
	.text = "Prints the body of the answer as it came, also of an error; the exit code says how it went.",
	.examples = "chatctl api GET /messages\necho '{\"to\":\"bob\",\"body\":\"hi\"}' | chatctl api POST /messages",
	.options = options,
	.min_args = 2,
	.max_args = 2,
	.need = NEED_URL,
	.timeout_default_s = 30,
	.exec = exec_api,
};
