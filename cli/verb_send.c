#include "cli/messages.h"
#include "common/msg.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 1 << 20, BATCH = 100 };

static struct out out;
static unsigned lines; /* messages of --each-line so far, for their ids */

/* Reads a file (or stdin) whole; one trailing newline is dropped. */
static int read_text(const char *path, struct buf *b)
{
	bool in = strcmp(path, "-") == 0;
	FILE *f = in ? stdin : fopen(path, "re");
	char chunk[8192];
	size_t n;

	if (!f)
		return cli_fail(EXIT_USAGE, "cannot open %s: %s", path, strerror(errno));
	while ((n = fread(chunk, 1, sizeof chunk, f)) > 0 && !b->failed)
		buf_add(b, chunk, n);
	bool bad = ferror(f) != 0;
	if (!in)
		fclose(f);
	if (bad || b->failed)
		return cli_fail(EXIT_USAGE, "%s: %s", path, bad ? "cannot be read" : "is longer than 1 MiB");
	if (b->len && b->data[b->len - 1] == '\n')
		b->len--;
	return EXIT_DONE;
}

/* Quotes a word for a shell. */
static void print_word(FILE *to, const char *w)
{
	fputc('\'', to);
	for (; *w; w++)
		if (*w == '\'')
			fputs("'\\''", to);
		else
			fputc(*w, to);
	fputc('\'', to);
}

/* The outcome is not known: the very command that is safe to run again. */
static void say_again(const struct cli *c, const char *to, const char *client_id)
{
	const char *file = cli_option(c, "file");

	fprintf(stderr, "chatctl: whether it was sent is not known; this is safe to run again:\n  chatctl");
	if (cli_option(c, "context")) {
		fputs(" -c ", stderr);
		print_word(stderr, c->profile.name);
	}
	fprintf(stderr, " send --id %s %s", client_id, to);
	if (file) {
		fputs(" -f ", stderr);
		print_word(stderr, file);
	} else if (c->n_args > 1 && !cli_switch(c, "each-line")) {
		fputs(" -- ", stderr);
		print_word(stderr, c->args[1]);
	} else {
		fputs(" -", stderr);
	}
	fputc('\n', stderr);
}

static char *message_json(const char *to, struct str text, const char *client_id)
{
	cJSON *m = cJSON_CreateObject();
	char *copy = strndup(text.p ? text.p : "", text.n), *json = NULL;

	if (m && copy && cJSON_AddStringToObject(m, "to", to) && cJSON_AddStringToObject(m, "body", copy) &&
		cJSON_AddStringToObject(m, "client_id", client_id))
		json = cJSON_PrintUnformatted(m);
	cJSON_Delete(m);
	free(copy);
	return json;
}

static int show_answer(struct cli *c, const struct http_answer *a)
{
	if (!c->mode_given && !c->format)
		return EXIT_DONE;
	cJSON *answer = cJSON_Parse(a->body.data);
	int rc = out_item(&out, answer);
	cJSON_Delete(answer);
	return rc ? EXIT_FAILED : EXIT_DONE;
}

static int send_one(struct cli *c, const char *to, struct str text, const char *client_id)
{
	struct http_answer a;

	if (memchr(text.n ? text.p : "", 0, text.n))
		return cli_fail(EXIT_USAGE, "a message cannot hold a NUL byte");
	if (text.n == 0)
		return cli_fail(EXIT_USAGE, "there is no text to send");
	if (c->dry_run) {
		printf("would send %zu bytes to %s as %s\n", text.n, to, client_id);
		return EXIT_DONE;
	}
	char *json = message_json(to, text, client_id);
	if (!json)
		return cli_fail(EXIT_FAILED, "out of memory");
	struct str body = str_of(json);
	int rc = cli_request(c, "POST", "/messages", &body, true, false, &a);
	if (rc == EXIT_NETWORK || rc == EXIT_TIMEOUT)
		say_again(c, to, client_id);
	if (rc == EXIT_DONE)
		rc = show_answer(c, &a);
	http_answer_release(&a);
	free(json);
	return rc;
}

