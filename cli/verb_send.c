#include "cli/local.h"
#include "cli/messages.h"
#include "cli/queue.h"
#include "cli/wait.h"
#include "common/msg.h"
#include "common/wire/json.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	TEXT_MAX = 1 << 20,
	BATCH = 100,                            /* messages of one request */
	BATCH_BYTES = REQUEST_MAX - (64 << 10), /* and bytes, with room for what stands around them */
	PREFIX_MAX = CLIENT_ID_MAX - 11,        /* of --id for many: a dot and a number follow */
};

static struct out out;
static const char *prefix; /* of the ids of --each-line and --batch */
static char own_prefix[23];
static unsigned lines; /* messages of --each-line so far, for their ids */

/* Reads a file (or stdin) whole; one trailing newline is dropped. */
static int read_text(const struct cli *c, const char *path, struct buf *b)
{
	bool in = strcmp(path, "-") == 0;
	FILE *f = in ? stdin : fopen(path, "re");
	char chunk[8192];
	size_t n;

	if (!f)
		return cli_fail(EXIT_USAGE, "cannot open %s: %s", path, strerror(errno));
	if (in && isatty(STDIN_FILENO))
		cli_note(c, "type the text; Ctrl-D on a line of its own ends it");
	while (!feof(f) && (n = fread(chunk, 1, sizeof chunk, f)) > 0 && !b->failed)
		buf_add(b, chunk, n);
	const char *bad = ferror(f) ? strerror(errno) : NULL;
	if (!in)
		fclose(f);
	if (bad || b->failed)
		return cli_fail(EXIT_USAGE, "%s: %s", path, bad ? bad : "is longer than 1 MiB");
	if (b->len && b->data[b->len - 1] == '\n')
		b->len--;
	return EXIT_DONE;
}

/* Quotes a word for a shell. */
static void print_word(const char *w)
{
	fputs(" '", stderr);
	for (; *w; w++)
		if (*w == '\'')
			fputs("'\\''", stderr);
		else
			fputc(*w, stderr);
	fputc('\'', stderr);
}

/* The outcome is not known: the very command that is safe to run again, up to what stands behind "send". */
static void say_again(const struct cli *c, const char *id, const char *how_it_is)
{
	const char *url = cli_option(c, "url");

	cli_note(c, "%s; this is safe to run again:", how_it_is);
	fputs("  chatctl", stderr);
	if (cli_option(c, "context")) {
		fputs(" -c", stderr);
		print_word(c->profile.name);
	}
	if (url) {
		fputs(" --url", stderr);
		print_word(url);
	}
	fprintf(stderr, " send%s --id %s", cli_switch(c, "queue") ? " --queue" : "", id);
	if (cli_option(c, "wait"))
		fprintf(stderr, " --wait %s", cli_option(c, "wait"));
}

/* A line of a log goes to a terminal, or it is asked for on stdin. */
static bool may_show(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || (unsigned char)*text >= 0x7f)
			return false;
	return true;
}

static void say_send_again(
	const struct cli *c, const char *to, struct str text, const char *client_id, const char *how_it_is)
{
	const char *file = cli_option(c, "file");
	char *copy = strndup(text.p, text.n);
	bool piped = !cli_switch(c, "each-line") && (c->n_args < 2 || strcmp(c->args[1], "-") == 0);

	say_again(c, client_id, how_it_is);
	fprintf(stderr, " %s", to);
	if (file && strcmp(file, "-") != 0) {
		fputs(" -f", stderr);
		print_word(file);
	} else if (copy && !piped && may_show(copy)) {
		fputs(" --", stderr);
		print_word(copy);
	} else {
		fputs(" -  # with the same text on stdin", stderr);
	}
	fputc('\n', stderr);
	free(copy);
}

static char *message_json(const char *to, struct str text, const char *client_id)
{
	cJSON *m = cJSON_CreateObject();
	char *copy = strndup(text.p, text.n), *json = NULL;

	if (m && copy && cJSON_AddStringToObject(m, "to", to) && cJSON_AddStringToObject(m, "body", copy) &&
		cJSON_AddStringToObject(m, "client_id", client_id))
		json = cJSON_PrintUnformatted(m);
	cJSON_Delete(m);
	free(copy);
	return json;
}

