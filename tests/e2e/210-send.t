#!/bin/sh
# chatctl send: every way to give a text, and what a script may rely on.
# shellcheck disable=SC2119,SC2317 # start_chatd takes flags, or none; functions are called by ok and wait_for
# shellcheck source=tests/e2e/ctl.sh
. tests/e2e/ctl.sh
start_chatd || exit 1
people alice bob
export CHAT_CONTEXT=alice

# taken NAME TEXT: TEXT is bob's one unread message; it is marked, so that the next test begins with none.
taken()
{
	is "$1" "$(unread bob)" "$2"
	chatctl -q -c bob mark --all
}

run send bob 'see you there'
ends "send" 0
is "prints nothing" "$OUT$ERR" ""
taken "the text of an argument" 'see you there'
feed 'one\ntwo\n'
run send bob -
ends "from a pipe" 0
taken "loses one trailing newline" 'one
two'
feed 'kept\n\n'
run send bob
ends "without a text: stdin" 0
is "and only one" "$(chatctl -c bob ls -o jsonl | jq .body)" '"kept\n"'
chatctl -q -c bob mark --all
printf 'from a file\n' >"$TEST_DIR/text"
run send bob -f "$TEST_DIR/text"
ends "from a file" 0
taken "likewise" 'from a file'
run send bob -f "$TEST_DIR/none"
ends "no such file" 2 'cannot open'
run send bob text -f "$TEST_DIR/text"
ends "not both" 2 'not both'
run send bob -- '--json'
ends "a text like an option" 0
taken "behind --" '--json'
odd=$(printf 'e\342\202\254 "q" \\ \001\t\360\237\230\200')
run send bob "$odd"
ends "any text" 0
taken "comes as it was" "$odd"
feed ''
run send bob -
ends "an empty text" 2 'no text'
feed 'a\000b'
run send bob -
ends "a NUL byte" 2 'NUL'
head -c 16384 /dev/zero | tr '\0' x >"$TEST_DIR/long"
run send bob -f "$TEST_DIR/long"
ends "16,384 bytes" 0
chatctl -q -c bob mark --all
echo xx >>"$TEST_DIR/long"
run send bob -f "$TEST_DIR/long"
ends "one more" 1 'too-large'
run send nobody hello
ends "to nobody" 1 'unknown-recipient'
run send Bob hello
ends "to what is no name" 2 'no user name'
run send
ends "to whom" 2 'usage'
run send bob one two
ends "one text" 2 'usage'

# ---- client_id ----

run send bob 'done' --id job-7 --json=id
ends "send --id" 0
id=$(printf %s "$OUT" | jq -r .id)
run send bob 'done' --id job-7 --json=id
ends "and again" 0
is "is the same message" "$(printf %s "$OUT" | jq -r .id)" "$id"
taken "sent once" 'done'
run send bob other --id job-7
ends "with another text" 1 'client-id-reused'
run send bob 'done' --id 'a b'
ends "a bad id is not sent" 2 '--id'
run send bob shown -o json
is "-o json: the answer" "$(printf %s "$OUT" | jq -r 'keys | join(" ")')" 'client_id id sent_at'
run send bob shown --format '%i' --id shown-1
like "--format" "$OUT" '^m[A-Za-z0-9_-]{32}$'
run send bob shown -o tsv --id shown-1
like "-o tsv" "$OUT" "^m[A-Za-z0-9_-]{32}	shown-1	"
chatctl -q -c bob mark --all
run send bob nothing -n
ends "send -n" 0
like "says what it would" "$OUT" 'would send 7 bytes to bob'
taken "sends nothing" ''

# ---- many ----

feed 'first\n\nsecond\nlast without a newline'
run send bob --each-line
ends "--each-line" 0
taken "each line, but empty ones" 'first
second
last without a newline'
for _ in 1 2; do
	feed 'a\nb\n'
	run send bob --each-line --id log
done
taken "--each-line --id: the same input is sent once" 'a
b'
feed '{"to":"bob","body":"one"}\n{"to":"alice","body":"to myself"}\n\n{"to":"bob","body":"two","client_id":"two"}\n'
run send --batch -o jsonl
ends "--batch" 0 '3 sent, 0 refused'
is "an answer each" "$(printf '%s\n' "$OUT" | jq -r .client_id | sed -n 3p)" two
taken "in order" 'one
two'
printf '{"to":"bob","body":"three"}\n{"to":"nobody","body":"x"}\n' >"$TEST_DIR/batch"
run send --batch "$TEST_DIR/batch"
ends "partly" 7 'unknown-recipient'
taken "the rest came" 'three'
feed '{"to":"nobody","body":"x"}\n{"to":"nobodytoo","body":"x"}\n'
run send --batch -
ends "none" 1 '0 sent, 2 refused'
feed '{"to":"bob","body":"ok"}\nnot json\n'
run send --batch
ends "a bad line is left out" 7 'line 2'
feed '{"to":"bob"}\n'
run send --batch
ends "no body" 2 'line 1'
run send --batch --each-line
ends "not both" 2 'not go together'
awk 'BEGIN { for (i = 1; i <= 250; i++) printf "{\"to\":\"bob\",\"body\":\"n%d\"}\n", i }' >"$TEST_DIR/many"
chatctl -q -c bob mark --all
run send --batch "$TEST_DIR/many" -q
ends "more than one request's worth" 0
is "all of them, in order" "$(unread bob | tr '\n' ' ')" "$(awk 'BEGIN { for (i = 1; i <= 250; i++) printf "n%d ", i }')"
chatctl -q -c bob mark --all

# What --each-line reads goes out at once, not at the end of the input; --timeout bounds even an input without an end.
came()
{
	unread bob | grep -qx "$1"
}
mkfifo "$TEST_DIR/fifo"
"$BUILD/chatctl" send bob --each-line <"$TEST_DIR/fifo" &
pid=$!
WATCH_PIDS=$pid
exec 3>"$TEST_DIR/fifo"
echo early >&3
ok "a line goes out as it comes" wait_for came early
echo late >&3
ok "and the next" wait_for came late
exec 3>&-
wait "$pid"
is "the end of the input ends it" $? 0
chatctl -q -c bob mark --all
"$BUILD/chatctl" send bob --each-line --timeout 500ms <"$TEST_DIR/fifo" 2>"$TEST_DIR/err" &
pid=$!
WATCH_PIDS=$pid
exec 3>"$TEST_DIR/fifo"
ok "--timeout bounds an input without an end" wait_for gone "$pid"
kill -9 "$pid" 2>/dev/null
wait "$pid"
is "with 124" $? 124
exec 3>&-

# One request, fast. The best of ten, for the machine may be busy.
best=999999
for i in 1 2 3 4 5 6 7 8 9 10; do
	began=$(now)
	chatctl send bob "quick $i"
	took=$(($(now) - began))
	[ "$took" -ge "$best" ] || best=$took
done
case $BUILD in
*san*) pass "under sanitizers no time is asked of it" ;;
*) ok "a send takes less than 50 ms ($best ms)" test "$best" -lt 50 ;;
esac
done_testing
