/* Quantities for people: three significant digits at most, a unit behind them. Pure. */
#ifndef CHAT_CLI_HUMAN_H
#define CHAT_CLI_HUMAN_H
#include <stdint.h>

enum { HUMAN_MAX = 24 };
const char *human_us(uint64_t us, char out[HUMAN_MAX]);   /* "340 us" "1.2 ms" "3.0 s" "12 min" "3.2 h" "9 d" */
const char *human_bytes(uint64_t n, char out[HUMAN_MAX]); /* "512 B" "1.2 MiB" */
const char *human_count(uint64_t n, char out[HUMAN_MAX]); /* "1,203" */
#endif