static int send_line(struct cli *c, const char *line)
{
	const char *id = cli_option(c, "id");
	char client_id[CLIENT_ID_MAX + 1];

	/* Each line needs an id of its own; with --id the same input makes the same ids. */
	if (id)
		snprintf(client_id, sizeof client_id, "%.52s.%u", id, ++lines);
	else
		random_id(client_id);
	return send_one(c, c->args[0], str_of(line), client_id);
}

/* ---- --batch: JSON lines, each with its own "to", sent as arrays ---- */

struct batch {
	cJSON *array;
	int n, sent, failed, code;
};

static int batch_result(struct cli *c, struct batch *b, cJSON *answers)
{
	cJSON *one;

	if (cJSON_GetArraySize(answers) != b->n)
		return cli_fail(EXIT_FAILED, "the server's answer does not fit what was sent");
	cJSON_ArrayForEach(one, answers)
	{
		const cJSON *code = cJSON_GetObjectItemCaseSensitive(one, "code"),
			    *status = cJSON_GetObjectItemCaseSensitive(one, "status");
		if (!cJSON_IsNumber(status)) {
			b->sent++;
			if ((c->mode_given || c->format) && out_item(&out, one))
				return EXIT_FAILED;
			continue;
		}
		struct http_answer a = {.status = (int)status->valuedouble};
		char *text = cJSON_PrintUnformatted(one);
		a.body.data = text ? text : "";
		int rc = cli_answer(&a, false);
		(void)code;
		free(text);
		b->code = b->failed++ && b->code != rc ? EXIT_FAILED : rc;
	}
	return EXIT_DONE;
}

static int batch_flush(struct cli *c, struct batch *b)
{
	struct http_answer a;

	if (b->n == 0)
		return EXIT_DONE;
	char *json = cJSON_PrintUnformatted(b->array);
	if (!json)
		return cli_fail(EXIT_FAILED, "out of memory");
	struct str body = str_of(json);
	int rc = c->dry_run ? EXIT_DONE : cli_request(c, "POST", "/messages", &body, true, false, &a);
	if (c->dry_run) {
		printf("would send %d messages\n", b->n);
	} else {
		cJSON *answers = rc == EXIT_DONE ? cJSON_Parse(a.body.data) : NULL;
		if (rc == EXIT_DONE)
			rc = batch_result(c, b, answers);
		cJSON_Delete(answers);
		http_answer_release(&a);
	}
	free(json);
	cJSON_Delete(b->array);
	b->array = cJSON_CreateArray();
	b->n = 0;
	return rc;
}

/* Checks a line and gives it a client_id when it has none: so that a retry of the whole array repeats nothing. */
static int batch_add(struct batch *b, const char *line, unsigned number)
{
	cJSON *m = cJSON_Parse(line);
	char id[23];

	if (!cJSON_IsObject(m) || !cJSON_IsString(cJSON_GetObjectItemCaseSensitive(m, "to")) ||
		!cJSON_IsString(cJSON_GetObjectItemCaseSensitive(m, "body"))) {
		cJSON_Delete(m);
		return cli_fail(EXIT_USAGE, "line %u is no JSON object with \"to\" and \"body\"", number);
	}
	random_id(id);
	if (!cJSON_GetObjectItemCaseSensitive(m, "client_id"))
		cJSON_AddStringToObject(m, "client_id", id);
	cJSON_AddItemToArray(b->array, m);
	b->n++;
	return EXIT_DONE;
}

static int send_batch(struct cli *c)
{
	const char *path = c->n_args ? c->args[0] : "-";
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	struct batch b = {.array = cJSON_CreateArray()};
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	unsigned number = 0;
	int rc = EXIT_DONE;

	if (!f)
		return cli_fail(EXIT_USAGE, "cannot open %s: %s", path, strerror(errno));
	while (rc == EXIT_DONE && (n = getline(&line, &cap, f)) >= 0) {
		number++;
		if (n == 0 || line[0] == '\n')
			continue;
		rc = batch_add(&b, line, number);
		if (rc == EXIT_DONE && b.n == BATCH)
			rc = batch_flush(c, &b);
	}
	if (rc == EXIT_DONE)
		rc = batch_flush(c, &b);
	if (f != stdin)
		fclose(f);
	free(line);
	cJSON_Delete(b.array);
	if (!c->quiet && !c->dry_run)
		fprintf(stderr, "chatctl: %d sent, %d refused\n", b.sent, b.failed);
	if (rc != EXIT_DONE)
		return b.sent ? EXIT_PARTLY : rc;
	return b.failed ? (b.sent ? EXIT_PARTLY : b.code) : EXIT_DONE;
}

