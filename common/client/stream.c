#include "common/client/stream.h"
#include "common/base/clock.h"
#include <cjson/cJSON.h>
#include <libwebsockets.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

enum {
	FRAME_MAX = 8 << 20,
	OUT_MAX = 4 << 20,
	SEEN = 1024,          /* ids of the last messages, against repeats after a resume */
	SILENT_MS = 25000,    /* until welcome says otherwise */
	ANSWER_MS = 10000,    /* nothing for that long after a ping: connect anew */
	BACKOFF_FIRST_MS = 500,
	BACKOFF_MAX_MS = 30000,
};

struct stream {
	struct stream_handler h;
	struct lws_context *context;
	struct lws *wsi;
	char host[256], address[64], token[80], cacert[512];
	int port;
	bool tls;
	char cursor[65], why[256];
	int close_code;
	struct buf in, out;       /* a message under way; frames to send, each with a u32 length before it */
	char seen[SEEN][41];
	unsigned next_seen;
	unsigned failures;        /* connection attempts in a row */
	unsigned ping_ms;
	uint64_t next_try_us, heard_us, pinged_us;
	bool welcomed, done, refused, hello_again;
};

static int parse_url(struct stream *s, const char *url)
{
	s->tls = strncmp(url, "https://", 8) == 0;
	const char *p = strstr(url, "://");
	if (!p)
		return -1;
	p += 3;
	bool bracket = *p == '[';
	p += bracket;
	size_t n = strcspn(p, bracket ? "]" : ":/");
	if (n == 0 || n >= sizeof s->host)
		return -1;
	memcpy(s->host, p, n);
	s->host[n] = 0;
	p += n + bracket;
	s->port = *p == ':' ? atoi(p + 1) : s->tls ? 443 : 80;
	return s->port > 0 && s->port < 65536 ? 0 : -1;
}

/* lws would look the name up with a blocking call inside its loop: it is given a number instead. */
static int resolve(struct stream *s)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;

	if (getaddrinfo(s->host, NULL, &hints, &found))
		return -1;
	int rc = getnameinfo(found->ai_addr, found->ai_addrlen, s->address, sizeof s->address, NULL, 0, NI_NUMERICHOST);
	freeaddrinfo(found);
	return rc ? -1 : 0;
}

static uint32_t random_below(uint32_t n)
{
	uint32_t r;

	if (getrandom(&r, sizeof r, 0) != sizeof r)
		r = (uint32_t)clock_mono_us();
	return n ? r % n : 0;
}

static void say_state(struct stream *s, enum stream_state state, const char *why)
{
	if (s->h.state)
		s->h.state(s->h.ctx, state, why);
}

int stream_send(struct stream *s, const char *json)
{
	uint32_t n = (uint32_t)strlen(json);

	if (!buf_reserve(&s->out, n + sizeof n)) {
		s->out.failed = false;
		return -1;
	}
	buf_add(&s->out, &n, sizeof n);
	buf_add(&s->out, json, n);
	if (s->wsi)
		lws_callback_on_writable(s->wsi);
	return 0;
}

static void say_hello(struct stream *s)
{
	char hello[128];

	s->welcomed = false;
	if (s->cursor[0])
		snprintf(hello, sizeof hello, "{\"op\":\"hello\",\"cursor\":\"%s\"}", s->cursor);
	else
		snprintf(hello, sizeof hello, "{\"op\":\"hello\"}");
	(void)stream_send(s, hello);
}

static const char *text_of(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
	return cJSON_IsString(v) ? v->valuestring : NULL;
}

/* Was a message of that id handled before? Notes it. */
static bool seen_before(struct stream *s, const char *id)
{
	for (unsigned i = 0; i < SEEN; i++)
		if (strcmp(s->seen[i], id) == 0)
			return true;
	snprintf(s->seen[s->next_seen++ % SEEN], sizeof s->seen[0], "%s", id);
	return false;
}

static void on_welcome(struct stream *s, const cJSON *e)
{
	const char *cursor = text_of(e, "cursor");
	const cJSON *ping = cJSON_GetObjectItemCaseSensitive(e, "ping_ms");

	s->welcomed = true;
	s->hello_again = false;
	s->failures = 0;
	snprintf(s->cursor, sizeof s->cursor, "%s", cursor ? cursor : "");
	if (cJSON_IsNumber(ping) && ping->valuedouble >= 1000 && ping->valuedouble <= 3600000)
		s->ping_ms = (unsigned)ping->valuedouble;
	say_state(s, STREAM_CATCHING_UP, NULL);
}

/* Stream events carry prev: it must be where we are, else something was missed and the server is asked again. false: not to be handled. */
static bool follows(struct stream *s, const cJSON *e)
{
	const char *prev = text_of(e, "prev"), *cursor = text_of(e, "cursor");

	if (!prev || !cursor)
		return true;
	if (s->hello_again)
		return false;
	if (strcmp(prev, s->cursor) != 0) {
		s->hello_again = true;
		say_hello(s);
		return false;
	}
	snprintf(s->cursor, sizeof s->cursor, "%s", cursor);
	return true;
}

