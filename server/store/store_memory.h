/* The store in memory: a plain list of records, and every question answered by walking it. Slow and obviously right: the template for other
 * stores and the oracle that they are tested against. Nothing survives it. */
#ifndef CHAT_STORE_MEMORY_H
#define CHAT_STORE_MEMORY_H
#include "server/store/source.h"
#include "server/store/store.h"

struct store *store_memory_new(const struct token_key *key);
struct sequencer_source store_memory_source(struct store *s);
#endif
