#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "server/config.h"
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARGS_MAX = 16 };

/* A config and what its loading said. */
struct loaded {
	struct config c;
	char why[256];
	int rc;
};

/* words: the command line behind the program's name, NULL ends. */
static void load(struct loaded *l, const char *const *words)
{
	char *argv[ARGS_MAX + 1] = {(char *)"chatd"};
	int argc = 1;

	for (; words[argc - 1] && argc < ARGS_MAX; argc++)
		argv[argc] = (char *)words[argc - 1];
	argv[argc] = NULL;
	l->why[0] = 0;
	l->rc = config_load(&l->c, argc, argv, l->why);
}
#define LOAD(l, ...) load(l, (const char *const[]){__VA_ARGS__, NULL})

static void expect_refusal(struct loaded *l, const char *part)
{
	assert_int_equal(l->rc, -1);
	if (!strstr(l->why, part))
		fail_msg("\"%s\" does not say \"%s\"", l->why, part);
	config_release(&l->c);
}

/* A config file with the given text; the path is the caller's to unlink. */
static void write_file(char path[64], const char *text)
{
	strcpy(path, "/tmp/chat-conf.XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void test_fallbacks(void **state)
{
	struct loaded l;

	(void)state;
	LOAD(&l, "--data", "/nowhere");
	assert_int_equal(l.rc, 0);
	assert_string_equal(l.c.data, "/nowhere");
	assert_string_equal(l.c.listen, "127.0.0.1:8080");
	assert_string_equal(l.c.registration, "auto");
	assert_int_equal(l.c.body_bytes, 16384);
	assert_int_equal(l.c.request_bytes, 1 << 20);
	assert_int_equal(l.c.drain_seconds, 10);
	assert_in_range(l.c.threads, 1, 64);
	assert_false(l.c.help);
	config_release(&l.c);
}

static void test_every_fallback_is_valid(void **state)
{
	struct config c;

	(void)state;
	memset(&c, 0, sizeof c);
	assert_int_equal(options_init(&(struct options){config_table, &c}), 0);
	for (const struct option *opt = config_table; opt->name; opt++) {
		assert_non_null(opt->help);
		for (const struct option *other = opt + 1; other->name; other++)
			assert_string_not_equal(opt->name, other->name);
	}
	config_release(&c);
}

static void test_flags(void **state)
{
	struct loaded l;

	(void)state;
	LOAD(&l, "--data=/a", "--threads=3", "--login-rate", "7", "--registration", "closed", "--check-config");
	assert_int_equal(l.rc, 0);
	assert_int_equal(l.c.threads, 3);
	assert_int_equal(l.c.login_rate, 7);
	assert_string_equal(l.c.registration, "closed");
	assert_true(l.c.check_config);
	config_release(&l.c);
	LOAD(&l, "--data=/a", "--threads=3", "--threads=4");
	assert_int_equal(l.c.threads, 4);
	config_release(&l.c);
}

static void test_bad_flags(void **state)
{
	static const struct {
		const char *word, *value, *says;
	} bad[] = {
		{"--thread", "3", "no option \"--thread\""},
		{"--threads", "3x", "whole number"},
		{"--threads", "", "whole number"},
		{"--threads", "-1", "whole number"},
		{"--threads", "+1", "whole number"},
		{"--threads", " 1", "whole number"},
		{"--threads", "65", "from 0 to 64"},
		{"--login-rate", "99999999999999999999999", "whole number"},
		{"--login-rate", "0", "from 1"},
		{"--registration", "maybe", "is one of auto open invite closed"},
		{"--log-level", "loud", "debug info warn error"},
		{"--help=perhaps", NULL, "yes or no"},
		{"--data", NULL, "needs an argument"},
		{"serve", NULL, "is no option"},
		{"-h", NULL, "is no option"},
		{"--", NULL, "is no option"},
		{"--print-config", "yes", "is no option"},
	};
	struct loaded l;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		LOAD(&l, bad[i].word, bad[i].value);
		expect_refusal(&l, bad[i].says);
	}
	LOAD(&l, "--threads", "2");
	expect_refusal(&l, "--data");
}

static void test_file(void **state)
{
	struct loaded l;
	char path[64];

	(void)state;
	write_file(path, "# a comment\n\n  data = /from/file  \nthreads=5\n\tlogin-rate\t=\t9\nregistration = "
			 "invite\nlisten = [::]:1");
	LOAD(&l, "--config", path, "--threads", "6");
	assert_int_equal(l.rc, 0);
	assert_string_equal(l.c.data, "/from/file");
	assert_int_equal(l.c.threads, 6); /* flags win */
	assert_int_equal(l.c.login_rate, 9);
	assert_string_equal(l.c.listen, "[::]:1");
	config_release(&l.c);
	unlink(path);
}

static void test_bad_files(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{"data = /a\nthreads = many\n", ":2: threads needs a whole number"},
		{"\n\nthread = 1\n", ":3: there is no key \"thread\""},
		{"threads\n", ":1: key = value"},
		{"= 3\n", ":1: there is no key"},
		{"config = other\n", ":1: there is no key \"config\""},
		{"help = yes\n", ":1: there is no key \"help\""},
	};
	struct loaded l;
	char path[64], line[1300];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		write_file(path, bad[i].text);
		LOAD(&l, "--config", path);
		expect_refusal(&l, bad[i].says);
		unlink(path);
	}
	memset(line, 'x', sizeof line - 2);
	strcpy(line + sizeof line - 2, "\n");
	memcpy(line, "data =", 6);
	write_file(path, line);
	LOAD(&l, "--config", path);
	expect_refusal(&l, ":1: the line is too long");
	unlink(path);
	LOAD(&l, "--config", path);
	expect_refusal(&l, "cannot open");
}

