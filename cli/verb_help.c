/* help: from the tables of the verbs; `help --man` prints the man page's list of commands from the same. */
#include "cli/examples.h"
#include "cli/verb.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 78 };
#define TOPICS "options, exit, environment, formats, scripting, security"

/* Breaks text between words; each line begins with `indent` blanks. */
static void wrap(const char *text, int indent)
{
	int at = 0;

	while (*text) {
		size_t n = strcspn(text, " \n");
		if (at == 0)
			at = printf("%*s", indent, "");
		else if (at + 1 + (int)n > WIDTH)
			at = printf("\n%*s", indent, "") - 1;
		else
			at += printf(" ");
		at += printf("%.*s", (int)n, text);
		text += n;
		text += *text == ' ';
	}
	putchar('\n');
}

static void print_options(const struct cli_option *o)
{
	for (; o && o->name; o++) {
		char left[64], letter[8] = "    ";
		if (o->letter)
			snprintf(letter, sizeof letter, "-%c, ", o->letter);
		snprintf(left, sizeof left, "%s--%s%s%s%s", letter, o->name,
			!o->arg           ? ""
			: o->optional_arg ? "[="
					  : " ",
			o->arg ? o->arg : "", o->optional_arg ? "]" : "");
		printf("  %-26s  %s\n", left, o->help);
	}
}

static void print_lines(const char *text, const char *before)
{
	while (text && *text) {
		size_t n = strcspn(text, "\n");
		printf("%s%.*s\n", before, (int)n, text);
		text += n + (text[n] == '\n');
	}
}

static void help_verb(const struct verb *v)
{
	printf("usage: chatctl [options] %s %s\n", v->name, v->args);
	if (v->alias)
		printf("also:  chatctl %s\n", v->alias);
	putchar('\n');
	wrap(v->text, 0);
	if (v->options) {
		puts("\nOptions:");
		print_options(v->options);
	}
	if (v->fields) {
		puts("\nFields of --json=FIELDS:");
		wrap(v->fields, 2);
	}
	puts("\nExamples:");
	print_lines(v->examples, "  ");
	puts("\nOptions of every command: chatctl help options");
}

static void help_all(void)
{
	puts("chatctl: messages from scripts and by hand\n\nusage: chatctl [options] COMMAND ...\n\nCommands:");
	for (const struct verb *const *v = verbs; *v; v++)
		printf("  %-11s %s\n", (*v)->name, (*v)->summary);
	puts("\nTopics: " TOPICS " (chatctl help TOPIC)\n\n"
	     "First steps:\n"
	     "  chatctl register alice --url http://127.0.0.1:8080 --password-file FILE\n"
	     "  chatctl send bob 'hello'\n"
	     "  chatctl watch");
}

static void help_options(void)
{
	puts("Options of every command, before or after it:");
	print_options(global_options);
}

static void help_exit(void)
{
	puts("Exit codes:");
	for (const struct exit_row *r = exit_table; r->meaning; r++)
		printf("  %3d  %s\n", r->code, r->meaning);
	puts("\nAfter 6, 9 and 124 a send prints the command that is safe to run again; see: chatctl help scripting.\n"
	     "check ends as a plugin of Nagios: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.");
}

static void help_environment(void)
{
	puts("A flag wins over the environment, that over the context, that over the default.\n\n"
	     "  CHAT_CONTEXT     the context to use\n"
	     "  CHAT_URL         the server; a context's token is not sent to another server than its own\n"
	     "  CHAT_TOKEN_FILE  a file with the token, in place of the context's\n"
	     "  CHAT_OUTPUT      text, json, jsonl, csv, tsv\n"
	     "  CHAT_TIMEOUT     as --timeout\n"
	     "  CHAT_CONFIG_DIR  in place of $XDG_CONFIG_HOME/chat (~/.config/chat), with the state in its folder "
	     "state\n"
	     "  XDG_STATE_HOME   in place of ~/.local/state: outbox and history are in chat/NAME.db there\n"
	     "  CHAT_DEBUG       as --verbose\n"
	     "  NO_COLOR         obeyed: there is no colour");
}

static void help_formats(void)
{
	puts("-o text   for people; -o json an array (of send and whoami: the object); -o jsonl one object a line;\n"
	     "-o csv    with a header line; -o tsv without one, tab, newline and backslash escaped as \\t \\n \\\\.\n"
	     "--json=id,from  JSON with these fields only. The fields are those of the REST API.\n\n"
	     "--format of messages:\n"
	     "  %i id   %c client_id   %f from   %t to   %b text   %S sent, delivered or read\n"
	     "  %T time sent, %T{%H:%M} in a form of strftime(3)   %%   \\n   \\t\n\n"
	     "On a terminal control characters in what others sent are shown as \\x1b or \\u202e in every form but "
	     "JSON.\n"
	     "In a pipe csv, tsv and --format are exact.");
}

