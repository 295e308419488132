#include "tui/fuzzy.h"
#include "common/text/width.h"

/* The score when the first wanted letter is taken at the start of text at the earliest; -1. */
static int from_here(struct str wanted, struct str text, bool start)
{
	int score = 0, run = 0;
	bool word = start;
	unsigned w = width_fold(&wanted);

	while (w && text.n > 0) {
		bool letter = width_is_word(text);
		unsigned c = width_fold(&text);
		if (c == w) {
			score += 10 + 5 * run + (word && letter ? 15 : 0);
			run++;
			w = width_fold(&wanted);
		} else {
			run = 0;
		}
		word = !letter;
	}
	return w ? -1 : score;
}

int fuzzy_score(struct str wanted, struct str text)
{
	int best = -1;
	size_t whole = text.n;
	bool start = true;

	if (wanted.n == 0)
		return 0;
	while (text.n > 0) {
		struct str first = wanted, here = text;
		unsigned w = width_fold(&first);
		bool letter = width_is_word(text);
		if (width_fold(&text) == w) {
			int score = from_here(wanted, here, start) + (here.n == whole ? 20 : 0);
			best = score > best && from_here(wanted, here, start) >= 0 ? score : best;
		}
		start = !letter;
	}
	return best < 0 ? -1 : best * 4 - (whole > 100 ? 100 : (int)whole) + 100;
}
