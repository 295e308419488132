/* Faults on purpose, so that what looks for lost, repeated and late messages can be seen to find them. Only a build with -DCHAT_FAULTS has them (`make faulty`);
 * in any other these are nothing. The environment says which: CHAT_FAULT=word:N, several with commas.
 *
 *   ack-early:BYTES   acks come before the data is synced, and each start loses the journal's last BYTES, as a power cut would
 *   drop-push:N       each N-th event is not written to its socket, and the socket does not know
 *   repeat-push:N     each N-th event is written twice
 *   stall:MS          each commit takes so much longer
 *
 * Any thread; fault_load() once, before the others. */
#ifndef CHAT_OPS_FAULT_H
#define CHAT_OPS_FAULT_H
#include <stdbool.h>

#ifdef CHAT_FAULTS
void fault_load(void); /* says in the log what it found; a word it does not know ends the process with 2 */
void fault_power_cut(
	int dir_fd, const char *segment, long keep); /* cuts the file, but not into its first `keep` bytes */
bool fault_ack_early(void);
bool fault_drop_push(void);
bool fault_repeat_push(void);
void fault_stall(void);
#else
static inline void fault_load(void)
{
}
static inline void fault_power_cut(int dir_fd, const char *segment, long keep)
{
	(void)dir_fd, (void)segment, (void)keep;
}
static inline bool fault_ack_early(void)
{
	return false;
}
static inline bool fault_drop_push(void)
{
	return false;
}
static inline bool fault_repeat_push(void)
{
	return false;
}
static inline void fault_stall(void)
{
}
#endif
#endif
