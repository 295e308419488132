#include "cli/out.h"
#include "common/base/clock.h"
#include "common/text/sanitise.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char *const message_columns[] = {
	"id", "client_id", "from", "to", "kind", "body", "sent_at", "delivered_at", "read_at", NULL};

const char *const answer_columns[] = {"id", "client_id", "sent_at", NULL};

enum { LINE_MAX_BYTES = 1 << 20, STRFTIME_MAX = 96 };

void out_begin(struct out *o, struct cli *c, const char *const *columns, bool single)
{
	*o = (struct out){.cli = c, .columns = columns, .single = single};
	if (c->format || c->mode != OUT_CSV)
		return;
	for (unsigned i = 0; columns[i]; i++)
		printf("%s%s", i ? "," : "", columns[i]);
	putchar('\n');
}

static bool wanted(const struct cli *c, const char *field)
{
	size_t n = strlen(field);

	for (const char *p = c->fields; p && *p; p += strcspn(p, ","), p += *p == ',')
		if (strncmp(p, field, n) == 0 && (p[n] == ',' || p[n] == 0))
			return true;
	return !c->fields || !*c->fields;
}

static void add_json(const struct cli *c, const cJSON *item, struct buf *line)
{
	cJSON *copy = cJSON_Duplicate(item, true), *f = copy ? copy->child : NULL;

	while (f) {
		cJSON *next = f->next;
		if (!wanted(c, f->string))
			cJSON_Delete(cJSON_DetachItemViaPointer(copy, f));
		f = next;
	}
	char *text = copy ? cJSON_PrintUnformatted(copy) : NULL;
	if (text && c->tty_out)
		sanitise(line, str_of(text), SANITISE_JSON);
	else
		buf_adds(line, text ? text : "null");
	free(text);
	cJSON_Delete(copy);
}

/* A field as text; numbers and words as JSON writes them, null as nothing. */
static const char *field_text(const cJSON *item, const char *name, char scratch[64])
{
	const cJSON *f = cJSON_GetObjectItemCaseSensitive(item, name);

	if (cJSON_IsString(f))
		return f->valuestring;
	if (cJSON_IsBool(f))
		return cJSON_IsTrue(f) ? "true" : "false";
	if (!cJSON_IsNumber(f))
		return "";
	snprintf(scratch, 64, "%.17g", f->valuedouble);
	return scratch;
}

/* On a terminal controls are shown; in a pipe the text is exact but for what would break the format. */
static void add_text(const struct cli *c, const char *text, enum sanitise_mode mode, struct buf *line)
{
	if (c->tty_out)
		sanitise(line, str_of(text), mode);
	else
		buf_adds(line, text);
}

static void add_csv(const struct cli *c, const char *text, struct buf *line)
{
	struct buf safe;

	buf_init(&safe, LINE_MAX_BYTES);
	add_text(c, text, SANITISE_TEXT, &safe);
	bool quote = safe.len && (memchr(safe.data, '"', safe.len) || memchr(safe.data, ',', safe.len) ||
					 memchr(safe.data, '\n', safe.len) || memchr(safe.data, '\r', safe.len));
	if (quote)
		buf_addc(line, '"');
	for (size_t i = 0; i < safe.len; i++) {
		if (safe.data[i] == '"')
			buf_addc(line, '"');
		buf_addc(line, safe.data[i]);
	}
	if (quote)
		buf_addc(line, '"');
	buf_release(&safe);
}

/* Tab, newline, carriage return and backslash are always escaped: a row stays a row. */
static void add_tsv(const struct cli *c, const char *text, struct buf *line)
{
	static const char special[] = "\t\n\r\\", word[] = "tnr\\";
	struct buf plain;

	buf_init(&plain, LINE_MAX_BYTES);
	for (; *text; text++) {
		const char *at = strchr(special, *text);
		if (at)
			buf_addc(&plain, '\\');
		buf_addc(&plain, at ? word[at - special] : *text);
	}
	buf_addc(&plain, 0);
	if (!plain.failed)
		add_text(c, plain.data, SANITISE_LINE, line);
	buf_release(&plain);
}

