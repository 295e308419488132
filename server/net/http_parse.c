#include "server/net/http_parse.h"
#include <strings.h>

enum { TOKEN = 1, PATHCH = 2, QUERYCH = 4, VALUE = 8, HOSTCH = 16, BASE64 = 32 };

static unsigned char classes[256];

/* Header state beyond what ends up in the request: which single headers were seen. */
struct heading {
	struct http_request *req;
	unsigned seen; /* bit a table row */
	bool close;
};

static void mark(const char *chars, unsigned char class)
{
	for (; *chars; chars++)
		classes[(unsigned char)*chars] |= class;
}

__attribute__((constructor)) static void classes_init(void)
{
	static const char alnum[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

	mark(alnum, TOKEN | PATHCH | QUERYCH | HOSTCH | BASE64);
	mark("!#$%&'*+-.^_`|~", TOKEN);
	mark("-._~!$&'()*+,;=:@/", PATHCH | QUERYCH);
	mark("?%[]{}|\"<>\\^`", QUERYCH);
	mark("-._~:[]", HOSTCH);
	mark("+/", BASE64);
	classes['\t'] |= VALUE;
	for (int c = 0x20; c < 0x100; c++)
		if (c != 0x7f)
			classes[c] |= VALUE;
}

static bool all_of(struct str s, unsigned char class)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(classes[(unsigned char)s.p[i]] & class))
			return false;
	return true;
}

