/* What a user has chosen: the file `config` in the directory of all configuration (profile_dir()), key = value, # comments, which the programs of a user
 * share; keys that are not known here are somebody else's. chat.conf(5) describes them. One table for reading, /set, completion and writing. */
#ifndef CHAT_TUI_SETTINGS_H
#define CHAT_TUI_SETTINGS_H
#include "tui/keys.h"

enum { SETTING_MAX = 256 };

/* key, default, words that it may have (NULL: any text), help */
#define SETTINGS_TABLE(X)                                                                                         \
	X(THEME, "theme", "dark", "dark light mono", "colours for a dark or a light background, or none")         \
	X(GLYPHS, "glyphs", "auto", "auto unicode ascii", "signs; auto: as the locale and the terminal can")      \
	X(NOTIFY, "notify", "bell", "off bell command", "what happens when a message comes")                      \
	X(NOTIFY_COMMAND, "notify-command", "", NULL, "program and words; %f: from whom, %b: the text; no shell") \
	X(MOUSE, "mouse", "no", "yes no", "the wheel scrolls, a click chooses; text is then marked with Shift")   \
	X(VIM, "vim", "no", "yes no", "Esc leads to vim's keys")                                                  \
	X(CLIPBOARD, "clipboard", "yes", "yes no", "copying may set the terminal's clipboard (OSC 52)")

enum setting {
#define SETTING_ENUM(id, key, fallback, words, help) SETTING_##id,
	SETTINGS_TABLE(SETTING_ENUM)
#undef SETTING_ENUM
		SETTING_COUNT
};
struct settings {
	char value[SETTING_COUNT][SETTING_MAX];
};

void settings_init(struct settings *s);
/* Reads the file, and binds keys ("bind = Ctrl+T next-unread"). 0, also when there is no file; -1 with why: the first wrong line, the others count. */
int settings_load(struct settings *s, struct keymap *keys, char why[256]);
/* 0; -1 with why: no such key, or not one of its words. */
int settings_set(struct settings *s, const char *key, const char *value, char why[256]);
/* Writes one line into the file, in the place of the one that had this key (for "bind": the same key of the keyboard). 0 or -1 with why. */
int settings_keep(const char *key, const char *value, char why[256]);
bool settings_yes(const struct settings *s, enum setting which);
const char *setting_name(enum setting which);
const char *setting_help(enum setting which);
const char *setting_words(enum setting which); /* or NULL */
int setting_find(const char *key);             /* or -1 */
/* "Ctrl+T next-unread": 0, or -1 with why. */
int settings_bind(struct keymap *keys, const char *text, char why[256]);
#endif
