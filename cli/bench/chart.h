/* Line charts as inline SVG, and the page around them: no script, nothing loaded from elsewhere, light and dark by the reader's system. Pure. */
#ifndef CHAT_BENCH_CHART_H
#define CHAT_BENCH_CHART_H
#include "common/base/buf.h"

enum axis { AXIS_LINEAR, AXIS_LOG, AXIS_NINES }; /* NINES, of x alone: percent, 0 to below 100, by -log10(1 - share) */
enum { LINES_MAX = 6 };

struct line_data {
	const char *name;
	const double *x, *y; /* n of them; NaN in y is a gap */
	unsigned n;
};
struct band {
	double from, to;
	const char *name;
};
struct chart {
	const char *title, *x_name, *y_name;
	enum axis x, y; /* y: LINEAR from 0, or LOG */
	struct line_data lines[LINES_MAX];
	unsigned n;
	const struct band *bands; /* shaded: faults */
	unsigned n_bands;
	void (*y_label)(double v, char out[32]);
};
void chart_draw(const struct chart *c, struct buf *out);
void html_text(struct buf *out, const char *text); /* escaped, and control characters shown */
void html_begin(struct buf *out, const char *title);
void html_end(struct buf *out);
#endif
