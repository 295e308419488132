#!/bin/sh
# chatctl's everyday commands: ids by a part of them, mark up to a message, the end of a conversation, everything over all conversations, fields that are
# not known, a batch by way of the outbox.
# shellcheck disable=SC2119,SC2317 # start_chatd takes flags, or none; functions are called by ok and wait_for
# shellcheck source=tests/e2e/ctl.sh
. tests/e2e/ctl.sh
start_chatd || exit 1
people alice bob carol
CHAT_CONTEXT=alice
export CHAT_CONTEXT

# say FROM ID TEXT: to alice.
say()
{
	chatctl -c "$1" send alice "$3" --id "$2"
}
id_of()
{
	chatctl ls --all --all-pages -o jsonl | jq -r "select(.client_id == \"$1\").id"
}
say bob b1 'bob one'
say carol c1 'carol one'
say bob b2 'bob two'
say carol c2 'carol two'
say bob b3 'bob three'
chatctl send bob 'mine' --id a1

# ---- list --all ----

is "ls" "$(chatctl ls --format %c | tr '\n' ' ')" 'b1 c1 b2 c2 b3 '
chatctl -q mark "$(id_of b2)" "$(id_of c1)"
is "read ones are not listed" "$(chatctl ls --format %c | tr '\n' ' ')" 'b1 c2 b3 '
is "ls --all: read ones too, of all, oldest first, without mine" "$(chatctl ls --all --format %c:%S | tr '\n' ' ')" \
	'b1:delivered c1:read b2:read c2:delivered b3:delivered '
is "--with" "$(chatctl ls --all --with carol --format %c | tr '\n' ' ')" 'c1 c2 '
run ls --all --limit 2 --format %c
is "--limit: the newest" "$(printf %s "$OUT" | tr '\n' ' ')" 'c2 b3'
like "says that there are older ones" "$ERR" 'older ones'
run ls --all --after "$(id_of c1)" --limit 2 --format %c
is "--after: what follows, of all" "$(printf %s "$OUT" | tr '\n' ' ')" 'b2 c2'
like "and how to go on" "$ERR" "--after $(id_of c2)"
is "--all-pages: all that follows" "$(chatctl ls --all --after "$(id_of c1)" --limit 1 --all-pages --format %c | tr '\n' ' ')" 'b2 c2 b3 '
run ls --all -e --after "$(id_of b3)"
ends "nothing behind the last" 3
run ls --all --since 1h --limit 3 --format %c
is "--since: the first of them" "$(printf %s "$OUT" | tr '\n' ' ')" 'b1 c1 b2'
run ls --all -e --since 2099-01-01
ends "nothing since then" 3
run ls --all --unread
ends "both" 2 'either'
run ls --all --with nobody
ends "nobody: 404" 1 'No such user'
feed "$(seq 1 1201 | sed 's/.*/line &\\n/' | tr -d '\n')"
run -c carol send alice --each-line --id many
ends "many" 0
is "over many pages: each once, in order" "$(chatctl ls --all --with carol --all-pages --format %b | sed -n 's/^line //p' | tr '\n' ' ')" "$(seq 1 1201 | tr '\n' ' ')"
chatctl -q mark --all --with carol

# ---- ids by a part ----

b3=$(id_of b3)
part=$(printf %.8s "$b3")
middle=$(printf %s "$b3" | cut -c 10-18)
is "read by the part that list shows" "$(chatctl read "$part")" 'bob three'
is "any part" "$(chatctl read "$middle")" 'bob three'
chatctl -q mark "$part"
is "one that is read by now: this machine has seen it" "$(chatctl read "$middle")" 'bob three'
a1=$(chatctl conv show bob -o jsonl | jq -r 'select(.client_id == "a1").id')
is "one of mine" "$(chatctl read "$(printf %s "$a1" | cut -c 5-16)")" mine
run read 12345
ends "five characters" 2 '6 or more'
run read zzzzzz_zzzzzz
ends "none has that" 1 'whole id'
common=$(chatctl ls --all --all-pages --format %i | cut -c 1-6 | sort | uniq -d | head -1)
if [ -n "$common" ]; then
	run read "$common"
	ends "more than one" 2 'more than one'
else
	pass "more than one # SKIP no two ids begin alike"
fi
run conv read bob --up-to "$middle"
ends "conv read --up-to: a part" 0

# ---- mark --with ----

for n in 1 2 3 4; do say bob "m$n" "m $n"; done
is "four are unread" "$(chatctl ls --with bob --format %c | tr '\n' ' ')" 'm1 m2 m3 m4 '
run mark --with bob --up-to "$(id_of m2)" -n
like "mark --with --up-to -n" "$OUT" "would mark what bob sent up to $(id_of m2)"
run mark --with bob --up-to "$(id_of m2 | cut -c 8-20)"
ends "mark --with --up-to, by a part" 0
is "marks it and the older ones" "$(chatctl ls --with bob --format %c | tr '\n' ' ')" 'm3 m4 '
say carol n1 'other'
run mark --with bob --all -n
is "--all -n: each that it would" "$(printf '%s\n' "$OUT" | grep -c '^would mark')" 2
run mark --with bob --all
ends "--with --all" 0 '2 marked'
is "leaves the others" "$(chatctl ls --format %c | tr '\n' ' ')" 'n1 '
say bob m5 five
run mark --all
ends "--all" 0 '2 marked'
run ls -e
ends "nothing is left" 3
run mark --all
ends "and again" 0
for words in '--with bob' '--up-to xxxxxxxx' '--all --with bob --up-to xxxxxxxx' '--all xxxxxxxx' '--with Bob --all' ''; do
	# shellcheck disable=SC2086 # words
	run mark $words
	ends "mark $words" 2