/* The server has it: it is shown, kept, and waited for. */
static int sent(struct cli *c, const char *to, struct str text, const struct http_answer *a)
{
	cJSON *answer = answer_json(a, false);
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(answer, "id");
	enum wait_state state;
	int rc = answer ? EXIT_DONE : EXIT_FAILED;

	if (answer && !cJSON_IsString(id))
		rc = cli_fail(EXIT_FAILED, "the server's answer has no id");
	else if (answer && (c->mode_given || c->format) && out_item(&out, answer))
		rc = cli_fail(EXIT_FAILED, "sent, but cannot write to stdout");
	if (rc == EXIT_DONE) {
		local_sent(c, to, text, answer);
		rc = wait_parse(c, &state) ? EXIT_USAGE : wait_for(c, id->valuestring, to, state);
	}
	cJSON_Delete(answer);
	return rc;
}

/* By way of the outbox: because it was asked for, or because what was queued before must not be passed. */
static int send_queued(struct cli *c, const char *to, struct str text, const char *client_id)
{
	enum wait_state state;
	char id[65], sent_at[65];
	int rc;

	if (cli_switch(c, "each-line") && cli_switch(c, "queue"))
		return queue_line(c, &out, to, "text", text, client_id);
	rc = queue_send(c, &out, to, text, client_id);
	if (rc == EXIT_QUEUED) {
		queue_say_waiting(c);
		say_send_again(c, to, text, client_id, "it is in the outbox once");
	}
	if (rc == EXIT_DONE && wait_parse(c, &state) == EXIT_DONE && client_db_sent(c->db, client_id, id, sent_at) == 0)
		rc = wait_for(c, id, to, state);
	if (rc == EXIT_TIMEOUT)
		say_send_again(c, to, text, client_id, "it was sent");
	return rc;
}

static int check_text(struct str text)
{
	if (text.n == 0)
		return cli_fail(EXIT_USAGE, "there is no text to send");
	if (memchr(text.p, 0, text.n))
		return cli_fail(EXIT_USAGE, "a message cannot hold a NUL byte");
	if (!utf8_ok(text))
		return cli_fail(EXIT_USAGE, "the text is not UTF-8; iconv -c -t utf-8 makes it so");
	return EXIT_DONE;
}

static int send_one(struct cli *c, const char *to, struct str text, const char *client_id)
{
	struct http_answer a;
	int rc = check_text(text);

	if (rc)
		return rc;
	if (c->dry_run) {
		printf("would send %zu bytes to %s as %s\n", text.n, to, client_id);
		return EXIT_DONE;
	}
	if (cli_switch(c, "queue") || local_waits(c, to))
		return send_queued(c, to, text, client_id);
	char *json = message_json(to, text, client_id);
	if (!json)
		return cli_fail(EXIT_FAILED, "out of memory");
	struct str body = str_of(json);
	rc = cli_request(c, "POST", "/messages", &body, true, false, &a);
	if (rc == EXIT_NETWORK || rc == EXIT_TIMEOUT)
		say_send_again(c, to, text, client_id, "whether it was sent is not known");
	else if (rc == EXIT_DONE && (rc = sent(c, to, text, &a)) == EXIT_TIMEOUT)
		say_send_again(c, to, text, client_id, "it was sent");
	http_answer_release(&a);
	free(json);
	return rc;
}

static int send_line(struct cli *c, const char *line)
{
	char client_id[CLIENT_ID_MAX + 1];

	/* Each line needs an id of its own; the same --id and the same input make the same ids. */
	snprintf(client_id, sizeof client_id, "%s.%u", prefix, ++lines);
	return send_one(c, c->args[0], str_of(line), client_id);
}

/* ---- --batch: JSON lines, each with its own "to", sent as arrays ---- */

struct batch {
	struct buf json; /* "[" and n messages */
	unsigned n, number[BATCH], sent, failed;
	int code; /* of those that failed: the one that all have, else EXIT_FAILED */
};

static void one_failed(struct batch *b, int code)
{
	b->code = b->failed++ && b->code != code ? EXIT_FAILED : code;
}

