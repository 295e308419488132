/* Inside api/ only: who wants to know of whom whether she is online. Each network thread knows what its own sockets watch; a change is told to all threads
 * at the end of the turn, as a list of users, and each looks anew at what its watchers may see. So the order in which changes arrive does not matter.
 *
 * A socket that is slow or about to be welcomed is told later, and then only how things stand: nothing is queued for it. Network thread. */
#ifndef CHAT_API_WATCH_H
#define CHAT_API_WATCH_H
#include "server/api/socket.h"

/* The socket watches these from now on (sorted, each once, at most WATCH_MAX; takes no notice of what it watched before) and is told how they stand. 0; -1: out
 * of memory, it watches nobody. */
int watch_set(struct socket *k, const uint32_t users[], uint32_t n);
void watch_refresh(struct socket *k); /* tells it what it was not told yet */
void watch_again(struct socket *k);   /* after a hello: tells it everything once more */

/* A user came, went, or changed who may see her. */
void presence_changed(struct api_thread *t, uint32_t user);
void presence_turn_end(struct api_thread *t);
void presence_posted(struct api_thread *t, struct net_msg *m);
void watch_release(struct api_thread *t); /* what the thread had for all this */

/* typing.c: tells the sockets of `to` that this one's user is typing; drops it when that was said too often, or is not to be seen. */
void typing_say(struct socket *k, uint32_t to);
void typing_posted(struct api_thread *t, struct net_msg *m);
#endif
