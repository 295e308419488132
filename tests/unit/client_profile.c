#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/client/profile.h"
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], why[256];

static const char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void write_file(const char *name, const char *text, size_t n, mode_t mode)
{
	FILE *f = fopen(path_of(name), "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fchmod(fileno(f), mode), 0);
	assert_int_equal(fclose(f), 0);
}

static mode_t mode_of(const char *name)
{
	struct stat st;

	assert_int_equal(lstat(path_of(name), &st), 0);
	return st.st_mode & 07777;
}

static int fresh(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/chat-test.XXXXXX");
	return !mkdtemp(dir) || setenv("CHAT_CONFIG_DIR", path_of("a/b"), 1);
}

static int gone(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

static void test_names(void **state)
{
	static const char *const bad[] = {"", ".", "..", ".hidden", "a/b", "a b", "a\n", "\xc3\xa9", "x.tmp", "a:b"};
	char longest[66] = "";

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(profile_name_ok(bad[i]));
	memset(longest, 'a', 64);
	assert_true(profile_name_ok(longest));
	longest[64] = 'a';
	assert_false(profile_name_ok(longest));
	assert_true(profile_name_ok("a") && profile_name_ok("bob@work.example") && profile_name_ok("A-1_tmp"));
}

static void test_round_trip(void **state)
{
	struct profile p = {.name = "work",
			       .url = "https://chat.example",
			       .user = "ada",
			       .token = "t0k",
			       .device = "d",
			       .cacert = "/x y",
			       .pin = "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
			       .admin = "/var/lib/chatd",
			       .admin_token_file = "/etc/t"},
		       q;

	(void)state;
	assert_int_equal(profile_load(&q, "work", why), 1);
	assert_int_equal(profile_save(&p, why), 0);
	assert_int_equal(mode_of("a"), 0700);
	assert_int_equal(mode_of("a/b/contexts"), 0700);
	assert_int_equal(mode_of("a/b/contexts/work"), 0600);
	assert_int_equal(profile_load(&q, "work", why), 0);
	assert_memory_equal(&p, &q, sizeof p);
	strcpy(p.token, "other");
	assert_int_equal(profile_save(&p, why), 0);
	assert_int_equal(profile_load(&q, "work", why), 0);
	assert_string_equal(q.token, "other");
	assert_int_equal(profile_remove("work", why), 0);
	assert_int_equal(profile_remove("work", why), 1);
	assert_int_equal(profile_remove("../work", why), -1);
	assert_int_equal(profile_load(&q, "work", why), 1);
}

static void test_refused(void **state)
{
	struct profile p = {.name = "work", .url = "http://127.0.0.1:1"}, q;

	(void)state;
	assert_int_equal(profile_save(&p, why), 0);
	for (mode_t m = 0; m <= 077; m++) {
		assert_int_equal(chmod(path_of("a/b/contexts/work"), 0600 | m), 0);
		assert_int_equal(profile_load(&q, "work", why), m ? -1 : 0);
		if (m)
			assert_non_null(strstr(why, "chmod 600"));
	}
	assert_int_equal(chmod(path_of("a/b/contexts/work"), 0600), 0);
	assert_int_equal(symlink("work", path_of("a/b/contexts/link")), 0);
	assert_int_equal(profile_load(&q, "link", why), -1);
	assert_non_null(strstr(why, "symbolic link"));
	assert_int_equal(mkdir(path_of("a/b/contexts/dir"), 0700), 0);
	assert_int_equal(profile_load(&q, "dir", why), -1);
	assert_int_equal(mkfifo(path_of("a/b/contexts/fifo"), 0600), 0);
	assert_int_equal(profile_load(&q, "fifo", why), -1);
	assert_int_equal(profile_load(&q, "../contexts/work", why), -1);
	/* A link in its place is replaced, not followed. */
	strcpy(p.name, "link");
	assert_int_equal(profile_save(&p, why), 0);
	assert_int_equal(profile_load(&q, "link", why), 0);
	assert_int_equal(profile_load(&q, "work", why), 0);
	assert_string_equal(q.name, "work");
}

/* What is in a file by hand: unknown keys and odd lines do no harm. */
static void test_odd_files(void **state)
{
	static const char text[] =
		"# by hand\n\nurl = https://a\nurl=x\nuser = \nnonsense\nfuture = 1\ntoken = t = u\n";
	struct profile p = {.name = "odd"};
	char longer[1200];

	(void)state;
	assert_int_equal(profile_save(&p, why), 0);
	write_file("a/b/contexts/odd", text, sizeof text - 1, 0600);
	assert_int_equal(profile_load(&p, "odd", why), 0);
	assert_string_equal(p.url, "https://a");
	assert_string_equal(p.user, "");
	assert_string_equal(p.token, "t = u");
	memset(longer, 'x', sizeof longer);
	memcpy(longer, "user = ", 7);
	write_file("a/b/contexts/odd", longer, sizeof longer, 0600);
	assert_int_equal(profile_load(&p, "odd", why), 0);
	assert_int_equal(strlen(p.user), sizeof p.user - 1);
}

/* The hash of nothing is well known. */
static void test_pin(void **state)
{
	static const char empty[] = "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
	static const char *const bad[] = {"", "sha256//", "sha256//47DEQpj8",
		"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
		"sha1//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
		"sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;sha256//x",
		"sha256//47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU="};

	(void)state;
	assert_true(pin_ok(empty));
	assert_true(pin_fits(empty, "", 0));
	assert_false(pin_fits(empty, "x", 1));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_false(pin_ok(bad[i]));
		assert_false(pin_fits(bad[i], "", 0));
	}
}

static char names[256];

static void add_name(void *ctx, const char *name)
{
	assert_ptr_equal(ctx, names);
	strcat(strcat(names, name), " ");
}

static void test_current(void **state)
{
	struct profile p = {.name = "zed"};
	char current[65];

	(void)state;
	*names = 0;
	profile_current(current);
	assert_string_equal(current, "default");
	assert_int_equal(profile_each(add_name, names), 0);
	assert_string_equal(names, "");
	assert_int_equal(profile_save(&p, why), 0);
	strcpy(p.name, "abe");
	assert_int_equal(profile_save(&p, why), 0);
	write_file("a/b/contexts/abe.1.tmp", "", 0, 0600);
	assert_int_equal(profile_each(add_name, names), 0);
	assert_string_equal(names, "abe zed ");
	assert_int_equal(profile_use("zed", why), 0);
	profile_current(current);
	assert_string_equal(current, "zed");
	assert_int_equal(profile_remove("abe", why), 0);
	profile_current(current);
	assert_string_equal(current, "zed");
	assert_int_equal(profile_remove("zed", why), 0);
	profile_current(current);
	assert_string_equal(current, "default");
	write_file("a/b/current", "../x\n", 5, 0600);
	profile_current(current);
	assert_string_equal(current, "default");
}

static void test_folder(void **state)
{
	char out[512];

	(void)state;
	unsetenv("CHAT_CONFIG_DIR");
	setenv("XDG_CONFIG_HOME", "/x", 1);
	setenv("HOME", "/h", 1);
	assert_int_equal(profile_dir(out), 0);
	assert_string_equal(out, "/x/chat");
	setenv("XDG_CONFIG_HOME", "relative", 1); /* the specification: to be ignored */
	assert_int_equal(profile_dir(out), 0);
	assert_string_equal(out, "/h/.config/chat");
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("HOME");
	assert_int_equal(profile_dir(out), -1);
}

static void test_secrets(void **state)
{
	char out[8];

	(void)state;
	write_file("s", "secret\n", 7, 0600);
	assert_int_equal(secret_read(path_of("s"), out, sizeof out, why), 0);
	assert_string_equal(out, "secret");
	write_file("s", "a\n\n", 3, 0600);
	assert_int_equal(secret_read(path_of("s"), out, sizeof out, why), 0);
	assert_string_equal(out, "a\n");
	write_file("s", "", 0, 0600);
	assert_int_equal(secret_read(path_of("s"), out, sizeof out, why), 0);
	assert_string_equal(out, "");
	write_file("s", "12345678", 8, 0600);
	assert_int_equal(secret_read(path_of("s"), out, sizeof out, why), -1);
	assert_non_null(strstr(why, "too long"));
	write_file("s", "a\0b", 3, 0600);
	assert_int_equal(secret_read(path_of("s"), out, sizeof out, why), -1);
	assert_int_equal(secret_read(path_of("none"), out, sizeof out, why), -1);
	assert_int_equal(secret_read(dir, out, sizeof out, why), -1);
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, fresh, gone)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_pin),
		FRESH(test_round_trip),
		FRESH(test_refused),
		FRESH(test_odd_files),
		FRESH(test_current),
		FRESH(test_folder),
		FRESH(test_secrets),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("client_profile", tests, NULL, NULL);
}
