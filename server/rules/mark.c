#include "server/rules/mark.h"

bool message_visible(uint32_t user, uint32_t sender, uint32_t recipient)
{
	return user == sender || user == recipient;
}

enum err mark_check(uint32_t user, uint32_t sender, uint32_t recipient)
{
	if (!message_visible(user, sender, recipient))
		return ERR_NOT_FOUND;
	return user == recipient ? ERR_OK : ERR_NOT_RECIPIENT;
}
