/* Completions for bash, zsh and fish, made from the verbs' tables. */
#include "cli/verb.h"
#include "common/base/err.h"
#include <stdio.h>
#include <string.h>

/* The words that a kind of argument may be, or a command substitution that prints them. */
static void print_words(enum complete kind)
{
	switch (kind) {
	case COMPLETE_VERB:
	case COMPLETE_TOPIC:
		for (const struct verb *const *v = verbs; *v; v++)
			printf("%s ", (*v)->name);
		if (kind == COMPLETE_TOPIC)
			fputs("options exit environment formats scripting security", stdout);
		break;
	case COMPLETE_ERROR:
		for (int i = ERR_OK + 1; i < ERR_COUNT; i++)
			printf("%s ", err_code((enum err)i));
		break;
	case COMPLETE_SHELL:
		fputs("bash zsh fish", stdout);
		break;
	case COMPLETE_FORMAT:
		fputs("text json jsonl csv tsv", stdout);
		break;
	case COMPLETE_CONTEXT:
		fputs("$(chatctl context ls --output tsv 2>/dev/null | cut -f2)", stdout);
		break;
	case COMPLETE_NONE:
	case COMPLETE_FILE:
		break;
	}
}

static void bash_option_words(const struct cli_option *o)
{
	for (; o && o->name; o++) {
		if (o->letter)
			printf("-%c ", o->letter);
		printf("--%s ", o->name);
	}
}

static void bash_values(const struct cli_option *o)
{
	for (; o && o->name; o++) {
		if (!o->arg || o->optional_arg)
			continue;
		printf("\t--%s", o->name);
		if (o->letter)
			printf(" | -%c", o->letter);
		fputs(") ", stdout);
		if (o->complete == COMPLETE_FILE) {
			fputs("mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")", stdout);
		} else if (o->complete != COMPLETE_NONE) {
			fputs("mapfile -t COMPREPLY < <(compgen -W \"", stdout);
			print_words(o->complete);
			fputs("\" -- \"$cur\")", stdout);
		} else {
			fputs("COMPREPLY=()", stdout);
		}
		puts("; return ;;");
	}
}

static void bash(void)
{
	puts("# bash completion for chatctl. Made by: chatctl completion bash\n_chatctl() {\n"
	     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb= words= i\n"
	     "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	     "\t\tcase ${COMP_WORDS[i]} in");
	for (const struct verb *const *v = verbs; *v; v++) {
		printf("\t\t%s", (*v)->name);
		if ((*v)->alias)
			printf(" | %s", (*v)->alias);
		printf(") verb=%s; break ;;\n", (*v)->name);
	}
	puts("\t\tesac\n\tdone\n\tcase $prev in");
	bash_values(global_options);
	for (const struct verb *const *v = verbs; *v; v++)
		bash_values((*v)->options);
	fputs("\tesac\n\tcase $verb in\n\t'') words=\"", stdout);
	print_words(COMPLETE_VERB);
	puts("\" ;;");
	for (const struct verb *const *v = verbs; *v; v++) {
		printf("\t%s) words=\"", (*v)->name);
		print_words((*v)->complete);
		fputs(" ", stdout);
		bash_option_words((*v)->options);
		puts("\" ;;");
	}
	fputs("\tesac\n\twords+=\" ", stdout);
	bash_option_words(global_options);
	puts("\"\n\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n}\ncomplete -F _chatctl chatctl");
}

/* Text inside single quotes of zsh's _arguments: quotes, brackets and colons mean something there. */
static void zsh_text(const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\'", stdout);
		else if (strchr("[]:", *text))
			putchar('\\');
		putchar(*text);
	}
}

static void zsh_action(enum complete kind)
{
	if (kind == COMPLETE_FILE) {
		fputs("_files", stdout);
	} else if (kind == COMPLETE_CONTEXT) {
		fputs("($(chatctl context ls --output tsv 2>/dev/null | cut -f2))", stdout);
	} else if (kind == COMPLETE_NONE) {
		fputs(" ", stdout);
	} else {
		putchar('(');
		print_words(kind);
		putchar(')');
	}
}

static void zsh_options(const struct cli_option *o)
{
	for (; o && o->name; o++) {
		printf(" \\\n\t\t\t'--%s%s[", o->name, !o->arg ? "" : o->optional_arg ? "=-" : "=");
		zsh_text(o->help);
		putchar(']');
		if (o->arg) {
			printf("%s%s:", o->optional_arg ? "::" : ":", o->arg);
			zsh_action(o->complete);
		}
		putchar('\'');
	}
}

