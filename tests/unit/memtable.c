/* The memtable against a plain array: forward pages, backward walks, and the run that is written of it. */
#include "server/store/memtable.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { ENTRIES = 40000, KEYS = 5 /* so that blocks reach their greatest size */, LIMIT = 700 };
static struct index_entry plain[ENTRIES];

static uint64_t key_of(unsigned i)
{
	unsigned r = (i * 2654435761u) >> 16;
	return r % 10 == 0 ? 1000 + i : r % KEYS; /* one in ten stands alone */
}

static struct memtable *filled(enum index_table t, uint64_t class)
{
	struct memtable *m = memtable_new();

	assert_non_null(m);
	for (unsigned i = 0; i < ENTRIES; i++) {
		plain[i] = (struct index_entry){key_of(i), class | (i * 3 + 10), i, t == INDEX_CLIENT ? i ^ 5u : 0};
		assert_int_equal(memtable_add(m, t, &plain[i]), 0);
	}
	return m;
}

static void same(const struct index_entry *a, const struct index_entry *b)
{
	assert_memory_equal(a, b, sizeof *a);
}

static void pages_go_forward(void **state)
{
	const uint64_t class = index_mark_class(1, true);
	struct memtable *m = filled(INDEX_UPTO, class);
	static struct index_entry out[LIMIT];

	(void)state;
	for (uint64_t after = class; after < (class | (ENTRIES * 3 + 20)); after += 997)
		for (uint64_t key = 0; key <= KEYS; key++) {
			uint32_t n = memtable_forward(m, INDEX_UPTO, key, after, out, LIMIT), k = 0;
			for (unsigned i = 0; i < ENTRIES && k < LIMIT; i++)
				if (plain[i].key == key && plain[i].sub > after)
					same(&out[k++], &plain[i]);
			assert_int_equal(n, k);
		}
	assert_int_equal(memtable_forward(m, INDEX_UPTO, 1, 0, out, LIMIT), 0); /* another class is another key */
	memtable_free(m);
}

static void walks_go_back(void **state)
{
	struct memtable *m = filled(INDEX_CLIENT, 0);

	(void)state;
	for (uint64_t upto = 0; upto < ENTRIES * 3 + 20; upto += 4999)
		for (uint64_t key = 0; key <= KEYS; key++) {
			struct mem_walk walk = {0};
			struct index_entry e;
			for (unsigned i = ENTRIES; i-- > 0;)
				if (plain[i].key == key && plain[i].sub <= upto) {
					assert_true(memtable_back(m, INDEX_CLIENT, key, upto, &walk, &e));
					same(&e, &plain[i]);
				}
			assert_false(memtable_back(m, INDEX_CLIENT, key, upto, &walk, &e));
		}
	memtable_free(m);
}

static void run_is_sorted(void **state)
{
	char dir[] = "/tmp/chat-test.XXXXXX";
	struct memtable *m = filled(INDEX_STREAM, 0);
	/* Of one message, marks come in any order. */
	struct index_entry ones[] = {{7, 1, 2, 0}, {7, 0, 3, 0}, {2, 1, 4, 0}};

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(memtable_add(m, INDEX_ONE, &ones[i]), 0);
	m->upto = 1000000;
	assert_non_null(mkdtemp(dir));
	int fd = open(dir, O_RDONLY | O_DIRECTORY);
	assert_int_equal(memtable_write(m, fd), 0);
	struct run *r = run_open(fd, 0, m->upto);
	assert_non_null(r);
	assert_int_equal(r->n[INDEX_STREAM], ENTRIES);
	for (unsigned i = 1; i < ENTRIES; i++) {
		struct index_entry a = run_entry(r, INDEX_STREAM, i - 1), b = run_entry(r, INDEX_STREAM, i);
		assert_true(a.key < b.key || (a.key == b.key && a.sub < b.sub));
	}
	struct index_entry e[3] = {run_entry(r, INDEX_ONE, 0), run_entry(r, INDEX_ONE, 1), run_entry(r, INDEX_ONE, 2)};
	same(&e[0], &ones[2]);
	same(&e[1], &ones[1]);
	same(&e[2], &ones[0]);
	char name[64];
	run_name(0, m->upto, name);
	run_free(r);
	assert_int_equal(unlinkat(fd, name, 0), 0);
	close(fd);
	assert_int_equal(rmdir(dir), 0);
	memtable_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_go_forward), cmocka_unit_test(walks_go_back), cmocka_unit_test(run_is_sorted)};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("memtable", tests, NULL, NULL);
}
