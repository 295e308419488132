/* Memory that must be had: for what is durable already and has to be told and applied, no request is left that could be refused instead. A failed
 * allocation is tried again for about a second before NULL is the answer. Not for network threads, which must not wait. */
#ifndef CHAT_BASE_NEED_H
#define CHAT_BASE_NEED_H
#include <stddef.h>

void *need_calloc(size_t n, size_t size);
void *need_realloc(void *p, size_t size);
#endif