/* What is printed can be read again and says the same. */
static void test_print(void **state)
{
	struct loaded l, again;
	char path[64], *text = NULL, *text2 = NULL;
	size_t n;

	(void)state;
	LOAD(&l, "--data=/a b", "--threads=2", "--origins=https://a.example,https://b.example",
		"--registration=closed");
	assert_int_equal(l.rc, 0);
	FILE *f = open_memstream(&text, &n);
	options_print(&(struct options){config_table, &l.c}, f);
	fclose(f);
	assert_non_null(strstr(text, "threads = 2\n"));
	assert_null(strstr(text, "help"));
	write_file(path, text);
	LOAD(&again, "--config", path);
	assert_int_equal(again.rc, 0);
	f = open_memstream(&text2, &n);
	options_print(&(struct options){config_table, &again.c}, f);
	fclose(f);
	assert_string_equal(text, text2);
	assert_string_equal(again.c.data, "/a b");
	unlink(path);
	free(text);
	free(text2);
	config_release(&l.c);
	config_release(&again.c);
}

static void test_help(void **state)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	(void)state;
	options_help(&(struct options){config_table, NULL}, f);
	fclose(f);
	for (const struct option *opt = config_table; opt->name; opt++) {
		assert_non_null(strstr(text, opt->name));
		assert_non_null(strstr(text, opt->help));
	}
	free(text);
}

static void test_registration(void **state)
{
	static const struct {
		const char *listen, *registration, *means;
	} row[] = {
		{"127.0.0.1:80", "auto", "open"},
		{"[::1]:80", "auto", "open"},
		{"0.0.0.0:80", "auto", "invite"},
		{"[::]:80", "auto", "invite"},
		{"192.0.2.1:0", "auto", "invite"},
		{"0.0.0.0:80", "open", "open"},
		{"127.0.0.1:80", "closed", "closed"},
	};
	struct loaded l;

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		LOAD(&l, "--data=/a", "--listen", row[i].listen, "--registration", row[i].registration);
		assert_int_equal(l.rc, 0);
		assert_string_equal(config_registration(&l.c), row[i].means);
		config_release(&l.c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fallbacks),
		cmocka_unit_test(test_every_fallback_is_valid),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_bad_flags),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_registration),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
