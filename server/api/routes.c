#include "server/api/thread.h"

enum {
	SMALL = 16 * 1024, /* bytes of a body that holds a few short members */
	KEYS = 64 * 1024   /* a bundle and 200 keys, however they are spaced */
};

/* Where a route is there. */
enum {
	EVERYWHERE = ON_PUBLIC | ON_ADMIN | ON_METRICS,
	COUNTS = ON_PUBLIC_METRICS | ON_ADMIN | ON_METRICS,
};

static const struct api_route routes[] = {
	{HTTP_POST, "/messages", ON_PUBLIC, API_USER, BODY_REQUIRED, 0, api_messages_post},
	{HTTP_GET, "/messages", ON_PUBLIC, API_USER, BODY_NONE, 0, api_messages_get},
	{HTTP_GET, "/messages/{}", ON_PUBLIC, API_USER, BODY_NONE, 0, api_message_get},
	{HTTP_PATCH, "/messages/{}", ON_PUBLIC, API_USER, BODY_REQUIRED, SMALL, api_message_mark},
	{HTTP_PUT, "/messages/{}", ON_PUBLIC, API_USER, BODY_REQUIRED, SMALL, api_message_mark},
	{HTTP_GET, "/conversations", ON_PUBLIC, API_USER, BODY_NONE, 0, api_conversations_get},
	{HTTP_GET, "/conversations/{}/messages", ON_PUBLIC, API_USER, BODY_NONE, 0, api_history_get},
	{HTTP_PUT, "/conversations/{}/read", ON_PUBLIC, API_USER, BODY_REQUIRED, SMALL, api_conversation_read},
	{HTTP_GET, "/contacts", ON_PUBLIC, API_USER, BODY_NONE, 0, api_contacts_get},
	{HTTP_PUT, "/contacts/{}", ON_PUBLIC, API_USER, BODY_OPTIONAL, SMALL, api_contact_put},
	{HTTP_DELETE, "/contacts/{}", ON_PUBLIC, API_USER, BODY_NONE, 0, api_contact_delete},
	{HTTP_GET, "/blocks", ON_PUBLIC, API_USER, BODY_NONE, 0, api_blocks_get},
	{HTTP_PUT, "/blocks/{}", ON_PUBLIC, API_USER, BODY_OPTIONAL, SMALL, api_block_put},
	{HTTP_DELETE, "/blocks/{}", ON_PUBLIC, API_USER, BODY_NONE, 0, api_block_delete},
	{HTTP_PUT, "/keys", ON_PUBLIC, API_USER, BODY_REQUIRED, KEYS, api_keys_put},
	{HTTP_GET, "/keys", ON_PUBLIC, API_USER, BODY_NONE, 0, api_keys_get},
	{HTTP_GET, "/keys/{}", ON_PUBLIC, API_USER, BODY_NONE, 0, api_keys_user_get},
	{HTTP_POST, "/users", ON_PUBLIC, API_PUBLIC, BODY_REQUIRED, SMALL, api_users_post},
	{HTTP_PUT, "/users/me/password", ON_PUBLIC, API_USER, BODY_REQUIRED, SMALL, api_password_put},
	{HTTP_GET, "/users/{}", ON_PUBLIC, API_USER, BODY_NONE, 0, api_users_get},
	{HTTP_POST, "/sessions", ON_PUBLIC, API_PUBLIC, BODY_REQUIRED, SMALL, api_sessions_post},
	{HTTP_GET, "/sessions", ON_PUBLIC, API_USER, BODY_NONE, 0, api_sessions_get},
	{HTTP_DELETE, "/sessions/{}", ON_PUBLIC, API_USER, BODY_NONE, 0, api_sessions_delete},
	{HTTP_GET, "/", ON_PUBLIC, API_PUBLIC, BODY_NONE, 0, api_root_get},
	{HTTP_GET, "/healthz", EVERYWHERE, API_PUBLIC, BODY_NONE, 0, api_healthz_get},
	{HTTP_GET, "/readyz", EVERYWHERE, API_PUBLIC, BODY_NONE, 0, api_readyz_get},
	{HTTP_GET, "/metrics", COUNTS, API_PUBLIC, BODY_NONE, 0, api_metrics_get},
	{HTTP_GET, "/openapi.json", ON_PUBLIC, API_PUBLIC, BODY_NONE, 0, api_openapi_get},
	{HTTP_GET, "/admin/info", ON_ADMIN, API_USER, BODY_NONE, 0, admin_info_get},
	{HTTP_GET, "/admin/config", ON_ADMIN, API_USER, BODY_NONE, 0, admin_config_get},
	{HTTP_GET, "/admin/stats", ON_ADMIN, API_USER, BODY_NONE, 0, admin_stats_get},
	{HTTP_POST, "/admin/drain", ON_ADMIN, API_USER, BODY_OPTIONAL, SMALL, admin_drain_post},
	{HTTP_POST, "/admin/reload", ON_ADMIN, API_USER, BODY_OPTIONAL, SMALL, admin_reload_post},
	{HTTP_POST, "/admin/backup", ON_ADMIN, API_USER, BODY_REQUIRED, SMALL, admin_backup_post},
	{HTTP_POST, "/admin/bench", ON_ADMIN, API_USER, BODY_REQUIRED, SMALL, admin_bench_post},
	{HTTP_DELETE, "/admin/bench/{}", ON_ADMIN, API_USER, BODY_NONE, 0, admin_bench_delete},
	{HTTP_GET, "/admin/conns", ON_ADMIN, API_USER, BODY_NONE, 0, admin_conns_get},
	{HTTP_DELETE, "/admin/conns/{}", ON_ADMIN, API_USER, BODY_NONE, 0, admin_conn_delete},
	{HTTP_GET, "/admin/users", ON_ADMIN, API_USER, BODY_NONE, 0, admin_users_get},
	{HTTP_POST, "/admin/users", ON_ADMIN, API_USER, BODY_REQUIRED, SMALL, admin_users_post},
	{HTTP_DELETE, "/admin/users/{}", ON_ADMIN, API_USER, BODY_NONE, 0, admin_user_delete},
	{HTTP_DELETE, "/admin/users/{}/conns", ON_ADMIN, API_USER, BODY_NONE, 0, admin_user_conns_delete},
	{HTTP_PUT, "/admin/users/{}/password", ON_ADMIN, API_USER, BODY_REQUIRED, SMALL, admin_password_put},
	{HTTP_PUT, "/admin/users/{}/lock", ON_ADMIN, API_USER, BODY_REQUIRED, SMALL, admin_lock_put},
	{HTTP_PUT, "/admin/users/{}/limits", ON_ADMIN, API_USER, BODY_REQUIRED, SMALL, admin_limits_put},
	{HTTP_GET, "/admin/invites", ON_ADMIN, API_USER, BODY_NONE, 0, admin_invites_get},
	{HTTP_POST, "/admin/invites", ON_ADMIN, API_USER, BODY_OPTIONAL, SMALL, admin_invites_post},
	{HTTP_DELETE, "/admin/invites/{}", ON_ADMIN, API_USER, BODY_NONE, 0, admin_invite_delete},
};
enum { ROUTES = sizeof routes / sizeof *routes };

