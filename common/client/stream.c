#include "common/client/stream.h"
#include "common/base/clock.h"
#include "common/client/pin.h"
#include <cjson/cJSON.h>
#include <libwebsockets.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

enum {
	FRAME_MAX = 8 << 20,
	OUT_MAX = 4 << 20,
	SEEN = 1024,       /* ids of the last messages, against repeats after a resume */
	SILENT_MS = 25000, /* until welcome says otherwise */
	ANSWER_MS = 10000, /* nothing for that long after a ping: connect anew */
	BACKOFF_FIRST_MS = 500,
	BACKOFF_MAX_MS = 30000,
	DRAIN_MS = 1000, /* at the end: for what was sent to reach the server */
	TICK_MS = 100,
	ADDRESSES_MAX = 8,
	HELLOS_MAX = 3, /* in a row without an event that follows: then anew */
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
	char cursor[65], why[256];
	int close_code;
	struct buf in, out; /* a message under way; frames to send, each with a u32 length before it */
	char seen[SEEN][65];
	unsigned next_seen;
	unsigned failures; /* connection attempts in a row */
	unsigned ping_ms;
	unsigned hellos; /* said again since the last event that followed */
	uint64_t next_try_us, heard_us;
	uint64_t asked_us; /* a hello or ping that nothing was heard after; 0: none */
	uint64_t bye_us;   /* what bye asked to wait; 0: no bye */
	bool connected, ever_live, welcomed, done, refused, hello_again, drained, wrong_key;
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
	s->asked_us = clock_mono_us();
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
	snprintf(s->cursor, sizeof s->cursor, "%s", cursor ? cursor : "");
	if (cJSON_IsNumber(ping) && ping->valuedouble >= 1000 && ping->valuedouble <= 3600000)
		s->ping_ms = (unsigned)ping->valuedouble;
	say_state(s, STREAM_CATCHING_UP, NULL);
}

/* Ends the connection from our side; the callback for a closed one follows. */
static void drop(struct stream *s, const char *why)
{
	snprintf(s->why, sizeof s->why, "%s", why);
	s->asked_us = 0;
	lws_set_timeout(s->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
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
		if (++s->hellos <= HELLOS_MAX)
			say_hello(s);
		else
			drop(s, "what the server sends does not fit together");
		return false;
	}
	s->failures = s->hellos = 0;
	snprintf(s->cursor, sizeof s->cursor, "%s", cursor);
	return true;
}

static void on_live(struct stream *s)
{
	s->failures = 0;
	s->ever_live = true;
	say_state(s, STREAM_LIVE, NULL);
}

static void on_bye(struct stream *s, const cJSON *e)
{
	const cJSON *ms = cJSON_GetObjectItemCaseSensitive(e, "reconnect_after_ms");

	s->bye_us = 1;
	if (cJSON_IsNumber(ms) && ms->valuedouble > 0 && ms->valuedouble <= BACKOFF_MAX_MS)
		s->bye_us = (uint64_t)(ms->valuedouble * 1000);
}

/* The handler wants no more. */
static void finish(struct stream *s)
{
	s->done = true;
	s->drained = false;
	(void)stream_send(s, "{\"op\":\"ping\"}"); /* its pong says that what went before has arrived */
}

static void on_event(struct stream *s, const cJSON *e)
{
	const char *ev = text_of(e, "ev");
	const char *id = text_of(cJSON_GetObjectItemCaseSensitive(e, "message"), "id");

	if (!ev)
		return;
	if (s->done) {
		s->drained = s->drained || strcmp(ev, "pong") == 0;
		return;
	}
	if (strcmp(ev, "bye") == 0)
		on_bye(s, e);
	if (strcmp(ev, "welcome") == 0)
		on_welcome(s, e);
	if (!s->welcomed || !follows(s, e))
		return;
	if (strcmp(ev, "live") == 0)
		on_live(s);
	if (strcmp(ev, "message") == 0 && id && seen_before(s, id))
		return;
	if (s->h.event(s->h.ctx, ev, e))
		finish(s);
}

static void on_text(struct stream *s)
{
	cJSON *doc = cJSON_ParseWithLength(s->in.data, s->in.len), *e;

	s->heard_us = clock_mono_us();
	s->asked_us = 0;
	if (cJSON_IsArray(doc)) {
		cJSON_ArrayForEach(e, doc) on_event(s, e);
	} else if (doc) {
		on_event(s, doc);
	}
	if (doc && !s->done && s->h.settled && s->h.settled(s->h.ctx))
		finish(s);
	cJSON_Delete(doc);
}

