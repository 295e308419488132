/* The strict gate for HTTP/1.1 requests (RFC 9112, narrowed as doc/protocol.md says): from bytes to struct http_head, or
 * to the refusal. Pure and incremental over a contiguous buffer: it never copies and never writes. Any thread.
 *
 * Refused: every version but HTTP/1.1; a target that is not a canonical absolute path (percent signs, empty or dot
 * segments); none or several Host; any Transfer-Encoding or Expect; a Content-Length that is repeated, not digits,
 * or above 0 with a method other than POST, PUT and PATCH; repeated single headers; folded lines; a bare CR or LF, NUL and
 * other control bytes; white space before a colon. */
#ifndef CHAT_NET_HTTP_PARSE_H
#define CHAT_NET_HTTP_PARSE_H
#include "server/net/net.h"

enum { HTTP_HEAD_MAX = 16384, HTTP_PATH_MAX = 1024, HTTP_METHOD_MAX = 16 };
#define HTTP_BODY_LIMIT (1ull << 40) /* bytes; a Content-Length above it is refused whatever the route says */

enum http_result { HTTP_MORE, HTTP_DONE, HTTP_REFUSED };

/* How far the search for the end of the head has come. All zero before a request's first byte. */
struct http_scan {
	size_t seen; /* bytes that need no second look */
	size_t line; /* where the current line begins */
};

struct http_request {
	struct http_head head; /* slices into the buffer */
	size_t head_len;       /* bytes with the empty line; the body begins here */
	enum err err;          /* HTTP_REFUSED: why */
	const char *detail;    /* HTTP_REFUSED: static text */
	bool is_head;          /* the method is HEAD: the answer has no body */
	/* What a WebSocket handshake needs to be judged. head.upgrade is the sum of the first four. */
	bool connection_upgrade, upgrade_websocket, ws_version_13, ws_key_ok;
	bool offers_chat_v1;
	struct str ws_key;
};

/* Looks at the n bytes at p, the first of which begins a request. HTTP_MORE: call again with the same bytes and
 * more behind them, and the same scan. After HTTP_DONE the same call with a zeroed scan gives the same answer again. */
enum http_result http_parse(const char *p, size_t n, struct http_scan *scan, struct http_request *out);
#endif
