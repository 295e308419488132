/* Worked examples: `chatctl help scripting` and the man page print them. */
#ifndef CHAT_CLI_EXAMPLES_H
#define CHAT_CLI_EXAMPLES_H

struct worked_example {
	const char *task; /* a sentence */
	const char *lines;
	const char *note; /* what to know about it */
};
extern const struct worked_example worked_examples[]; /* task NULL ends */
#endif
