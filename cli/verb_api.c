#include "cli/out.h"
#include <errno.h>
#include <stdio.h>
#include <strings.h>
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

/* PATH goes into the request line. */
static bool path_ok(const char *path)
{
	for (const char *p = path; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '#')
			return false;
	return path[0] == '/' && strlen(path) <= 1024;
}

static int method_of(const char *word, char method[16])
{
	static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};

	for (unsigned i = 0; i < sizeof known / sizeof *known; i++)
		if (strcasecmp(known[i], word) == 0) {
			snprintf(method, 16, "%s", known[i]);
			return EXIT_DONE;
		}
	return cli_fail(EXIT_USAGE, "METHOD is GET, HEAD, POST, PUT, PATCH or DELETE, not \"%s\"", word);
}

/* Of PUT and the like, stdin; but nobody is made to type it. */
static bool has_body(const struct cli *c, const char *method)
{
	if (strcmp(method, "POST") != 0 && strcmp(method, "PUT") != 0 && strcmp(method, "PATCH") != 0)
		return false;
	return cli_option(c, "file") || !isatty(STDIN_FILENO);
}

static int call(struct cli *c, const char *method, const struct str *body)
{
	struct http_answer a;
	int rc = cli_request(c, method, c->args[1], body, strcmp(method, "POST") != 0, true, &a);

	if (a.status) {
		out_text(c, buf_str(&a.body), true);
		if (a.body.len && c->tty_out)
			putchar('\n');
	} else {
		cli_no_answer(c, rc, &a);
	}
	http_answer_release(&a);
	return rc;
}

static int exec_api(struct cli *c)
{
	char method[16];
	struct buf b;
	int rc = method_of(c->args[0], method);

	if (rc)
		return rc;
	if (!path_ok(c->args[1]))
		return cli_fail(EXIT_USAGE, "PATH begins with / and has no blanks, as in: chatctl api GET /messages");
	buf_init(&b, BODY_BYTES_MAX);
	rc = has_body(c, method) ? read_body(c, &b) : EXIT_DONE;
	cli_restart_clock(c);
	struct str text = buf_str(&b);
	if (rc == EXIT_DONE && c->dry_run && strcmp(method, "GET") != 0)
		printf("would call %s %s with %zu bytes\n", method, c->args[1], b.len);
	else if (rc == EXIT_DONE)
		rc = call(c, method, b.len ? &text : NULL);
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
