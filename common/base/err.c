#include "common/base/err.h"
#include <string.h>

static const struct {
	const char *code, *title;
	int status, exit;
} table[ERR_COUNT] = {
#define ERR_ROW(name, code, status, exitcode, title) [ERR_##name] = {code, title, status, exitcode},
	ERR_TABLE(ERR_ROW)
#undef ERR_ROW
};

const char *err_code(enum err e)
{
	return table[e].code;
}

int err_status(enum err e)
{
	return table[e].status;
}

int err_exit(enum err e)
{
	return table[e].exit;
}

const char *err_title(enum err e)
{
	return table[e].title;
}

enum err err_from_code(const char *code, unsigned long len)
{
	for (unsigned i = 0; i < ERR_COUNT; i++)
		if (strlen(table[i].code) == len && memcmp(table[i].code, code, len) == 0)
			return (enum err)i;
	return ERR_COUNT;
}
