#include "common/client/http.h"
#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { ANSWER_MAX = 64 << 20 };

struct http_client {
	CURL *curl;
	char base[512];
	char *socket;              /* calls go through it; NULL: by TCP */
	struct curl_slist *common; /* headers of every call */
};

struct http_client *http_client_new(const char *base_url, const char *token, const char *cacert)
{
	struct http_client *h = calloc(1, sizeof *h);
	char line[160];

	if (!h)
		return NULL;
	snprintf(h->base, sizeof h->base, "%s", base_url);
	size_t n = strlen(h->base);
	if (n && h->base[n - 1] == '/')
		h->base[n - 1] = 0;
	curl_global_init(strncmp(base_url, "https:", 6) == 0 ? CURL_GLOBAL_SSL : CURL_GLOBAL_NOTHING);
	h->curl = curl_easy_init();
	snprintf(line, sizeof line, "Authorization: Bearer %s", token ? token : "");
	h->common = curl_slist_append(NULL, "Expect:"); /* chatd answers 417 to it */
	if (h->common && token && *token)
		h->common = curl_slist_append(h->common, line);
	if (!h->curl || !h->common) {
		http_client_free(h);
		return NULL;
	}
	curl_easy_setopt(h->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h->curl, CURLOPT_USERAGENT, "chatctl/" CHAT_VERSION);
	/* A proxy on the way would be shown the token; with TLS it sees none. */
	if (strncmp(base_url, "https:", 6) != 0)
		curl_easy_setopt(h->curl, CURLOPT_PROXY, "");
	if (cacert && *cacert)
		curl_easy_setopt(h->curl, CURLOPT_CAINFO, cacert);
	return h;
}

int http_client_pin(struct http_client *h, const char *pin)
{
	return curl_easy_setopt(h->curl, CURLOPT_PINNEDPUBLICKEY, *pin ? pin : NULL) == CURLE_OK ? 0 : -1;
}

static int broken_off(void *when, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
	(void)down_total, (void)down, (void)up_total, (void)up;
	return atomic_load((const atomic_bool *)when);
}

void http_client_break_off(struct http_client *h, const atomic_bool *when)
{
	curl_easy_setopt(h->curl, CURLOPT_XFERINFOFUNCTION, broken_off);
	curl_easy_setopt(h->curl, CURLOPT_XFERINFODATA, (void *)when);
	curl_easy_setopt(h->curl, CURLOPT_NOPROGRESS, 0L);
}

void http_client_free(struct http_client *h)
{
	if (!h)
		return;
	curl_easy_cleanup(h->curl);
	curl_slist_free_all(h->common);
	free(h->socket);
	free(h);
}

int http_client_unix(struct http_client *h, const char *socket)
{
	free(h->socket);
	h->socket = strdup(socket);
	return h->socket && curl_easy_setopt(h->curl, CURLOPT_UNIX_SOCKET_PATH, socket) == CURLE_OK ? 0 : -1;
}

const char *http_client_where(const struct http_client *h)
{
	return h->socket ? h->socket : h->base;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct http_answer *a = arg;

	return buf_add(&a->body, p, size * n) ? 0 : size * n;
}

static bool header_is(const char *line, size_t n, const char *name, char *value, size_t max)
{
	size_t len = strlen(name);

	if (n <= len || strncasecmp(line, name, len) != 0 || line[len] != ':')
		return false;
	const char *p = line + len + 1, *end = line + n;
	while (p < end && *p == ' ')
		p++;
	while (end > p && (end[-1] == '\r' || end[-1] == '\n'))
		end--;
	if ((size_t)(end - p) >= max)
		return false;
	memcpy(value, p, (size_t)(end - p));
	value[end - p] = 0;
	return true;
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct http_answer *a = arg;
	char value[65];

	if (header_is(p, size * n, "Chat-Next-Cursor", value, sizeof value))
		strcpy(a->next_cursor, value);
	else if (header_is(p, size * n, "Chat-Unread-Total", value, sizeof value))
		a->unread_total = atoll(value);
	else if (header_is(p, size * n, "Idempotency-Replayed", value, sizeof value))
		a->replayed = strcmp(value, "true") == 0;
	else if (header_is(p, size * n, "Date", value, sizeof value))
		a->date_s = curl_getdate(value, NULL) > 0 ? curl_getdate(value, NULL) : 0;
	else if (header_is(p, size * n, "Retry-After", value, sizeof value))
		a->retry_after_ms = (unsigned)(atoi(value) > 0 && atoi(value) < 86400 ? atoi(value) * 1000 : 0);
	return size * n;
}

void http_answer_release(struct http_answer *a)
{
	buf_release(&a->body);
}

static enum http_result result_of(CURLcode rc)
{
	switch (rc) {
	case CURLE_OK:
		return HTTP_ANSWERED;
	case CURLE_OPERATION_TIMEDOUT:
		return HTTP_LATE;
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
	case CURLE_URL_MALFORMAT:
		return HTTP_UNSENT;
	default:
		return HTTP_UNCLEAR;
	}
}

enum http_result http_call(struct http_client *h, const char *method, const char *path, const struct str *body,
	unsigned timeout_ms, bool verbose, struct http_answer *a)
{
	CURL *c = h->curl;
	struct curl_slist *headers = NULL;
	char url[2048], why[CURL_ERROR_SIZE] = "";
	long status = 0;

	*a = (struct http_answer){.unread_total = -1};
	buf_init(&a->body, ANSWER_MAX);
	snprintf(url, sizeof url, "%s%s", h->base, path);
	for (struct curl_slist *s = h->common; s; s = s->next)
		headers = curl_slist_append(headers, s->data);
	if (body)
		headers = curl_slist_append(headers, "Content-Type: application/json");
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(c, CURLOPT_NOBODY, strcmp(method, "HEAD") == 0 ? 1L : 0L);
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method);
	if (body) {
		curl_easy_setopt(c, CURLOPT_POST, 1L);
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, body->p);
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->n);
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method);
	}
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, timeout_ms ? (long)timeout_ms : 1L);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, a);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, a);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
	CURLcode rc = curl_easy_perform(c);
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(headers);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, NULL);
	a->status = rc ? 0 : (int)status;
	snprintf(a->why, sizeof a->why, "%s", why[0] ? why : curl_easy_strerror(rc));
	if (verbose)
		fprintf(stderr, "> %s %s (%zu bytes)\n< %ld (%zu bytes)%s%s\n", method, url, body ? body->n : 0, status,
			a->body.len, rc ? " " : "", rc ? a->why : "");
	buf_addc(&a->body, 0);
	if (!a->body.failed)
		a->body.len--;
	return result_of(rc);
}

/* The host of a URL, without brackets. */
static bool host_of(const char *url, char out[256])
{
	const char *p = strstr(url, "://");

	if (!p)
		return false;
	p += 3;
	size_t n = *p == '[' ? strcspn(++p, "]") : strcspn(p, ":/?#");
	if (n == 0 || n > 255)
		return false;
	memcpy(out, p, n);
	out[n] = 0;
	return !strchr(out, '@') && !strpbrk(p, "?# ") && !strchr(p, '@');
}

bool http_url_ok(const char *url)
{
	char host[256];

	return (strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0) && strlen(url) < 500 &&
	       host_of(url, host);
}

bool http_url_is_private(const char *url)
{
	char host[256];
	struct in_addr v4;

	if (strncmp(url, "https://", 8) == 0)
		return true;
	if (!host_of(url, host))
		return false;
	if (strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0)
		return true;
	return inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}
