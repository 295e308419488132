/* The one domain type that everybody shares, and the limits of the contract. */
#ifndef CHAT_MSG_H
#define CHAT_MSG_H
#include "common/base/str.h"
#include <stdint.h>

enum {
	USER_MIN = 2, /* bytes of a user name */
	USER_MAX = 32,
	CLIENT_ID_MAX = 64,    /* bytes */
	TOKEN_TEXT_MAX = 64,   /* characters of an id, a cursor, a device */
	BODY_MAX = 16384,      /* bytes of UTF-8, default limit */
	REQUEST_MAX = 1 << 20, /* bytes, default limit */
	BATCH_MAX = 1000,      /* messages in one request or frame, default limit */
	PAGE_MAX = 500,
	PAGE_DEFAULT = 50,
	PAGE_BYTES = 1 << 20,  /* a page also ends at this many bytes of bodies */
	NAME_CHARS_MAX = 64,   /* characters (code points) of a display name or alias */
	UNANSWERED_MAX = 1024, /* sends of one socket without an answer */
	WATCH_MAX = 500,
	WAIT_MAX = 60,     /* seconds */
	PASSWORD_MIN = 10, /* bytes */
	PASSWORD_MAX = 1024,
};

enum kind { KIND_TEXT = 0, KIND_CE2E_V1 = 1 };
const char *kind_word(enum kind k);              /* "text", "ce2e.v1" */
int kind_parse(struct str word, enum kind *out); /* 0, or -1 when unknown */

bool user_name_ok(struct str name);      /* [a-z0-9][a-z0-9._-]{1,31} */
bool client_id_ok(struct str client_id); /* 1 to 64 of [A-Za-z0-9._-] */
bool token_text_ok(struct str token);    /* 1 to 64 of [A-Za-z0-9_-] */

/* A message as the contract shows it. All slices borrowed. Times are wall clock ms; 0: not yet. */
struct message {
	struct str id, client_id, from, to, body;
	enum kind kind;
	uint64_t sent_ms, delivered_ms, read_ms;
};
#endif
