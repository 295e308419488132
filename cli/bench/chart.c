#include "cli/bench/chart.h"
#include "common/text/sanitise.h"
#include <math.h>
#include <stdio.h>

/* The drawing, in SVG units: the plot's edges inside it. */
enum { WIDTH = 900, HEIGHT = 300, LEFT = 76, RIGHT = 884, TOP = 14, BOTTOM = 256 };

struct scale {
	enum axis kind;
	double from, to; /* as drawn: logarithms taken */
	double a, b;     /* pixels */
};

void html_text(struct buf *out, const char *text)
{
	struct buf safe;

	buf_init(&safe, strlen(text) * SANITISE_GROWTH_MAX + 1);
	sanitise(&safe, str_of(text), SANITISE_LINE);
	for (size_t i = 0; i < safe.len; i++) {
		char c = safe.data[i];
		const char *entity = c == '&'   ? "&amp;"
				     : c == '<' ? "&lt;"
				     : c == '>' ? "&gt;"
				     : c == '"' ? "&quot;"
						: NULL;
		if (entity)
			buf_adds(out, entity);
		else
			buf_addc(out, c);
	}
	buf_release(&safe);
}

static double turned(enum axis kind, double v)
{
	if (kind == AXIS_LOG)
		return log10(v > 1e-9 ? v : 1e-9);
	if (kind == AXIS_NINES)
		return -log10(1 - (v < 99.99999 ? v : 99.99999) / 100);
	return v;
}

static double place(const struct scale *s, double v)
{
	double at = (turned(s->kind, v) - s->from) / (s->to - s->from);

	return s->a + (at < 0 ? 0 : at > 1 ? 1 : at) * (s->b - s->a);
}

/* A round step that gives at most `most` of them. */
static double round_step(double range, int most)
{
	double rough = range / most, ten = pow(10, floor(log10(rough)));
	double m = rough / ten;

	return ten * (m <= 1 ? 1 : m <= 2 ? 2 : m <= 5 ? 5 : 10);
}

static void bounds(const struct chart *c, bool of_y, double *least, double *most)
{
	enum axis kind = of_y ? c->y : c->x;

	*least = INFINITY;
	*most = -INFINITY;
	for (unsigned i = 0; i < c->n; i++)
		for (unsigned k = 0; k < c->lines[i].n; k++) {
			double v = of_y ? c->lines[i].y[k] : c->lines[i].x[k];
			if (isnan(v) || (kind == AXIS_LOG && v <= 0))
				continue;
			*least = fmin(*least, v);
			*most = fmax(*most, v);
		}
	if (*least > *most)
		*least = *most = 1;
}

static struct scale scale_of(const struct chart *c, bool of_y)
{
	struct scale s = {of_y ? c->y : c->x, 0, 1, of_y ? BOTTOM : LEFT, of_y ? TOP : RIGHT};
	double least, most;

	bounds(c, of_y, &least, &most);
	if (s.kind == AXIS_LOG) {
		s.from = floor(log10(least));
		s.to = ceil(log10(most * 1.0001));
	} else if (s.kind == AXIS_NINES)
		s.to = fmax(1, turned(AXIS_NINES, most));
	else if (of_y) {
		double step = round_step(most > 0 ? most : 1, 5);
		s.to = step * ceil(most / step * 1.02);
	} else {
		s.from = least;
		s.to = most;
	}
	if (s.to <= s.from)
		s.to = s.from + 1;
	return s;
}

static void y_tick(const struct chart *c, const struct scale *s, double v, struct buf *out)
{
	char label[32];
	double y = place(s, v);

	c->y_label(v, label);
	buf_addf(out, "<line class=g x1='%d' x2='%d' y1='%.1f' y2='%.1f'/><text x='%d' y='%.1f' text-anchor=end>", LEFT,
		RIGHT, y, y, LEFT - 8, y + 4);
	html_text(out, label);
	buf_adds(out, "</text>");
}

