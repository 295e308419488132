/* One line an event on stderr: time, level, event word, then key=value pairs. What a peer sent is escaped by
 * the caller's %s of log_quote() only; secrets never go in. Any thread. */
#ifndef CHAT_BASE_LOG_H
#define CHAT_BASE_LOG_H

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

void log_set_level(enum log_level least);
int log_level_parse(const char *word); /* "debug" "info" "warn" "error": the level, or -1 */
/* event: a stable kebab-case word; fmt: "key=%d other=%s" or "" */
void log_event(enum log_level level, const char *event, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Escapes what is not printable ASCII, quotes it, cuts at 200 bytes; answers out. */
const char *log_quote(const char *p, unsigned long n, char out[832]);
#endif