static int batch_result(struct cli *c, struct batch *b, const struct http_answer *a)
{
	cJSON *answers = answer_json(a, true), *one;
	unsigned i = 0;
	int rc = answers ? EXIT_DONE : EXIT_FAILED;

	if (answers && (unsigned)cJSON_GetArraySize(answers) != b->n)
		rc = cli_fail(EXIT_FAILED, "the server's answer does not fit what was sent");
	const cJSON *list = rc ? NULL : answers;
	cJSON_ArrayForEach(one, list)
	{
		const cJSON *status = cJSON_GetObjectItemCaseSensitive(one, "status");
		char *text = cJSON_IsNumber(status) ? cJSON_PrintUnformatted(one) : NULL;
		struct http_answer refused = {.status = text ? (int)status->valuedouble : 0, .body.data = text};
		if (text) {
			fprintf(stderr, "line %u: ", b->number[i]);
			one_failed(b, cli_answer(&refused, false));
			free(text);
		} else {
			b->sent++;
			if ((c->mode_given || c->format) && out_item(&out, one))
				rc = cli_fail(EXIT_FAILED, "sent, but cannot write to stdout");
		}
		i++;
	}
	cJSON_Delete(answers);
	return rc;
}

static void say_batch_again(const struct cli *c)
{
	say_again(c, prefix, "whether it was sent is not known");
	fputs(" --batch", stderr);
	if (c->n_args && strcmp(c->args[0], "-") != 0)
		print_word(c->args[0]);
	else
		fputs("  # with the same lines on stdin", stderr);
	fputc('\n', stderr);
}

static int batch_flush(struct cli *c, struct batch *b)
{
	struct http_answer a;
	int rc = EXIT_DONE;

	if (b->n && c->dry_run) {
		printf("would send %u messages\n", b->n);
	} else if (b->n) {
		buf_addc(&b->json, ']');
		struct str body = buf_str(&b->json);
		cli_restart_clock(c);
		rc = cli_request(c, "POST", "/messages", &body, true, false, &a);
		if (rc == EXIT_NETWORK || rc == EXIT_TIMEOUT)
			say_batch_again(c);
		if (rc == EXIT_DONE)
			rc = batch_result(c, b, &a);
		http_answer_release(&a);
	}
	buf_reset(&b->json);
	b->n = 0;
	return rc;
}

/* A line as JSON with a client_id, so that trying the whole array again repeats nothing; NULL when it is no message. */
static char *batch_message(struct cli *c, const char *line, unsigned number)
{
	cJSON *m = cJSON_Parse(line);
	const cJSON *to = cJSON_GetObjectItemCaseSensitive(m, "to"),
		    *text = cJSON_GetObjectItemCaseSensitive(m, "body");
	char client_id[CLIENT_ID_MAX + 1], *json = NULL;

	if (cJSON_IsObject(m) && cJSON_IsString(to) && cJSON_IsString(text) && utf8_ok(str_of(line)) &&
		!local_waits(c, to->valuestring)) {
		snprintf(client_id, sizeof client_id, "%s.%u", prefix, number);
		if (!cJSON_GetObjectItemCaseSensitive(m, "client_id"))
			cJSON_AddStringToObject(m, "client_id", client_id);
		json = cJSON_PrintUnformatted(m);
	}
	cJSON_Delete(m);
	return json;
}

static const char *word_of(const cJSON *m, const char *name, const char *otherwise)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(m, name);

	return v ? cJSON_IsString(v) ? v->valuestring : "" : otherwise;
}

