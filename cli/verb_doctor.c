/* doctor: what is wrong between this machine and the server, and the command that mends it. One finding a line; each examiner adds its own. */
#include "cli/local.h"
#include "cli/out.h"
#include "common/base/clock.h"
#include "common/client/stream.h"
#include "common/msg.h"
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { CALL_MS = 5000, SKEW_MAX_S = 30, DISK_LOW_MIB = 100 };

struct exam {
	struct cli *cli;
	struct out out;
	bool failed;  /* something is wrong */
	bool reached; /* the server answered as chatd does */
	long long date_s;
	char version[64], mend[700]; /* mend: the command for the next finding */
};

/* state: ok, warn or fail. What mend() said before goes with it. */
static void found(struct exam *e, const char *check, const char *state, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static void found(struct exam *e, const char *check, const char *state, const char *fmt, ...)
{
	const struct cli *c = e->cli;
	cJSON *o = cJSON_CreateObject();
	char text[900], line[1700];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	e->failed |= strcmp(state, "fail") == 0;
	cJSON_AddStringToObject(o, "check", check);
	cJSON_AddStringToObject(o, "state", state);
	cJSON_AddStringToObject(o, "message", text);
	cJSON_AddStringToObject(o, "mend", e->mend);
	if (c->mode != OUT_TEXT || c->format) {
		(void)out_item(&e->out, o);
	} else {
		snprintf(line, sizeof line, "%-4s  %-10s  ", state, check);
		fputs(line, stdout);
		out_line(text);
		if (e->mend[0]) {
			fputs("                  mend: ", stdout);
			out_line(e->mend);
		}
		(void)out_flush();
	}
	cJSON_Delete(o);
	e->mend[0] = 0;
}

static void mend(struct exam *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void mend(struct exam *e, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(e->mend, sizeof e->mend, fmt, args);
	va_end(args);
}

/* ---- what is on this machine ---- */

static void look_at_folder(struct exam *e)
{
	char dir[512];
	struct stat st;

	if (profile_dir(dir)) {
		mend(e, "export HOME=/home/$USER");
		found(e, "config", "fail", "there is no place for the configuration: HOME is not set");
	} else if (stat(dir, &st)) {
		if (errno == ENOENT)
			found(e, "config", "ok", "%s is not there yet", dir);
		else
			found(e, "config", "fail", "%s: %s", dir, strerror(errno));
	} else if (!S_ISDIR(st.st_mode) || access(dir, R_OK | W_OK | X_OK)) {
		mend(e, "ls -ld %s", dir);
		found(e, "config", "fail", "%s is no folder that this user may write to", dir);
	} else if (st.st_mode & 077) {
		mend(e, "chmod 700 %s", dir);
		found(e, "config", "warn", "%s has mode %03o: others see what is in it", dir, st.st_mode & 0777);
	} else {
		found(e, "config", "ok", "%s, mode %03o", dir, st.st_mode & 0777);
	}
}

/* false: there is no server to ask. */
static bool look_at_context(struct exam *e)
{
	struct cli *c = e->cli;
	const struct profile *p = &c->profile;

	cli_hush(true);
	int rc = cli_context(c);
	cli_hush(false);
	if (rc) {
		char path[700] = "";
		(void)profile_path(p->name, path);
		if (strstr(cli_last_said(), "chmod 600"))
			mend(e, "chmod 600 %s", path);
		else if (strstr(cli_last_said(), "symbolic link"))
			mend(e, "chatctl context rm %s", p->name);
		else
			mend(e, "chatctl context ls");
		found(e, "context", "fail", "%s", cli_last_said());
	} else if (!p->url[0]) {
		mend(e, "chatctl -c %s login USER --url https://SERVER", p->name);
		found(e, "context", "fail", "the context \"%s\" has no server", p->name);
	} else if (!http_url_ok(p->url)) {
		mend(e, "chatctl context add %s --url https://SERVER", p->name);
		found(e, "context", "fail", "\"%s\" is no address of a server", p->url);
	} else {
		found(e, "context", "ok", "%s: %s at %s", p->name, p->user[0] ? p->user : "nobody", p->url);
		return true;
	}
	return false;
}

static void look_at_terminal(struct exam *e)
{
	const char *term = getenv("TERM");
	locale_t here = newlocale(LC_CTYPE_MASK, "", NULL);
	const char *codes = here ? nl_langinfo_l(CODESET, here) : "no such locale";

	if (strcmp(codes, "UTF-8") != 0) {
		mend(e, "export LC_ALL=C.UTF-8");
		found(e, "terminal", "warn",
			"the locale's characters are %s, not UTF-8: other letters than a to z go wrong", codes);
	} else if (e->cli->tty_out && (!term || !*term)) {
		mend(e, "export TERM=xterm-256color");
		found(e, "terminal", "warn", "TERM is not set: chatui does not know the terminal");
	} else {
		found(e, "terminal", "ok", "UTF-8, TERM=%s", term && *term ? term : "(none)");
	}
	if (here)
		freelocale(here);
}

static void look_at_disk(struct exam *e)
{
	char path[700];
	struct statvfs v;
	char *slash;

	if (client_db_path(e->cli->profile.name[0] ? e->cli->profile.name : "default", false, path))
		return;
	while ((slash = strrchr(path, '/')) && slash != path) {
		*slash = 0;
		if (statvfs(path, &v) == 0)
			break;
	}
	if (!slash || slash == path)
		return;
	double mib = (double)v.f_bavail * (double)v.f_frsize / (1 << 20);
	if (mib < DISK_LOW_MIB) {
		mend(e, "df -h %s", path);
		found(e, "disk", mib < 1 ? "fail" : "warn", "only %.0f MiB are free where %s is", mib, path);
	} else {
		found(e, "disk", "ok", "%.1f GiB free at %s", mib / 1024, path);
	}
}

/* ---- the server ---- */

static bool look_at_name(struct exam *e)
{
	const char *url = e->cli->profile.url, *p = strstr(url, "://") + 3;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *a = NULL;
	char host[256];

	size_t n = *p == '[' ? strcspn(++p, "]") : strcspn(p, ":/");
	snprintf(host, sizeof host, "%.*s", (int)(n < sizeof host ? n : sizeof host - 1), p);
	int rc = getaddrinfo(host, NULL, &hints, &a);
	if (a)
		freeaddrinfo(a);
	if (rc == 0)
		return true;
	mend(e, "getent hosts %s; chatctl context add %s --url https://SERVER", host, e->cli->profile.name);
	found(e, "name", "fail", "%s is not known: %s", host, gai_strerror(rc));
	return false;
}

static bool look_at_secrecy(struct exam *e)
{
	const struct profile *p = &e->cli->profile;

	if (http_url_is_private(p->url)) {
		found(e, "secrecy", "ok", "%s",
			strncmp(p->url, "https:", 6) == 0 ? "TLS" : "plain http, but on this machine");
		return true;
	}
	mend(e, "chatctl context add %s --url https://SERVER", p->name);
	found(e, "secrecy", "fail",
		"%s is plain http and not on this machine: passwords, token and texts would cross the network in the "
		"clear",
		p->url);
	return false;
}

/* One call; not retried: what happens now is of interest. false: no answer. */
static bool ask(struct exam *e, const char *path, struct http_answer *a)
{
	struct cli *c = e->cli;
	uint64_t left = cli_left_ms(c);

	*a = (struct http_answer){.why = "out of memory"};
	cli_hush(true);
	int rc = cli_open_http(c);
	cli_hush(false);
	return rc == EXIT_DONE && http_call(c->http, "GET", path, NULL, (unsigned)(left < CALL_MS ? left : CALL_MS),
					  c->verbose, a) == HTTP_ANSWERED;
}

/* libcurl says in words what kind of failure it was. */
static void mend_connection(struct exam *e, const char *why)
{
	const char *name = e->cli->profile.name;

	if (strstr(why, "pinned"))
		mend(e, "chatctl context add %s --pin PIN   (once it is known why the server has another key)", name);
	else if (strstr(why, "SSL") || strstr(why, "certificate") || strstr(why, "TLS"))
		mend(e, "chatctl context add %s --cacert FILE   (the CA that signed the server's certificate)", name);
	else
		mend(e, "curl -v %s/healthz   (is chatd running there, and is the port right?)", e->cli->profile.url);
}

static void look_at_server(struct exam *e)
{
	struct http_answer a;
	bool answered = ask(e, "/", &a);
	cJSON *o = answered && a.status == 200 ? cJSON_Parse(a.body.data) : NULL;
	const cJSON *name = cJSON_GetObjectItemCaseSensitive(o, "name"),
		    *version = cJSON_GetObjectItemCaseSensitive(o, "version"),
		    *api = cJSON_GetObjectItemCaseSensitive(o, "api_version");

	if (!answered) {
		mend_connection(e, a.why);
		found(e, "server", "fail", "%s: %s", e->cli->profile.url, a.why);
	} else if (!cJSON_IsString(name) || strcmp(name->valuestring, "chatd") != 0 || !cJSON_IsNumber(api)) {
		mend(e, "chatctl context add %s --url URL", e->cli->profile.name);
		found(e, "server", "fail", "%s answers %d, but is no chatd", e->cli->profile.url, a.status);
	} else if (api->valuedouble != 1) {
		mend(e, "install a chatctl that is as new as the server");
		found(e, "server", "fail", "the server speaks version %.0f of the interface, this program version 1",
			api->valuedouble);
	} else {
		e->reached = true;
		e->date_s = a.date_s;
		snprintf(e->version, sizeof e->version, "%s", cJSON_IsString(version) ? version->valuestring : "?");
		found(e, "server", "ok", "chatd %s, interface version 1", e->version);
	}
	cJSON_Delete(o);
	http_answer_release(&a);
}

static void look_at_version(struct exam *e)
{
	if (strcmp(e->version, CHAT_VERSION) == 0) {
		found(e, "version", "ok", "chatctl %s", CHAT_VERSION);
		return;
	}
	mend(e, "install the same version on both sides");
	found(e, "version", "warn", "chatctl is %s, the server %s", CHAT_VERSION, e->version);
}

static void look_at_state(struct exam *e)
{
	struct http_answer a;

	if (!ask(e, "/readyz", &a) || a.status != 200) {
		mend(e, "chatctl check conn   (on the server: its log says why)");
		found(e, "ready", "fail",
			"the server is up, but takes nothing now: it drains, starts, or cannot store (%d)", a.status);
	} else {
		found(e, "ready", "ok", "the server takes messages");
	}
	http_answer_release(&a);
}

static void look_at_clock(struct exam *e)
{
	long long off_s = (long long)(clock_wall_ms() / 1000) - e->date_s;

	if (!e->date_s) {
		found(e, "clock", "warn", "the server does not say what time it is");
	} else if (off_s > SKEW_MAX_S || off_s < -SKEW_MAX_S) {
		mend(e, "timedatectl set-ntp true   (here or on the server)");
		found(e, "clock", "warn", "this clock is %lld s %s the server's", off_s < 0 ? -off_s : off_s,
			off_s < 0 ? "behind" : "ahead of");
	} else {
		found(e, "clock", "ok", "within %d s of the server's", SKEW_MAX_S);
	}
}

static void look_at_login(struct exam *e)
{
	const struct profile *p = &e->cli->profile;
	const char *user = p->user[0] ? p->user : "USER";
	struct http_answer a;

	if (!p->token[0]) {
		mend(e, "chatctl -c %s login %s", p->name, user);
		found(e, "login", "fail", "not logged in");
		return;
	}
	bool answered = ask(e, "/sessions", &a);
	if (answered && a.status == 200) {
		found(e, "login", "ok", "the token is good");
	} else if (answered && (a.status == 401 || a.status == 403)) {
		mend(e, "chatctl -c %s login %s", p->name, user);
		found(e, "login", "fail", a.status == 401 ? "the token is no longer good" : "the account is locked");
	} else {
		mend(e, "chatctl -v whoami");
		found(e, "login", "fail", "asked about the token, the server answers %d %s", a.status, a.why);
	}
	http_answer_release(&a);
}

static int on_event(void *ctx, const char *ev, const cJSON *event)
{
	(void)event;
	*(bool *)ctx |= strcmp(ev, "welcome") == 0;
	return *(bool *)ctx;
}

static void look_at_stream(struct exam *e)
{
	const struct profile *p = &e->cli->profile;
	bool welcome = false;
	struct stream_handler h = {.event = on_event, .ctx = &welcome};
	uint64_t left = cli_left_ms(e->cli), until_us = clock_mono_us() + 1000 * (left < CALL_MS ? left : CALL_MS);
	struct stream *s = p->token[0] ? stream_new(p->url, p->token, p->cacert, NULL, &h) : NULL;

	if (!s)
		return;
	stream_pin(s, p->pin);
	enum stream_end end = stream_run(s, until_us, 1);
	int code = stream_close_code(s);
	if (welcome) {
		found(e, "websocket", "ok", "live messages come through");
	} else if (code == 401 || code == 4401) {
		mend(e, "chatctl -c %s login %s", p->name, p->user[0] ? p->user : "USER");
		found(e, "websocket", "fail", "the token is no longer good");
	} else {
		mend(e, "make the proxy on the way pass WebSockets (Upgrade and Connection headers) at /ws");
		found(e, "websocket", "fail", "%s", end == STREAM_TIMEOUT ? "no greeting within 5 s" : stream_why(s));
	}
	stream_free(s);
}

/* ---- the database ---- */

struct count {
	unsigned waiting, failed;
	char error[256];
};

static int count_entry(void *ctx, const struct outbox_entry *entry)
{
	struct count *n = ctx;

	if (entry->state == ENTRY_FAILED) {
		n->failed++;
		snprintf(n->error, sizeof n->error, "%s", entry->error);
	} else {
		n->waiting++;
	}
	return 0;
}

static void look_at_outbox(struct exam *e)
{
	struct cli *c = e->cli;
	struct count n = {0};

	if (client_db_entries(c->db, false, count_entry, &n)) {
		mend(e, "chatctl -c %s outbox ls", c->profile.name);
		found(e, "outbox", "fail", "%s", client_db_why(c->db));
		return;
	}
	int strangers = client_db_strangers(c->db);
	if (n.failed) {
		mend(e, "chatctl -c %s outbox ls   then: outbox flush --failed, or outbox drop --failed",
			c->profile.name);
		found(e, "outbox", "warn", "%u messages were refused, the last one: %s", n.failed, n.error);
	}
	if (n.waiting) {
		mend(e, "chatctl -c %s outbox flush", c->profile.name);
		found(e, "outbox", "warn", "%u messages wait: nothing sends them until some command reaches the server",
			n.waiting);
	}
	if (strangers > 0)
		found(e, "outbox", "warn", "%d messages wait for another user or server that this context stood for",
			strangers);
	if (!n.failed && !n.waiting && strangers <= 0)
		found(e, "outbox", "ok", "nothing waits");
}

static int look_at_watch(void *ctx, const char *name, const char *cursor)
{
	struct exam *e = ctx;
	char path[800];

	snprintf(path, sizeof path, "%s.watch-%s", client_db_file(e->cli->db), name);
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno != ENOENT) {
		mend(e, "rm %s", path);
		found(e, "watch", "fail", "%s: its lock cannot be opened: %s", name, strerror(errno));
		return 0;
	}
	bool runs = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0;
	if (fd >= 0)
		close(fd);
	found(e, "watch", "ok", "%s: %s, %s", name, runs ? "running" : "not running now",
		*cursor ? "its place is kept" : "not begun");
	return 0;
}

static void look_at_database(struct exam *e)
{
	struct cli *c = e->cli;
	char path[700];

	if (client_db_path(c->profile.name, false, path) || access(path, F_OK)) {
		found(e, "database", "ok", "there is none yet");
		return;
	}
	if (!c->profile.user[0])
		return;
	cli_hush(true);
	struct client_db *d = local_db(c, true);
	cli_hush(false);
	if (!d || client_db_check(d)) {
		mend(e, "mv %s %s.broken   (what waits in its outbox goes with it)", path, path);
		found(e, "database", "fail", "%s", d ? client_db_why(d) : cli_last_said());
		return;
	}
	found(e, "database", "ok", "%s is whole", path);
	look_at_outbox(e);
	(void)client_db_watches(d, look_at_watch, e);
}

static int exec_doctor(struct cli *c)
{
	static const char *const columns[] = {"check", "state", "message", "mend", NULL};
	struct exam e = {.cli = c};

	out_begin(&e.out, c, columns, false);
	look_at_folder(&e);
	if (look_at_context(&e)) {
		if (look_at_secrecy(&e) && look_at_name(&e))
			look_at_server(&e);
		if (e.reached) {
			look_at_version(&e);
			look_at_state(&e);
			look_at_clock(&e);
			look_at_login(&e);
			look_at_stream(&e);
		}
		look_at_database(&e);
	}
	look_at_disk(&e);
	look_at_terminal(&e);
	if (out_end(&e.out))
		return cli_fail(EXIT_FAILED, "cannot write to stdout");
	return e.failed ? EXIT_FAILED : EXIT_DONE;
}

const struct verb verb_doctor = {
	.name = "doctor",
	.args = "",
	.summary = "find what is wrong, and say what mends it",
	.text = "Looks at the configuration and its modes, the context, the server's name, connection and TLS, whether "
		"it "
		"is a chatd of this version and takes messages, clocks, the login, the WebSocket, the local database, "
		"outbox and durable watches, disk space and the terminal. Each finding is a line that begins with ok, "
		"warn or fail; below what is not well stands the command that mends it. Changes nothing. Exit 0 when "
		"nothing fails, else 1.",
	.examples = "chatctl doctor\nchatctl doctor -o jsonl | jq -r 'select(.state != \"ok\").mend'",
	.fields = "check state message mend",
	.timeout_default_s = 30,
	.exec = exec_doctor,
};
