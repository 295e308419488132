/* Bounded memory of who tried how often: a token bucket an address, two for fetched keys, and failed logins a name. When the table is full the oldest row makes
 * room. Thread-safe. Names are hashed, known or not: the answer must not tell them apart. */
#ifndef CHAT_ACCOUNTS_LIMITS_H
#define CHAT_ACCOUNTS_LIMITS_H
#include "common/base/str.h"
#include <stdint.h>

struct limits;
struct limits *limits_new(unsigned per_minute);
void limits_free(struct limits *l);
/* A user fetches another one's keys: 10 an hour for the two, 100 an hour for the one who asks. 0: counted; else milliseconds to wait, nothing counted. */
unsigned limits_fetch(struct limits *l, uint32_t requester, uint32_t user, uint64_t mono_us);
/* A user sends n messages; at most per_s a second in the long run, burst at once. 0: counted; else milliseconds to wait, nothing counted. */
unsigned limits_send(struct limits *l, uint32_t user, unsigned n, unsigned per_s, unsigned burst, uint64_t mono_us);
bool limits_admit(struct limits *l, const char *address, uint64_t mono_us);
/* May this address try to log in to that name now? */
bool limits_may_try(struct limits *l, struct str name, const char *address, uint64_t mono_us);
/* What came of it. A success makes the address known, but for the empty one: that is nobody's. */
void limits_tried(struct limits *l, struct str name, const char *address, bool ok, uint64_t mono_us);
#endif