/* With --queue each line goes to disk by itself, before anything is sent. */
static int batch_queue(struct cli *c, struct batch *b, const char *line, unsigned number)
{
	cJSON *m = cJSON_Parse(line);
	char own_id[CLIENT_ID_MAX + 1];
	enum kind known;
	int rc;

	snprintf(own_id, sizeof own_id, "%s.%u", prefix, number);
	const char *to = word_of(m, "to", ""), *body = word_of(m, "body", ""), *kind = word_of(m, "kind", "text"),
		   *client_id = word_of(m, "client_id", own_id);
	if (!cJSON_IsObject(m) || !user_name_ok(str_of(to)) || !client_id_ok(str_of(client_id)) ||
		kind_parse(str_of(kind), &known))
		rc = cli_fail(EXIT_USAGE, "line %u is no JSON object with \"to\", \"body\" and perhaps \"client_id\"",
			number);
	else if ((rc = check_text(str_of(body))))
		cli_fail(rc, "that was line %u", number);
	else if (c->dry_run)
		printf("would queue %zu bytes to %s as %s\n", strlen(body), to, client_id);
	else
		rc = queue_line(c, &out, to, kind, str_of(body), client_id);
	if (rc)
		one_failed(b, rc);
	else
		b->sent++;
	cJSON_Delete(m);
	return out.failed ? cli_fail(EXIT_FAILED, "cannot write to stdout") : EXIT_DONE;
}

static int batch_add(struct cli *c, struct batch *b, const char *line, unsigned number)
{
	if (cli_switch(c, "queue"))
		return batch_queue(c, b, line, number);
	char *json = batch_message(c, line, number);
	int rc = EXIT_DONE;

	if (!json || strlen(json) > BATCH_BYTES) {
		one_failed(b, cli_fail(EXIT_USAGE,
				      "line %u is no JSON object with \"to\" and \"body\", or too long, or "
				      "would pass messages that wait in the outbox",
				      number));
		free(json);
		return EXIT_DONE;
	}
	if (b->n == BATCH || b->json.len + strlen(json) > BATCH_BYTES)
		rc = batch_flush(c, b);
	buf_addc(&b->json, b->n ? ',' : '[');
	buf_adds(&b->json, json);
	b->number[b->n++] = number;
	free(json);
	return rc;
}

static int send_batch(struct cli *c)
{
	const char *path = c->n_args ? c->args[0] : "-";
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	static struct batch b;
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int rc = EXIT_DONE;

	if (!f)
		return cli_fail(EXIT_USAGE, "cannot open %s: %s", path, strerror(errno));
	memset(&b, 0, sizeof b);
	buf_init(&b.json, 2 * REQUEST_MAX);
	for (unsigned number = 1; rc == EXIT_DONE && (n = getline(&line, &cap, f)) >= 0; number++)
		if (n && line[0] != '\n')
			rc = batch_add(c, &b, line, number);
	if (rc == EXIT_DONE)
		rc = batch_flush(c, &b);
	if (f != stdin)
		fclose(f);
	free(line);
	buf_release(&b.json);
	if (!c->dry_run)
		cli_note(c, "%u %s, %u refused", b.sent, cli_switch(c, "queue") ? "taken" : "sent", b.failed);
	if (rc == EXIT_DONE)
		rc = b.failed ? b.code : EXIT_DONE;
	return rc && b.sent ? EXIT_PARTLY : rc;
}

static int check_many(const struct cli *c)
{
	bool batch = cli_switch(c, "batch");
	const char *id = cli_option(c, "id");

	if (batch && cli_switch(c, "each-line"))
		return cli_fail(EXIT_USAGE, "--batch and --each-line do not go together");
	if (cli_option(c, "wait"))
		return cli_fail(EXIT_USAGE, "--wait is for one message");
	if (cli_option(c, "file"))
		return cli_fail(EXIT_USAGE, "-f sends a whole file as one message; %s",
			batch ? "--batch takes its file as an argument" : "--each-line reads stdin");
	if (batch ? c->n_args > 1 : c->n_args > 1 && strcmp(c->args[1], "-") != 0)
		return cli_fail(
			EXIT_USAGE, batch ? "--batch takes one FILE, or reads stdin; each line has its own \"to\""
					  : "--each-line reads stdin and takes no text");
	if (id && strlen(id) > PREFIX_MAX)
		return cli_fail(EXIT_USAGE, "--id has at most %d characters here: the number of the line follows it",
			PREFIX_MAX);
	return EXIT_DONE;
}