done

# ---- read --with ----

chatctl -c bob send alice "$(printf 'two\nlines')" --id r1
chatctl send bob 'answer' --id r2
say bob r3 'last'
is "read --with: the last one's text" "$(chatctl read --with bob)" 'last'
is "--last: with whose it is, the text set in" "$(chatctl read --with bob --last 3 --utc | sed 's/^[^ ]*  [-0-9]* [0-9:]*  //')" \
	"$(printf 'bob:\n    two\n    lines\nalice:\n    answer\nbob:\n    last')"
is "-o json: as they are" "$(chatctl read --with bob --last 2 -o json | jq -r '.[].client_id' | tr '\n' ' ')" 'r2 r3 '
is "--format too" "$(chatctl read --with bob --last 2 --format %c | tr '\n' ' ')" 'r2 r3 '
is "it marks nothing" "$(chatctl ls --format %c | tr '\n' ' ')" 'r1 r3 '
is "--mark -n" "$(chatctl read --with bob --last 3 --mark -n --format %c | grep -c 'would mark')" 2
run read --with bob --last 2 --mark
ends "--mark" 0
is "marks what was shown of theirs" "$(chatctl ls --format %c | tr '\n' ' ')" 'r1 '
is "more than there are" "$(chatctl read --with bob --last 500 -o jsonl | wc -l)" 12
big=$(head -c 15000 /dev/zero | tr '\0' x)
for n in $(seq 1 80); do printf '{"to":"alice","body":"%s %s"}\n' "$n" "$big"; done >"$TEST_DIR/big"
chatctl -q -c bob send --batch "$TEST_DIR/big"
is "more than a page of bytes holds" "$(chatctl read --with bob --last 80 --format '%b' | cut -d' ' -f1 | tr '\n' ' ')" "$(seq 1 80 | tr '\n' ' ')"
for words in '--with bob --last 0' '--with bob --last 501' '--last 3' '--with Bob' '--with bob xxxxxxxx' ''; do
	# shellcheck disable=SC2086 # words
	run read $words
	ends "read $words" 2
done

# ---- --json=FIELDS ----

for verb in ls 'read xxxxxxxx' 'send bob x' watch 'search x' 'conv ls' 'outbox ls' 'device ls' 'contact ls' whoami 'context ls'; do
	# shellcheck disable=SC2086 # words
	run $verb --timeout 5s --json=id,nonesuch
	ends "$verb: a field that there is not" 2
	like "lists those that there are" "$ERR" 'but: [a-z]'
done
run ls --json=id,,from
ends "an empty name" 2 'no field ""'
run ls --json=id,from -e --all --limit 1 -o jsonl
is "known ones" "$(printf %s "$OUT" | jq -c keys)" '["from","id"]'
run send bob x --json=id,client_id,sent_at
is "of a send" "$(printf %s "$OUT" | jq -c keys)" '["client_id","id","sent_at"]'

# ---- send --batch --queue ----

cat >"$TEST_DIR/batch" <<'END'
{"to":"bob","body":"q 1"}
{"to":"carol","body":"q 2","client_id":"own"}
no json
{"to":"bob","body":"q 3"}
{"to":"Nobody!","body":"x"}
{"to":"bob","body":""}
{"to":"bob","body":"x","kind":"other"}
END
kill -STOP "$CHATD_PID"
run send --batch --queue --id job "$TEST_DIR/batch" --timeout 2s
ends "send --batch --queue: no server" 9 'outbox flush'
like "says which lines are none" "$ERR" 'line 3 is no JSON'
is "on disk, under their ids" "$(chatctl outbox ls --timeout 1s -o jsonl 2>/dev/null | jq -r .client_id | tr '\n' ' ')" 'job.1 own job.4 '
kill -CONT "$CHATD_PID"
run outbox flush
ends "flush" 0
is "bob's, in order" "$(chatctl -c bob ls --all-pages --format %b | grep '^q' | tr '\n' ' ')" 'q 1 q 3 '
run send --batch --queue --id job "$TEST_DIR/batch"
ends "again: four lines are refused" 7 '3 taken, 4 refused'
is "and nothing comes twice" "$(chatctl -c bob ls --all-pages --format %b | grep -c '^q')" 2
run send --batch --queue -n "$TEST_DIR/batch"
like "-n" "$OUT" 'would queue 3 bytes to carol as own'
feed '{"to":"nobody","body":"x"}\n{"to":"bob","body":"after"}\n'
run send --batch --queue
ends "one that the server refuses" 7 'unknown-recipient'
is "does not hold up the others" "$(chatctl -c bob ls --all-pages --format %b | grep -c '^after')" 1
done_testing