static void help_scripting(void)
{
	for (const struct worked_example *e = worked_examples; e->task; e++) {
		printf("%s%s\n\n", e == worked_examples ? "" : "\n", e->task);
		print_lines(e->lines, "  ");
		putchar('\n');
		wrap(e->note, 0);
	}
}

static void help_security(void)
{
	wrap("A password or a token is never an argument: ps would show it. They come from files of mode 0600 or from "
	     "the terminal. Neither is sent over plain http "
	     "to a host that is not this machine. A context's file holds the token: others must not be able to read "
	     "it, and a wider mode is refused. What others send is "
	     "never written raw to a terminal.",
		0);
}

static const struct {
	const char *name;
	void (*print)(void);
} topics[] = {{"options", help_options}, {"exit", help_exit}, {"environment", help_environment},
	{"formats", help_formats}, {"scripting", help_scripting}, {"security", help_security}};

/* ---- the man page's part, in mdoc ---- */

/* mdoc gives a backslash and a leading dot or quote a meaning of their own. */
static void man_text(const char *text)
{
	bool line_start = true;

	for (; *text; text++) {
		if (line_start && (*text == '.' || *text == '\''))
			fputs("\\&", stdout);
		line_start = *text == '\n';
		if (*text == '\\')
			fputs("\\e", stdout);
		else if (*text == '-')
			fputs("\\-", stdout);
		else if ((unsigned char)*text == 0xe2 && (unsigned char)text[1] == 0x80 &&
			 (unsigned char)text[2] == 0xa6) {
			fputs("...", stdout);
			text += 2;
		} else
			putchar(*text);
	}
}

static void man_options(const struct cli_option *o)
{
	if (!o)
		return;
	puts(".Bl -tag -width Ds");
	for (; o->name; o++) {
		fputs(".It ", stdout);
		if (o->letter)
			printf("Fl %c , ", o->letter);
		printf("Fl \\-%s", o->name);
		if (o->arg)
			printf(o->optional_arg ? " Ns Op = Ns Ar %s" : " Ar %s", o->arg);
		putchar('\n');
		man_text(o->help);
		puts(".");
	}
	puts(".El");
}

static void man_verb(const struct verb *v)
{
	printf(".Ss chatctl %s ", v->name);
	man_text(v->args);
	puts("");
	man_text(v->text);
	puts("");
	if (v->alias)
		printf("Also as\n.Cm %s .\n", v->alias);
	man_options(v->options);
	puts(".Bd -literal -offset indent");
	man_text(v->examples);
	puts("\n.Ed");
}

static void man(void)
{
	puts(".\\\" Made by: chatctl help --man");
	puts(".Sh OPTIONS\nBefore or after the command:");
	man_options(global_options);
	puts(".Sh COMMANDS");
	for (const struct verb *const *v = verbs; *v; v++)
		man_verb(*v);
	puts(".Sh EXIT STATUS\n.Bl -tag -width 124");
	for (const struct exit_row *r = exit_table; r->meaning; r++) {
		printf(".It %d\n", r->code);
		man_text(r->meaning);
		putchar('\n');
	}
	puts(".El\n.Sh EXAMPLES");
	for (const struct worked_example *e = worked_examples; e->task; e++) {
		puts(e == worked_examples ? ".Ss Worked examples" : ".Pp");
		man_text(e->task);
		puts("\n.Bd -literal -offset indent");
		man_text(e->lines);
		puts("\n.Ed");
		man_text(e->note);
		putchar('\n');
	}
}

static int exec_help(struct cli *c)
{
	const struct verb *v;

	if (cli_switch(c, "man")) {
		man();
		return EXIT_DONE;
	}
	if (c->n_args == 0) {
		help_all();
		return EXIT_DONE;
	}
	for (unsigned i = 0; i < sizeof topics / sizeof *topics; i++)
		if (strcmp(topics[i].name, c->args[0]) == 0) {
			topics[i].print();
			return EXIT_DONE;
		}
	v = verb_find(c->args[0]);
	if (!v)
		return cli_fail(
			EXIT_USAGE, "there is no help on \"%s\"; topics: " TOPICS ", and every command", c->args[0]);
	help_verb(v);
	return EXIT_DONE;
}

static const struct cli_option options[] = {
	{"man", 0, NULL, "print the man page's list of commands (mdoc)", COMPLETE_NONE, false},
	{NULL, 0, NULL, NULL, COMPLETE_NONE, false},
};

const struct verb verb_help = {
	.name = "help",
	.args = "[COMMAND|TOPIC]",
	.summary = "help on a command or a topic",
	.text = "Topics: " TOPICS ".",
	.examples = "chatctl help send\nchatctl help exit",
	.options = options,
	.max_args = 1,
	.complete = COMPLETE_TOPIC,
	.exec = exec_help,
};
