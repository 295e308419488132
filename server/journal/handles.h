/* Descriptors of sealed segments, opened when somebody reads and kept while there is room: a journal may have more segments than a process may have
 * descriptors. Any thread. */
#ifndef CHAT_JOURNAL_HANDLES_H
#define CHAT_JOURNAL_HANDLES_H
#include <pthread.h>
#include <stdint.h>

enum { HANDLES = 64 /* kept open; what is more is opened for one use */ };
struct handles {
	int dir_fd; /* borrowed */
	pthread_mutex_t lock;
	uint64_t clock; /* counts uses */
	struct handle_slot {
		uint64_t base, used;
		unsigned refs;
		int fd; /* -1: free */
	} slot[HANDLES];
};
struct handle {
	int fd, slot; /* slot -1: closed after use */
};

void handles_init(struct handles *h, int dir_fd);
void handles_release(struct handles *h);
/* The segment that begins at base, to read. 0, or -1 with errno. */
int handle_take(struct handles *h, uint64_t base, struct handle *out);
void handle_give(struct handles *h, struct handle *x);
/* The file's name. */
void segment_name(uint64_t base, char out[32]);
#endif