static int check_send(struct cli *c)
{
	const char *id = cli_option(c, "id");
	bool batch = cli_switch(c, "batch"), each = cli_switch(c, "each-line");

	if (id && !client_id_ok(str_of(id)))
		return cli_fail(EXIT_USAGE, "--id has 1 to 64 of A-Z a-z 0-9 . _ -, not \"%.80s\"", id);
	if (batch)
		return each || id || c->n_args > 1
			       ? cli_fail(EXIT_USAGE,
					 "--batch takes a file or nothing, and neither --each-line nor --id")
			       : EXIT_DONE;
	if (c->n_args == 0)
		return cli_fail(EXIT_USAGE, "to whom? usage: chatctl send TO [TEXT|-]");
	if (!user_name_ok(str_of(c->args[0])))
		return cli_fail(EXIT_USAGE, "\"%s\" is no user name", c->args[0]);
	if (c->n_args > 1 && cli_option(c, "file"))
		return cli_fail(EXIT_USAGE, "give the text as an argument or by -f, not both");
	return EXIT_DONE;
}

static int exec_send(struct cli *c)
{
	const char *id = cli_option(c, "id"), *file = cli_option(c, "file");
	char client_id[CLIENT_ID_MAX + 1];
	struct buf text;
	int rc = check_send(c);

	if (rc)
		return rc;
	bool many = cli_switch(c, "batch") || cli_switch(c, "each-line");
	out_begin(&out, c, message_columns, !many);
	if (cli_switch(c, "batch"))
		rc = send_batch(c);
	else if (cli_switch(c, "each-line"))
		rc = each_line(c, send_line);
	if (many)
		return c->mode_given && out_end(&out) ? EXIT_FAILED : rc;
	random_id(client_id);
	if (id)
		snprintf(client_id, sizeof client_id, "%s", id);
	if (c->n_args > 1 && strcmp(c->args[1], "-") != 0)
		return send_one(c, c->args[0], str_of(c->args[1]), client_id);
	buf_init(&text, TEXT_MAX);
	rc = read_text(file ? file : "-", &text);
	if (rc == EXIT_DONE)
		rc = send_one(c, c->args[0], buf_str(&text), client_id);
	buf_release(&text);
	return rc;
}

static const struct cli_option options[] = {
	{"file", 'f', "FILE", "send what is in FILE", COMPLETE_FILE, false},
	{"each-line", 0, NULL, "send each line of stdin as a message of its own, as it comes; empty lines are left out",
		COMPLETE_NONE, false},
	{"batch", 0, NULL,
		"send JSON lines, each with \"to\", \"body\" and perhaps \"client_id\"; takes a FILE in place of TO",
		COMPLETE_NONE, false},
	{"id", 0, "ID", "the client_id: the same id with the same text is never sent twice; with --each-line a prefix",
		COMPLETE_NONE, false},
	{NULL, 0, NULL, NULL, COMPLETE_NONE, false},
};

const struct verb verb_send = {
	.name = "send",
	.args = "TO [TEXT|-]",
	.summary = "send a message",
	.text = "Sends the argument, or what comes on stdin (without one trailing newline) when there is none or it is "
		"-. Exit 0 means that the server has it on disk. "
		"Prints nothing, but with -o json the answer. An unclear outcome is tried again under the same id; "
		"when the time is over, the command that is safe to run "
		"again is printed.",
	.examples = "chatctl send bob 'see you there'\nmake 2>&1 | tail -20 | chatctl send bob -\nchatctl send bob "
		    "done --id \"job-$CI_JOB_ID\" --json=id\n"
		    "tail -F app.log | grep --line-buffered FATAL | chatctl send oncall --each-line",
	.options = options,
	.max_args = 2,
	.need = NEED_LOGIN,
	.timeout_default_s = 30,
	.exec = exec_send,
};
