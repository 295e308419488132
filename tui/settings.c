#include "tui/settings.h"
#include "common/client/profile.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 65536 };

static const struct {
	const char *key, *fallback, *words, *help;
} table[SETTING_COUNT] = {
#define SETTING_ROW(id, key, fallback, words, help) [SETTING_##id] = {key, fallback, words, help},
	SETTINGS_TABLE(SETTING_ROW)
#undef SETTING_ROW
};

const char *setting_name(enum setting which)
{
	return table[which].key;
}

const char *setting_help(enum setting which)
{
	return table[which].help;
}

const char *setting_words(enum setting which)
{
	return table[which].words;
}

int setting_find(const char *key)
{
	for (int i = 0; i < SETTING_COUNT; i++)
		if (strcmp(table[i].key, key) == 0)
			return i;
	return -1;
}

void settings_init(struct settings *s)
{
	for (int i = 0; i < SETTING_COUNT; i++)
		snprintf(s->value[i], SETTING_MAX, "%s", table[i].fallback);
}

bool settings_yes(const struct settings *s, enum setting which)
{
	return strcmp(s->value[which], "yes") == 0;
}

static bool is_one_of(const char *word, const char *words)
{
	size_t n = strlen(word);

	for (const char *p = words; p && *p; p += strspn(p, " ")) {
		size_t k = strcspn(p, " ");
		if (k == n && memcmp(p, word, n) == 0)
			return true;
		p += k;
	}
	return false;
}

int settings_set(struct settings *s, const char *key, const char *value, char why[256])
{
	int i = setting_find(key);

	if (i < 0) {
		snprintf(why, 256, "There is no setting %.40s; /set lists them.", key);
		return -1;
	}
	if (table[i].words && !is_one_of(value, table[i].words)) {
		snprintf(why, 256, "%s is one of: %s", key, table[i].words);
		return -1;
	}
	if (strlen(value) >= SETTING_MAX || strchr(value, '\n')) {
		snprintf(why, 256, "%s: too long, or of several lines", key);
		return -1;
	}
	snprintf(s->value[i], SETTING_MAX, "%s", value);
	return 0;
}

/* The key's name may have a blank, so the action is the last word. */
int settings_bind(struct keymap *keys, const char *text, char why[256])
{
	const char *last = strrchr(text, ' ');
	char name[KEY_NAME_MAX];
	struct key k;
	int action = last ? action_find(last + 1) : ACTION_NONE;

	snprintf(name, sizeof name, "%.*s", last ? (int)(last - text) : 0, text);
	if (action == ACTION_NONE)
		snprintf(why, 256,
			"Name a key and an action, as in: /bind Ctrl+T next-unread. /bind lists the actions.");
	else if (key_parse(name, &k))
		snprintf(why, 256, "%.30s is no key; say Ctrl+T, Alt+T, F5, PgUp, Ctrl+X Ctrl+T.", name);
	else if (keymap_bind(keys, k, action))
		snprintf(why, 256, "Too many keys are bound.");
	else
		return 0;
	return -1;
}

static int path_of(char out[600])
{
	char dir[512];

	if (profile_dir(dir))
		return -1;
	snprintf(out, 600, "%s/config", dir);
	return 0;
}

/* The file's text on the heap; NULL: there is none (errno). */
static char *read_file(void)
{
	char path[600];
	int fd = path_of(path) ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	char *text = fd < 0 ? NULL : calloc(1, FILE_MAX + 1);
	ssize_t n = 0, got;

	while (text && n < FILE_MAX && (got = read(fd, text + n, (size_t)(FILE_MAX - n))) > 0)
		n += got;
	if (fd >= 0)
		close(fd);
	return text;
}

/* Takes "key = value" apart, in place. false: a comment, an empty line. */
static bool take_apart(char *line, char **key, char **value)
{
	char *eq, *end;

	line += strspn(line, " \t");
	if (!*line || *line == '#' || !(eq = strchr(line, '=')))
		return false;
	for (end = eq; end > line && strchr(" \t", end[-1]); end--)
		;
	*end = 0;
	*key = line;
	*value = eq + 1 + strspn(eq + 1, " \t");
	for (end = *value + strlen(*value); end > *value && strchr(" \t\r", end[-1]); end--)
		;
	*end = 0;
	return true;
}

int settings_load(struct settings *s, struct keymap *keys, char why[256])
{
	char *text = read_file(), *rest = text, *line, *key, *value, wrong[256];
	int rc = 0;

	for (unsigned n = 1; text && (line = strsep(&rest, "\n")); n++) {
		if (!take_apart(line, &key, &value))
			continue;
		int bad = strcmp(key, "bind") == 0 ? settings_bind(keys, value, wrong)
			  : setting_find(key) >= 0 ? settings_set(s, key, value, wrong)
						   : 0;
		if (bad && rc == 0) {
			snprintf(why, 256, "config, line %u: %.200s", n, wrong);
			rc = -1;
		}
	}
	free(text);
	return rc;
}

/* Is this line the one that a new one replaces? */
static bool replaced(const char *line, const char *key, const char *value)
{
	char copy[1024], *k, *v;
	const char *a, *b = strrchr(value, ' ');

	snprintf(copy, sizeof copy, "%s", line);
	if (!take_apart(copy, &k, &v) || strcmp(k, key) != 0)
		return false;
	if (strcmp(key, "bind") != 0)
		return true;
	a = strrchr(v, ' ');
	return a && b && a - v == b - value && strncasecmp(v, value, (size_t)(a - v)) == 0;
}

static int write_whole(const char *path, const struct buf *b, char why[256])
{
	char tmp[640];
	int fd;

	snprintf(tmp, sizeof tmp, "%s.%d.tmp", path, (int)getpid());
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0 && write(fd, b->data, b->len) == (ssize_t)b->len && fsync(fd) == 0 && close(fd) == 0 &&
		rename(tmp, path) == 0)
		return 0;
	snprintf(why, 256, "Changed for now, but %.150s cannot be written: %s", path, strerror(errno));
	unlink(tmp);
	return -1;
}

int settings_keep(const char *key, const char *value, char why[256])
{
	char path[600], *text = read_file(), *rest = text, *line;
	struct buf b;
	bool done = false;

	buf_init(&b, (size_t)2 * FILE_MAX);
	while (text && (line = strsep(&rest, "\n"))) {
		if (!*line && !rest)
			break;
		if (!replaced(line, key, value))
			buf_addf(&b, "%s\n", line);
		else if (!done)
			buf_addf(&b, "%s = %s\n", key, value);
		done = done || replaced(line, key, value);
	}
	free(text);
	if (!done)
		buf_addf(&b, "%s = %s\n", key, value);
	int rc = -1;
	if (path_of(path) || b.failed)
		snprintf(why, 256, "Changed for now, but there is no place to keep it.");
	else
		rc = write_whole(path, &b, why);
	buf_release(&b);
	return rc;
}