/* A time of the REST API in local time, or UTC. */
static void add_time(const struct cli *c, const char *rfc3339, const char *fmt, struct buf *line)
{
	uint64_t ms;
	struct tm tm;
	char text[128];

	if (clock_parse(rfc3339, strlen(rfc3339), &ms))
		return;
	time_t s = (time_t)(ms / 1000);
	if ((c->utc ? gmtime_r(&s, &tm) : localtime_r(&s, &tm)) && strftime(text, sizeof text, fmt, &tm))
		buf_adds(line, text);
}

static const char *state_word(const cJSON *item)
{
	if (cJSON_IsString(cJSON_GetObjectItemCaseSensitive(item, "read_at")))
		return "read";
	return cJSON_IsString(cJSON_GetObjectItemCaseSensitive(item, "delivered_at")) ? "delivered" : "sent";
}

static const struct {
	char letter;
	const char *field;
} format_fields[] = {{'i', "id"}, {'c', "client_id"}, {'f', "from"}, {'t', "to"}, {'b', "body"}};
enum { FORMAT_FIELDS = sizeof format_fields / sizeof *format_fields };

static const char *format_field(char letter)
{
	for (unsigned i = 0; i < FORMAT_FIELDS; i++)
		if (format_fields[i].letter == letter)
			return format_fields[i].field;
	return NULL;
}

/* p stands on T: %T or %T{strftime}, checked before. Answers the last character used. */
static const char *format_time(const struct cli *c, const char *p, const cJSON *item, struct buf *line)
{
	char fmt[STRFTIME_MAX] = "%Y-%m-%d %H:%M:%S", scratch[64];

	if (p[1] == '{') {
		size_t n = strcspn(p + 2, "}");
		memcpy(fmt, p + 2, n);
		fmt[n] = 0;
		p += 2 + n;
	}
	add_time(c, field_text(item, "sent_at", scratch), fmt, line);
	return p;
}

static void add_format(const struct cli *c, const cJSON *item, struct buf *line)
{
	char scratch[64];

	for (const char *p = c->format; *p; p++) {
		if (*p == '\\' && (p[1] == 'n' || p[1] == 't')) {
			buf_addc(line, *++p == 'n' ? '\n' : '\t');
			continue;
		}
		if (*p != '%') {
			buf_addc(line, *p);
			continue;
		}
		p++;
		if (*p == 'T')
			p = format_time(c, p, item, line);
		else if (*p == 'S')
			buf_adds(line, state_word(item));
		else if (*p == '%')
			buf_addc(line, '%');
		else
			add_text(c, field_text(item, format_field(*p), scratch), SANITISE_TEXT, line);
	}
}

int out_format_check(const char *format)
{
	for (const char *p = format; *p; p++) {
		if (*p != '%')
			continue;
		p++;
		if (*p == 'T' && p[1] == '{') {
			size_t n = strcspn(p + 2, "}");
			if (!p[2 + n] || n >= STRFTIME_MAX)
				return cli_fail(EXIT_USAGE,
					"--format: %%T{ is not closed, or longer than %d characters", STRFTIME_MAX - 1);
			p += 2 + n;
			continue;
		}
		if (!*p || (!strchr("TS%", *p) && !format_field(*p)))
			return cli_fail(EXIT_USAGE,
				"--format knows %%i %%c %%f %%t %%b %%T{strftime} %%S %%%%; see: chatctl help formats");
	}
	return EXIT_DONE;
}

static void add_head(const struct cli *c, const cJSON *item, struct buf *line)
{
	char scratch[64];

	const char *id = field_text(item, "id", scratch);
	sanitise(line, (struct str){id, strnlen(id, 8)}, SANITISE_LINE);
	buf_adds(line, "  ");
	add_time(c, field_text(item, "sent_at", scratch), "%Y-%m-%d %H:%M", line);
	buf_adds(line, "  ");
	sanitise(line, str_of(field_text(item, "from", scratch)), SANITISE_LINE);
	buf_adds(line, ":");
}

