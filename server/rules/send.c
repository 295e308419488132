#include "server/rules/send.h"

static int refuse(struct refusal *why, enum err e, const char *field, const char *detail, uint64_t limit)
{
	*why = (struct refusal){e, field, detail, limit};
	return -1;
}

int send_check(const struct send_request *s, size_t body_max, enum kind *kind, struct refusal *why)
{
	*kind = KIND_TEXT;
	if (s->body.n == 0)
		return refuse(why, ERR_BAD_FIELD, "body", "A message has at least one byte", 0);
	if (s->body.n > body_max)
		return refuse(why, ERR_TOO_LARGE, "body", "The body is too long", body_max);
	if (s->client_id.p && !client_id_ok(s->client_id))
		return refuse(why, ERR_BAD_FIELD, "client_id", "1 to 64 of A-Z a-z 0-9 . _ -", 0);
	if (s->kind.p && kind_parse(s->kind, kind))
		return refuse(why, ERR_BAD_FIELD, "kind", "Unknown kind", 0);
	if (s->recipient == 0)
		return refuse(why, ERR_UNKNOWN_RECIPIENT, "to", NULL, 0);
	return 0;
}
