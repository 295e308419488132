#include "server/ops/fault.h"

#ifdef CHAT_FAULTS
#include "common/base/log.h"
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum fault { ACK_EARLY, DROP_PUSH, REPEAT_PUSH, STALL, FAULTS };
static const char *const words[FAULTS] = {"ack-early", "drop-push", "repeat-push", "stall"};
static long value[FAULTS]; /* 0: not asked for */
static _Atomic unsigned long counted[FAULTS];

static bool load_one(const char *text, size_t n)
{
	for (int i = 0; i < FAULTS; i++) {
		size_t len = strlen(words[i]);
		char *end;
		if (n < len + 2 || memcmp(text, words[i], len) != 0 || text[len] != ':')
			continue;
		value[i] = strtol(text + len + 1, &end, 10);
		return value[i] > 0 && end == text + n;
	}
	return false;
}

void fault_load(void)
{
	const char *at = getenv("CHAT_FAULT");

	for (; at && *at; at += strcspn(at, ",") + (at[strcspn(at, ",")] == ',')) {
		char quoted[832];
		bool good = load_one(at, strcspn(at, ","));
		log_event(LOG_WARN, good ? "fault-on-purpose" : "fault-unknown", "fault=%s",
			log_quote(at, strcspn(at, ","), quoted));
		/* A misspelt fault would look like a healthy server, and a test would learn the wrong thing. */
		if (!good)
			_exit(2);
	}
}

void fault_power_cut(int dir_fd, const char *segment, long keep)
{
	struct stat st;
	int fd = value[ACK_EARLY] ? openat(dir_fd, segment, O_RDWR | O_CLOEXEC | O_NOFOLLOW) : -1;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_size > keep) {
		off_t left = st.st_size - value[ACK_EARLY] > keep ? st.st_size - value[ACK_EARLY] : keep;
		log_event(
			LOG_WARN, "fault-power-cut", "segment=%s bytes=%lld", segment, (long long)(st.st_size - left));
		(void)!ftruncate(fd, left);
	}
	close(fd);
}

bool fault_ack_early(void)
{
	return value[ACK_EARLY] != 0;
}

static bool due(enum fault f)
{
	return value[f] && (atomic_fetch_add(&counted[f], 1) + 1) % (unsigned long)value[f] == 0;
}

bool fault_drop_push(void)
{
	return due(DROP_PUSH);
}

bool fault_repeat_push(void)
{
	return due(REPEAT_PUSH);
}

void fault_stall(void)
{
	if (value[STALL])
		nanosleep(&(struct timespec){value[STALL] / 1000, value[STALL] % 1000 * 1000000}, NULL);
}
#endif
