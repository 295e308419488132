/* One REST call after another over one kept connection: the only user of libcurl. No retries, no output, no exit: that is the caller's. One thread. */
#ifndef CHAT_CLIENT_HTTP_H
#define CHAT_CLIENT_HTTP_H
#include "common/base/buf.h"
#include <stdatomic.h>

struct http_client;
struct http_client *http_client_new(const char *base_url, const char *token, const char *cacert);
/* Talks to no server but one with that key (see pin.h); over plain http it says nothing. 0 or -1. */
int http_client_pin(struct http_client *h, const char *pin);
/* A call ends within about a second once *when is true. */
void http_client_break_off(struct http_client *h, const atomic_bool *when);
void http_client_free(struct http_client *h);
/* All calls go through this Unix socket; base_url gives no more than scheme and Host. 0 or -1. */
int http_client_unix(struct http_client *h, const char *socket);
const char *http_client_where(const struct http_client *h); /* whom it talks to: for messages */

enum http_result {
	HTTP_ANSWERED, /* answer->status says how */
	HTTP_UNSENT,   /* no connection: the server cannot have seen it */
	HTTP_UNCLEAR,  /* broke off: the server may have done it */
	HTTP_LATE,     /* the time was over: the server may have done it */
};
struct http_answer {
	int status;              /* 0: there is no (whole) answer */
	struct buf body;         /* NUL behind it */
	char next_cursor[65];    /* Chat-Next-Cursor, or empty */
	long long unread_total;  /* Chat-Unread-Total, or -1 */
	bool replayed;           /* Idempotency-Replayed */
	unsigned retry_after_ms; /* Retry-After, or 0 */
	long long date_s;        /* Date, seconds since 1970, or 0 */
	char why[256];           /* when there is no answer: libcurl's sentence */
};
void http_answer_release(struct http_answer *a);
/* path begins with '/'; body NULL: none. timeout_ms: for this call, all in all. verbose: the exchange on stderr, without the token and bodies. */
enum http_result http_call(struct http_client *h, const char *method, const char *path, const struct str *body,
	unsigned timeout_ms, bool verbose, struct http_answer *a);
/* https, or http to a loopback address: where a secret may go. */
bool http_url_is_private(const char *url);
/* Scheme http or https, a host, no user, no query. */
bool http_url_ok(const char *url);
#endif
