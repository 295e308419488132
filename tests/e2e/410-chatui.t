#!/bin/sh
# chatui on a screen: the first time, a conversation with its states, offline and back, unread, search, a message chosen, the terminal given back.
# shellcheck source=tests/e2e/tui.sh
. tests/e2e/tui.sh
start_chatd
PORT=${BASE##*:}
chatctl -q -c bob register bob --url "$BASE" --password-file "$TEST_DIR/password"
chatctl -q -c carla register carla --url "$BASE" --password-file "$TEST_DIR/password"

# ---- the first time ----
open_screen 80 24 "CHAT_URL=$BASE" -- -c me
shown "the first screen asks for the server" "Server +$BASE"
keys Enter Enter
typed alice
keys Enter
typed short
keys Enter
typed short
keys Enter Enter
shown "a password that is too short is refused before it is sent" "at least 10 characters"
keys C-u
typed "$PASSWORD"
keys Enter C-u
typed "$PASSWORD"
keys Enter Enter
shown "an account is made, and the screen says what to do" "No chats yet"
shown "the connection is told, with its round trip" "alice@127.0.0.1:$PORT +● online [0-9]+ms"

# ---- a conversation ----
typed "/msg bob hello bob"
keys Enter
shown "a message is shown, sent" "you hello bob +✓$"
chatctl -q -c bob read --with alice --last 1 --mark >/dev/null
shown "its state follows: read" "you hello bob +✓✓ read"
chatctl -q -c bob send alice "ok 你好 👨‍👩‍👧 done"
shown "an answer comes by itself" "bob ok 你好 👨👩👧 done"
typed "/nosuch thing"
keys Enter
shown "an unknown command is not sent" "There is no command /nosuch"
is "not even to the server" "$(chatctl -c bob list --all --with alice -o tsv | grep -c nosuch)" 0
keys C-c
typed "//usr is full"
keys Enter
shown "two slashes send one" "you /usr is full"
chatctl -q -c carla send alice "$(printf 'red\033[31m and \033]0;title\007')"
shown "somebody else's message counts as unread" "carla +1 "
keys M-a
shown "Alt+A goes there, and what was written acts on nothing" 'carla red\\x1b\[31m and \\x1b\]0;title\\x07'
shown "what is new is marked off" "═ 1 new ═"

# ---- offline and back ----
stop_chatd
shown "the screen says that the connection is gone" "offline|server restarts"
typed "written offline"
keys Enter
shown "what is written then is queued" "you +written offline +◌ queued"
close_screen
start_chatd --listen "127.0.0.1:$PORT"
open_screen 80 24 -- -c me
shown "after the program has been killed it is sent" "you +written offline +✓"
is "once" "$(chatctl -c carla list --all --with alice -o tsv | grep -c 'written offline')" 1

# ---- getting about ----
typed "a draft"
keys C-k
typed bo
keys Enter
shown "the switcher finds a chat" "^ bob>"
shown "the other one keeps its draft" "carla +draft"
keys C-s
typed hello
shown "search finds" "> hello"
keys Enter
shown "and goes to the message, chosen" "Esc back +c copy"
keys i
shown "which can be looked into" "state +read"
keys Escape Escape
shown "Escape leads back" "Enter send"
typed "?"
shown "? shows the keys" "next chat with something new"
typed "?"
shown "and writes itself when pressed again" "^ bob> \?"
keys C-c
terminal resize-window -t t -x 40 -y 10
shown "40 columns and 10 lines are enough" "^ bob>$"
vanishes "the list makes room" CHATS
terminal resize-window -t t -x 80 -y 24
shown "and comes back" CHATS

# ---- pasting ----
seq -f "pasted %g" 100 >"$TEST_DIR/paste"
terminal load-buffer "$TEST_DIR/paste"
terminal paste-buffer -p -t t
shown "a paste goes into the composer, whole" "101 lines"
is "and sends nothing" "$(chatctl -c bob list --all --with alice -o tsv | grep -c pasted)" 0
keys C-c

# ---- the end ----
keys C-q
ok "it ends with 0" wait_for grep -qx 0 "$TEST_DIR/rc"
like "the terminal echoes again" "$(cat "$TEST_DIR/stty")" "[^-]icanon.* [^-]echo |[^-]echo "
is "the other screen is gone" "$(terminal display-message -p -t t '#{alternate_on}')" 0
open_screen 80 24 -- -c me --glyphs ascii
shown "ASCII will do" "alice@127.0.0.1:$PORT +\* online"
shown "for the states too" "you +written offline +\+\+$"
close_screen
done_testing