static void x_tick(const struct scale *s, double v, struct buf *out)
{
	double x = place(s, v);

	buf_addf(out,
		"<line class=g x1='%.1f' x2='%.1f' y1='%d' y2='%d'/><text x='%.1f' y='%d' "
		"text-anchor=middle>%.10g%s</text>",
		x, x, TOP, BOTTOM, x, BOTTOM + 18, v, s->kind == AXIS_NINES ? " %" : "");
}

static void axes(const struct chart *c, const struct scale *x, const struct scale *y, struct buf *out)
{
	static const double nines[] = {0, 50, 90, 99, 99.9, 99.99, 99.999, 99.9999};
	double step = round_step(x->to - x->from, 10), rise = round_step(y->to - y->from, 5);

	for (unsigned i = 0; x->kind == AXIS_NINES && i < 8 && turned(AXIS_NINES, nines[i]) <= x->to; i++)
		x_tick(x, nines[i], out);
	for (double v = ceil(x->from / step) * step; x->kind == AXIS_LINEAR && v <= x->to; v += step)
		x_tick(x, fabs(v) < step / 1e6 ? 0 : v, out);
	for (double v = y->from; y->kind == AXIS_LINEAR && v <= y->to * 1.001; v += rise)
		y_tick(c, y, v, out);
	for (double v = y->from; y->kind == AXIS_LOG && v <= y->to; v++)
		y_tick(c, y, pow(10, v), out);
	buf_addf(out, "<text x='%d' y='%d' text-anchor=middle class=n>", (LEFT + RIGHT) / 2, HEIGHT - 6);
	html_text(out, c->x_name);
	buf_adds(out, "</text>");
}

static void draw_line(
	const struct line_data *l, unsigned i, const struct scale *x, const struct scale *y, struct buf *out)
{
	bool down = false;

	buf_addf(out, "<path class='l c%u' d='", i);
	for (unsigned k = 0; k < l->n; k++) {
		if (isnan(l->y[k]) || (y->kind == AXIS_LOG && l->y[k] <= 0)) {
			down = false;
			continue;
		}
		buf_addf(out, "%c%.1f %.1f", down ? 'L' : 'M', place(x, l->x[k]), place(y, l->y[k]));
		down = true;
	}
	buf_adds(out, "'/>");
}

void chart_draw(const struct chart *c, struct buf *out)
{
	struct scale x = scale_of(c, false), y = scale_of(c, true);

	buf_adds(out, "<figure><figcaption><b>");
	html_text(out, c->title);
	buf_adds(out, "</b> <span class=n>");
	html_text(out, c->y_name);
	buf_adds(out, "</span><span class=k>");
	for (unsigned i = 0; i < c->n; i++) {
		buf_addf(out, "<i class='b c%u'></i>", i);
		html_text(out, c->lines[i].name);
	}
	buf_adds(out, c->n_bands ? "<i class='b f'></i>fault" : "");
	buf_addf(out, "</span></figcaption><svg viewBox='0 0 %d %d' role=img aria-label='", WIDTH, HEIGHT);
	html_text(out, c->title);
	buf_adds(out, "'>");
	for (unsigned i = 0; i < c->n_bands; i++) {
		double from = place(&x, c->bands[i].from), to = place(&x, c->bands[i].to);
		buf_addf(out, "<rect class=f x='%.1f' width='%.1f' y='%d' height='%d'><title>", from,
			fmax(to - from, 2), TOP, BOTTOM - TOP);
		html_text(out, c->bands[i].name);
		buf_adds(out, "</title></rect>");
	}
	axes(c, &x, &y, out);
	for (unsigned i = 0; i < c->n; i++)
		draw_line(&c->lines[i], i, &x, &y, out);
	buf_adds(out, "</svg></figure>\n");
}

