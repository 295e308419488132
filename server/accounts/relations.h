/* Pairs of users in memory, each with a number: who blocks whom since when, who has whom as a contact. Thread-safe; never waits for the disk. */
#ifndef CHAT_ACCOUNTS_RELATIONS_H
#define CHAT_ACCOUNTS_RELATIONS_H
#include <stdbool.h>
#include <stdint.h>

struct relations;
struct relations *relations_new(void);
void relations_free(struct relations *r);
int relations_put(struct relations *r, uint32_t user, uint32_t other, uint64_t value); /* 0; -1: out of memory */
void relations_drop(struct relations *r, uint32_t user, uint32_t other);
bool relations_get(struct relations *r, uint32_t user, uint32_t other, uint64_t *value); /* value may be NULL */
#endif