static void zsh(void)
{
	puts("#compdef chatctl\n# Made by: chatctl completion zsh\n_chatctl() {\n\tlocal -a commands\n\tcommands=(");
	for (const struct verb *const *v = verbs; *v; v++) {
		printf("\t\t'%s:", (*v)->name);
		zsh_text((*v)->summary);
		puts("'");
	}
	puts("\t)\n\tlocal verb= word\n\tfor word in ${words[2,CURRENT-1]}; do\n\t\tcase $word in");
	for (const struct verb *const *v = verbs; *v; v++) {
		printf("\t\t%s", (*v)->name);
		if ((*v)->alias)
			printf("|%s", (*v)->alias);
		printf(") verb=%s; break ;;\n", (*v)->name);
	}
	puts("\t\tesac\n\tdone\n\tcase $verb in\n\t'')");
	fputs("\t\t_arguments", stdout);
	zsh_options(global_options);
	puts(" \\\n\t\t\t'1:command:->command'\n\t\t_describe command commands ;;");
	for (const struct verb *const *v = verbs; *v; v++) {
		printf("\t%s)\n\t\t_arguments", (*v)->name);
		zsh_options(global_options);
		zsh_options((*v)->options);
		fputs(" \\\n\t\t\t'*:argument:", stdout);
		zsh_action((*v)->complete);
		puts("' ;;");
	}
	puts("\tesac\n}\n_chatctl \"$@\"");
}

static void fish_text(const char *text)
{
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
}

static void fish_options(const struct cli_option *o, const char *condition)
{
	for (; o && o->name; o++) {
		printf("complete -c chatctl%s -l %s", condition, o->name);
		if (o->letter)
			printf(" -s %c", o->letter);
		if (o->arg && !o->optional_arg)
			fputs(o->complete == COMPLETE_FILE ? " -r -F" : " -x", stdout);
		if (o->complete == COMPLETE_FORMAT)
			fputs(" -a 'text json jsonl csv tsv'", stdout);
		if (o->complete == COMPLETE_CONTEXT)
			fputs(" -a '(chatctl context ls --output tsv 2>/dev/null | cut -f2)'", stdout);
		fputs(" -d '", stdout);
		fish_text(o->help);
		puts("'");
	}
}

static void fish(void)
{
	puts("# fish completion for chatctl. Made by: chatctl completion fish\ncomplete -c chatctl -f");
	fish_options(global_options, "");
	for (const struct verb *const *v = verbs; *v; v++) {
		char condition[128];
		printf("complete -c chatctl -n __fish_use_subcommand -a %s -d '", (*v)->name);
		fish_text((*v)->summary);
		puts("'");
		snprintf(condition, sizeof condition, " -n '__fish_seen_subcommand_from %s%s%s'", (*v)->name,
			(*v)->alias ? " " : "", (*v)->alias ? (*v)->alias : "");
		fish_options((*v)->options, condition);
		if ((*v)->complete == COMPLETE_NONE || (*v)->complete == COMPLETE_FILE)
			continue;
		printf("complete -c chatctl%s -a '", condition);
		if ((*v)->complete == COMPLETE_CONTEXT)
			fputs("ls use rm (chatctl context ls --output tsv 2>/dev/null | cut -f2)", stdout);
		else
			print_words((*v)->complete);
		puts("'");
	}
}

static int exec_completion(struct cli *c)
{
	static const struct {
		const char *name;
		void (*print)(void);
	} shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};

	for (unsigned i = 0; i < sizeof shells / sizeof *shells; i++)
		if (strcmp(shells[i].name, c->args[0]) == 0) {
			shells[i].print();
			return EXIT_DONE;
		}
	return cli_fail(EXIT_USAGE, "completions are for bash, zsh and fish, not for \"%s\"", c->args[0]);
}

const struct verb verb_completion = {
	.name = "completion",
	.args = "bash|zsh|fish",
	.summary = "print completions for a shell",
	.text = "Prints a script that makes the shell complete commands, options and contexts.",
	.examples =
		"source <(chatctl completion bash)\nchatctl completion fish > ~/.config/fish/completions/chatctl.fish",
	.min_args = 1,
	.max_args = 1,
	.complete = COMPLETE_SHELL,
	.exec = exec_completion,
};
