/* Inside accounts/ only: what an open accounts has. */
#ifndef CHAT_ACCOUNTS_STATE_H
#define CHAT_ACCOUNTS_STATE_H
#include "server/accounts/accounts.h"
#include "server/accounts/db.h"
#include "server/accounts/directory.h"
#include "server/accounts/limits.h"
#include "server/accounts/password.h"
#include "server/accounts/relations.h"
#include <stdatomic.h>

/* Disk before memory: what network threads see is durable. Lock order: db, then what directory and relations have inside. */
struct accounts {
	struct db db;
	struct directory *directory;
	struct relations *contacts, *blocks;
	struct limits *limits;
	struct password_cost cost;
	uint64_t sliding_ms, absolute_ms;
	char dummy[PASSWORD_TEXT]; /* what an unknown user's password is checked against */
	_Atomic uint32_t highest;
	_Atomic uint64_t revision;
};

int accounts_load_relations(struct accounts *a); /* contacts.c: into memory, at start. 0 or -1 */
#endif
