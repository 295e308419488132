#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/out.h"
#include "common/base/err.h"
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void takes(const char *text, uint64_t expected)
{
	uint64_t ms = 0;

	if (duration_parse(text, &ms) || ms != expected)
		fail_msg("\"%s\" is %llu ms", text, (unsigned long long)ms);
}

static void test_durations(void **state)
{
	static const char *const bad[] = {"", "s", "-1s", "+1s", " 1s", "1 s", "0", "0s", "0.0001s", "1d", "1S", "1ms ",
		"0x10", "1e3", "inf", "nan", "1..5s", "99999999999h", "1s2"};
	uint64_t ms;

	(void)state;
	takes("500ms", 500);
	takes("30s", 30000);
	takes("30", 30000);
	takes("5m", 300000);
	takes("2h", 7200000);
	takes("1.5h", 5400000);
	takes("0.25s", 250);
	takes("1ms", 1);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (duration_parse(bad[i], &ms) == 0)
			fail_msg("\"%s\" is taken as a time", bad[i]);
}

static void test_formats(void **state)
{
	static const char *const good[] = {
		"", "%i", "%i %c %f %t %b %S %T %%", "%T{%H:%M}", "%T{}", "100%%", "\\n\\t%b", "}{"};
	static const char *const bad[] = {"%", "%x", "%T{%H", "100%", "%i%", "%I", "% i"};
	char longest[128];

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (out_format_check(good[i]) != EXIT_DONE)
			fail_msg("\"%s\" is refused", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (out_format_check(bad[i]) != EXIT_USAGE)
			fail_msg("\"%s\" is taken", bad[i]);
	snprintf(longest, sizeof longest, "%%T{%095d}", 0);
	assert_int_equal(out_format_check(longest), EXIT_DONE);
	snprintf(longest, sizeof longest, "%%T{%096d}", 0);
	assert_int_equal(out_format_check(longest), EXIT_USAGE);
}

static int count(const struct cli_option *o)
{
	int n = 0;

	while (o && o[n].name)
		n++;
	return n;
}

/* What help, the man page and the completions are made from. */
static void test_verbs(void **state)
{
	(void)state;
	for (const struct verb *const *v = verbs; *v; v++) {
		const struct cli_option *o = (*v)->options;
		assert_ptr_equal(verb_find((*v)->name), *v);
		if ((*v)->alias)
			assert_ptr_equal(verb_find((*v)->alias), *v);
		assert_non_null((*v)->exec);
		assert_true((*v)->args && (*v)->summary && (*v)->text && (*v)->examples);
		assert_true((*v)->min_args <= (*v)->max_args && (*v)->max_args <= ARGS_MAX);
		assert_true(count(o) + count(global_options) <= OPTIONS_MAX);
		for (int i = 0; i < count(o); i++)
			for (const struct cli_option *g = global_options; g->name; g++) {
				/* The one exception: a plugin's own --format. */
				assert_true(strcmp(g->name, o[i].name) != 0 ||
					    ((*v)->plugin && strcmp(g->name, "format") == 0));
				assert_true(!g->letter || g->letter != o[i].letter);
			}
	}
	assert_null(verb_find(""));
	assert_null(verb_find("sen"));
}

/* Every exit code that an error of the server leads to is one that help explains. */
static void test_exit_codes(void **state)
{
	(void)state;
	for (int e = ERR_OK; e < ERR_COUNT; e++) {
		bool explained = false;
		for (const struct exit_row *r = exit_table; r->meaning; r++)
			explained = explained || r->code == err_exit((enum err)e);
		assert_true(explained);
	}
}

/* Runs chatctl's dispatcher in this process; what it says goes nowhere. */
static int run(const char *line)
{
	char text[256], *argv[16] = {"chatctl"};
	int argc = 1, saved[2] = {dup(1), dup(2)};

	snprintf(text, sizeof text, "%s", line);
	for (char *w = strtok(text, " "); w; w = strtok(NULL, " "))
		argv[argc++] = w;
	fflush(stdout);
	assert_non_null(freopen("/dev/null", "w", stdout));
	assert_non_null(freopen("/dev/null", "w", stderr));
	int rc = cli_run(argc, argv);
	fflush(stdout);
	fflush(stderr);
	dup2(saved[0], 1);
	dup2(saved[1], 2);
	close(saved[0]);
	close(saved[1]);
	return rc;
}

static void test_usage(void **state)
{
	static const char *const wrong[] = {"", "frob", "--frob", "-x", "ls --frob", "ls extra", "ls --limit",
		"ls --limit 0", "ls --limit 501", "ls --limit -1", "ls --limit 4294967297", "ls --all-pages=1", "ls -o",
		"ls -o xml", "ls --timeout soon", "ls --retry 101", "ls -c .", "ls -c a/b", "ls -c a.tmp", "ls --url x",
		"ls --url http://u@h", "ls --url http://h/?q", "send", "send bob a b", "send BOB a", "send bob a --id",
		"error a b", "completion", "completion tcsh", "context", "context use", "context ls x", "help frob",
		"api", "api GET", "ls --format %q"};
	static const char *const right[] = {"--version", "help", "-h", "--help", "ls -h", "help ls", "-h ls", "error",
		"error bad-json", "completion bash", "context ls", "-o json context ls", "context ls -o json",
		"context ls --json=name", "-ojson context ls", "-qv context ls", "-c -- context ls", "context -- ls",
		"-cfoo context ls", "-cinfo context ls"};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		int rc = run(wrong[i]);
		if (rc != EXIT_USAGE)
			fail_msg("\"%s\" ends with %d", wrong[i], rc);
	}
	for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
		int rc = run(right[i]);
		if (rc != EXIT_DONE)
			fail_msg("\"%s\" ends with %d", right[i], rc);
	}
	assert_int_equal(run("error no-such-code"), EXIT_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_verbs),
		cmocka_unit_test(test_exit_codes),
		cmocka_unit_test(test_usage),
	};
	char dir[] = "/tmp/chat-test.XXXXXX";

	if (!mkdtemp(dir))
		return 1;
	setenv("CHAT_CONFIG_DIR", dir, 1);
	unsetenv("CHAT_CONTEXT");
	unsetenv("CHAT_URL");
	unsetenv("CHAT_OUTPUT");
	unsetenv("CHAT_TIMEOUT");
	unsetenv("CHAT_TOKEN_FILE");
	cmocka_set_message_output(CM_OUTPUT_TAP);
	int failed = cmocka_run_group_tests_name("cli_parse", tests, NULL, NULL);
	rmdir(dir);
	return failed;
}
