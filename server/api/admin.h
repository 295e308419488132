/* Inside api/ only: what the files of the operators' interface share. */
#ifndef CHAT_API_ADMIN_H
#define CHAT_API_ADMIN_H
#include "server/accounts/admin.h"
#include "server/api/thread.h"

/* A whole number of the body, or fallback when it is absent. 0; -1: refused, the call has ended. */
int admin_number(struct api_call *c, const char *name, const struct json_value *v, int64_t min, int64_t max,
	int64_t fallback, int64_t *out);
void admin_time(struct buf *out, const char *name, uint64_t wall_ms); /* ,"name":"…" */
/* Zeroed data of n bytes for the call, freed with it. 0; -1: the call has ended. */
int admin_data(struct api_call *c, size_t n);
/* The text in out becomes the detail of the call's error; takes the place of data. */
void admin_explain(struct api_call *c);
#endif
