/* The keys of vim's normal mode, for who has chosen it (app.h). */
#include "tui/app.h"

static const struct {
	uint32_t key;
	int action;
	bool insert; /* writing goes on after it */
} table[] = {
	{'i', ACTION_NOTHING, true},
	{'a', ACTION_EDIT + EDIT_RIGHT, true},
	{'A', ACTION_EDIT + EDIT_END, true},
	{'I', ACTION_EDIT + EDIT_HOME, true},
	{'C', ACTION_EDIT + EDIT_CUT_RIGHT, true},
	{'S', ACTION_EDIT + EDIT_CLEAR, true},
	{'h', ACTION_EDIT + EDIT_LEFT, false},
	{'l', ACTION_EDIT + EDIT_RIGHT, false},
	{'w', ACTION_EDIT + EDIT_WORD_RIGHT, false},
	{'e', ACTION_EDIT + EDIT_WORD_RIGHT, false},
	{'b', ACTION_EDIT + EDIT_WORD_LEFT, false},
	{'0', ACTION_EDIT + EDIT_HOME, false},
	{'$', ACTION_EDIT + EDIT_END, false},
	{'x', ACTION_EDIT + EDIT_DELETE, false},
	{'D', ACTION_EDIT + EDIT_CUT_RIGHT, false},
	{'p', ACTION_EDIT + EDIT_YANK, false},
	{'P', ACTION_EDIT + EDIT_YANK, false},
	{'u', ACTION_EDIT + EDIT_UNDO, false},
	{0x12, ACTION_EDIT + EDIT_REDO, false},
	{'j', ACTION_LINE_DOWN, false},
	{'k', ACTION_LINE_UP, false},
	{0x04, ACTION_PAGE_DOWN, false},
	{0x15, ACTION_PAGE_UP, false},
	{'J', ACTION_NEXT_CHAT, false},
	{'K', ACTION_PREV_CHAT, false},
	{'G', ACTION_NEWEST, false},
	{'n', ACTION_NEXT_UNREAD, false},
	{'v', ACTION_SELECT, false},
	{'/', ACTION_SEARCH, false},
	{'?', ACTION_HELP, false},
};

static void both(struct app *a, char first, uint32_t second)
{
	struct edit *e = model_edit(&a->m);

	if (first == 'g' && second == 'g')
		app_act(a, ACTION_OLDEST);
	else if (e && first == 'd' && second == 'd')
		edit_do(e, EDIT_CUT_LINE);
	else if (e && first == 'd' && second == 'w')
		edit_do(e, EDIT_CUT_WORD_RIGHT);
	else if (e && first == 'd' && second == 'b')
		edit_do(e, EDIT_CUT_WORD_LEFT);
	app_edited(a);
}

void app_vim(struct app *a, struct key k)
{
	struct edit *e = model_edit(&a->m);
	char before = a->vim_before;

	a->vim_before = 0;
	if (before && !k.alt) {
		both(a, before, k.code);
		return;
	}
	if (!k.alt && !k.x && (k.code == 'g' || k.code == 'd')) {
		a->vim_before = (char)k.code;
		return;
	}
	if (!k.alt && !k.x && k.code == ':') {
		a->m.vim_normal = false;
		if (e && e->text.len == 0)
			app_text(a, "/");
		return;
	}
	for (size_t i = 0; !k.alt && !k.x && i < sizeof table / sizeof *table; i++) {
		if (table[i].key != k.code)
			continue;
		if (table[i].insert)
			a->m.vim_normal = false;
		if (table[i].action < ACTION_EDIT)
			app_act(a, table[i].action);
		else if (e && edit_do(e, (enum edit_op)(table[i].action - ACTION_EDIT)) == 0)
			app_edited(a);
		return;
	}
	int action = keymap_find(&a->m.keys, k);
	if (action >= ACTION_EDIT && e && edit_do(e, (enum edit_op)(action - ACTION_EDIT)) == 0)
		app_edited(a);
	else if (action != ACTION_NONE && action < ACTION_EDIT)
		app_act(a, action);
}
