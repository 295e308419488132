/* Strict JSON (RFC 8259, with the contract's narrowing): one pass, no allocation, no tree. For the hot path and
 * for everything that a peer sends to chatd; cJSON is for the clients.
 *
 * Refused: invalid or overlong UTF-8, lone surrogates, \u0000, a BOM, duplicate keys in one object, trailing
 * bytes, numbers outside RFC 8259's grammar, nesting deeper than JSON_DEPTH (the outermost value is level 1).
 * An object that is read by fields may have at most JSON_MEMBERS members. Pure; any thread. */
#ifndef CHAT_WIRE_JSON_H
#define CHAT_WIRE_JSON_H
#include "common/base/buf.h"

enum { JSON_DEPTH = 16, JSON_MEMBERS = 64 };

enum json_type { JSON_NONE, JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_value {
	enum json_type type; /* JSON_NONE: the member was absent */
	bool escaped;        /* strings: holds backslashes, so json_text() must decode it */
	struct str raw;      /* the value's text; of a string, what stands between the quotes */
};

/* What a failed read says: a static sentence for people, and where (bytes from the start). */
struct json_error {
	const char *why;
	size_t at;
};

/* Validates one whole document and says its type. 0 or -1. */
int json_check(struct str doc, enum json_type *type, struct json_error *err);

/* Reads an object whose text is `doc` (white space around it allowed, nothing else): names[i] -> values[i]. Names not
 * listed are validated and passed over. n at most JSON_MEMBERS. Validates everything. 0 or -1. */
int json_object(
	struct str doc, const char *const names[], struct json_value values[], size_t n, struct json_error *err);

/* Walks an array. Start with json_array_begin(); then json_array_next() gives 1 and the next element's whole text in
 * *element (strings with their quotes), 0 at the end (trailing bytes checked), -1 on an error. Each element is
 * fully validated. Nesting depth counts from the array as level 1. */
struct json_array {
	struct str doc;
	size_t at;
	bool first;
};
bool json_is_array(struct str doc); /* by its first character */
int json_array_begin(struct json_array *a, struct str doc, struct json_error *err);
int json_array_next(struct json_array *a, struct str *element, enum json_type *type, struct json_error *err);
/* The same in one pass for elements that are objects: their members are read as by json_object() (but nesting counts on). Of another type only *type
 * is filled in. */
int json_array_next_object(struct json_array *a, const char *const names[], struct json_value values[], size_t n,
	enum json_type *type, struct json_error *err);

/* The decoded text of a string: raw itself when there is nothing to decode, else decoded into scratch, which must have
 * room for raw.n bytes (decoding never grows). */
struct str json_text(const struct json_value *v, char *scratch);
/* A whole number without fraction or exponent within [min, max]: 0 or -1. */
int json_int(const struct json_value *v, int64_t min, int64_t max, int64_t *out);
int json_bool(const struct json_value *v, bool *out);

/* Writes a string with its quotes; text must be valid UTF-8. Clean runs are copied whole. 0 or -1 (buf full). */
int json_add_string(struct buf *b, struct str text);
/* True when the bytes are valid UTF-8 (RFC 3629) without U+0000. */
bool utf8_ok(struct str text);
size_t utf8_chars(struct str text); /* code points; text must be valid */
#endif
