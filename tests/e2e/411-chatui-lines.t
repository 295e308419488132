#!/bin/sh
# chatui without a screen: lines in, lines out, with the same functions.
# shellcheck source=tests/e2e/ctl.sh
. tests/e2e/ctl.sh
start_chatd
chatctl -q -c me register alice --url "$BASE" --password-file "$TEST_DIR/password"
chatctl -q -c bob register bob --url "$BASE" --password-file "$TEST_DIR/password"
mkfifo "$TEST_DIR/in"
"$BUILD/chatui" -c me <"$TEST_DIR/in" >"$TEST_DIR/lines" 2>"$TEST_DIR/err" &
CHATUI=$!
exec 3>"$TEST_DIR/in"

lines()
{
	grep -Eq -- "$1" "$TEST_DIR/lines"
}

# says NAME REGEX: it comes to be said.
says()
{
	if wait_for -t 15 lines "$2"; then
		pass "$1"
	else
		fail "$1" "wanted something like '$2' in: $(cat "$TEST_DIR/lines" "$TEST_DIR/err")"
	fi
}

says "it says who one is and what to do" "alice at 127.0.0.1.*/msg NAME"
says "and when it is connected" "^\* online"
echo "to nobody" >&3
says "a text without a chat goes nowhere" "Choose a chat first"
echo "/msg bob" >&3
says "a chat is opened" "chat with bob"
echo "hello bob" >&3
says "what is written is sent" "\(sent\) hello bob"
is "it has arrived" "$(chatctl -c bob list --with alice --format %b)" "hello bob"
chatctl -q -c bob read --with alice --last 1 --mark >/dev/null
says "and read" "\(read\) hello bob"
chatctl -q -c bob send alice "$(printf 'two\nlines \033[2J')"
says "an answer comes by itself, and acts on nothing" '^    lines \\x1b\[2J'
echo "/nosuch" >&3
says "an unknown command is not sent" "no command /nosuch"
echo "/search hello" >&3
says "search works" "hello bob +to bob"
echo "/quit" >&3
exec 3>&-
STATUS=0
wait "$CHATUI" || STATUS=$?
is "it ends with 0" "$STATUS" 0
ok "it moves no cursor" sh -c "! grep -q \"\$(printf '\\033')\" '$TEST_DIR/lines'"
"$BUILD/chatui" -c nobody </dev/null >/dev/null 2>"$TEST_DIR/err"
is "without a login: 4" "$?" 4
like "and how to make one" "$(cat "$TEST_DIR/err")" "chatctl -c nobody register"
"$BUILD/chatui" --nonsense </dev/null >/dev/null 2>&1
is "wrong usage: 2" "$?" 2
done_testing
