#include "cli/people.h"
#include "common/client/db.h"
#include "common/msg.h"
#include <cjson/cJSON.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FRESH_S = 60, FILE_MAX = PEOPLE_MAX * 34 + 1024 };

static int path_of(const struct cli *c, const char *ending, char out[720])
{
	char db[700];

	if (client_db_path(c->profile.name, true, db))
		return -1;
	db[strlen(db) - strlen(".db")] = 0;
	snprintf(out, 720, "%s.%s", db, ending);
	return 0;
}

/* The file, behind its first line; NULL when it is not this user's. */
static FILE *open_file(const struct cli *c, struct stat *st)
{
	char path[720], line[700], mine[700];

	if (path_of(c, "people", path))
		return NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	snprintf(mine, sizeof mine, "%s %s\n", c->profile.url, c->profile.user);
	if (f && fstat(fd, st) == 0 && S_ISREG(st->st_mode) && fgets(line, sizeof line, f) && strcmp(line, mine) == 0)
		return f;
	if (f)
		fclose(f);
	else if (fd >= 0)
		close(fd);
	return NULL;
}

void people_each(const struct cli *c, int (*fn)(void *ctx, const char *name), void *ctx)
{
	struct stat st;
	char line[64];
	FILE *f = open_file(c, &st);

	for (unsigned n = 0; f && n < PEOPLE_MAX && fgets(line, sizeof line, f); n++) {
		line[strcspn(line, "\n")] = 0;
		if (user_name_ok(str_of(line)) && fn(ctx, line))
			break;
	}
	if (f)
		fclose(f);
}

bool people_are_old(const struct cli *c)
{
	struct stat st;
	FILE *f = open_file(c, &st);
	time_t now = time(NULL);

	if (f)
		fclose(f);
	return !f || st.st_mtime > now || now - st.st_mtime > FRESH_S;
}

static int add_line(void *ctx, const char *name)
{
	buf_adds(ctx, name);
	buf_addc(ctx, '\n');
	return 0;
}

/* The names in an array of objects. -1: it cannot be had. */
static int ask(struct cli *c, const char *path, const char *member, struct buf *names)
{
	struct http_answer a;
	int rc = cli_request(c, "GET", path, NULL, true, true, &a);
	cJSON *all = rc == EXIT_DONE && a.body.data ? cJSON_Parse(a.body.data) : NULL, *one;
	const cJSON *list = cJSON_IsArray(all) ? all : NULL;

	rc = list ? 0 : -1;
	cJSON_ArrayForEach(one, list)
	{
		const cJSON *name = cJSON_GetObjectItemCaseSensitive(one, member);
		if (cJSON_IsString(name) && user_name_ok(str_of(name->valuestring)))
			add_line(names, name->valuestring);
	}
	cJSON_Delete(all);
	http_answer_release(&a);
	return rc;
}

static void write_file(const struct cli *c, const struct buf *text)
{
	char path[720], tmp[760];

	if (text->failed || path_of(c, "people", path))
		return;
	snprintf(tmp, sizeof tmp, "%s.%ld.tmp", path, (long)getpid());
	int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	bool ok = write(fd, text->data, text->len) == (ssize_t)text->len;
	close(fd);
	if (!ok || rename(tmp, path))
		unlink(tmp);
}

void people_refresh(struct cli *c)
{
	struct buf text;

	if (!c->profile.user[0] || !c->profile.token[0])
		return;
	buf_init(&text, FILE_MAX);
	buf_addf(&text, "%s %s\n", c->profile.url, c->profile.user);
	/* What is kept stays when there is no answer; the file is new all the same, so that it is not asked for at every key. */
	if (ask(c, "/contacts", "user", &text) || ask(c, "/conversations?limit=200", "with", &text))
		people_each(c, add_line, &text);
	write_file(c, &text);
	buf_release(&text);
}
