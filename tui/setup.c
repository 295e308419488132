#include "tui/setup.h"
#include "common/base/err.h"
#include "common/client/http.h"
#include "common/msg.h"
#include "common/wire/json.h"
#include "tui/grid.h"
#include "tui/input.h"
#include "tui/screen.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum field { FIELD_SERVER, FIELD_KIND, FIELD_USER, FIELD_PASSWORD, FIELD_AGAIN, FIELD_INVITE, FIELD_COUNT };
enum { CALL_MS = 20000 };

static const struct {
	const char *label, *help;
} fields[FIELD_COUNT] = {
	[FIELD_SERVER] = {"Server", "the address of the server, as https://chat.example.org"},
	[FIELD_KIND] = {"Account", "Space changes between an account that you have and a new one"},
	[FIELD_USER] = {"User", "2 to 32 of a-z 0-9 . _ -"},
	[FIELD_PASSWORD] = {"Password", "at least 10 characters; it is not shown"},
	[FIELD_AGAIN] = {"Again", "the same password again"},
	[FIELD_INVITE] = {"Invite", "when the server asks for one; else leave it empty"},
};

struct setup {
	char value[FIELD_COUNT][1100];
	bool fresh, again; /* a new account; only the password */
	int at;
	char note[256];
	enum style style;
	struct profile *p;
};

static bool shown(const struct setup *s, int f)
{
	if (s->again)
		return f == FIELD_PASSWORD;
	return s->fresh || (f != FIELD_AGAIN && f != FIELD_INVITE);
}

static void draw_field(const struct setup *s, struct grid *g, int row, int f)
{
	char text[1100];
	bool secret = f == FIELD_PASSWORD || f == FIELD_AGAIN;
	int col = 13, room = g->cols - col - 2;

	grid_puts(g, row, 2, 10, f == s->at ? STYLE_STRONG : STYLE_NORMAL, fields[f].label);
	if (f == FIELD_KIND)
		snprintf(text, sizeof text,
			s->fresh ? "a new one    (Space: one that I have)" : "one that I have    (Space: a new one)");
	else if (secret)
		memset(text, '*', strlen(s->value[f])), text[strlen(s->value[f])] = 0;
	else
		memcpy(text, s->value[f], sizeof text);
	/* The end of a long one is of interest. */
	struct str t = str_of(text);
	while (f != FIELD_KIND && (int)width_columns(t) >= room && t.n > 0) {
		size_t n = width_cluster(t, NULL);
		t = (struct str){t.p + n, t.n - n};
	}
	int used = grid_put(g, row, col, room, STYLE_NORMAL, NULL, t);
	if (f == s->at) {
		g->cursor_row = row;
		g->cursor_col = f == FIELD_KIND ? col : col + used;
	}
}

static void draw_setup(const struct setup *s, struct grid *g)
{
	int rows, cols, row = 0;

	screen_size(&rows, &cols);
	if (grid_reset(g, rows, cols))
		return;
	grid_fill(g, row, 0, cols, STYLE_HEADER, NULL);
	grid_puts(g, row++, 1, cols - 2, STYLE_HEADER,
		s->again ? "chatui: log in again" : "chatui: which server, and who are you?");
	row += rows > 12;
	for (int f = 0; f < FIELD_COUNT; f++)
		if (shown(s, f))
			draw_field(s, g, row++, f);
	row += rows > 12;
	grid_puts(g, row++, 2, cols - 4, STYLE_DIM, fields[s->at].help);
	struct str note = str_of(s->note);
	for (bool more = note.n > 0; more && row < rows - 1; row++) {
		size_t next, n = width_wrap(note, (unsigned)(cols - 4), &next, &more);
		grid_put(g, row, 2, cols - 4, s->style, NULL, (struct str){note.p, n});
		note = (struct str){note.p + next, note.n - next};
	}
	grid_puts(g, rows - 1, 1, cols - 2, STYLE_FOOTER, "Enter next, at the end go   Up Down move   Ctrl+C quit");
	screen_draw(g);
}

static void say(struct setup *s, enum style style, const char *text)
{
	s->style = style;
	snprintf(s->note, sizeof s->note, "%s", text);
}

/* ---- the server ---- */

static const char *const problem_names[] = {"code", "detail", "title"};

