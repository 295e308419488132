#include "cli/bench/accounts.h"
#include "cli/admin.h"
#include "common/client/profile.h"
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

static int take(struct accounts *a, unsigned n, const cJSON *users)
{
	const cJSON *pair;

	cJSON_ArrayForEach(pair, users)
	{
		const char *name = cJSON_GetStringValue(cJSON_GetArrayItem(pair, 0));
		const char *token = cJSON_GetStringValue(cJSON_GetArrayItem(pair, 1));
		struct account *to = &a->list[a->n];
		if (a->n == n || !name || !token || strlen(name) >= sizeof to->name ||
			strlen(token) >= sizeof to->token)
			return cli_fail(EXIT_FAILED, "the server's answer about accounts cannot be read");
		strcpy(to->name, name);
		strcpy(to->token, token);
		a->n++;
	}
	return EXIT_DONE;
}

static int make(struct cli *c, struct accounts *a, const char *prefix, unsigned n)
{
	cJSON *body = cJSON_CreateObject(), *answer = NULL;

	cJSON_AddStringToObject(body, "prefix", prefix);
	cJSON_AddNumberToObject(body, "count", n);
	int rc = admin_change(c, "POST", "/admin/bench", body, "make accounts", &answer);
	const char *run = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "run"));
	if (rc == EXIT_DONE && run && strlen(run) < sizeof a->run)
		strcpy(a->run, run);
	else if (rc == EXIT_DONE)
		rc = cli_fail(EXIT_FAILED, "the server's answer about accounts cannot be read");
	if (rc == EXIT_DONE)
		rc = take(a, n, cJSON_GetObjectItemCaseSensitive(answer, "users"));
	if (rc == EXIT_DONE && a->n != n)
		rc = cli_fail(EXIT_FAILED, "the server made %u accounts, not %u", a->n, n);
	cJSON_Delete(answer);
	return rc;
}

static int read_file(struct accounts *a, const char *path, unsigned n)
{
	FILE *f = fopen(path, "re");
	struct account one;

	if (!f)
		return cli_fail(EXIT_USAGE, "%s: %s", path, strerror(errno));
	while (a->n < n && fscanf(f, "%32s %71s%*[^\n]", one.name, one.token) == 2)
		a->list[a->n++] = one;
	fclose(f);
	sodium_memzero(&one, sizeof one);
	return a->n == n ? EXIT_DONE
			 : cli_fail(EXIT_USAGE, "%s: %u lines \"USER TOKEN\" are needed, it has %u", path, n, a->n);
}

int accounts_get(struct cli *c, struct accounts *a, const char *file, const char *prefix, unsigned n)
{
	memset(a, 0, sizeof *a);
	if (!(a->list = calloc(n, sizeof *a->list)))
		return cli_fail(EXIT_FAILED, "no memory for %u accounts", n);
	int rc = file ? read_file(a, file, n) : make(c, a, prefix, n);
	if (rc && !file)
		cli_note(c,
			"accounts for a run come from the operators' interface: give --admin DIR, or --accounts FILE");
	return rc;
}

int accounts_release(struct cli *c, struct accounts *a)
{
	char path[128];
	int rc = EXIT_DONE;

	snprintf(path, sizeof path, "/admin/bench/%s", a->run);
	if (a->run[0])
		rc = admin_change(c, "DELETE", path, NULL, "remove the accounts", NULL);
	if (a->list)
		sodium_memzero(a->list, a->n * sizeof *a->list);
	free(a->list);
	memset(a, 0, sizeof *a);
	return rc;
}
