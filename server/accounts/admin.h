/* What operators do to accounts: pool threads only, each answers OK or the contract's error. A removed account's row stays, so that neither its name nor its
 * number comes back; its messages stay with the other side. Accounts for load tests have no password: their tokens are given out once, when they are made. */
#ifndef CHAT_ACCOUNTS_ADMIN_H
#define CHAT_ACCOUNTS_ADMIN_H
#include "server/accounts/accounts.h"

struct account {
	uint32_t number;
	char name[USER_MAX + 1], display_name[DISPLAY_BYTES_MAX + 1];
	uint64_t created_ms;
	bool locked, bench;
	unsigned sessions;
};
enum { ACCOUNTS_PAGE_MAX = 1000 };
/* By name, those that begin with prefix and stand behind `after`, at most limit. *n: how many; the caller frees *out. */
enum err accounts_page(
	struct accounts *a, struct str prefix, struct str after, unsigned limit, struct account **out, unsigned *n);
/* Counts in memory; any thread. */
uint32_t accounts_sessions_count(struct accounts *a);
uint32_t accounts_users_count(struct accounts *a);

/* Hashes. All sessions of the user end. */
enum err accounts_password_reset(struct accounts *a, uint32_t user, struct str password);
enum err accounts_lock(struct accounts *a, uint32_t user, bool locked);
struct send_limits {
	bool own;              /* else the configuration's */
	unsigned per_s, burst; /* 0: no limit */
};
enum err accounts_limits_set(struct accounts *a, uint32_t user, const struct send_limits *l);
struct send_limits accounts_limits(struct accounts *a, uint32_t user); /* what is in force; any thread */
enum err accounts_remove(struct accounts *a, uint32_t user, uint64_t now_ms);

/* Each: once for every invite, oldest first; must not call back. */
enum err accounts_invites(struct accounts *a, void (*each)(void *ctx, const struct invite *i), void *ctx);
enum err accounts_invite_drop(struct accounts *a, struct str id);

enum { RUN_TEXT = 16, BENCH_PREFIX_MAX = USER_MAX - 8, BENCH_MAX = 1000000, BENCH_LAST = 9999999 };
struct bench {
	struct str prefix; /* names are prefix and a number of at least six digits */
	uint32_t first, count;
	char run[RUN_TEXT + 1]; /* names what was made together: the answer */
};
/* In one transaction. An account that is there from an older run, or was removed, is taken over and loses its sessions; ERR_USER_TAKEN: a name is a person's.
 * each: for every account, once all are durable. */
enum err accounts_bench_add(struct accounts *a, struct bench *b, uint64_t now_ms,
	void (*each)(void *ctx, const char *name, const char *token), void *ctx);
enum err accounts_bench_remove(struct accounts *a, struct str run, uint64_t now_ms, unsigned *removed);
#endif