static const char style[] =
	":root{color-scheme:light "
	"dark;--bg:#fff;--fg:#1c2128;--mute:#667085;--line:#e3e6eb;--card:#f7f8fa;--c0:#2563eb;--c1:#d97706;"
	"--c2:#059669;--c3:#9333ea;--c4:#dc2626;--c5:#0891b2;--fault:#f9731633;--good:#047857;--bad:#b91c1c;--warn:#"
	"b45309}\n"
	"@media(prefers-color-scheme:dark){:root{--bg:#12151a;--fg:#e6e8ec;--mute:#98a2b3;--line:#2a303a;--card:#"
	"1a1f27;--c0:#60a5fa;"
	"--c1:#fbbf24;--c2:#34d399;--c3:#c084fc;--c4:#f87171;--c5:#22d3ee;--fault:#fb923c33;--good:#34d399;--bad:#"
	"f87171;--warn:#fbbf24}}\n"
	"body{background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem "
	"auto;padding:0 1rem}\n"
	"h1{font-size:1.5rem;margin:0}h2{font-size:1.05rem;margin:2rem 0 .5rem}.n{color:var(--mute)}\n"
	".v{border-left:6px solid var(--warn);background:var(--card);padding:.8rem 1.1rem;margin:1rem "
	"0;border-radius:0 6px 6px 0}"
	".v "
	"b{font-size:1.25rem;margin-right:.6rem}.v.good{border-color:var(--good)}.v.bad{border-color:var(--bad)}.good "
	"b,td.good{color:var(--good)}"
	".bad b,td.bad{color:var(--bad)}\n"
	".t{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.6rem}.t "
	"div{background:var(--card);border-radius:6px;"
	"padding:.6rem .8rem}.t b{display:block;font-size:1.2rem;font-variant-numeric:tabular-nums}.t "
	"span{color:var(--mute);font-size:.85rem}\n"
	"table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}th{text-align:left;color:var(--"
	"mute);font-weight:500}"
	"td,th{padding:.25rem .6rem .25rem 0;border-bottom:1px solid "
	"var(--line);vertical-align:top}.r{text-align:right}"
	"code{font:13px ui-monospace,monospace;overflow-wrap:anywhere}.w{overflow-x:auto}\n"
	"figure{margin:1.2rem "
	"0}figcaption{display:flex;flex-wrap:wrap;gap:.5rem;align-items:baseline}.k{margin-left:auto;display:flex;"
	"gap:.35rem;align-items:center;font-size:.85rem}.k .b:not(:first-child){margin-left:.6rem}\n"
	"svg{width:100%;height:auto;background:var(--card);border-radius:6px;margin-top:.3rem}svg "
	"text{fill:var(--mute);font-size:12px}"
	".g{stroke:var(--line)}.l{fill:none;stroke-width:1.8;stroke-linejoin:round}.b{width:.8rem;height:.25rem;border-"
	"radius:2px}"
	"rect.f{fill:var(--fault)}.b.f{background:var(--fault);height:.8rem}\n"
	"path.c0{stroke:var(--c0)}path.c1{stroke:var(--c1)}path.c2{stroke:var(--c2)}path.c3{stroke:var(--c3)}path.c4{"
	"stroke:var(--c4)}path.c5{stroke:"
	"var(--c5)}.b.c0{background:var(--c0)}.b.c1{background:var(--c1)}.b.c2{background:var(--c2)}.b.c3{background:"
	"var(--c3)}.b.c4{background:"
	"var(--c4)}.b.c5{background:var(--c5)}\n";

void html_begin(struct buf *out, const char *title)
{
	buf_adds(out, "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport "
		      "content='width=device-width'>"
		      "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src "
		      "'unsafe-inline'\"><title>");
	html_text(out, title);
	buf_addf(out, "</title><style>%s</style></head><body>\n", style);
}

void html_end(struct buf *out)
{
	buf_adds(out, "</body></html>\n");
}
