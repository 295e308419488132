/* SQL, for the files of db.h alone. 0 is success and -1 an error, noted for client_db_why(). A statement that is NULL has failed before. */
#ifndef CHAT_CLIENT_SQL_H
#define CHAT_CLIENT_SQL_H
#include "common/client/db.h"
#include <sqlite3.h>
#include <stddef.h>

struct client_db {
	sqlite3 *h;
	int64_t account;
	char path[700], user[64], why[256];
	void (*step)(void *ctx);
	void *step_ctx;
};

int sql_failed(struct client_db *d); /* notes what SQLite says; -1 */
int sql_exec(struct client_db *d, const char *sql);
/* A statement with its parameters bound: i an int64_t, s a text or NULL. */
sqlite3_stmt *sql_query(struct client_db *d, const char *sql, const char *types, ...);
/* These end the statement. */
int sql_run(struct client_db *d, sqlite3_stmt *st);
int sql_run_alone(struct client_db *d, sqlite3_stmt *st,
	unsigned *n); /* a transaction of its own; *n: the rows that it touched */
int sql_number(
	struct client_db *d, sqlite3_stmt *st, int64_t *out); /* the first row's first column; 1: there is none */
int sql_text(struct client_db *d, sqlite3_stmt *st, char *out, size_t max);
const char *sql_column(sqlite3_stmt *st, int i); /* a text, or NULL */
int sql_begin(struct client_db *d);
int sql_end(struct client_db *d, int rc); /* the transaction is kept when rc is 0, else undone */
/* Within a transaction: */
int sql_keep(struct client_db *d, const struct client_message *m);
int sql_peer(struct client_db *d, const char *user); /* there is a row of that user in peers */
int sql_next_place(struct client_db *d, int64_t *place);
#endif