/* What an answer says, for people. */
static void explain(struct setup *s, enum http_result how, const struct http_answer *a)
{
	struct json_value v[3];
	struct json_error err;
	char code[64] = "", text[256];

	if (how != HTTP_ANSWERED) {
		snprintf(text, sizeof text, "The server cannot be reached: %.180s", a->why);
		say(s, STYLE_BAD, text);
		return;
	}
	snprintf(text, sizeof text, "The server answered %d: is this a chat server?", a->status);
	if (json_object(buf_str(&a->body), problem_names, v, 3, &err) == 0) {
		char room[512];
		if (v[0].type == JSON_STRING && v[0].raw.n < sizeof code)
			snprintf(code, sizeof code, "%.*s", (int)v[0].raw.n, v[0].raw.p);
		struct json_value *best = v[1].type == JSON_STRING ? &v[1] : &v[2];
		if (best->type == JSON_STRING && best->raw.n < sizeof room) {
			struct str t = json_text(best, room);
			snprintf(text, sizeof text, "%.*s", (int)(t.n < 250 ? t.n : 250), t.p);
		}
	}
	if (strcmp(code, "bad-login") == 0)
		snprintf(text, sizeof text, "Wrong user or password.");
	else if (strcmp(code, "user-taken") == 0)
		snprintf(text, sizeof text,
			"That name is taken. If it is yours, choose \"one that I have\" under Account.");
	say(s, STYLE_BAD, text);
}

static enum http_result post(struct http_client *h, const char *path, const struct buf *body, struct http_answer *a)
{
	struct str text = buf_str(body);

	return http_call(h, "POST", path, &text, CALL_MS, false, a);
}

static void member(struct buf *b, const char *name, const char *value)
{
	buf_addf(b, "%s\"%s\":", b->len > 1 ? "," : "{", name);
	json_add_string(b, str_of(value));
}

static int take_session(struct setup *s, const struct http_answer *a)
{
	static const char *const names[] = {"token", "device", "user"};
	struct json_value v[3];
	struct json_error err;
	char room[128], why[256];
	char *to[] = {s->p->token, s->p->device, s->p->user};
	size_t size[] = {sizeof s->p->token, sizeof s->p->device, sizeof s->p->user};

	if (json_object(buf_str(&a->body), names, v, 3, &err))
		goto wrong;
	for (int i = 0; i < 3; i++) {
		if (v[i].type != JSON_STRING || v[i].raw.n >= sizeof room)
			goto wrong;
		struct str t = json_text(&v[i], room);
		if (t.n >= size[i])
			goto wrong;
		memcpy(to[i], t.p, t.n);
		to[i][t.n] = 0;
	}
	if (profile_save(s->p, why) == 0)
		return 0;
	say(s, STYLE_BAD, why);
	return -1;
wrong:
	say(s, STYLE_BAD, "The server's answer cannot be read: is this a chat server?");
	return -1;
}

/* Registers when that is wanted, then logs in. 0 or -1 with a note. */
static int ask_server(struct setup *s)
{
	struct http_client *h = http_client_new(s->p->url, NULL, s->p->cacert[0] ? s->p->cacert : NULL);
	struct http_answer a = {0};
	struct buf body;
	char host[128] = "chatui";
	int rc = -1;

	buf_init(&body, 16384);
	if (!h || (s->p->pin[0] && http_client_pin(h, s->p->pin)))
		goto out;
	if (s->fresh) {
		member(&body, "user", s->value[FIELD_USER]);
		member(&body, "password", s->value[FIELD_PASSWORD]);
		if (s->value[FIELD_INVITE][0])
			member(&body, "invite", s->value[FIELD_INVITE]);
		buf_addc(&body, '}');
		enum http_result how = post(h, "/users", &body, &a);
		if (how != HTTP_ANSWERED || a.status != 201) {
			explain(s, how, &a);
			goto out;
		}
		http_answer_release(&a);
		explicit_bzero(body.data, body.len);
		buf_reset(&body);
	}
	gethostname(host, sizeof host - 1);
	member(&body, "user", s->value[FIELD_USER]);
	member(&body, "password", s->value[FIELD_PASSWORD]);
	member(&body, "device_name", utf8_ok(str_of(host)) ? host : "chatui");
	buf_addc(&body, '}');
	enum http_result how = post(h, "/sessions", &body, &a);
	if (how == HTTP_ANSWERED && a.status == 200)
		rc = take_session(s, &a);
	else
		explain(s, how, &a);
out:
	http_answer_release(&a);
	if (body.data)
		explicit_bzero(body.data, body.len);
	buf_release(&body);
	http_client_free(h);
	return rc;
}

/* NULL, or what is wrong; *at: where. */
static const char *wrong(const struct setup *s, int *at)
{
	*at = FIELD_SERVER;
	if (!http_url_ok(s->value[FIELD_SERVER]))
		return "The server's address looks like https://chat.example.org, or http://127.0.0.1:8080.";
	if (!http_url_is_private(s->value[FIELD_SERVER]))
		return "A password goes over https only, or to this machine itself (http://127.0.0.1).";
	*at = FIELD_USER;
	if (!user_name_ok(str_of(s->value[FIELD_USER])))
		return "A user name has 2 to 32 of a-z 0-9 . _ - and begins with a letter or a digit.";
	*at = FIELD_PASSWORD;
	size_t n = strlen(s->value[FIELD_PASSWORD]);
	if (!utf8_ok(str_of(s->value[FIELD_PASSWORD])) || n == 0 || n > PASSWORD_MAX)
		return "The password is missing, or cannot be sent.";
	if (s->fresh && n < PASSWORD_MIN)
		return "A password has at least 10 characters.";
	if (s->fresh && strcmp(s->value[FIELD_PASSWORD], s->value[FIELD_AGAIN]) != 0)
		return "The two passwords differ.";
	return NULL;
}