static bool same_word(struct str s, const char *word)
{
	return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

static enum http_result refuse(struct http_request *out, enum err e, const char *detail)
{
	out->err = e;
	out->detail = detail;
	return HTTP_REFUSED;
}

static struct str trim(struct str s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s.p++, s.n--;
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* Takes the next element off a comma list; false at its end. */
static bool list_next(struct str *list, struct str *element)
{
	if (list->n == 0)
		return false;
	const char *comma = memchr(list->p, ',', list->n);
	size_t n = comma ? (size_t)(comma - list->p) : list->n;
	*element = trim((struct str){list->p, n});
	n += comma != NULL;
	list->p += n;
	list->n -= n;
	return true;
}

static bool list_has(struct str list, const char *word)
{
	struct str e;

	while (list_next(&list, &e))
		if (same_word(e, word))
			return true;
	return false;
}

static bool take_host(struct heading *h, struct str v)
{
	if (v.n == 0 || !all_of(v, HOSTCH))
		return refuse(h->req, ERR_BAD_REQUEST, "Host is not acceptable"), false;
	return true;
}

static bool take_length(struct heading *h, struct str v)
{
	uint64_t n = 0;

	if (v.n == 0)
		return refuse(h->req, ERR_BAD_REQUEST, "Content-Length is empty"), false;
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return refuse(h->req, ERR_BAD_REQUEST, "Content-Length is not a number"), false;
		if (n <= HTTP_BODY_LIMIT)
			n = n * 10 + (unsigned)(v.p[i] - '0');
	}
	if (n > HTTP_BODY_LIMIT)
		return refuse(h->req, ERR_TOO_LARGE, "Content-Length is out of range"), false;
	h->req->head.has_length = true;
	h->req->head.content_length = n;
	return true;
}

static bool take_encoding(struct heading *h, struct str v)
{
	(void)v;
	refuse(h->req, ERR_NOT_IMPLEMENTED, "Transfer-Encoding is not supported: send Content-Length");
	return false;
}

static bool take_expect(struct heading *h, struct str v)
{
	(void)v;
	refuse(h->req, ERR_EXPECTATION, NULL);
	return false;
}

static bool take_connection(struct heading *h, struct str v)
{
	if (list_has(v, "close"))
		h->close = true;
	if (list_has(v, "upgrade"))
		h->req->connection_upgrade = true;
	return true;
}

static bool take_upgrade(struct heading *h, struct str v)
{
	if (list_has(v, "websocket"))
		h->req->upgrade_websocket = true;
	return true;
}

static bool take_authorization(struct heading *h, struct str v)
{
	h->req->head.authorization = v;
	return true;
}

static bool take_type(struct heading *h, struct str v)
{
	h->req->head.content_type = v;
	return true;
}

static bool take_origin(struct heading *h, struct str v)
{
	h->req->head.origin = v;
	return true;
}

static bool take_key(struct heading *h, struct str v)
{
	/* 16 bytes in base64: 22 characters, the last of which carries 2 bits, and two of padding. */
	h->req->ws_key = v;
	h->req->ws_key_ok = v.n == 24 && all_of((struct str){v.p, 22}, BASE64) && strchr("AQgw", v.p[21]) != NULL &&
			    v.p[22] == '=' && v.p[23] == '=';
	return true;
}

static bool take_version(struct heading *h, struct str v)
{
	h->req->ws_version_13 = str_is(v, "13");
	return true;
}

static bool take_protocols(struct heading *h, struct str v)
{
	struct str list = v, e;

	while (list_next(&list, &e))
		if (str_is(e, "chat.v1"))
			h->req->offers_chat_v1 = true;
	return true;
}

static const struct header_row {
	const char *name;
	bool single; /* a second one is refused */
	bool (*take)(struct heading *h, struct str value);
} header_rows[] = {
	{"host", true, take_host},
	{"content-length", true, take_length},
	{"transfer-encoding", true, take_encoding},
	{"expect", true, take_expect},
	{"connection", false, take_connection},
	{"upgrade", false, take_upgrade},
	{"authorization", true, take_authorization},
	{"content-type", true, take_type},
	{"origin", true, take_origin},
	{"sec-websocket-key", true, take_key},
	{"sec-websocket-version", true, take_version},
	{"sec-websocket-protocol", false, take_protocols},
};
enum { HEADER_ROWS = sizeof header_rows / sizeof *header_rows, ROW_HOST = 0 };

static bool header_known(struct heading *h, struct str name, struct str value)
{
	for (unsigned i = 0; i < HEADER_ROWS; i++) {
		if (!same_word(name, header_rows[i].name))
			continue;
		if (header_rows[i].single && (h->seen & (1u << i)))
			return refuse(h->req, ERR_BAD_REQUEST, "A header stands twice"), false;
		h->seen |= 1u << i;
		return header_rows[i].take(h, value);
	}
	return true;
}

/* One header line without its CRLF. */
static bool header_line(struct heading *h, struct str line)
{
	const char *colon = memchr(line.p, ':', line.n);
	struct str name = {line.p, colon ? (size_t)(colon - line.p) : 0};

	if (name.n == 0 || !all_of(name, TOKEN))
		return refuse(h->req, ERR_BAD_REQUEST, "A header line is not acceptable"), false;
	struct str value = trim((struct str){colon + 1, line.n - name.n - 1});
	if (!all_of(value, VALUE))
		return refuse(h->req, ERR_BAD_REQUEST, "A header value holds a control character"), false;
	return header_known(h, name, value);
}

static bool canonical(struct str path)
{
	for (size_t i = 0; i < path.n; i++) {
		if (path.p[i] != '/')
			continue;
		struct str rest = {path.p + i + 1, path.n - i - 1};
		const char *end = rest.n ? memchr(rest.p, '/', rest.n) : NULL;
		struct str segment = {rest.p, end ? (size_t)(end - rest.p) : rest.n};
		if (str_is(segment, ".") || str_is(segment, "..") || (segment.n == 0 && end))
			return false;
	}
	return true;
}

static bool take_target(struct http_request *out, struct str target)
{
	const char *mark_at = target.n ? memchr(target.p, '?', target.n) : NULL;
	struct str path = {target.p, mark_at ? (size_t)(mark_at - target.p) : target.n};

	if (path.n == 0 || path.p[0] != '/')
		return refuse(out, ERR_BAD_REQUEST, "The request target must be an absolute path"), false;
	if (path.n > HTTP_PATH_MAX)
		return refuse(out, ERR_URI_TOO_LONG, NULL), false;
	if (!all_of(path, PATHCH) || !canonical(path))
		return refuse(out, ERR_BAD_REQUEST, "The path is not canonical"), false;
	out->head.path = path;
	if (mark_at)
		out->head.query = (struct str){mark_at + 1, target.n - path.n - 1};
	if (!all_of(out->head.query, QUERYCH))
		return refuse(out, ERR_BAD_REQUEST, "The query holds a character that must be encoded"), false;
	return true;
}

static const struct {
	const char *word;
	enum http_method method;
} methods[] = {
	{"GET", HTTP_GET}, {"POST", HTTP_POST}, {"PUT", HTTP_PUT}, {"PATCH", HTTP_PATCH}, {"DELETE", HTTP_DELETE}};

static void take_method(struct http_request *out, struct str word)
{
	out->head.method = HTTP_OTHER;
	out->is_head = str_is(word, "HEAD");
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		if (str_is(word, methods[i].word))
			out->head.method = methods[i].method;
}

static bool request_line(struct http_request *out, struct str line)
{
	const char *a = line.n ? memchr(line.p, ' ', line.n) : NULL;
	struct str method = {line.p, a ? (size_t)(a - line.p) : 0};

	if (method.n == 0 || method.n > HTTP_METHOD_MAX || !all_of(method, TOKEN))
		return refuse(out, ERR_BAD_REQUEST, "The request line is not acceptable"), false;
	struct str rest = {a + 1, line.n - method.n - 1};
	const char *b = rest.n ? memchr(rest.p, ' ', rest.n) : NULL;
	if (!b)
		return refuse(out, ERR_BAD_REQUEST, "The request line is not acceptable"), false;
	struct str target = {rest.p, (size_t)(b - rest.p)};
	struct str version = {b + 1, rest.n - target.n - 1};
	if (version.n != 8 || memcmp(version.p, "HTTP/", 5) != 0 || memchr(version.p, ' ', version.n))
		return refuse(out, ERR_BAD_REQUEST, "The request line is not acceptable"), false;
	if (!str_is(version, "HTTP/1.1"))
		return refuse(out, ERR_BAD_VERSION, NULL), false;
	take_method(out, method);
	return take_target(out, target);
}

/* What only the whole head can tell. */
static enum http_result judge(struct heading *h)
{
	struct http_head *head = &h->req->head;
	bool may_have_body = head->method == HTTP_POST || head->method == HTTP_PUT || head->method == HTTP_PATCH;

	if (!(h->seen & (1u << ROW_HOST)))
		return refuse(h->req, ERR_BAD_REQUEST, "Exactly one Host is required");
	if (head->content_length > 0 && !may_have_body)
		return refuse(h->req, ERR_BAD_REQUEST, "This method takes no body");
	head->keep_alive = !h->close;
	head->upgrade = head->method == HTTP_GET && h->req->connection_upgrade && h->req->upgrade_websocket &&
			h->req->ws_version_13 && h->req->ws_key_ok;
	return HTTP_DONE;
}

static enum http_result parse_head(const char *p, size_t n, struct http_request *out)
{
	struct heading h = {.req = out};
	bool first = true;

	for (size_t at = 0; at + 2 < n; first = false) {
		const char *lf = memchr(p + at, '\n', n - at);
		struct str line = {p + at, (size_t)(lf - (p + at)) - 1};
		if (!(first ? request_line(out, line) : header_line(&h, line)))
			return HTTP_REFUSED;
		at += line.n + 2;
	}
	return judge(&h);
}

static void request_reset(struct http_request *out)
{
	out->head.method = HTTP_OTHER;
	out->head.path = out->head.query = out->head.authorization = (struct str){"", 0};
	out->head.content_type = out->head.origin = out->ws_key = (struct str){"", 0};
	out->head.has_length = out->head.upgrade = out->head.keep_alive = false;
	out->head.content_length = 0;
	out->head_len = 0;
	out->err = ERR_OK;
	out->detail = NULL;
	out->is_head = out->connection_upgrade = out->upgrade_websocket = false;
	out->ws_version_13 = out->ws_key_ok = out->offers_chat_v1 = false;
}

enum http_result http_parse(const char *p, size_t n, struct http_scan *scan, struct http_request *out)
{
	size_t limit = n < HTTP_HEAD_MAX ? n : HTTP_HEAD_MAX;

	request_reset(out);
	if (n > 0 && !(classes[(unsigned char)p[0]] & TOKEN))
		return refuse(out, ERR_BAD_REQUEST, "This is not an HTTP request");
	while (scan->seen < limit) {
		const char *lf = memchr(p + scan->seen, '\n', limit - scan->seen);
		if (!lf) {
			scan->seen = limit;
			break;
		}
		size_t at = (size_t)(lf - p);
		if (at == scan->line || p[at - 1] != '\r')
			return refuse(out, ERR_BAD_REQUEST, "A line does not end in CRLF");
		bool empty = at == scan->line + 1;
		scan->seen = scan->line = at + 1;
		if (empty) {
			out->head_len = at + 1;
			return parse_head(p, out->head_len, out);
		}
	}
	return n >= HTTP_HEAD_MAX ? refuse(out, ERR_HEADERS_TOO_LARGE, NULL) : HTTP_MORE;
}
