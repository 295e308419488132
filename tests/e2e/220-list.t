#!/bin/sh
# chatctl list, read, mark: what a shell user writes, and every output format.
# shellcheck disable=SC2119,SC2162,SC2317 # start_chatd takes flags, or none; read is a verb here; functions are called by ok and wait_for
# shellcheck source=tests/e2e/ctl.sh
. tests/e2e/ctl.sh
start_chatd || exit 1
people alice bob carol
export CHAT_CONTEXT=bob

run list
ends "nothing to list is no error" 0
is "and nothing is said" "$OUT$ERR" ""
run ls -e
ends "but with -e" 3
run ls -e -o json
is "an empty array" "$OUT" '[]'
chatctl -c alice send bob 'ack one' --id a1
chatctl -c carol send bob 'no answer yet' --id c1
chatctl -c alice send bob 'ack two' --id a2
run ls -e
ends "ls -e" 0
is "oldest first" "$(printf '%s\n' "$OUT" | sed 's/^.\{8\}  [-0-9]* [:0-9]*  //')" 'alice: ack one
carol: no answer yet
alice: ack two'
run ls -e --with carol -o tsv
is "ls --with -o tsv" "$(printf '%s\n' "$OUT" | cut -f2-6)" 'c1	carol	bob	text	no answer yet'
run ls -e --with bob
ends "ls -e --with somebody who wrote nothing" 3
run ls --with 'a&limit=1'
ends "a bad name" 2
is "REST's keys" "$(chatctl ls -o jsonl | jq -r 'keys_unsorted | join(" ")' | sort -u)" 'id client_id from to kind body sent_at delivered_at read_at'
is "-o json: an array" "$(chatctl ls -o json | jq -r 'map(.client_id) | join(" ")')" 'a1 c1 a2'
is "--json=FIELDS" "$(chatctl ls --json=client_id,from | jq -c '.[0]')" '{"client_id":"a1","from":"alice"}'
is "--json" "$(chatctl ls --json | jq length)" 3
is "-o jsonl --json=FIELD" "$(chatctl ls -o jsonl --json=client_id | tail -1)" '{"client_id":"a2"}'
is "CHAT_OUTPUT" "$(CHAT_OUTPUT=jsonl chatctl ls | wc -l)" 3
is "-o csv has a header" "$(chatctl ls -o csv | head -1)" 'id,client_id,from,to,kind,body,sent_at,delivered_at,read_at'
is "and a row each" "$(chatctl ls -o csv | wc -l)" 4
run ls -o xml
ends "no such format" 2 'text, json'
sent=$(chatctl ls -o jsonl | jq -r .sent_at | head -1)
is "--format" "$(chatctl ls --utc --format '%c %f>%t %T{%Y-%m-%dT%H:%M} %S 100%%\t%b' | head -1)" \
	"a1 alice>bob $(printf %s "$sent" | cut -c1-16) delivered 100%	ack one"
run ls --format '%x'
ends "an unknown letter" 2 'knows'
run ls --format '%T{%H'
ends "an open brace" 2 'closed'
run ls --format '%'
ends "a lone %" 2
is "times are local" "$(TZ=XXX-5 chatctl ls --format '%T{%H}' | head -1)" "$(printf '%02d' $((($(printf %s "$sent" | cut -c12-13 | sed 's/^0//') + 5) % 24)))"

# ---- pages ----

run ls --limit 1
is "--limit" "$(printf '%s\n' "$OUT" | wc -l)" 1
ends "there is more" 0 '--after [A-Za-z0-9_-]+'
run ls --limit 2 --after "$(printf %s "$ERR" | sed 's/.*--after //')" --format %c
is "--after" "$OUT" 'c1
a2'
run ls --limit 1 --all-pages --format %c
is "--all-pages" "$OUT" 'a1
c1
a2'
is "says nothing more" "$ERR" ""
run ls --limit 0
ends "--limit 0 is not sent" 2 '1 to 500'
run ls --limit 501
ends "nor 501" 2
run ls --limit 5x
ends "nor no number" 2
run ls --after 'no cursor!'
ends "nor what can be no cursor" 2
run ls --after cAAAAAAAAAAAAAAAAAAAAAAAAAAA
ends "an unknown cursor" 1 'bad-cursor'
run ls -e --since 1h
ends "--since an hour ago" 0
run ls -e --since 2100-01-01
ends "--since a date" 3
run ls -e --since "$sent" --format %c
is "--since a time" "$(printf '%s\n' "$OUT" | tail -1)" a2
run ls --since yesterday
ends "--since what" 2 'since'

# ---- read ----