static void on_event(struct stream *s, const cJSON *e)
{
	const char *ev = text_of(e, "ev");
	const char *id = text_of(cJSON_GetObjectItemCaseSensitive(e, "message"), "id");

	if (!ev)
		return;
	if (strcmp(ev, "welcome") == 0)
		on_welcome(s, e);
	if (!s->welcomed || !follows(s, e))
		return;
	if (strcmp(ev, "live") == 0)
		say_state(s, STREAM_LIVE, NULL);
	if (strcmp(ev, "message") == 0 && id && seen_before(s, id))
		return;
	if (!s->done && s->h.event(s->h.ctx, ev, e))
		s->done = true;
}

static void on_text(struct stream *s)
{
	cJSON *doc = cJSON_ParseWithLength(s->in.data, s->in.len), *e;

	s->heard_us = clock_mono_us();
	s->pinged_us = 0;
	if (cJSON_IsArray(doc)) {
		cJSON_ArrayForEach(e, doc) on_event(s, e);
	} else if (doc) {
		on_event(s, doc);
	}
	cJSON_Delete(doc);
}

/* Codes after which the same again would end the same. */
static bool is_final(int code)
{
	return code == 4400 || code == 4401 || code == 4403 || code == 4409 || code == 4426 || code == 400 || code == 401 || code == 403 || code == 426;
}

static void closed(struct stream *s, const char *why)
{
	s->wsi = NULL;
	s->welcomed = false;
	s->failures++;
	buf_reset(&s->in);
	buf_reset(&s->out);
	if (s->done)
		return;
	if (why)
		snprintf(s->why, sizeof s->why, "%.255s", why);
	if (is_final(s->close_code))
		s->refused = true;
	/* Full jitter: anywhere between now and the doubled limit. */
	uint32_t limit = BACKOFF_FIRST_MS;
	for (unsigned i = 1; i < s->failures && limit < BACKOFF_MAX_MS; i++)
		limit *= 2;
	s->next_try_us = clock_mono_us() + random_below(limit > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : limit) * 1000ull;
	say_state(s, STREAM_WAITING, s->why);
}

static int write_next(struct stream *s)
{
	uint32_t n;
	int rc = 0;

	if (s->out.len < sizeof n)
		return 0;
	memcpy(&n, s->out.data, sizeof n);
	uint8_t *frame = malloc(LWS_PRE + n);
	if (!frame)
		return -1;
	memcpy(frame + LWS_PRE, s->out.data + sizeof n, n);
	if (lws_write(s->wsi, frame + LWS_PRE, n, LWS_WRITE_TEXT) < (int)n)
		rc = -1;
	free(frame);
	buf_consume(&s->out, sizeof n + n);
	if (s->out.len)
		lws_callback_on_writable(s->wsi);
	return rc;
}

static int add_token(struct stream *s, struct lws *wsi, void *in, size_t len)
{
	char value[128], **p = in;
	int n = snprintf(value, sizeof value, "Bearer %s", s->token);

	return lws_add_http_header_by_name(wsi, (const uint8_t *)"authorization:", (uint8_t *)value, n, (uint8_t **)p, (uint8_t *)*p + len) ? -1 : 0;
}

static int on_connect_error(struct stream *s, struct lws *wsi, const char *in, size_t len)
{
	char why[128];

	s->close_code = (int)lws_http_client_http_response(wsi);
	snprintf(why, sizeof why, "%.*s", (int)(len > 120 ? 120 : len), in ? in : "cannot connect");
	if (s->close_code >= 400)
		snprintf(why, sizeof why, "the server answered %d", s->close_code);
	closed(s, why);
	return 0;
}

static int on_receive(struct stream *s, struct lws *wsi, const void *in, size_t len)
{
	if (buf_add(&s->in, in, len))
		return -1;
	if (lws_is_final_fragment(wsi) && !lws_remaining_packet_payload(wsi)) {
		on_text(s);
		buf_reset(&s->in);
	}
	return s->done ? -1 : 0;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct stream *s = lws_context_user(lws_get_context(wsi));

	(void)user;
	switch (reason) {
	case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
		return add_token(s, wsi, in, len);
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		s->wsi = wsi;
		s->heard_us = clock_mono_us();
		say_hello(s);
		return 0;
	case LWS_CALLBACK_CLIENT_RECEIVE:
		return on_receive(s, wsi, in, len);
	case LWS_CALLBACK_CLIENT_WRITEABLE:
		return write_next(s);
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		if (len >= 2)
			s->close_code = ((uint8_t *)in)[0] << 8 | ((uint8_t *)in)[1];
		if (len > 2)
			snprintf(s->why, sizeof s->why, "%.*s", (int)(len - 2 > 123 ? 123 : len - 2), (char *)in + 2);
		return 0;
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		return on_connect_error(s, wsi, in, len);
	case LWS_CALLBACK_CLIENT_CLOSED:
		closed(s, s->close_code ? NULL : "the connection broke off");
		return 0;
	default:
		return 0;
	}
}

