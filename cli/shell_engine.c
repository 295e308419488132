#include "cli/out.h"
#include "cli/shell.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COMMAND_MAX = 2 << 20, WORDS_MAX = ARGS_MAX + OPTIONS_MAX };

static bool write_all(int fd, const void *p, size_t n)
{
	const char *at = p;
	ssize_t k;

	for (; n; at += k, n -= (size_t)k)
		if ((k = write(fd, at, n)) < 0) {
			if (errno != EINTR)
				return false;
			k = 0;
		}
	return true;
}

static bool read_all(int fd, void *p, size_t n)
{
	char *at = p;
	ssize_t k;

	for (; n; at += k, n -= (size_t)k)
		if ((k = read(fd, at, n)) <= 0) {
			if (k == 0 || errno != EINTR)
				return false;
			k = 0;
		}
	return true;
}

/* ---- inside ---- */

static void interrupted(int sig)
{
	(void)sig;
	_exit(EXIT_INTERRUPTED);
}

/* One command: its words, each with a NUL behind it. */
static int32_t run(char *text, size_t n)
{
	static char *argv[WORDS_MAX + 1];
	int argc = 0;

	for (char *p = text; p < text + n && argc < WORDS_MAX; p += strlen(p) + 1)
		argv[argc++] = p;
	argv[argc] = NULL;
	clearerr(stdin);
	clearerr(stdout);
	signal(SIGINT, interrupted);
	int32_t code = cli_run(argc, argv);
	signal(SIGINT, SIG_IGN);
	return code;
}

static void serve(int in, int out)
{
	uint32_t n;

	signal(SIGINT, SIG_IGN);
	cli_keep_http();
	while (read_all(in, &n, sizeof n) && n && n <= COMMAND_MAX) {
		char *text = malloc(n);
		int32_t code = EXIT_FAILED;
		if (!text || !read_all(in, text, n))
			break;
		if (text[n - 1] == 0)
			code = run(text, n);
		free(text);
		fflush(stderr);
		if (!write_all(out, &code, sizeof code))
			break;
	}
}

/* ---- outside ---- */

static void be_engine(pid_t shell, int in, int out, bool no_stdin, int foreign)
{
	sigset_t none;

	/* A shell that is killed takes a verb that runs with it. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != shell)
		_exit(EXIT_FAILED);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGTSTP, SIG_DFL);
	if (foreign >= 0)
		close(foreign);
	int nothing = no_stdin ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
	if (nothing >= 0)
		dup2(nothing, STDIN_FILENO);
	serve(in, out);
	_exit(0);
}

static int start(struct engine *e, bool no_stdin, int foreign)
{
	int commands[2], codes[2];
	pid_t shell = getpid();

	if (pipe2(commands, O_CLOEXEC))
		return cli_fail(-1, "no engine: %s", strerror(errno));
	if (pipe2(codes, O_CLOEXEC)) {
		close(commands[0]);
		close(commands[1]);
		return cli_fail(-1, "no engine: %s", strerror(errno));
	}
	fflush(NULL);
	e->pid = fork();
	if (e->pid == 0) {
		close(commands[1]);
		close(codes[0]);
		be_engine(shell, commands[0], codes[1], no_stdin, foreign);
	}
	close(commands[0]);
	close(codes[1]);
	e->to = commands[1];
	e->from = codes[0];
	if (e->pid > 0)
		return 0;
	close(e->to);
	close(e->from);
	e->pid = 0;
	return cli_fail(-1, "no engine: %s", strerror(errno));
}

/* Its exit status, once it has ended by itself. */
static int reap(struct engine *e)
{
	int status = 0;

	close(e->to);
	close(e->from);
	while (waitpid(e->pid, &status, 0) < 0 && errno == EINTR)
		;
	e->pid = 0;
	return status;
}

/* One that has ended between commands is replaced. */
static bool has_ended(struct engine *e)
{
	int status;

	if (waitpid(e->pid, &status, WNOHANG) != e->pid)
		return false;
	close(e->to);
	close(e->from);
	e->pid = 0;
	return true;
}

int engine_run(struct engine *e, const char *const *words, int n, bool no_stdin, int foreign)
{
	struct buf text;
	uint32_t len = 0;

	if ((!e->pid || has_ended(e)) && start(e, no_stdin, foreign))
		return -1;
	buf_init(&text, COMMAND_MAX + sizeof len);
	buf_add(&text, &len, sizeof len);
	for (int i = 0; i < n; i++)
		buf_add(&text, words[i], strlen(words[i]) + 1);
	bool ok = !text.failed;
	if (ok) {
		len = (uint32_t)(text.len - sizeof len);
		memcpy(text.data, &len, sizeof len);
		(void)write_all(e->to, text.data, text.len); /* one that is gone is seen when its answer is read */
	}
	buf_release(&text);
	return ok ? 0 : cli_fail(-1, "the command is too long");
}

int engine_code(struct engine *e)
{
	int32_t code;

	if (read_all(e->from, &code, sizeof code))
		return code;
	int status = reap(e);
	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	if (WTERMSIG(status) != SIGINT && WTERMSIG(status) != SIGPIPE)
		cli_fail(0, "the command was ended by signal %d", WTERMSIG(status));
	return 128 + WTERMSIG(status);
}

void engine_end(struct engine *e)
{
	if (!e->pid)
		return;
	kill(e->pid, SIGTERM);
	(void)reap(e);
}