id=$(chatctl ls --with carol --json=id | jq -r '.[0].id')
run read "$id"
is "read" "$OUT" 'no answer yet'
is "marks nothing" "$(chatctl ls --format %c | wc -l)" 3
run read "$(printf %s "$id" | cut -c1-8)"
is "a part of the id" "$OUT" 'no answer yet'
run read "$(printf %s "$id" | cut -c1-5)"
ends "too small a part" 2 '6 or more'
run read zzzzzzzz
ends "no such part" 1 'no message that is unread'
run read mAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
ends "no such id" 1 'not-found'
run read "$id" -o json
is "-o json: the object" "$(printf %s "$OUT" | jq -r .client_id)" c1
run read "$id" "$(chatctl ls --with alice --json=id | jq -r '.[1].id')" -o json
is "of two: an array" "$(printf %s "$OUT" | jq -r 'map(.client_id) | join(" ")')" 'c1 a2'
run read "$id" zzzzzzzz
ends "one of two" 7
run read --mark -n "$id"
is "read --mark -n marks nothing" "$(chatctl ls --format %c | wc -l)" 3
run read --mark "$id"
is "read --mark" "$(chatctl ls --format %c)" 'a1
a2'
is "the sender sees it" "$(chatctl -c carol read "$id" --format %S)" 'read'
run read "$id" --format %b
is "it can be read again" "$OUT" 'no answer yet'

# ---- mark ----

run ls --with alice -o jsonl
printf '%s\n' "$OUT" | jq -r 'select(.body|test("two")).id' >"$TEST_DIR/ids"
STDIN=$TEST_DIR/ids
run mark -n -
is "mark -n" "$OUT" "would mark $(cat "$TEST_DIR/ids")"
STDIN=$TEST_DIR/ids
run mark -
ends "ids from jq" 0 '1 marked'
is "that one, not the older one" "$(chatctl ls --format %c)" a1
STDIN=$TEST_DIR/ids
run mark -
ends "again does no harm" 0
read_at=$(chatctl read "$(cat "$TEST_DIR/ids")" -o json | jq -r .read_at)
ok "it has a time" test "$read_at" != null
feed 'mAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n%s\n' "$(cat "$TEST_DIR/ids")"
run mark -
ends "one of two" 7 'not-found'
run -c alice mark "$(chatctl ls --json=id | jq -r '.[0].id')"
ends "the sender may not" 4 'not-recipient'
run mark "$(chatctl ls --format %i | cut -c1-10)" -q
ends "a part of the id" 0
is "-q" "$ERR" ""
run mark
ends "what" 2 'ids'
run mark --with alice
ends "--with alone" 2 '--all'
chatctl -c alice send bob one
chatctl -c carol send bob two
run mark --all --with alice
ends "mark --all --with" 0 '1 marked'
is "leaves the others" "$(unread bob)" two
chatctl ls -o tsv | cut -f1 | chatctl -q mark -
is "ids from cut" "$(unread bob)" ""

# ---- nothing of a peer's reaches a terminal raw; in a pipe it is exact ----

esc=$(printf '\033')
nasty=$(printf 'a\033]0;title\007b\033[31mred\302\233x\342\200\256y\tz\\n\nnext')
chatctl -c alice send bob "$nasty"
run ls --format %b
is "exact in a pipe" "$OUT" "$nasty"
run ls -o tsv
is "tsv: a row stays a row" "$(printf '%s\n' "$OUT" | cut -f6)" "$(printf 'a\033]0;title\007b\033[31mred\302\233x\342\200\256y\\tz\\\\n\\nnext')"
is "json is exact" "$(chatctl ls -o json | jq -r '.[0].body')" "$nasty"
is "csv is exact" "$(chatctl ls -o csv | python3 -c 'import csv, sys; sys.stdout.write(list(csv.reader(sys.stdin))[1][5])')" "$nasty"
id=$(chatctl ls --format %i)
for form in 'ls' 'ls -o tsv' 'ls -o csv' 'ls -o json' 'ls -o jsonl' "ls --format %b" "read $id" "read -o json $id" "api GET /messages" \
	'watch --count 1 --timeout 10s' 'watch --count 1 --timeout 10s -o json'; do
	rm -f "$TEST_DIR/tty.code"
	case $form in
	watch*)
		# shellcheck disable=SC2086 # words
		on_tty "$BUILD/chatctl" $form >"$TEST_DIR/tty" &
		pid=$!
		wait_for online alice bob
		chatctl -c alice send bob "$nasty"
		wait "$pid"
		;;
	*)
		# shellcheck disable=SC2086 # words
		on_tty "$BUILD/chatctl" $form >"$TEST_DIR/tty"
		;;
	esac
	if ! grep -q title "$TEST_DIR/tty"; then
		fail "on a terminal: $form" "$(cat -v "$TEST_DIR/tty")"
	elif LC_ALL=C grep -qE "$esc|$(printf '\007|\302\233|\342\200\256')" "$TEST_DIR/tty"; then
		fail "on a terminal: $form" "$(cat -v "$TEST_DIR/tty")"
	else
		pass "on a terminal: $form"
	fi
done
is "in text form a message is one line" "$(chatctl ls | wc -l)" 3

# ---- stdout ----

STATUS=0
chatctl ls -o json >/dev/full 2>"$TEST_DIR/err" || STATUS=$?
ERR=$(cat "$TEST_DIR/err")
ends "stdout that takes nothing" 1 'stdout'
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
	awk -v i="$i" 'BEGIN { for (n = 0; n < 12000; n++) printf "%d", i % 10 }' | chatctl -c alice send bob -
done
(
	"$BUILD/chatctl" ls --format %b 2>"$TEST_DIR/err"
	echo $? >"$TEST_DIR/status"
) | head -c 1 >/dev/null
is "a reader that had enough: no word" "$(cat "$TEST_DIR/err")" ""
is "ended as cat is" "$(cat "$TEST_DIR/status")" 141
done_testing
