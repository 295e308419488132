/* An array on the heap that doubles. Owner: whoever holds the pointer; any thread. */
#ifndef CHAT_BASE_ARRAY_H
#define CHAT_BASE_ARRAY_H
#include <stddef.h>
#include <stdint.h>

/* Room for one more element of `size` bytes behind the n there are: the array, perhaps moved, and *cap; `first` is the least capacity.
 * NULL: out of memory, array and *cap are as they were. */
void *array_room(void *array, uint32_t n, uint32_t *cap, size_t size, uint32_t first);
#endif
