#include "common/msg.h"

static const char *const words[] = {[KIND_TEXT] = "text", [KIND_CE2E_V1] = "ce2e.v1"};

int kind_parse(struct str word, enum kind *out)
{
	for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
		if (str_is(word, words[i])) {
			*out = (enum kind)i;
			return 0;
		}
	return -1;
}

/* Which alphabets a byte belongs to. */
enum { LOWER = 1, UPPER = 2, DIGIT = 4, DOT = 8, DASH = 16, UNDERSCORE = 32 };

static unsigned class_of(char c)
{
	if (c >= 'a' && c <= 'z')
		return LOWER;
	if (c >= 'A' && c <= 'Z')
		return UPPER;
	if (c >= '0' && c <= '9')
		return DIGIT;
	return c == '.' ? DOT : c == '-' ? DASH : c == '_' ? UNDERSCORE : 0;
}

static bool all_of(struct str s, size_t min, size_t max, unsigned classes)
{
	if (s.n < min || s.n > max)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!(class_of(s.p[i]) & classes))
			return false;
	return true;
}

bool user_name_ok(struct str name)
{
	return all_of(name, USER_MIN, USER_MAX, LOWER | DIGIT | DOT | DASH | UNDERSCORE) &&
	       class_of(name.p[0]) & (LOWER | DIGIT);
}

bool client_id_ok(struct str client_id)
{
	return all_of(client_id, 1, CLIENT_ID_MAX, LOWER | UPPER | DIGIT | DOT | DASH | UNDERSCORE);
}

bool token_text_ok(struct str token)
{
	return all_of(token, 1, TOKEN_TEXT_MAX, LOWER | UPPER | DIGIT | DASH | UNDERSCORE);
}