static const struct lws_protocols protocols[] = {
	{.name = "chat.v1", .callback = callback, .rx_buffer_size = 65536},
	{0},
};

static void no_log(int level, const char *line)
{
	(void)level, (void)line;
}

struct stream *stream_new(const char *url, const char *token, const char *cacert, const char *cursor, const struct stream_handler *h)
{
	struct stream *s = calloc(1, sizeof *s);
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN,
		.protocols = protocols,
		.user = s,
		.pt_serv_buf_size = 65536,
	};

	if (!s)
		return NULL;
	s->h = *h;
	s->ping_ms = SILENT_MS;
	snprintf(s->token, sizeof s->token, "%s", token);
	snprintf(s->cacert, sizeof s->cacert, "%s", cacert ? cacert : "");
	snprintf(s->cursor, sizeof s->cursor, "%s", cursor ? cursor : "");
	buf_init(&s->in, FRAME_MAX);
	buf_init(&s->out, OUT_MAX);
	if (parse_url(s, url)) {
		free(s);
		return NULL;
	}
	if (s->tls)
		info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
	if (s->cacert[0])
		info.client_ssl_ca_filepath = s->cacert;
	lws_set_log_level(0, no_log);
	s->context = lws_create_context(&info);
	if (!s->context) {
		free(s);
		return NULL;
	}
	return s;
}

void stream_free(struct stream *s)
{
	if (!s)
		return;
	s->done = true;
	s->h.state = NULL;
	lws_context_destroy(s->context);
	buf_release(&s->in);
	buf_release(&s->out);
	free(s);
}

static void try_connect(struct stream *s)
{
	struct lws_client_connect_info i = {
		.context = s->context,
		.address = s->address,
		.port = s->port,
		.path = "/ws",
		.host = s->host,
		.protocol = "chat.v1",
		.ssl_connection = s->tls ? LCCSCF_USE_SSL : 0,
		.pwsi = &s->wsi,
	};
	char host[300];

	s->close_code = 0;
	s->next_try_us = 0;
	snprintf(host, sizeof host, strchr(s->host, ':') ? "[%s]:%d" : "%s:%d", s->host, s->port);
	i.host = i.origin = host;
	i.origin = NULL; /* no browser: an Origin would be judged as one */
	say_state(s, STREAM_CONNECTING, NULL);
	if (resolve(s))
		closed(s, "the name of the server is not known");
	else if (!lws_client_connect_via_info(&i) && !s->next_try_us)
		closed(s, "cannot connect");
}

/* Asks for a sign of life, and gives up on a connection from which none comes. */
static void keep_alive(struct stream *s, uint64_t now)
{
	if (!s->wsi || !s->heard_us)
		return;
	if (s->pinged_us && now > s->pinged_us + ANSWER_MS * 1000ull) {
		s->pinged_us = 0;
		snprintf(s->why, sizeof s->why, "the server went silent");
		lws_set_timeout(s->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
	} else if (s->welcomed && !s->pinged_us && now > s->heard_us + s->ping_ms * 1000ull) {
		s->pinged_us = now;
		(void)stream_send(s, "{\"op\":\"ping\"}");
	}
}

static void wake(lws_sorted_usec_list_t *sul)
{
	(void)sul; /* it only makes lws_service() return in time for the next look around */
}

enum stream_end stream_run(struct stream *s, uint64_t until_us, unsigned tries)
{
	lws_sorted_usec_list_t sul = {0};
	enum stream_end end = STREAM_FAILED;

	s->done = s->refused = false;
	s->next_try_us = s->wsi ? 0 : clock_mono_us();
	for (;;) {
		uint64_t now = clock_mono_us();
		end = STREAM_DONE;
		if (s->done || (s->h.tick && s->h.tick(s->h.ctx)))
			break;
		end = STREAM_TIMEOUT;
		if (until_us && now >= until_us)
			break;
		end = STREAM_REFUSED;
		if (s->refused)
			break;
		end = STREAM_FAILED;
		if (tries && s->failures >= tries)
			break;
		if (!s->wsi && s->next_try_us && now >= s->next_try_us)
			try_connect(s);
		keep_alive(s, now);
		lws_sul_schedule(s->context, 0, &sul, wake, 50 * LWS_US_PER_MS);
		if (lws_service(s->context, 0) < 0)
			break;
	}
	lws_sul_schedule(s->context, 0, &sul, wake, LWS_SET_TIMER_USEC_CANCEL);
	return end;
}

const char *stream_why(const struct stream *s)
{
	return s->why;
}

int stream_close_code(const struct stream *s)
{
	return s->close_code;
}

const char *stream_cursor(const struct stream *s)
{
	return s->cursor;
}
