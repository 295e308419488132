/* libFuzzer: scenario files. What is refused is explained, with a place in the file; what is accepted can be run, and means the same when it is written
 * and read again. */
#include "cli/bench/schedule.h"
#include "common/wire/json.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void refused(const struct scenario_error *e)
{
	struct buf b;

	buf_init(&b, 4096);
	must(e->line > 0 || e->column == 1);
	must(e->column > 0 && e->caret > 0 && e->why[0] && utf8_ok(str_of(e->text)));
	must(scenario_explain(e, "f", &b) == 0);
	for (size_t i = 0; i < b.len; i++)
		must((unsigned char)b.data[i] >= ' ' || b.data[i] == '\n');
	buf_release(&b);
}

static void accepted(const struct scenario *s)
{
	static struct scenario again;
	struct scenario_error e;
	struct buf one, two;

	buf_init(&one, 1 << 20);
	buf_init(&two, 1 << 20);
	must(scenario_write(s, &one) == 0);
	must(scenario_parse(buf_str(&one), &again, &e) == 0);
	must(scenario_write(&again, &two) == 0);
	must(again.users == s->users && again.n_phases == s->n_phases && again.n_faults == s->n_faults &&
		again.n_thresholds == s->n_thresholds && scenario_length(&again) == scenario_length(s));
	must(scenario_sends(s) <= SCENARIO_MESSAGES * 1.001 && s->contacts < s->users && s->ws <= s->users);
	buf_release(&one);
	buf_release(&two);
}

static void walk(const struct scenario *s)
{
	struct pairing pairs;
	struct schedule c;
	struct arrival a;
	uint64_t last = 0;

	must(pairing_init(&pairs, s) == 0);
	schedule_init(&c, &pairs, 0, 1);
	for (int i = 0; i < 200 && schedule_next(&c, &a); i++) {
		must(a.at >= last && a.at < scenario_length(s) && a.user < s->users && a.recipient < s->users);
		must(a.op != OP_SEND || a.recipient != a.user);
		last = a.at;
	}
	pairing_release(&pairs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct scenario s;
	struct scenario_error e;

	if (scenario_parse((struct str){(const char *)data, size}, &s, &e))
		refused(&e);
	else {
		accepted(&s);
		walk(&s);
	}
	return 0;
}
