/* Tells systemd what the service does: sd_notify(3)'s protocol, one datagram. Without NOTIFY_SOCKET nothing happens. */
#ifndef CHAT_OPS_NOTIFY_H
#define CHAT_OPS_NOTIFY_H
void notify_systemd(const char *state); /* "READY=1", "STOPPING=1", "WATCHDOG=1" */
#endif