static const char *const method_words[] = {
	[HTTP_GET] = "GET", [HTTP_POST] = "POST", [HTTP_PUT] = "PUT", [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE"};

/* Does path match the pattern? *param: what "{}" stands for. */
static bool matches(const char *pattern, struct str path, struct str *param)
{
	const char *hole = strstr(pattern, "{}");
	size_t head = hole ? (size_t)(hole - pattern) : 0;

	*param = (struct str){NULL, 0};
	if (!hole)
		return str_is(path, pattern);
	struct str tail = str_of(hole + 2);
	if (path.n <= head + tail.n || memcmp(path.p, pattern, head) != 0)
		return false;
	*param = (struct str){path.p + head, path.n - head - tail.n};
	return memcmp(path.p + path.n - tail.n, tail.p, tail.n) == 0 && !memchr(param->p, '/', param->n);
}

/* A literal path comes before a pattern in the table, and a path has one of the two. */
static const char *pattern_of(unsigned on, struct str path, struct str *param)
{
	for (unsigned i = 0; i < ROUTES; i++)
		if (routes[i].on & on && matches(routes[i].path, path, param))
			return routes[i].path;
	return NULL;
}

static const char *allowed(const char *pattern)
{
	static _Thread_local char text[64];
	size_t n = 0;

	for (unsigned i = 0; i < ROUTES; i++) {
		const char *word = method_words[routes[i].method];
		if (strcmp(routes[i].path, pattern) != 0 || n + strlen(word) + 3 > sizeof text)
			continue;
		if (n) {
			memcpy(text + n, ", ", 2);
			n += 2;
		}
		memcpy(text + n, word, strlen(word));
		n += strlen(word);
	}
	text[n] = 0;
	return text;
}

const struct api_route *route_find(
	unsigned on, enum http_method m, struct str path, char param[PARAM_MAX + 1], const char **allow)
{
	struct str found;
	const char *pattern = pattern_of(on, path, &found);

	*allow = NULL;
	if (!pattern || found.n > PARAM_MAX)
		return NULL;
	if (found.n)
		memcpy(param, found.p, found.n);
	param[found.n] = 0;
	for (unsigned i = 0; i < ROUTES; i++)
		if (routes[i].method == m && strcmp(routes[i].path, pattern) == 0)
			return &routes[i];
	*allow = allowed(pattern);
	return NULL;
}

bool route_public(unsigned on, struct str path)
{
	struct str param;
	const char *pattern = pattern_of(on, path, &param);

	for (unsigned i = 0; pattern && i < ROUTES; i++)
		if (strcmp(routes[i].path, pattern) == 0 && routes[i].need != API_PUBLIC)
			return false;
	return pattern != NULL;
}
