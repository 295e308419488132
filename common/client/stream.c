#include "common/base/clock.h"
#include "common/client/conn.h"
#include "common/client/pin.h"
#include <libwebsockets.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

enum {
	FRAME_MAX = 8 << 20,
	OUT_MAX = 4 << 20,
	DRAIN_MS = 1000, /* at the end: for what was sent to reach the server */
	TICK_MS = 100,
	ADDRESSES_MAX = 8,
};

struct stream {
	struct stream_handler h;
	struct lws_context *context;
	struct lws *wsi;
	char host[256], token[80], cacert[512], pin[PIN_MAX];
	char address[ADDRESSES_MAX][64]; /* of the host, as it was found for this attempt */
	unsigned n_addresses, next_address;
	int port;
	bool tls;
	struct buf in, out; /* a message under way; frames to send, each with a u32 length before it */
	struct conn_rim rim;
	struct conn conn;
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
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found, *a;

	if (s->next_address < s->n_addresses)
		return 0; /* the rest of those found before */
	s->n_addresses = s->next_address = 0;
	if (getaddrinfo(s->host, NULL, &hints, &found))
		return -1;
	for (a = found; a && s->n_addresses < ADDRESSES_MAX; a = a->ai_next)
		s->n_addresses += getnameinfo(a->ai_addr, a->ai_addrlen, s->address[s->n_addresses],
					  sizeof s->address[0], NULL, 0, NI_NUMERICHOST) == 0;
	freeaddrinfo(found);
	return s->n_addresses ? 0 : -1;
}

static uint32_t random_below(void *ctx, uint32_t n)
{
	uint32_t r;

	(void)ctx;
	if (getrandom(&r, sizeof r, 0) != sizeof r)
		r = (uint32_t)clock_mono_us();
	return n ? r % n : 0;
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

static int send_frame(void *ctx, const char *frame)
{
	return stream_send(ctx, frame);
}

/* The callback for a closed one follows. */
static void drop(void *ctx)
{
	struct stream *s = ctx;

	lws_set_timeout(s->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
}

/* There is no connection (any more). The host's next address is tried at once; behind the last one they are looked up anew. */
static void closed(struct stream *s, const char *why)
{
	bool more = s->next_address < s->n_addresses;

	s->wsi = NULL;
	buf_reset(&s->in);
	buf_reset(&s->out);
	if (s->conn.open || s->conn.code || !more)
		s->n_addresses = 0;
	conn_closed(&s->conn, why, more ? CONN_AT_ONCE : CONN_WAIT, clock_mono_us());
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

/* Has the server the key that was pinned? TLS stands by now, and nothing was said yet. */
static bool key_fits(struct stream *s, struct lws *wsi)
{
	union {
		union lws_tls_cert_info_results info;
		char room[4096];
	} key;
	size_t most = sizeof key - offsetof(union lws_tls_cert_info_results, ns.name);

	if (!s->pin[0] || !s->tls)
		return true;
	return lws_tls_peer_cert_info(wsi, LWS_TLS_CERT_INFO_OPAQUE_PUBLIC_KEY, &key.info, most) == 0 &&
	       pin_fits(s->pin, key.info.ns.name, (size_t)key.info.ns.len);
}

static int add_token(struct stream *s, struct lws *wsi, void *in, size_t len)
{
	char value[128], **p = in;

	if (!key_fits(s, wsi)) {
		conn_refuse(&s->conn, "the server's key is not the one that is pinned");
		return -1;
	}
	int n = snprintf(value, sizeof value, "Bearer %s", s->token);

	return lws_add_http_header_by_name(
		       wsi, (const uint8_t *)"authorization:", (uint8_t *)value, n, (uint8_t **)p, (uint8_t *)*p + len)
		       ? -1
		       : 0;
}

static int on_connect_error(struct stream *s, struct lws *wsi, const char *in, size_t len)
{
	char why[128];

	int status = (int)lws_http_client_http_response(wsi);
	if (status >= 400)
		snprintf(why, sizeof why, "the server answered %d", status);
	else
		snprintf(why, sizeof why, "%.*s", (int)(len > 120 ? 120 : len), in ? in : "cannot connect");
	conn_because(&s->conn, status, why);
	closed(s, why);
	return 0;
}

static int on_receive(struct stream *s, struct lws *wsi, const void *in, size_t len)
{
	if (buf_add(&s->in, in, len))
		return -1;
	if (lws_is_final_fragment(wsi) && !lws_remaining_packet_payload(wsi)) {
		conn_text(&s->conn, s->in.data, s->in.len, clock_mono_us());
		buf_reset(&s->in);
	}
	return 0;
}

static void on_close_frame(struct stream *s, const uint8_t *in, size_t len)
{
	char why[128];

	if (len < 2)
		return;
	snprintf(why, sizeof why, "%.*s", (int)(len - 2), (const char *)in + 2);
	conn_because(&s->conn, in[0] << 8 | in[1], why);
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
		conn_opened(&s->conn, clock_mono_us());
		return 0;
	case LWS_CALLBACK_CLIENT_RECEIVE:
		return on_receive(s, wsi, in, len);
	case LWS_CALLBACK_CLIENT_WRITEABLE:
		return write_next(s);
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		on_close_frame(s, in, len);
		return 0;
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		return on_connect_error(s, wsi, in, len);
	case LWS_CALLBACK_CLIENT_CLOSED:
		closed(s, s->conn.code ? "the server closed the connection" : "the connection broke off");
		return 0;
	default:
		return 0;
	}
}

static const struct lws_protocols protocols[] = {
	{.name = "chat.v1", .callback = callback, .rx_buffer_size = 65536},
	{0},
};

void stream_pin(struct stream *s, const char *pin)
{
	snprintf(s->pin, sizeof s->pin, "%s", pin);
}

static void no_log(int level, const char *line)
{
	(void)level, (void)line;
}

struct stream *stream_new(
	const char *url, const char *token, const char *cacert, const char *cursor, const struct stream_handler *h)
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
	snprintf(s->token, sizeof s->token, "%s", token);
	snprintf(s->cacert, sizeof s->cacert, "%s", cacert ? cacert : "");
	s->rim = (struct conn_rim){.send = send_frame, .drop = drop, .random = random_below, .ctx = s};
	conn_init(&s->conn, &s->h, &s->rim, cursor);
	buf_init(&s->in, FRAME_MAX);
	buf_init(&s->out, OUT_MAX);
	if (parse_url(s, url)) {
		free(s);
		return NULL;
	}
	if (s->tls)
		info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
	else
		info.http_proxy_address = ""; /* not the environment's: it would be shown the token */
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
	s->conn.done = true;
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
		.port = s->port,
		.path = "/ws",
		.host = s->host,
		.protocol = "chat.v1",
		.ssl_connection = s->tls ? LCCSCF_USE_SSL : 0,
		.pwsi = &s->wsi,
	};
	char host[300];

	snprintf(host, sizeof host, strchr(s->host, ':') ? "[%s]:%d" : "%s:%d", s->host, s->port);
	i.host = host; /* no origin: this is no browser, and would be judged as one */
	if (resolve(s)) {
		closed(s, "the name of the server is not known");
		return;
	}
	i.address = s->address[s->next_address++];
	if (!lws_client_connect_via_info(&i) && !s->conn.next_try_us)
		closed(s, "cannot connect");
}

