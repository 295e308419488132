#include "common/base/array.h"
#include <stdlib.h>

void *array_room(void *array, uint32_t n, uint32_t *cap, size_t size, uint32_t first)
{
	uint32_t more = *cap ? *cap * 2 : first;

	if (n < *cap)
		return array;
	void *p = more > *cap ? realloc(array, more * size) : NULL;
	if (p)
		*cap = more;
	return p;
}
