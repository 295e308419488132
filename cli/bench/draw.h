/* Random numbers that are a function of what they are for, so that any thread draws the same ones without talking to the others (splitmix64, Steele, Lea
 * and Flood 2014). Pure. */
#ifndef CHAT_BENCH_DRAW_H
#define CHAT_BENCH_DRAW_H
#include <stdint.h>

/* What a draw is for; each gives numbers of its own. */
enum draw {
	DRAW_GAP,
	DRAW_OP,
	DRAW_VIA,
	DRAW_SENDER,
	DRAW_CONTACT,
	DRAW_OFFSET,
	DRAW_LENGTH,
	DRAW_LENGTH2,
	DRAW_TEXT,
	DRAW_RESAMPLE,
	DRAWS = 16
};

static inline uint64_t draw_mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9u;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static inline uint64_t draw(uint64_t seed, enum draw what, uint64_t n)
{
	return draw_mix(draw_mix(seed) + (n * DRAWS + (uint64_t)what + 1) * 0x9e3779b97f4a7c15u);
}

/* Above 0, at most 1. */
static inline double draw_unit(uint64_t seed, enum draw what, uint64_t n)
{
	return (double)((draw(seed, what, n) >> 11) + 1) * 0x1p-53;
}

/* Below `bound`. */
static inline uint32_t draw_below(uint64_t seed, enum draw what, uint64_t n, uint32_t bound)
{
	return (uint32_t)(((draw(seed, what, n) >> 32) * bound) >> 32);
}
#endif
