#include "server/api/session.h"
#include "server/ops/fault.h"

enum { PAGE_FIRST = 64, PAGE_LEAST = 4 };

void session_init(struct ws_session *s, const struct writer *w, uint32_t user)
{
	*s = (struct ws_session){.w = w, .user = user, .page_limit = PAGE_FIRST, .room = SESSION_EVENTS_MAX};
	buf_init(&s->out, SESSION_OUT_MAX);
}

void session_release(struct ws_session *s)
{
	buf_release(&s->out);
}

/* Where the frame under construction begins. */
static size_t frame_start(const struct ws_session *s)
{
	return s->n_cuts ? s->cut[s->n_cuts - 1] : 0;
}

struct buf *session_begin(struct ws_session *s)
{
	size_t len = s->out.len;

	if (len == 0 && s->hint)
		buf_reserve(&s->out, (size_t)s->hint * 16);
	if (len - frame_start(s) > SESSION_FRAME && s->n_cuts < SESSION_CUTS) {
		s->cut[s->n_cuts++] = (uint32_t)len;
		buf_addc(&s->out, '[');
	} else {
		buf_addc(&s->out, len == 0 ? '[' : ',');
	}
	return &s->out;
}

void session_end(struct ws_session *s)
{
	if (s->out.failed)
		s->broken = true;
}

static void set_at(struct ws_session *s, struct place at)
{
	s->at = at;
	cursor_format(s->w->key, at, s->user, s->cursor);
}

static bool same_place(struct place a, struct place b)
{
	return a.pos == b.pos && a.crc == b.crc;
}

/* The event before r in this user's stream. */
static struct place prev_of(const struct ws_session *s, const struct record *r)
{
	return r->actor == s->user ? r->prev_actor : r->prev_peer;
}

static void say_cursor(struct ws_session *s, const char *head)
{
	struct buf *b = session_begin(s);

	buf_adds(b, head);
	buf_add(b, s->cursor, CURSOR_TEXT);
	buf_adds(b, "\"}");
	session_end(s);
}

static void say_welcome(struct ws_session *s, const struct welcome *hi, bool recovered)
{
	struct buf *b = session_begin(s);

	buf_adds(b, "{\"ev\":\"welcome\",\"user\":\"");
	buf_addstr(b, hi->user);
	buf_adds(b, "\",\"device\":\"");
	buf_addstr(b, hi->device);
	buf_adds(b, "\",\"cursor\":\"");
	buf_add(b, s->cursor, CURSOR_TEXT);
	buf_adds(b, recovered ? "\",\"recovered\":true,\"ping_ms\":" : "\",\"recovered\":false,\"ping_ms\":");
	buf_addu(b, hi->ping_ms);
	buf_adds(b, ",\"limits\":");
	buf_addstr(b, hi->limits);
	buf_addc(b, '}');
	session_end(s);
}

static void go_live(struct ws_session *s)
{
	s->state = SESSION_LIVE;
	s->want_page = false;
	s->dropped = 0;
	s->behind = 0;
	if (s->live_due)
		say_cursor(s, "{\"ev\":\"live\",\"cursor\":\"");
	s->live_due = false;
}

static void begin(struct ws_session *s, enum session_state state)
{
	s->hello++;
	s->state = state;
	s->live_due = true;
	s->dropped = 0;
	s->page_limit = PAGE_FIRST;
}

void session_ask(struct ws_session *s, struct place after)
{
	begin(s, SESSION_ASKING);
	set_at(s, after);
	s->want_page = true;
}

void session_start(struct ws_session *s, struct place head, const struct welcome *hi)
{
	begin(s, SESSION_LIVE);
	set_at(s, head);
	say_welcome(s, hi, false);
	go_live(s);
}

static void catch_up(struct ws_session *s)
{
	s->state = SESSION_CATCHING;
	s->want_page = true;
	s->catch_ups++;
}

static void drop(struct ws_session *s, const struct record *r)
{
	s->behind++;
	if (r->at.pos > s->dropped)
		s->dropped = r->at.pos;
}

static void write_next(struct ws_session *s, const struct record *r)
{
	char prev[CURSOR_TEXT];

	memcpy(prev, s->cursor, CURSOR_TEXT);
	set_at(s, r->at);
	if (fault_drop_push())
		return;
	write_event(session_begin(s), s->w, r, s->user, s->cursor, prev);
	if (fault_repeat_push())
		write_event(session_begin(s), s->w, r, s->user, s->cursor, prev);
	session_end(s);
}

