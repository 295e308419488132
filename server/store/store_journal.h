/* The store over the journal: records stay where the journal wrote them; heads and index say where to look. */
#ifndef CHAT_STORE_JOURNAL_H
#define CHAT_STORE_JOURNAL_H
#include "server/journal/journal.h"
#include "server/store/source.h"
#include "server/store/store.h"

/* Loads the newest snapshot, replays the rest of the journal, makes missing runs again, cuts a torn tail and makes all of it durable: after
 * this the journal takes appends. The journal must outlive the store. 0, or -1 with a sentence in why. */
int store_journal_new(struct store **out, struct journal *j, const char *dir, char why[256]);
/* Also for the sequencer; queue thread. */
struct sequencer_source store_journal_source(struct store *s);
/* Queue thread, after journal_roll(): all that was applied up to `upto`, the new segment's beginning, is sealed. 0 or -1. */
int store_journal_seal(struct store *s, uint64_t upto);
/* At a clean end: a snapshot of the heads, so that the next start need not replay. */
void store_journal_snapshot(struct store *s);
uint64_t store_journal_messages(
	struct store *s); /* how many there are; any thread, takes a while when there are many conversations */
uint32_t store_journal_max_user(struct store *s); /* the highest user number in the journal */
#endif
