#!/bin/sh
# chatctl shell: as a script, and by hand on a real screen.
# shellcheck disable=SC2119,SC2317 # start_chatd takes flags, or none; functions are called by wait_for
# shellcheck source=tests/e2e/ctl.sh
. tests/e2e/ctl.sh
start_chatd || exit 1
people alice bob
TMUX_SOCKET=chat-test-$$

# ---- as a script ----

feed "send bob \"hi there\"\\nsend bob it\\\\'s # not this\\n\\nsend bob 'two\\nlines'\\nwhoami --json=user\\n"
run -c alice shell
ends "a script ends with 0" 0
is "prints what its commands print" "$OUT" '{"user":"alice"}'
is "quotes, backslash, comment, a line that goes on" "$(chatctl -c bob ls --format %b)" "hi there
it's
two
lines"
feed 'error nope\nwhoami --json=user\n'
run -c alice shell
ends "goes on after a failure, ends as the last command" 0 'no error code'
is "which ran" "$OUT" '{"user":"alice"}'
feed 'error nope\nwhoami\n'
run -c alice shell -e
ends "-e: ends at the first failure" 1 'no error code'
is "nothing behind it runs" "$OUT" ""
feed 'error nope\n'
run -c alice shell
ends "the last command's exit code" 1
feed 'error nope\nexit\nwhoami\n'
run -c alice shell
ends "exit: the same" 1
is "and nothing more" "$OUT" ""
feed 'quit 7\n'
run -c alice shell
ends "quit 7" 7
feed 'send bob a|b\n'
run -c alice shell
ends "no pipes" 2 '\| needs quotes'
feed "send bob 'open\\n"
run -c alice shell
ends "a quote that is never closed" 2 'not closed'
feed 'whoami\0x\n'
run -c alice shell
ends "a NUL byte" 2 'NUL'
feed 'send bob -\n'
run -c alice shell
ends "commands of a script have an empty stdin" 2 'no text'
feed 'shell\n'
run -c alice shell
ends "no shell in the shell" 2 'already'
mkfifo "$TEST_DIR/never"
feed 'send bob -f %s\nwhoami --json=user\n' "$TEST_DIR/never"
run -c alice --timeout 300ms shell
ends "--timeout bounds each command" 0 'time given by --timeout was over'
is "the next one runs" "$OUT" '{"user":"alice"}'
run -c alice shell
ends "an empty script" 0
chatctl -c bob -q mark --all
i=0
while [ $i -lt 30 ]; do
	echo "send bob 'number $i'"
	i=$((i + 1))
done >"$TEST_DIR/many"
start_proxy
lossy
chatctl -c alice3 -q login alice --url "$PROXY" --password-file "$TEST_DIR/password"
lossy pass pass pass
STDIN=$TEST_DIR/many run -c alice3 shell
ends "thirty sends" 0
is "are thirty messages in order" "$(chatctl -c bob ls --format %b | tail -n 1)" 'number 29'
is "over one connection" "$(wc -l <"$TEST_DIR/lossy.script")" 2
printf 'line\n' >"$TEST_DIR/batch"
printf '{"to":"bob","body":"b1"}\n' >"$TEST_DIR/batch"
feed 'send --batch %s\nsend --batch %s\n' "$TEST_DIR/batch" "$TEST_DIR/batch"
run -c alice shell
is "nothing is left of the command before" "$(printf '%s\n' "$ERR" | grep -c '1 sent, 0 refused')" 2
chatctl -c bob -q mark --all
feed 'ls --all --since 1ms\nls --all --with alice --limit 2 --format %%c\n'
run -c bob shell
is "nor of its options" "$(printf '%s\n' "$OUT" | grep -c .)" 2

# ---- by hand ----

if ! command -v tmux >/dev/null; then
	diag "no tmux: nothing is typed"
	done_testing
fi
tm()
{
	tmux -L "$TMUX_SOCKET" -f /dev/null "$@"
}
end_tmux()
{
	tm kill-server 2>/dev/null
	cleanup_ctl
}
trap end_tmux EXIT

# screen: what is to be seen, without empty lines.
screen()
{
	tm capture-pane -p -J -t t | sed 's/ *$//' | grep -v '^$'
}
last_line()
{
	screen | tail -n 1
}
_shows()
{
	screen | grep -Eq -- "$1"
}
_ends_in()
{
	last_line | grep -Eq -- "$1"
}
# shows NAME REGEX: a line of the screen becomes like that.
shows()
{
	if wait_for _shows "$2"; then pass "$1"; else fail "$1" "$(screen)"; fi
}
# at NAME REGEX: the last line does.
at()
{
	if wait_for _ends_in "$2"; then pass "$1"; else fail "$1" "$(screen)"; fi
}
keys()
{
	tm send-keys -t t "$@"
}
# enter_shell [TERM]: in a new window; its exit code is shown at the end.
enter_shell()
{
	tm kill-server 2>/dev/null
	TMUX_SOCKET=$TMUX_SOCKET+
	tm new-session -d -s t -x 90 -y 24 "exec env ${1:+TERM=$1} sh" || return 1
	keys -l "PS1='\$ '; clear; $BUILD/chatctl -c bob shell; echo ended \$?"
	keys Enter
}

