/* The query string of a request, read strictly: a parameter that is unknown is passed over; one that is repeated or badly encoded is refused. Pure. */
#ifndef CHAT_API_QUERY_H
#define CHAT_API_QUERY_H
#include "common/base/str.h"
#include <stdint.h>

/* names[i] -> values[i], p NULL when absent. text is decoded in place and must outlive values. 0 or -1. */
int query_read(char *text, const char *const names[], struct str values[], size_t n);
/* Decimal digits within [min, max]. 0 or -1. */
int query_uint(struct str text, uint64_t min, uint64_t max, uint64_t *out);
#endif
