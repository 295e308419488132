#include "cli/shell.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
/* Behind stdio.h, which they need. */
#include <readline/history.h>
#include <readline/readline.h>

enum { HISTORY_LINES = 1000, HISTORY_BYTES = 4 << 20, CANDIDATES_MAX = 3000 };

static struct line_setup setup;
static char *taken;
static bool at_end, is_open;

/* ---- completion ---- */

static struct {
	char *word[CANDIDATES_MAX];
	unsigned n, next;
	bool files;
} found;

static void keep_word(void *ctx, const char *word, const char *help)
{
	(void)ctx, (void)help;
	for (unsigned i = 0; i < found.n; i++)
		if (strcmp(found.word[i], word) == 0)
			return;
	if (found.n < CANDIDATES_MAX)
		found.word[found.n++] = strdup(word);
}

/* readline's generator: each candidate once, then NULL. */
static char *next_word(const char *text, int state)
{
	(void)text, (void)state;
	return found.next < found.n ? found.word[found.next++] : NULL;
}

/* The words before the cursor; the last one is what readline completes. */
static int words_before(const char *text, int start, char *room, size_t size, const char **words)
{
	char *line = strndup(rl_line_buffer, (size_t)start), special;
	int n = 0;
	enum words_result rc = line ? shell_words(line, room, size, words, ARGS_MAX - 1, &n, &special) : WORDS_MANY;

	free(line);
	/* In an open quote that began right before the word, the words before it are whole. */
	if (rc != WORDS_OK && rc != WORDS_OPEN)
		return 0;
	words[n] = text;
	return n + 1;
}

static char **complete(const char *text, int start, int end)
{
	static char room[65536];
	static const char *words[ARGS_MAX];
	struct completion q = {.words = words, .word = keep_word};

	(void)end;
	rl_attempted_completion_over = 1; /* names of files only where they fit */
	q.n = words_before(text, start, room, sizeof room, words);
	found.n = found.next = 0;
	if (q.n == 0)
		return NULL;
	if (setup.complete(&q))
		rl_attempted_completion_over = 0;
	return found.n ? rl_completion_matches(text, next_word) : NULL;
}

/* ---- history ---- */

/* Private before anything is in it; readline keeps the mode. */
static bool history_ready(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool ok = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= HISTORY_BYTES &&
		  ((st.st_mode & 077) == 0 || fchmod(fd, 0600) == 0);

	if (fd >= 0)
		close(fd);
	return ok;
}

static void start_history(void)
{
	using_history();
	stifle_history(HISTORY_LINES);
	if (setup.history && !history_ready(setup.history))
		setup.history = NULL;
	if (!setup.history)
		return;
	(void)history_truncate_file(setup.history, HISTORY_LINES);
	(void)read_history(setup.history);
}

void line_remember(const char *line)
{
	HIST_ENTRY *last = history_length ? history_get(history_base + history_length - 1) : NULL;

	if (!*line || *line == ' ' || (last && strcmp(last->line, line) == 0))
		return;
	add_history(line);
	if (setup.history && history_ready(setup.history))
		(void)append_history(1, setup.history);
}

/* ---- the line ---- */

static void on_line(char *line)
{
	/* readline would go on reading: what comes next belongs to the command. */
	rl_callback_handler_remove();
	is_open = false;
	taken = line;
	at_end = !line;
}

void line_start(const struct line_setup *s)
{
	setup = *s;
	rl_readline_name = "chatctl";
	rl_catch_signals = 0;
	rl_catch_sigwinch = 0;
	rl_attempted_completion_function = complete;
	rl_completer_word_break_characters = " \t\n";
	rl_completer_quote_characters = "'\"";
	rl_filename_quote_characters = " \t\n'\"\\|&;<>#";
	start_history();
}

void line_open(const char *prompt)
{
	rl_callback_handler_install(prompt, on_line);
	is_open = true;
}

void line_close(void)
{
	if (is_open)
		rl_callback_handler_remove();
	is_open = false;
}

void line_prompt(const char *prompt)
{
	rl_set_prompt(prompt);
}

void line_key(void)
{
	rl_callback_read_char();
}

char *line_taken(bool *end)
{
	char *line = taken;

	*end = at_end;
	taken = NULL;
	at_end = false;
	return line;
}

void line_clear(const char *prompt)
{
	fputs("^C\n", stdout);
	fflush(stdout);
	rl_free_line_state();
	rl_callback_sigcleanup();
	rl_replace_line("", 1);
	line_close();
	line_open(prompt);
}

void line_stop_begin(void)
{
	if (is_open)
		rl_deprep_term_function();
}

void line_stop_end(void)
{
	if (!is_open)
		return;
	rl_prep_term_function(1);
	rl_on_new_line();
	rl_redisplay();
}

void line_resized(void)
{
	rl_resize_terminal();
}

void line_above_begin(void)
{
	if (is_open)
		rl_clear_visible_line();
	fflush(stdout);
}

void line_above_end(void)
{
	fflush(stdout);
	if (!is_open)
		return;
	rl_on_new_line();
	rl_redisplay();
}
