/* Who may see and mark a message. Pure. */
#ifndef CHAT_RULES_MARK_H
#define CHAT_RULES_MARK_H
#include "common/base/err.h"
#include <stdbool.h>
#include <stdint.h>

/* A message is visible to its sender and its recipient; to all others it does not exist. */
bool message_visible(uint32_t user, uint32_t sender, uint32_t recipient);
/* Only the recipient marks. OK, NOT_FOUND, NOT_RECIPIENT. */
enum err mark_check(uint32_t user, uint32_t sender, uint32_t recipient);
#endif