/* ---- keys ---- */

static void move_to(struct setup *s, int by)
{
	int f = s->at;

	do
		f += by;
	while (f >= 0 && f < FIELD_COUNT && !shown(s, f));
	if (f >= 0 && f < FIELD_COUNT)
		s->at = f;
}

static bool is_last(const struct setup *s)
{
	for (int f = s->at + 1; f < FIELD_COUNT; f++)
		if (shown(s, f))
			return false;
	return true;
}

static void add_text(struct setup *s, struct str text)
{
	char *v = s->value[s->at];
	size_t n = strlen(v);

	if (s->at == FIELD_KIND)
		return;
	for (size_t i = 0; i < text.n && text.p[i] != '\n' && n < sizeof s->value[0] - 1; i++)
		if ((unsigned char)text.p[i] >= 0x20 && text.p[i] != 0x7f)
			v[n++] = text.p[i];
	v[n] = 0;
}

static void add_char(struct setup *s, uint32_t c)
{
	char t[5];

	if (s->at == FIELD_KIND && c == ' ')
		s->fresh = !s->fresh;
	key_utf8(c, t);
	add_text(s, str_of(t));
}

/* The last field was left: 0 when it worked. */
static int go(struct setup *s, struct grid *g)
{
	int at;
	const char *why = wrong(s, &at);

	if (why) {
		say(s, STYLE_BAD, why);
		s->at = s->again ? FIELD_PASSWORD : at;
		return -1;
	}
	snprintf(s->p->url, sizeof s->p->url, "%.511s", s->value[FIELD_SERVER]);
	for (size_t n = strlen(s->p->url); n > 0 && s->p->url[n - 1] == '/'; n--)
		s->p->url[n - 1] = 0;
	say(s, STYLE_DIM, "Asking the server ...");
	draw_setup(s, g);
	return ask_server(s);
}

/* 0: go on; 1: done; 2: given up. */
static int on_key(struct setup *s, struct grid *g, struct key k)
{
	size_t n = strlen(s->value[s->at]);

	if (k.code == 0x03 || k.code == 0x11 || (k.code == 0x1b && s->again))
		return 2;
	if (k.code == '\r' && is_last(s))
		return go(s, g) == 0 ? 1 : 0;
	if (k.code == '\r' || k.code == '\t' || k.code == PRESS_DOWN)
		move_to(s, 1);
	else if (k.code == PRESS_UP || k.code == PRESS_BACKTAB)
		move_to(s, -1);
	else if (k.code == 0x7f || k.code == 0x08)
		s->value[s->at][width_back((struct str){s->value[s->at], n}, n)] = 0;
	else if (k.code == 0x15 || k.code == 0x17)
		s->value[s->at][0] = 0;
	else if (k.code == PRESS_LEFT || k.code == PRESS_RIGHT)
		s->fresh = s->at == FIELD_KIND ? !s->fresh : s->fresh;
	else if (k.code >= 0x20 && k.code < 0x110000 && !k.alt)
		add_char(s, k.code);
	return 0;
}

int setup_run(struct profile *p, bool again, char why[256])
{
	struct setup s = {.again = again, .fresh = !again && !p->user[0], .p = p};
	struct grid g = {0};
	struct input in;
	int end = 0;

	snprintf(s.value[FIELD_SERVER], sizeof s.value[0], "%s", p->url[0] ? p->url : "http://127.0.0.1:8080");
	snprintf(s.value[FIELD_USER], sizeof s.value[0], "%s", p->user);
	s.at = again ? FIELD_PASSWORD : FIELD_SERVER;
	if (again)
		snprintf(s.note, sizeof s.note, "The password of %s at %.180s", p->user, p->url);
	while (end == 0) {
		struct pollfd fd = {.fd = STDIN_FILENO, .events = POLLIN};
		draw_setup(&s, &g);
		if (poll(&fd, 1, 500) > 0 && (fd.revents & (POLLHUP | POLLERR)))
			end = 2;
		while (end == 0 && input_next(&in)) {
			if (in.kind == INPUT_KEY)
				end = on_key(&s, &g, in.key);
			else if (in.kind == INPUT_PASTE)
				add_text(&s, in.paste);
		}
	}
	grid_release(&g);
	explicit_bzero(s.value, sizeof s.value);
	snprintf(why, 256, "given up");
	return end == 1 ? 0 : 1;
}
