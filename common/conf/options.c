#include "common/conf/options.h"
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void *value_of(const struct options *o, const struct option *opt)
{
	return (char *)o->values + opt->offset;
}

static const struct option *find(const struct options *o, const char *name, size_t n)
{
	for (const struct option *opt = o->table; opt->name; opt++)
		if (strlen(opt->name) == n && memcmp(opt->name, name, n) == 0)
			return opt;
	return NULL;
}

static int set_text(char **to, const char *value)
{
	char *copy = value ? strdup(value) : NULL;

	if (value && !copy)
		return -1;
	free(*to);
	*to = copy;
	return 0;
}

static int set_number(const struct option *opt, uint64_t *to, const char *value, char why[256])
{
	char *end;

	errno = 0;
	uint64_t v = isdigit((unsigned char)*value) ? strtoull(value, &end, 10) : (end = (char *)value, 0);
	if (*end || end == value || errno || v < opt->min || v > opt->max) {
		snprintf(why, 256, "%s needs a whole number from %" PRIu64 " to %" PRIu64 ", not \"%.40s\"", opt->name,
			opt->min, opt->max, value);
		return -1;
	}
	*to = v;
	return 0;
}

static int set_choice(const struct option *opt, const char **to, const char *value, char why[256])
{
	size_t at = (size_t)snprintf(why, 256, "%s is one of", opt->name);

	for (const char *const *c = opt->choices; *c; c++) {
		if (strcmp(*c, value) == 0) {
			*to = *c;
			return 0;
		}
		at += (size_t)snprintf(why + at, 256 - at, " %s", *c);
	}
	snprintf(why + at, 256 - at, ", not \"%.40s\"", value);
	return -1;
}

static int set(const struct options *o, const struct option *opt, const char *value, char why[256])
{
	void *to = value_of(o, opt);

	switch (opt->type) {
	case OPTION_TEXT:
		if (set_text(to, value) == 0)
			return 0;
		snprintf(why, 256, "out of memory");
		return -1;
	case OPTION_NUMBER:
		return set_number(opt, to, value, why);
	case OPTION_CHOICE:
		return set_choice(opt, to, value, why);
	case OPTION_FLAG:
		if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0) {
			snprintf(why, 256, "%s is yes or no, not \"%.40s\"", opt->name, value);
			return -1;
		}
		*(bool *)to = value[0] == 'y';
		return 0;
	}
	return -1;
}

int options_init(const struct options *o)
{
	char why[256];

	for (const struct option *opt = o->table; opt->name; opt++)
		if (opt->fallback && set(o, opt, opt->fallback, why))
			return -1;
	return 0;
}

void options_free(const struct options *o)
{
	for (const struct option *opt = o->table; opt->name; opt++)
		if (opt->type == OPTION_TEXT)
			(void)set_text(value_of(o, opt), NULL);
}

int options_flags(const struct options *o, int argc, char **argv, int *rest, char why[256])
{
	int i;

	for (i = 1; i < argc && strncmp(argv[i], "--", 2) == 0 && argv[i][2]; i++) {
		const char *name = argv[i] + 2, *eq = strchr(name, '=');
		const struct option *opt = find(o, name, eq ? (size_t)(eq - name) : strlen(name));
		const char *value = eq ? eq + 1 : NULL;
		if (!opt) {
			snprintf(why, 256, "there is no option \"%.60s\"; see --help", argv[i]);
			return -1;
		}
		if (opt->type == OPTION_FLAG && !value)
			value = "yes";
		if (!value && i + 1 < argc)
			value = argv[++i];
		if (!value) {
			snprintf(why, 256, "--%s needs an argument", opt->name);
			return -1;
		}
		if (set(o, opt, value, why))
			return -1;
	}
	*rest = i;
	return 0;
}

static char *trim(char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	char *end = s + strlen(s);
	while (end > s && isspace((unsigned char)end[-1]))
		*--end = 0;
	return s;
}

static int set_line(const struct options *o, char *line, char why[256])
{
	char *s = trim(line), *eq;

	if (*s == 0 || *s == '#')
		return 0;
	eq = strchr(s, '=');
	if (!eq) {
		snprintf(why, 256, "key = value is expected");
		return -1;
	}
	*eq = 0;
	const char *key = trim(s);
	const struct option *opt = find(o, key, strlen(key));
	if (!opt || opt->flag_only) {
		snprintf(why, 256, "there is no key \"%.60s\"", key);
		return -1;
	}
	return set(o, opt, trim(eq + 1), why);
}

int options_file(const struct options *o, const char *path, char why[256])
{
	char line[1024], reason[256];
	unsigned number = 0;
	int rc = 0;
	FILE *f = fopen(path, "re");

	if (!f) {
		snprintf(why, 256, "cannot open %.180s: %s", path, strerror(errno));
		return -1;
	}
	while (rc == 0 && fgets(line, sizeof line, f)) {
		number++;
		if (!strchr(line, '\n') && !feof(f)) {
			snprintf(reason, sizeof reason, "the line is too long");
			rc = -1;
		} else {
			rc = set_line(o, line, reason);
		}
		if (rc)
			snprintf(why, 256, "%.100s:%u: %.140s", path, number, reason);
	}
	if (ferror(f) && rc == 0) {
		snprintf(why, 256, "cannot read %.180s", path);
		rc = -1;
	}
	fclose(f);
	return rc;
}

void options_help(const struct options *o, FILE *to)
{
	for (const struct option *opt = o->table; opt->name; opt++) {
		char left[64];
		snprintf(left, sizeof left, "--%s%s%s", opt->name, opt->arg ? " " : "", opt->arg ? opt->arg : "");
		fprintf(to, "  %-28s %s", left, opt->help);
		if (opt->fallback && opt->type != OPTION_FLAG)
			fprintf(to, " (default %s)", opt->fallback);
		fputc('\n', to);
	}
}

const char *options_value(const struct options *o, const struct option *opt, char room[OPTION_DIGITS])
{
	const void *v = value_of(o, opt);

	if (opt->type == OPTION_FLAG)
		return *(const bool *)v ? "yes" : "no";
	if (opt->type != OPTION_NUMBER)
		return *(const char *const *)v;
	snprintf(room, OPTION_DIGITS, "%" PRIu64, *(const uint64_t *)v);
	return room;
}

void options_print(const struct options *o, FILE *to)
{
	char room[OPTION_DIGITS];

	for (const struct option *opt = o->table; opt->name; opt++) {
		const char *v = options_value(o, opt, room);
		if (opt->flag_only)
			continue;
		if (v)
			fprintf(to, "%s = %s\n", opt->name, v);
		else
			fprintf(to, "# %s =\n", opt->name);
	}
}