void out_head(const struct cli *c, const cJSON *message)
{
	struct buf line;

	buf_init(&line, LINE_MAX_BYTES);
	add_head(c, message, &line);
	buf_addc(&line, '\n');
	fwrite(line.data, 1, line.len, stdout);
	buf_release(&line);
}

/* For people: when, who, what; other objects: their columns, with two blanks between. */
static void add_line(const struct out *o, const cJSON *item, struct buf *line)
{
	const struct cli *c = o->cli;
	char scratch[64];

	if (o->columns == message_columns) {
		add_head(c, item, line);
		buf_addc(line, ' ');
		sanitise(line, str_of(field_text(item, "body", scratch)), SANITISE_LINE);
		return;
	}
	for (unsigned i = 0; o->columns[i]; i++) {
		buf_adds(line, i ? "  " : "");
		const char *text = field_text(item, o->columns[i], scratch);
		sanitise(line, str_of(*text ? text : "-"), SANITISE_LINE);
	}
}

static void add_row(const struct out *o, const cJSON *item, struct buf *line)
{
	char scratch[64];

	for (unsigned i = 0; o->columns[i]; i++) {
		const char *text = field_text(item, o->columns[i], scratch);
		if (i)
			buf_addc(line, o->cli->mode == OUT_CSV ? ',' : '\t');
		if (o->cli->mode == OUT_CSV)
			add_csv(o->cli, text, line);
		else
			add_tsv(o->cli, text, line);
	}
}

int out_item(struct out *o, const cJSON *item)
{
	struct cli *c = o->cli;
	struct buf line;

	buf_init(&line, 4 * LINE_MAX_BYTES);
	if (c->format)
		add_format(c, item, &line);
	else if (c->mode == OUT_CSV || c->mode == OUT_TSV)
		add_row(o, item, &line);
	else if (c->mode == OUT_TEXT)
		add_line(o, item, &line);
	else {
		if (c->mode == OUT_JSON && !o->single)
			buf_adds(&line, o->n ? ",\n " : "[");
		add_json(c, item, &line);
	}
	if (c->format || c->mode != OUT_JSON || o->single)
		buf_addc(&line, '\n');
	o->n++;
	fwrite(line.data ? line.data : "", 1, line.len, stdout);
	if (out_flush() || line.failed)
		o->failed = true;
	buf_release(&line);
	return o->failed ? -1 : 0;
}

void out_check_reader(void)
{
	struct pollfd p = {.fd = STDOUT_FILENO};

	if (poll(&p, 1, 0) == 1 && p.revents & POLLERR) {
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
}

int out_flush(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	out_check_reader();
	return -1;
}

int out_end(struct out *o)
{
	if (!o->cli->format && o->cli->mode == OUT_JSON && !o->single)
		puts(o->n ? "]" : "[]");
	if (out_flush())
		o->failed = true;
	return o->failed ? -1 : 0;
}

void out_text(const struct cli *c, struct str text, bool json)
{
	struct buf b;

	if (!c->tty_out) {
		fwrite(text.p, 1, text.n, stdout);
		return;
	}
	json = json && text.n && strchr("[{", text.p[0]);
	buf_init(&b, text.n * SANITISE_GROWTH_MAX + 1);
	sanitise(&b, text, json ? SANITISE_JSON : SANITISE_TEXT);
	fwrite(b.data, 1, b.len, stdout);
	buf_release(&b);
}

void out_line(const char *text)
{
	struct buf b;

	buf_init(&b, strlen(text) * SANITISE_GROWTH_MAX + 2);
	sanitise(&b, str_of(text), SANITISE_LINE);
	buf_addc(&b, '\n');
	fwrite(b.data, 1, b.len, stdout);
	buf_release(&b);
}
