/* Every error that a peer can be told, once: C name, the contract's code word, HTTP status, chatctl's exit
 * code, title. The detail is written where the error is found. */
#ifndef CHAT_BASE_ERR_H
#define CHAT_BASE_ERR_H

#define ERR_TABLE(X)                                                                                   \
	X(OK, "ok", 200, 0, "OK")                                                                      \
	X(BAD_REQUEST, "bad-request", 400, 1, "Bad request")                                           \
	X(BAD_JSON, "bad-json", 400, 1, "The body is not acceptable JSON")                             \
	X(BAD_FIELD, "bad-field", 400, 1, "A member is missing, mistyped or out of range")             \
	X(BAD_QUERY, "bad-query", 400, 1, "A query parameter is not acceptable")                       \
	X(BAD_CURSOR, "bad-cursor", 400, 1, "The cursor is not known here")                            \
	X(BAD_OP, "bad-op", 400, 1, "Unknown op")                                                      \
	X(NO_SUBPROTOCOL, "subprotocol-required", 400, 1, "The subprotocol chat.v1 is required")       \
	X(UNAUTHENTICATED, "unauthenticated", 401, 4, "A valid token is required")                     \
	X(BAD_LOGIN, "bad-login", 401, 4, "Wrong user or password")                                    \
	X(FORBIDDEN, "forbidden", 403, 4, "Not allowed")                                               \
	X(LOCKED, "locked", 403, 4, "The account is locked")                                           \
	X(BLOCKED, "blocked", 403, 4, "The recipient does not accept messages from you")               \
	X(NOT_RECIPIENT, "not-recipient", 403, 4, "Only the recipient may mark a message")             \
	X(REGISTRATION_CLOSED, "registration-closed", 403, 4, "Registration is closed")                \
	X(INVITE_REQUIRED, "invite-required", 403, 4, "Registration needs a valid invite")             \
	X(WRONG_PASSWORD, "wrong-password", 403, 4, "The old password is wrong")                       \
	X(BAD_ORIGIN, "bad-origin", 403, 4, "This origin is not allowed")                              \
	X(NOT_FOUND, "not-found", 404, 1, "Not found")                                                 \
	X(UNKNOWN_RECIPIENT, "unknown-recipient", 404, 1, "No such user")                              \
	X(METHOD_NOT_ALLOWED, "method-not-allowed", 405, 1, "Method not allowed")                      \
	X(TIMEOUT, "request-timeout", 408, 6, "The request took too long to arrive")                   \
	X(USER_TAKEN, "user-taken", 409, 1, "The name is taken")                                       \
	X(CLIENT_ID_REUSED, "client-id-reused", 409, 1, "client_id was used with other content")       \
	X(KEY_ID_REUSED, "key-id-reused", 409, 1, "The id was used for another key")                   \
	X(LENGTH_REQUIRED, "length-required", 411, 1, "Content-Length is required")                    \
	X(TOO_LARGE, "too-large", 413, 1, "Too large")                                                 \
	X(URI_TOO_LONG, "uri-too-long", 414, 1, "The request target is too long")                      \
	X(UNSUPPORTED_TYPE, "unsupported-media-type", 415, 1, "Content-Type must be application/json") \
	X(EXPECTATION, "expectation-failed", 417, 1, "Expect is not supported")                        \
	X(UPGRADE_REQUIRED, "upgrade-required", 426, 1, "A WebSocket upgrade is required")             \
	X(RATE_LIMITED, "rate-limited", 429, 5, "Too many requests")                                   \
	X(HEADERS_TOO_LARGE, "headers-too-large", 431, 1, "The request head is too large")             \
	X(INTERNAL, "internal", 500, 1, "Internal error")                                              \
	X(NOT_IMPLEMENTED, "not-implemented", 501, 1, "Not implemented")                               \
	X(OVERLOADED, "overloaded", 503, 5, "Overloaded")                                              \
	X(DRAINING, "draining", 503, 5, "The server is going down")                                    \
	X(UNAVAILABLE, "unavailable", 503, 5, "Not able to store messages now")                        \
	X(BAD_VERSION, "bad-http-version", 505, 1, "HTTP/1.1 is required")                             \
	X(INSUFFICIENT_STORAGE, "insufficient-storage", 507, 5, "No space left to store messages")

enum err {
#define ERR_ENUM(name, code, status, exitcode, title) ERR_##name,
	ERR_TABLE(ERR_ENUM)
#undef ERR_ENUM
		ERR_COUNT
};

const char *err_code(enum err e); /* "bad-cursor" */
int err_status(enum err e);       /* HTTP status */
int err_exit(enum err e);         /* chatctl's exit code */
const char *err_title(enum err e);
enum err err_from_code(const char *code, unsigned long len); /* ERR_COUNT when unknown */
#endif