struct alarm {
	lws_sorted_usec_list_t sul; /* first */
	struct lws_context *context;
};

/* It makes lws_service() return in time for the next look around. When it is due before lws begins to wait, lws would only wait for its own next timer,
 * half a minute later: so the waiting is called off in earnest. */
static void wake(lws_sorted_usec_list_t *sul)
{
	lws_cancel_service(((struct alarm *)sul)->context);
}

/* One turn: connects when it is time, then waits for what comes, not beyond until_us. -1: lws cannot go on. */
static int turn(struct stream *s, uint64_t until_us)
{
	uint64_t now = clock_mono_us(), wait_us = TICK_MS * 1000;
	struct alarm alarm = {.context = s->context};

	if (!s->wsi && conn_try(&s->conn, now))
		try_connect(s);
	conn_tick(&s->conn, now);
	if (until_us && until_us < now + wait_us)
		wait_us = until_us > now ? until_us - now : 1;
	lws_sul_schedule(s->context, 0, &alarm.sul, wake, (lws_usec_t)wait_us);
	int rc = lws_service(s->context, 0);
	lws_sul_schedule(s->context, 0, &alarm.sul, wake, LWS_SET_TIMER_USEC_CANCEL);
	return rc < 0 ? -1 : 0;
}

/* Waits for the pong that says that all that was sent has arrived. */
static void drain(struct stream *s)
{
	uint64_t until_us = clock_mono_us() + DRAIN_MS * 1000;

	while (!s->conn.drained && s->conn.open && clock_mono_us() < until_us && turn(s, until_us) == 0)
		;
}

enum stream_end stream_run(struct stream *s, uint64_t until_us, unsigned tries)
{
	conn_start(&s->conn, clock_mono_us());
	for (;;) {
		if (s->conn.done) {
			drain(s);
			return STREAM_DONE;
		}
		if (s->h.tick && s->h.tick(s->h.ctx))
			return STREAM_DONE;
		if (until_us && clock_mono_us() >= until_us)
			return STREAM_TIMEOUT;
		if (s->conn.refused)
			return STREAM_REFUSED;
		if (tries && !s->conn.ever_live && s->conn.failures >= tries)
			return STREAM_FAILED;
		if (turn(s, until_us))
			return STREAM_FAILED;
	}
}

const char *stream_why(const struct stream *s)
{
	return s->conn.why;
}

int stream_close_code(const struct stream *s)
{
	return s->conn.code;
}

uint64_t stream_next_try_us(const struct stream *s)
{
	return s->conn.next_try_us;
}

const char *stream_cursor(const struct stream *s)
{
	return s->conn.cursor;
}