enter_shell
at "the prompt says who" '^bob>$'
keys -l 'send ali'
keys Tab
at "Tab completes a user's name" '^bob> send alice$'
keys -l 'half a li'
chatctl -c alice send bob "$(printf 'ring \a \033[31mred \033]0;title\a')" --id esc1
shows "a message is shown as it comes, its escape sequences escaped" 'alice: ring \\x07 \\x1b\[31mred \\x1b\]0;title\\x07$'
at "the line that is typed stays" '^bob> send alice half a li$'
keys -l 'ne'
keys Enter
told()
{
	chatctl -c alice ls --format %b | grep -qx "$1"
}
shows "and goes on; words that are not quoted are several arguments" '^chatctl: usage: chatctl send TO'
at "the exit code is in the prompt" '^bob \[2\]>$'
keys -l "send alice 'half a line'"
keys Enter
ok "what is sent arrives" wait_for told 'half a line'
at "the prompt without a code" '^bob>$'
delivered()
{
	chatctl -c alice api GET "/conversations/bob/messages" | jq -e '.[] | select(.client_id == "esc1").delivered_at' >/dev/null
}
ok "what was shown is delivered for its sender" wait_for delivered
is "and kept for search" "$(chatctl -c bob search ring --json=client_id)" '[{"client_id":"esc1"}]'
keys -l 'some words'
keys C-c
at "Ctrl-C clears the line" '^bob \[130\]>$'
keys -l 'watch --count 5'
keys Enter
shows "a command that runs" 'watching as bob'
keys C-c
at "is ended by Ctrl-C, the shell is not" '^bob \[130\]>$'
keys -l 'send alice'
keys Enter
shows "a command may read the terminal" 'type the text'
keys -l 'typed text'
keys Enter
chatctl -c alice send bob 'while you typed'
keys C-d
ok "up to Ctrl-D" wait_for told 'typed text'
shows "what came meanwhile is shown afterwards" 'alice: while you typed'
at "the prompt is back" '^bob>$'
keys -l 'ls --all-p'
keys Tab
at "Tab: options" '^bob> ls --all-pages$'
keys C-u
keys -l "send alice -f $TEST_DIR/man"
keys Tab
at "Tab: files" "send alice -f $TEST_DIR/many$"
keys C-u
chatctl -c bob -q mark --all
id=$(chatctl -c alice send bob 'mark me' --json=id | jq -r .id)
short=$(printf '%.8s' "$id")
shows "its short id is shown" "^$short .*mark me"
keys -l "mark $(printf '%.6s' "$id")"
keys Tab
at "Tab: an unread message's id" "^bob> mark $short$"
keys Enter
at "which is enough for mark" '^bob>$'
is "that marks it" "$(chatctl -c bob ls)" ""
keys -l 'typed and then resized'
tm resize-window -t t -x 50 -y 20
chatctl -c alice send bob 'after the resize'
shows "a resize" 'after the resize'
at "leaves the line" '^bob> typed and then resized$'
keys C-u
keys -l 'exit'
keys Enter
shows "exit ends it with 0" '^ended 0'
enter_shell
at "again" '^bob>$'
keys Up
at "the history is there: the last line" '^bob> exit$'
keys Up Up
keys Up
at "and those before" '^bob> watch --count 5$'
ok "in a private file" test "$(stat -c %a "$CHAT_CONFIG_DIR/state/bob.history")" = 600
keys C-u
stop_chatd
shows "no server: it says so" 'chatctl: offline: .*; trying again'
at "and the prompt does" '^bob \(offline\)>$'
keys -l 'whoami'
keys Enter
at "commands fail as they should" '^bob \(offline\) \[6\]>$'
port=${BASE##*:}
start_chatd --listen "127.0.0.1:$port"
shows "online again" 'online again'
at "and the prompt" '^bob \[6\]>$'
id=$(chatctl -c bob api GET /sessions | jq -r '.[] | select(.current) | .device // .id')
chatctl -c bob2 -q login bob --url "$BASE" --password-file "$TEST_DIR/password"
chatctl -c bob2 -q device revoke "$id"
shows "a login that was revoked" 'no longer valid; run: login bob'
at "is in the prompt" '^bob \(login expired\) \[6\]>$'
keys -l "login bob --url $BASE --password-file $TEST_DIR/password"
keys Enter
at "logging in again brings it back" '^bob>$'
keys C-d
shows "Ctrl-D ends it" '^ended 0'
enter_shell dumb
at "TERM=dumb" '^bob>$'
keys -l 'whoam'
chatctl -c alice send bob 'to a dumb terminal'
shows "shows messages" 'alice: to a dumb terminal$'
keys -l 'i --json=user'
keys Enter
shows "and keeps the line" '^\{"user":"bob"\}$'
keys C-d
shows "ends" '^ended 0'
tm kill-server
done_testing
