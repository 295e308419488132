/* The limits of the contract, and the words that both sides check. Pure; any thread. */
#ifndef CHAT_MSG_H
#define CHAT_MSG_H
#include "common/base/str.h"
#include <stdint.h>

enum {
	USER_MIN = 2, /* bytes of a user name */
	USER_MAX = 32,
	CLIENT_ID_MAX = 64,    /* bytes */
	TOKEN_TEXT_MAX = 64,   /* characters of an id, a cursor, a device */
	REQUEST_MAX = 1 << 20, /* bytes, default limit */
	PAGE_MAX = 500,
	PAGE_DEFAULT = 50,
	PAGE_BYTES = 1 << 20,  /* a page also ends at this many bytes of bodies */
	NAME_CHARS_MAX = 64,   /* characters (code points) of a display name or alias */
	UNANSWERED_MAX = 1024, /* sends of one socket without an answer */
	WATCH_MAX = 500,       /* users whose presence one socket watches */
	WAIT_MAX = 60,         /* seconds */
	PASSWORD_MIN = 10,     /* bytes */
	PASSWORD_MAX = 1024,
};

enum kind { KIND_TEXT = 0, KIND_CE2E_V1 = 1 };
int kind_parse(struct str word, enum kind *out); /* "text", "ce2e.v1": 0, or -1 when unknown */

bool user_name_ok(struct str name);      /* [a-z0-9][a-z0-9._-]{1,31} */
bool client_id_ok(struct str client_id); /* 1 to 64 of [A-Za-z0-9._-] */
bool token_text_ok(struct str token);    /* 1 to 64 of [A-Za-z0-9_-] */
#endif