/* True when r is the event to be written now; else it is seen to that it comes in its turn. */
static bool is_next(struct ws_session *s, const struct record *r)
{
	if (s->state == SESSION_NEW || r->at.pos <= s->at.pos)
		return false;
	if (s->state == SESSION_LIVE && same_place(prev_of(s, r), s->at))
		return true;
	drop(s, r);
	if (s->state == SESSION_LIVE)
		catch_up(s);
	return false;
}

void session_event(struct ws_session *s, const struct record *r)
{
	if (!is_next(s, r))
		return;
	if (s->out.len < s->room) {
		write_next(s, r);
		s->pushed++;
		return;
	}
	drop(s, r);
	s->state = SESSION_LAGGING;
}

void session_sent(struct ws_session *s, const struct outcome *o, const struct record *r)
{
	char prev[CURSOR_TEXT];

	if (r && is_next(s, r)) {
		memcpy(prev, s->cursor, CURSOR_TEXT);
		set_at(s, r->at);
		write_sent(session_begin(s), s->w, o, s->cursor, prev);
	} else {
		write_sent(session_begin(s), s->w, o, NULL, NULL);
	}
	session_end(s);
}

/* Writes what fits: how many of the page's events. */
static uint32_t write_page(struct ws_session *s, const struct page *page)
{
	uint32_t i = 0;

	for (; i < page->n && s->out.len < s->room; i++) {
		const struct record *r = &page->items[i].rec;
		if (!same_place(prev_of(s, r), s->at)) {
			s->broken = true;
			break;
		}
		write_next(s, r);
	}
	return i;
}

/* The next page is as large as what is likely to fit: what does not is read again. */
static void adapt_limit(struct ws_session *s, uint32_t written, uint32_t n)
{
	uint32_t limit = written < n ? written + written / 4 : s->page_limit * 2u;

	s->page_limit = (uint16_t)(limit < PAGE_LEAST         ? PAGE_LEAST
				   : limit > SESSION_PAGE_MAX ? SESSION_PAGE_MAX
							      : limit);
}

void session_page(struct ws_session *s, uint32_t hello, enum stream_answer answer, const struct page *page,
	struct place head, const struct welcome *hi)
{
	if (hello != s->hello || (s->state != SESSION_ASKING && s->state != SESSION_CATCHING))
		return;
	s->want_page = false;
	if (answer == STREAM_UNKNOWN) {
		if (s->state == SESSION_ASKING)
			session_start(s, head, hi);
		else
			s->broken = true;
		return;
	}
	if (s->state == SESSION_ASKING)
		say_welcome(s, hi, true);
	s->state = SESSION_CATCHING;
	uint32_t written = write_page(s, page);
	s->replayed += written;
	s->behind -= written < s->behind ? written : s->behind;
	adapt_limit(s, written, page->n);
	if (s->broken)
		return;
	if (written == page->n && !page->more && s->at.pos >= s->dropped)
		go_live(s);
	else if (s->out.len >= s->room / 2)
		s->state = SESSION_LAGGING;
	else
		s->want_page = true;
}

/* The length of the first frame that waits. */
static size_t first_frame(const struct ws_session *s)
{
	return s->n_cuts ? s->cut[0] : s->out.len;
}

static void drop_first(struct ws_session *s, size_t n)
{
	if (s->n_cuts == 0) {
		s->hint = (uint16_t)(n / 16);
		buf_release(&s->out);
		return;
	}
	buf_consume(&s->out, n);
	s->n_cuts--;
	for (unsigned i = 0; i < s->n_cuts; i++)
		s->cut[i] = s->cut[i + 1] - (uint32_t)n;
}

bool session_take(struct ws_session *s, struct buf *out)
{
	size_t n = first_frame(s);

	if (s->broken) {
		/* What waits may end anywhere. It comes again after the next hello. */
		s->n_cuts = 0;
		buf_release(&s->out);
		return false;
	}
	if (n) {
		buf_add(out, s->out.data, n);
		buf_addc(out, ']');
		drop_first(s, n);
	}
	if (s->out.len == 0 && s->state == SESSION_LAGGING) {
		if (n)
			return true; /* once that is with the socket */
		catch_up(s);
	}
	return s->out.len > 0;
}
