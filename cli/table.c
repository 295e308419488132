#include "cli/table.h"
#include "cli/human.h"
#include "common/base/clock.h"
#include "common/text/sanitise.h"
#include "common/text/width.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CELL_BYTES_MAX = 4096, TABLE_BYTES_MAX = 64 << 20 };

void pad_text(struct buf *out, struct str text, unsigned width, bool right)
{
	unsigned columns;
	size_t n = width_fit(text, width, &columns);

	if (right)
		buf_addf(out, "%*s", (int)(width - columns), "");
	buf_add(out, text.p, n);
	if (!right)
		buf_addf(out, "%*s", (int)(width - columns), "");
}

static void add_time(const struct cli *c, const char *rfc3339, struct buf *out)
{
	uint64_t ms;
	struct tm tm;
	char text[32];

	if (clock_parse(rfc3339, strlen(rfc3339), &ms)) {
		sanitise(out, str_of(rfc3339), SANITISE_LINE);
		return;
	}
	time_t s = (time_t)(ms / 1000);
	if ((c->utc ? gmtime_r(&s, &tm) : localtime_r(&s, &tm)) && strftime(text, sizeof text, "%F %T", &tm))
		buf_adds(out, text);
}

static void add_number(const struct column *col, double v, struct buf *out)
{
	char text[HUMAN_MAX];
	uint64_t n = v >= 0 && v < 1e18 ? (uint64_t)v : 0;

	if (col->kind == CELL_BYTES)
		buf_adds(out, human_bytes(n, text));
	else if ((col->kind == CELL_MS || col->kind == CELL_S) && n == 0)
		buf_adds(out, col->kind == CELL_MS ? "0 ms" : "0 s");
	else if (col->kind == CELL_MS)
		buf_adds(out, human_us(n * 1000, text));
	else if (col->kind == CELL_S)
		buf_adds(out, human_us(n * 1000000, text));
	else if (col->kind == CELL_NUMBER && v == (double)n)
		buf_adds(out, human_count(n, text));
	else
		buf_addf(out, "%.17g", v);
}

static void add_text(const struct column *col, const char *text, const struct cli *c, struct buf *out)
{
	struct buf safe;

	if (col->kind == CELL_TIME) {
		add_time(c, text, out);
		return;
	}
	buf_init(&safe, CELL_BYTES_MAX);
	sanitise(&safe, str_of(text), SANITISE_LINE);
	struct str all = buf_str(&safe);
	buf_add(out, all.p, width_fit(all, CELL_COLUMNS_MAX, NULL));
	buf_release(&safe);
}

void cell_text(const struct cli *c, const struct column *col, const cJSON *item, struct buf *out)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(item, col->key);
	size_t was = out->len;

	if (cJSON_IsNumber(v))
		add_number(col, v->valuedouble, out);
	else if (cJSON_IsString(v))
		add_text(col, v->valuestring, c, out);
	else if (cJSON_IsBool(v))
		buf_adds(out, cJSON_IsTrue(v) ? "yes" : "no");
	if (out->len == was)
		buf_addc(out, '-');
}

static bool right(const struct column *col)
{
	return col->kind == CELL_NUMBER || col->kind == CELL_BYTES || col->kind == CELL_MS || col->kind == CELL_S;
}

/* Column i of a line is the last one: no blanks behind it. */
static void add_cell(struct buf *line, const struct column *cols, unsigned i, struct str text, const unsigned *width)
{
	if (i)
		buf_adds(line, "  ");
	if (!cols[i + 1].key && !right(&cols[i]))
		buf_addstr(line, text);
	else
		pad_text(line, text, width[i], right(&cols[i]));
}

static void measure(const struct cli *c, const struct column *cols, const cJSON *list, unsigned *width)
{
	struct buf cell;
	const cJSON *item;

	buf_init(&cell, CELL_BYTES_MAX);
	for (unsigned i = 0; cols[i].key; i++) {
		width[i] = width_columns(str_of(cols[i].title));
		cJSON_ArrayForEach(item, list)
		{
			buf_reset(&cell);
			cell_text(c, &cols[i], item, &cell);
			unsigned n = width_columns(buf_str(&cell));
			width[i] = n > width[i] ? n : width[i];
		}
	}
	buf_release(&cell);
}

static void add_row(
	const struct cli *c, const struct column *cols, const cJSON *item, const unsigned *width, struct buf *out)
{
	struct buf cell;

	buf_init(&cell, CELL_BYTES_MAX);
	for (unsigned i = 0; cols[i].key; i++) {
		buf_reset(&cell);
		cell_text(c, &cols[i], item, &cell);
		add_cell(out, cols, i, buf_str(&cell), width);
	}
	buf_addc(out, '\n');
	buf_release(&cell);
}

