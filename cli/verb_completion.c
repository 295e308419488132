/* Completions for bash, zsh and fish: the scripts hand the line to `chatctl completion words`, which knows the verbs' tables and this machine's data. */
#include "cli/complete.h"
#include "cli/local.h"
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

enum { LIMIT_MS = 300, PRINTED_WORDS = 3000 };

/* A shell passes what stands between the command and the cursor. Each line that comes back is a word, a tab and its meaning; ":files" says that names of
 * files fit as well. */
static const char bash[] = "# bash completion for chatctl. Made by: chatctl completion bash\n"
			   "_chatctl() {\n"
			   "\tlocal cur=${COMP_WORDS[COMP_CWORD]} word help\n"
			   "\tCOMPREPLY=()\n"
			   "\t[[ $cur == '=' ]] && cur=\n"
			   "\twhile IFS=$'\\t' read -r word help; do\n"
			   "\t\tif [[ $word == :files ]]; then\n"
			   "\t\t\tcompopt -o filenames 2>/dev/null\n"
			   "\t\t\tmapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -f -- \"$cur\")\n"
			   "\t\telse\n"
			   "\t\t\tCOMPREPLY+=(\"$word\")\n"
			   "\t\tfi\n"
			   "\tdone < <(chatctl completion words -- \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\n"
			   "}\n"
			   "complete -F _chatctl chatctl\n";

static const char zsh[] =
	"#compdef chatctl\n"
	"# Made by: chatctl completion zsh\n"
	"_chatctl() {\n"
	"\tlocal line word files=\n"
	"\tlocal -a described\n"
	"\tfor line in \"${(@f)$(chatctl completion words -- \"${(@Q)words[2,CURRENT]}\" 2>/dev/null)}\"; do\n"
	"\t\tword=${line%%$'\\t'*}\n"
	"\t\tif [[ $word == :files ]]; then\n"
	"\t\t\tfiles=yes\n"
	"\t\telif [[ -n $word ]]; then\n"
	"\t\t\tdescribed+=(\"${word//:/\\\\:}:${line#*$'\\t'}\")\n"
	"\t\tfi\n"
	"\tdone\n"
	"\t(( $#described )) && _describe chatctl described\n"
	"\t[[ -z $files ]] || _files\n"
	"}\n"
	"if [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n"
	"\t_chatctl \"$@\"\n"
	"else\n"
	"\tcompdef _chatctl chatctl\n"
	"fi\n";

static const char fish[] = "# fish completion for chatctl. Made by: chatctl completion fish\n"
			   "function __chatctl_words\n"
			   "\tset -l before (commandline -opc)\n"
			   "\tset -l current (commandline -ct)\n"
			   "\tfor line in (chatctl completion words -- $before[2..-1] \"$current\" 2>/dev/null)\n"
			   "\t\tif test \"$line\" = :files\n"
			   "\t\t\t__fish_complete_path \"$current\"\n"
			   "\t\telse\n"
			   "\t\t\tprintf '%s\\n' $line\n"
			   "\t\tend\n"
			   "\tend\n"
			   "end\n"
			   "complete -c chatctl -f -a '(__chatctl_words)'\n";

/* ---- words ---- */

struct printed {
	char word[PRINTED_WORDS][80];
	unsigned n;
};

static void print_word(void *ctx, const char *word, const char *help)
{
	struct printed *p = ctx;

	for (unsigned i = 0; i < p->n; i++)
		if (strcmp(p->word[i], word) == 0)
			return;
	if (p->n == PRINTED_WORDS)
		return;
	snprintf(p->word[p->n++], sizeof p->word[0], "%s", word);
	printf("%s%s%s\n", word, help ? "\t" : "", help ? help : "");
}

/* Nobody waits longer for a key; what was found by then has been written. */
static void late(int sig)
{
	(void)sig;
	_exit(EXIT_DONE);
}

static int words(struct cli *c)
{
	static struct printed printed;
	struct itimerval limit = {.it_value.tv_usec = LIMIT_MS * 1000};
	struct completion q = {(const char *const *)c->args + 1, c->n_args - 1, true, print_word, &printed};

	if (q.n < 1)
		return cli_fail(EXIT_USAGE, "usage: chatctl completion words -- [WORD…] PART");
	signal(SIGALRM, late);
	setitimer(ITIMER_REAL, &limit, NULL);
	/* Whoever is typing does not want to read what is wrong with a context. */
	if (!freopen("/dev/null", "w", stderr) || cli_context(c))
		memset(&c->profile, 0, sizeof c->profile);
	if (complete_line(c, &q))
		puts(":files");
	return EXIT_DONE;
}

static int exec_completion(struct cli *c)
{
	static const struct {
		const char *name, *script;
	} shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};

	if (strcmp(c->args[0], "words") == 0)
		return words(c);
	if (c->n_args > 1)
		return cli_fail(EXIT_USAGE, "usage: chatctl completion bash|zsh|fish");
	for (unsigned i = 0; i < sizeof shells / sizeof *shells; i++)
		if (strcmp(shells[i].name, c->args[0]) == 0) {
			fputs(shells[i].script, stdout);
			return EXIT_DONE;
		}
	return cli_fail(EXIT_USAGE, "completions are for bash, zsh and fish, not for \"%s\"", c->args[0]);
}

const struct verb verb_completion = {
	.name = "completion",
	.args = "bash|zsh|fish",
	.summary = "print completions for a shell",
	.text = "Prints a script that makes the shell complete commands, options, contexts, users, message ids and "
		"names of durable watches. Users are those whom this machine has seen and, asked for once a minute, "
		"your contacts and conversations on the server; ids are those of unread messages, in the short form "
		"that list shows. It never asks for anything and never takes longer than 0.3 seconds.",
	.examples =
		"source <(chatctl completion bash)\nchatctl completion fish > ~/.config/fish/completions/chatctl.fish",
	.min_args = 1,
	.max_args = ARGS_MAX,
	.exec = exec_completion,
};