/* Codes after which the same again would end the same. */
static bool is_final(int code)
{
	return code == 4400 || code == 4401 || code == 4403 || code == 4409 || code == 4426 ||
	       (code >= 400 && code < 500 && code != 408 && code != 429);
}

/* Full jitter: anywhere between now and the doubled limit. A bye says itself how long, spread over all. */
static void wait_a_while(struct stream *s)
{
	uint32_t limit = BACKOFF_FIRST_MS;

	s->failures++;
	s->n_addresses = 0;
	for (unsigned i = 1; i < s->failures && limit < BACKOFF_MAX_MS; i++)
		limit *= 2;
	s->next_try_us +=
		s->bye_us ? s->bye_us : random_below(limit > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : limit) * 1000ull;
	s->bye_us = 0;
	say_state(s, STREAM_WAITING, s->why);
}

/* There is no connection (any more). The host's next address is tried at once; behind the last one, and after a connection that broke, there is a wait. */
static void closed(struct stream *s, const char *why)
{
	bool was_connected = s->connected;

	s->wsi = NULL;
	s->connected = s->welcomed = s->hello_again = false;
	s->asked_us = 0;
	buf_reset(&s->in);
	buf_reset(&s->out);
	s->drained = true;
	if (s->done)
		return;
	if (!s->why[0])
		snprintf(s->why, sizeof s->why, "%.255s", why);
	s->next_try_us = clock_mono_us();
	if (is_final(s->close_code) || s->wrong_key)
		s->refused = true;
	else if (was_connected || s->close_code || s->next_address >= s->n_addresses)
		wait_a_while(s);
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
		snprintf(s->why, sizeof s->why, "the server's key is not the one that is pinned");
		s->wrong_key = true;
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
	return 0;
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
		s->connected = true;
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
			snprintf(s->why, sizeof s->why, "%.*s", (int)(len - 2), (char *)in + 2);
		return 0;
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		return on_connect_error(s, wsi, in, len);
	case LWS_CALLBACK_CLIENT_CLOSED:
		closed(s, s->close_code ? "the server closed the connection" : "the connection broke off");
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
	s->why[0] = 0;
	snprintf(host, sizeof host, strchr(s->host, ':') ? "[%s]:%d" : "%s:%d", s->host, s->port);
	i.host = host; /* no origin: this is no browser, and would be judged as one */
	say_state(s, STREAM_CONNECTING, NULL);
	if (resolve(s)) {
		closed(s, "the name of the server is not known");
		return;
	}
	i.address = s->address[s->next_address++];
	if (!lws_client_connect_via_info(&i) && !s->next_try_us)
		closed(s, "cannot connect");
}

/* Asks for a sign of life, and gives up on a connection from which none comes. */
static void keep_alive(struct stream *s, uint64_t now)
{
	if (!s->connected)
		return;
	if (s->asked_us && now > s->asked_us + ANSWER_MS * 1000ull) {
		drop(s, "the server went silent");
	} else if (s->welcomed && !s->asked_us && now > s->heard_us + s->ping_ms * 1000ull) {
		s->asked_us = now;
		(void)stream_send(s, "{\"op\":\"ping\"}");
	}
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

	if (!s->wsi && s->next_try_us && now >= s->next_try_us && !s->done)
		try_connect(s);
	keep_alive(s, now);
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

	while (!s->drained && s->connected && clock_mono_us() < until_us && turn(s, until_us) == 0)
		;
}

enum stream_end stream_run(struct stream *s, uint64_t until_us, unsigned tries)
{
	s->done = s->refused = s->drained = false;
	if (!s->wsi && !s->next_try_us)
		s->next_try_us = clock_mono_us();
	for (;;) {
		if (s->done) {
			drain(s);
			return STREAM_DONE;
		}
		if (s->h.tick && s->h.tick(s->h.ctx))
			return STREAM_DONE;
		if (until_us && clock_mono_us() >= until_us)
			return STREAM_TIMEOUT;
		if (s->refused)
			return STREAM_REFUSED;
		if (tries && !s->ever_live && s->failures >= tries)
			return STREAM_FAILED;
		if (turn(s, until_us))
			return STREAM_FAILED;
	}
}

const char *stream_why(const struct stream *s)
{
	return s->why;
}

int stream_close_code(const struct stream *s)
{
	return s->close_code;
}

uint64_t stream_next_try_us(const struct stream *s)
{
	return s->next_try_us;
}

const char *stream_cursor(const struct stream *s)
{
	return s->cursor;
}