static int write_out(struct buf *out)
{
	fwrite(out->data ? out->data : "", 1, out->len, stdout);
	bool bad = out->failed;
	buf_release(out);
	return out_flush() || bad ? cli_fail(EXIT_FAILED, "cannot write to stdout") : EXIT_DONE;
}

void table_text(const struct cli *c, const struct column *cols, const cJSON *list, struct buf *out)
{
	unsigned width[TABLE_COLUMNS_MAX];
	const cJSON *item;

	if (cJSON_GetArraySize(list) == 0)
		return;
	measure(c, cols, list, width);
	for (unsigned i = 0; cols[i].key; i++)
		add_cell(out, cols, i, str_of(cols[i].title), width);
	buf_addc(out, '\n');
	cJSON_ArrayForEach(item, list) add_row(c, cols, item, width, out);
}

static int show_text(const struct cli *c, const struct column *cols, const cJSON *list)
{
	struct buf out;

	buf_init(&out, TABLE_BYTES_MAX);
	table_text(c, cols, list, &out);
	return write_out(&out);
}

static void keys_of(const struct column *cols, const char *keys[TABLE_COLUMNS_MAX + 1])
{
	unsigned n = 0;

	for (; cols[n].key; n++)
		keys[n] = cols[n].key;
	keys[n] = NULL;
}

int table_show(struct cli *c, const struct column *cols, const cJSON *list)
{
	const char *keys[TABLE_COLUMNS_MAX + 1];
	struct out o;
	const cJSON *item;

	if (c->mode == OUT_TEXT && !c->format)
		return show_text(c, cols, list);
	keys_of(cols, keys);
	out_begin(&o, c, keys, false);
	cJSON_ArrayForEach(item, list)
	{
		if (out_item(&o, item))
			break;
	}
	return out_end(&o) ? cli_fail(EXIT_FAILED, "cannot write to stdout") : EXIT_DONE;
}

static char *joined(const cJSON *array)
{
	struct buf b;
	const cJSON *v;

	buf_init(&b, CELL_BYTES_MAX);
	cJSON_ArrayForEach(v, array)
	{
		if (cJSON_IsString(v))
			buf_addf(&b, "%s%s", b.len ? " " : "", v->valuestring);
	}
	buf_addc(&b, 0);
	if (!b.failed)
		return b.data;
	buf_release(&b);
	return NULL;
}

/* Members of members beside the others, arrays of words as one text. */
static cJSON *flatten(const cJSON *o)
{
	cJSON *flat = cJSON_CreateObject();
	const cJSON *v, *w;
	char name[128];

	cJSON_ArrayForEach(v, o)
	{
		if (cJSON_IsArray(v)) {
			char *text = joined(v);
			cJSON_AddStringToObject(flat, v->string, text ? text : "");
			free(text);
		} else if (!cJSON_IsObject(v)) {
			cJSON_AddItemToObject(flat, v->string, cJSON_Duplicate(v, true));
		}
		for (w = cJSON_IsObject(v) ? v->child : NULL; w; w = w->next) {
			snprintf(name, sizeof name, "%s_%s", v->string, w->string);
			cJSON_AddItemToObject(flat, name, cJSON_Duplicate(w, true));
		}
	}
	return flat;
}

static int object_text(const struct cli *c, const struct column *cols, const cJSON *flat)
{
	unsigned width = 0;
	struct buf out;

	buf_init(&out, TABLE_BYTES_MAX);
	for (unsigned i = 0; cols[i].key; i++)
		width = strlen(cols[i].title) > width ? (unsigned)strlen(cols[i].title) : width;
	for (unsigned i = 0; cols[i].key; i++) {
		if (!cJSON_HasObjectItem(flat, cols[i].key))
			continue;
		pad_text(&out, str_of(cols[i].title), width + 2, false);
		cell_text(c, &cols[i], flat, &out);
		buf_addc(&out, '\n');
	}
	return write_out(&out);
}

int table_object(struct cli *c, const struct column *cols, const cJSON *o)
{
	const char *keys[TABLE_COLUMNS_MAX + 1];
	bool exact = !c->format && (c->mode == OUT_JSON || c->mode == OUT_JSONL);
	cJSON *flat = exact ? NULL : flatten(o);
	struct out out;
	int rc;

	if (c->mode == OUT_TEXT && !c->format) {
		rc = object_text(c, cols, flat);
	} else {
		keys_of(cols, keys);
		out_begin(&out, c, keys, true);
		(void)out_item(&out, exact ? o : flat);
		rc = out_end(&out) ? cli_fail(EXIT_FAILED, "cannot write to stdout") : EXIT_DONE;
	}
	cJSON_Delete(flat);
	return rc;
}