static int check_send(const struct cli *c, bool many)
{
	const char *id = cli_option(c, "id");
	enum wait_state state;
	int rc = many ? check_many(c) : EXIT_DONE;

	if (rc || (rc = wait_parse(c, &state)))
		return rc;
	if (id && !client_id_ok(str_of(id)))
		return cli_fail(EXIT_USAGE, "--id has 1 to 64 of A-Z a-z 0-9 . _ -, not \"%.80s\"", id);
	if (cli_switch(c, "batch"))
		return EXIT_DONE;
	if (c->n_args == 0)
		return cli_fail(EXIT_USAGE, "to whom? usage: chatctl send TO [TEXT|-]");
	if (!user_name_ok(str_of(c->args[0])))
		return cli_fail(EXIT_USAGE, "\"%s\" is no user name", c->args[0]);
	if (c->n_args > 1 && cli_option(c, "file"))
		return cli_fail(EXIT_USAGE, "give the text as an argument or by -f, not both");
	return EXIT_DONE;
}

static int send_many(struct cli *c)
{
	lines = 0;
	random_id(own_prefix);
	prefix = cli_option(c, "id") ? cli_option(c, "id") : own_prefix;
	out_begin(&out, c, answer_columns, false);
	int rc = cli_switch(c, "batch") ? send_batch(c) : each_line(c, send_line);
	if (cli_switch(c, "queue"))
		rc = queue_end(c, rc);
	return (c->mode_given || c->format) && out_end(&out) ? cli_fail(EXIT_FAILED, "cannot write to stdout") : rc;
}

static int exec_send(struct cli *c)
{
	const char *id = cli_option(c, "id"), *file = cli_option(c, "file");
	bool many = cli_switch(c, "batch") || cli_switch(c, "each-line");
	char random[23];
	struct buf text;
	int rc = check_send(c, many);

	if (rc || many)
		return rc ? rc : send_many(c);
	out_begin(&out, c, answer_columns, true);
	random_id(random);
	if (!id)
		id = random;
	if (c->n_args > 1 && strcmp(c->args[1], "-") != 0)
		return send_one(c, c->args[0], str_of(c->args[1]), id);
	buf_init(&text, TEXT_MAX);
	rc = read_text(c, file ? file : "-", &text);
	cli_restart_clock(c);
	if (rc == EXIT_DONE)
		rc = send_one(c, c->args[0], buf_str(&text), id);
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
	{"id", 0, "ID",
		"the client_id: the same id with the same text is never sent twice; with --each-line and --batch the "
		"first part of it",
		COMPLETE_NONE, false},
	{"queue", 0, NULL,
		"put it into the outbox, on disk, before it is sent; exit 9 when it stays there; with --each-line and "
		"--batch too",
		COMPLETE_NONE, false},
	{"wait", 0, "sent|delivered|read", "end once it is; exit 124 when --timeout (30s) comes first", COMPLETE_NONE,
		false},
	{NULL, 0, NULL, NULL, COMPLETE_NONE, false},
};

const struct verb verb_send = {
	.name = "send",
	.args = "TO [TEXT|-]",
	.summary = "send a message",
	.fields = "id client_id sent_at to state replayed",
	.text = "Sends the argument, or what comes on stdin (without one trailing newline) when there is none or it is "
		"-. Exit 0 means that the server has it on disk. "
		"Prints nothing, but with -o json the answer. An unclear outcome is tried again under the same id; "
		"when the time is over, the command that is safe to run "
		"again is printed. The default of 30 s is for each request; --timeout bounds the whole command, also "
		"one whose input does not end. With --queue a message is on disk before anything else happens, and "
		"is sent now or later, once and in order: every command that reaches the server sends first what "
		"waits in the outbox. A message to somebody for whom others wait goes behind them, with or without "
		"--queue.",
	.examples = "chatctl send bob 'see you there'\nmake 2>&1 | tail -20 | chatctl send bob -\nchatctl send bob "
		    "done --id \"job-$CI_JOB_ID\" --json=id\n"
		    "tail -F app.log | grep --line-buffered FATAL | chatctl send oncall --each-line --queue\n"
		    "chatctl send bob 'deploy?' --wait read --timeout 5m || echo 'not seen'\n"
		    "chatctl send --batch --id \"report-$(date +%F)\" messages.jsonl",
	.options = options,
	.max_args = 2,
	.need = NEED_LOGIN,
	.timeout_default_s = 30,
	.exec = exec_send,
};
