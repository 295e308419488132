/* Who is connected where: user number -> connections. Network threads add and remove; the distributor looks up. Thread-safe.
 *
 * A connection is a socket past its hello, or an HTTP request that waits for a message (`?wait=`): the latter is told of events, too, but makes nobody online. */
#ifndef CHAT_PRESENCE_H
#define CHAT_PRESENCE_H
#include "server/net/net.h"

enum { PRESENCE_PER_USER = 64 }; /* connections of one user; one more socket is refused with 4409 */
enum presence_kind { PRESENCE_SOCKET, PRESENCE_WAITER };

struct presence;
struct presence *presence_new(void);
void presence_free(struct presence *p);
/* 0; -1: too many; -2: out of memory. */
int presence_add(struct presence *p, uint32_t user, conn_ref c, enum presence_kind kind);
/* now_ms: wall clock, becomes last_seen when the last socket goes. A connection that is not there is ignored. */
void presence_remove(struct presence *p, uint32_t user, conn_ref c, uint64_t now_ms);
/* Copies the user's connections to out[PRESENCE_PER_USER]; answers how many. */
unsigned presence_find(struct presence *p, uint32_t user, conn_ref out[PRESENCE_PER_USER]);
bool presence_online(struct presence *p, uint32_t user);
uint64_t presence_last_seen(struct presence *p, uint32_t user); /* wall ms; 0: never seen since the server started */
#endif
