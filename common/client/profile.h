/* Contexts: which server, which user, which token. One file each, $XDG_CONFIG_HOME/chat/contexts/NAME, key = value, mode 0600; a wider mode or a symbolic
 * link is refused, for it holds the token. "current" beside the folder names the one in use. No output, no exit. */
#ifndef CHAT_CLIENT_PROFILE_H
#define CHAT_CLIENT_PROFILE_H
#include "common/base/buf.h"
#include "common/client/pin.h"

struct profile {
	char name[65];
	char url[512];
	char user[33];
	char token[65];
	char device[65];
	char cacert[512];  /* file with the CA to trust; empty: the system's */
	char pin[PIN_MAX]; /* of the server's key; empty: none */
	char admin[512];   /* the operators' interface, see cli/admin.h; empty: none */
	char admin_token_file[512];
};

bool profile_name_ok(const char *name); /* 1 to 64 letters, digits and . _ - @, no dot first, no .tmp last */
/* The directory of all configuration: $CHAT_CONFIG_DIR, else $XDG_CONFIG_HOME/chat, else ~/.config/chat. 0 or -1. */
int profile_dir(char out[512]);
/* 0; 1: there is none of that name; -1 with why. */
int profile_load(struct profile *p, const char *name, char why[256]);
int profile_save(const struct profile *p, char why[256]);
/* 0, 1 none, -1. If it was the one in use, "default" is from then on. */
int profile_remove(const char *name, char why[256]);
/* Where a context is, whether it exists or not. 0 or -1. */
int profile_path(const char *name, char out[700]);
/* The name of the context in use ("default" when nothing was chosen). */
void profile_current(char out[65]);
int profile_use(const char *name, char why[256]);
/* Names, sorted: fn is called for each. */
int profile_each(void (*fn)(void *ctx, const char *name), void *ctx);
/* Reads a secret's file whole, one trailing newline dropped; "-" is stdin. 0, or -1 with why. Text is NUL-terminated. */
int secret_read(const char *path, char *out, size_t max, char why[256]);
#endif
