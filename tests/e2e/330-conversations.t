#!/bin/sh
# chatctl conv, contact, device: each word, each option, each way to end.
# shellcheck disable=SC2119,SC2317 # start_chatd takes flags, or none; functions are called by ok and wait_for
# shellcheck source=tests/e2e/ctl.sh
. tests/e2e/ctl.sh
start_chatd || exit 1
people alice bob carol
export CHAT_CONTEXT=alice
NO_ID=mAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA

# ids USER: of the conversation with USER, the oldest first.
ids()
{
	chatctl conv export "$1" --format %i
}

# ---- conv ls ----

run conv ls
ends "no conversation is no error" 0
run conv -e
ends "but with -e" 3
run conv ls -o json
is "an empty array" "$OUT" '[]'
chatctl send bob 'one, "two"' --id a1
chatctl -c bob send alice answer --id b1
chatctl -c carol send alice "$(printf 'from\tcarol\033[31m')" --id c1
run conv ls
is "the latest first, in rows" "$(printf '%s\n' "$OUT" | sed 's/  [-0-9]*T[0-9:.]*Z  /  /')" 'carol  1  carol  from\tcarol\x1b[31m
bob  1  bob  answer'
is "REST's keys" "$(chatctl conv ls -o jsonl | jq -r 'keys_unsorted | join(" ")' | sort -u)" \
	'with last unread read_up_to peer_read_up_to peer_delivered_up_to'
is "-o json" "$(chatctl conv list -o json | jq -r 'map(.last.client_id) | join(" ")')" 'c1 b1'
is "--json=FIELDS" "$(chatctl conv ls --json=with,unread | jq -c '.[1]')" '{"with":"bob","unread":1}'
is "-o csv" "$(chatctl conv ls -o csv | head -1)" 'with,unread,read_up_to,peer_read_up_to,peer_delivered_up_to,id,from,kind,body,sent_at'
is "-o tsv" "$(chatctl conv ls -o tsv | cut -f1,2,7-9 | tail -1)" 'bob	1	bob	text	answer'
is "--format is of the last message" "$(chatctl conv ls --format '%c %b' | tail -1)" 'b1 answer'
run conv ls --limit 1
ends "--limit" 0 '--after [A-Za-z0-9_-]+'
run conv ls --after "$(printf %s "$ERR" | sed 's/.*--after //')" --format %f
is "--after" "$OUT" bob
run conv ls --limit 1 --all-pages --format %f
is "--all-pages" "$OUT$ERR" 'carol
bob'
run conv ls --after 'no cursor!'
ends "what can be no cursor" 2 'no cursor'
run conv ls --after cAAAAAAAAAAAAAAAAAAAAAAAAAAA
ends "an unknown cursor" 1 'bad-cursor'
for n in 0 501 x; do
	run conv ls --limit "$n"
	ends "ls --limit $n" 2 '1 to 500'
	run conv show bob --limit "$n"
	ends "show --limit $n" 2 '1 to 500'
done

# ---- conv show ----

for i in 2 3 4 5; do
	chatctl send bob "$i" --id "a$i"
done
run conv show bob
is "show: the newest at the bottom" "$(printf '%s\n' "$OUT" | sed 's/^.\{8\}  [-0-9]* [:0-9]*  //')" 'alice: one, "two"
bob: answer
alice: 2
alice: 3
alice: 4
alice: 5'
run conv show bob --limit 2 --format %c
is "--limit" "$OUT" 'a5
a4'
ends "says how to go on" 0 '--before m'
run conv show bob --limit 2 --format %c --before "$(printf %s "$ERR" | sed 's/.*--before //')"
is "--before" "$OUT" 'a3
a2'
run conv show bob --limit 4 --all-pages -o json
is "--all-pages" "$(printf '%s\n' "$OUT" | jq -r 'map(.client_id) | join(" ")')" 'a5 a4 a3 a2 b1 a1'
first=$(ids bob | head -1)
run conv show bob --limit 2 --format %c --after "$first"
is "--after: as the server has it, the oldest first" "$OUT" 'b1
a2'
ends "says how to go on" 0 '--after m'
run conv show bob --limit 2 --after "$first"
is "--after in text" "$(printf '%s\n' "$OUT" | sed 's/.*: //')" 'answer
2'
run conv show bob --limit 2 --after "$first" --all-pages
is "--after --all-pages in text" "$(printf '%s\n' "$OUT" | sed 's/.*: //' | tr '\n' ' ')" 'answer 2 3 4 5 '
is "-o csv" "$(chatctl conv show bob -o csv | tail -1 | cut -d, -f2-5)" 'a1,alice,bob,text'
is "-o csv quotes" "$(chatctl conv show bob -o csv | grep -c '"one, ""two"""')" 1
is "-o tsv" "$(chatctl conv show bob -o tsv --limit 1 -q | cut -f2-6)" 'a5	alice	bob	text	5'
is "a part of the id of an unread message" \
	"$(chatctl conv show bob --format %c --before "$(ids bob | sed -n 2p | cut -c1-12)")" a1
run conv show bob --before "$first" --after "$first"
ends "both" 2 'either'
run conv show bob --before "$first" -e
ends "nothing before, with -e" 3
run conv show bob --before x
ends "what can be no id" 2 '6 or more'
run conv show bob --before "$NO_ID"
ends "an unknown id" 1 'bad-cursor'
run conv show bob --after "$(ids carol | head -1)"
ends "an id of another conversation" 1 'bad-cursor'
run conv show nobody
ends "an unknown user" 1 'not-found'
run conv show 'a&b'
ends "a bad name" 2 'no user name'
printf '%s\n' "$(ids carol)" >"$TEST_DIR/carol"
on_tty "$BUILD/chatctl" conv show carol >"$TEST_DIR/tty"
ok "a peer's escapes do not reach the terminal" grep -q 'x1b\[31m' "$TEST_DIR/tty"
on_tty "$BUILD/chatctl" conv export carol >"$TEST_DIR/tty"
ok "nor from export, which is text there" grep -q 'carol: from.*x1b\[31m' "$TEST_DIR/tty"
is "no ESC" "$(LC_ALL=C grep -c "$(printf '\033')" "$TEST_DIR/tty")" 0

# ---- conv read ----

run conv read bob -n
is "-n" "$OUT" "would mark what bob sent up to $(ids bob | sed -n 2p)"
is "marks nothing" "$(chatctl conv ls --json=with,unread | jq -c '.[0].unread')" 1
for i in 2 3; do
	chatctl -c bob send alice "$i" --id "b$i"
done
is "unread" "$(chatctl ls --with bob --format %c | tr '\n' ' ')" 'b1 b2 b3 '
run conv read bob --up-to "$(chatctl ls --with bob --format %i | sed -n 2p)"
ends "read --up-to" 0
is "in text nothing is said" "$OUT" ""
is "up to it" "$(chatctl ls --with bob --format %c)" b3
run conv read bob -o json
is "the answer" "$OUT" '{"unread":0}'
is "all" "$(chatctl ls --with bob --format %c)" ""
is "the others stay" "$(chatctl ls --format %c)" c1
is "bob sees it" "$(chatctl -c bob conv show alice --limit 1 -q --format '%c %S')" 'b3 read'
run conv read bob
ends "again does no harm" 0 'nothing from bob'
run conv read bob -q
is "-q" "$ERR" ""
run conv read bob --up-to "$first"
ends "my own message" 4 'not-recipient'
run conv read bob --up-to "$NO_ID"
ends "an unknown id" 1 'not-found'
run conv read bob --up-to x
ends "no id" 2
run conv read nobody --up-to "$first"
ends "an unknown user" 1 'not-found'

# ---- usage ----

run conv show
ends "show whom" 2 'usage'
run conv ls bob
ends "ls takes nobody" 2 'usage'
run conv frob bob
ends "no such word" 2 'usage'
run conv show bob --since 1h
ends "an option of another word" 2 'takes no --since'
run conv read bob --all-pages
ends "and another" 2 'takes no --all-pages'
run conv export bob --limit 5
ends "and another" 2 'takes no --limit'
run conv export bob --since yesterday
ends "--since what" 2 'since'
for form in 'conv ls' 'contact ls' 'device ls'; do
	STATUS=0
	# shellcheck disable=SC2086 # words
	chatctl $form -o csv >/dev/full 2>"$TEST_DIR/err" || STATUS=$?
	ERR=$(cat "$TEST_DIR/err")
	ends "$form: stdout that takes nothing" 1 'stdout'
	# shellcheck disable=SC2086 # words
	run --url http://127.0.0.1:9 $form
	ends "$form: another server has no login" 4 'not logged in'
done

# ---- conv export ----

awk 'BEGIN { for (i = 1; i <= 1200; i++) printf "{\"to\":\"bob\",\"body\":\"line %d\",\"client_id\":\"h%d\"}\n", i, i }' >"$TEST_DIR/batch"
chatctl -c carol -q send --batch "$TEST_DIR/batch" >/dev/null
export CHAT_CONTEXT=carol
is "1,200 messages, complete and in order" "$(chatctl conv export bob | jq -r .client_id | cksum)" "$(seq 1200 | sed s/^/h/ | cksum)"
bin=$(cd "$BUILD" && pwd)
(cd "$TEST_DIR" && PATH=$bin:$PATH sh -c 'chatctl conv export bob --since 2026-01-01 -o jsonl | gzip > bob.jsonl.gz')
is "the line that people write" "$(gzip -dc "$TEST_DIR/bob.jsonl.gz" | jq -r .body | cksum)" "$(seq 1200 | sed 's/^/line /' | cksum)"
is "-o json" "$(chatctl conv export bob -o json | jq length)" 1200
is "-o csv" "$(chatctl conv export bob -o csv | wc -l)" 1201
is "-o text" "$(chatctl conv export bob -o text | sed -n '1s/.*carol: //p')" 'line 1'
since=$(chatctl conv show bob --limit 100 -q -o jsonl | tail -1 | jq -r .sent_at)
wanted=$(chatctl conv export bob | jq -r "select(.sent_at >= \"$since\").client_id" | cksum)
is "--since a time" "$(chatctl conv export bob --since "$since" --format %c | cksum)" "$wanted"
run conv export bob --since 2100-01-01 -e
ends "--since in the future, with -e" 3
is "nothing" "$OUT" ""
run conv export alice --since 1h --format %c
is "--since an hour ago" "$OUT" c1
run conv export carol
ends "nothing to export" 0
run conv export nobody
ends "an unknown user" 1 'not-found'
run search 'line' --limit 5000 --format %c
is "what was exported is found by search" "$(printf '%s\n' "$OUT" | wc -l)" 1200
is "a reader that had enough" "$(chatctl conv export bob | head -1 | jq -r .client_id)" h1

start_proxy
sed "s|^url = .*|url = $PROXY|" "$CHAT_CONFIG_DIR/contexts/carol" >"$CHAT_CONFIG_DIR/contexts/lossy"
(
	STATUS=0
	"$BUILD/chatctl" -c lossy --retry 0 conv export bob 2>"$TEST_DIR/err" || STATUS=$?
	echo "$STATUS" >"$TEST_DIR/status"
) | {
	# Two pages are more than a pipe holds: the third one is not asked for before this reader goes on.
	head -c 1 >"$TEST_DIR/part"
	kill -9 "$PROXY_PID"
	wait_for gone "$PROXY_PID"
	cat >>"$TEST_DIR/part"
}
PROXY_PID=
is "an export that breaks off" "$(cat "$TEST_DIR/status")" 6
like "says so" "$(cat "$TEST_DIR/err")" 'broke off after [27]00 messages'
is "whole lines" "$(jq -r .client_id "$TEST_DIR/part" | wc -l)" "$(sed -n 's/.*broke off after \([0-9]*\) .*/\1/p' "$TEST_DIR/err")"

# ---- contact ----

export CHAT_CONTEXT=alice
run contact -e
ends "no contact, with -e" 3
run contact add bob
ends "add" 0
is "says nothing" "$OUT$ERR" ""
run contact add carol 'Carol, work' -o json
is "add with an alias, -o json" "$OUT" '{"user":"carol","alias":"Carol, work"}'
is "ls" "$(chatctl contact ls)" 'bob  -
carol  Carol, work'
is "ls -o tsv" "$(chatctl contact ls -o tsv | cut -f2 | tail -1)" 'Carol, work'
is "ls -o csv" "$(chatctl contact ls -o csv | sed -n '1p;3p')" 'user,alias
carol,"Carol, work"'
is "ls -o json" "$(chatctl contact list -o json | jq -c '.[0]')" '{"user":"bob","alias":null}'
run contact add carol
ends "add again" 0 'already'
is "leaves the alias" "$(chatctl contact ls --json=alias | jq -r '.[1].alias')" 'Carol, work'
run contact alias bob Bobby -n
is "alias -n" "$OUT" 'would name bob'
chatctl contact alias bob Bobby
chatctl contact alias carol
is "alias, and none" "$(chatctl contact ls)" 'bob  Bobby
carol  -'
run contact rm bob -n
is "rm -n" "$OUT" 'would remove bob'
chatctl contact rm bob
is "rm" "$(chatctl contact ls --json=user | jq -c .)" '[{"user":"carol"}]'
run contact rm bob
ends "rm again" 0
run contact add nobody
ends "an unknown user" 1 'not-found'
run contact alias carol "$(printf 'a\377')"
ends "an alias that is no text" 2 'UTF-8'
run contact alias carol "$(seq 100 | tr -d '\n')"
ends "too long an alias" 1 'alias'
run contact ls --blocked -e
ends "nobody is blocked" 3
run contact block bob -n
is "block -n" "$OUT" 'would block bob'
run contact block bob -o jsonl
is "block" "$OUT" '{"user":"bob"}'
is "ls --blocked" "$(chatctl contact ls --blocked)" bob
run -c bob send alice 'no more' --id b9
is "his messages do not arrive" "$(chatctl ls --with bob --format %c)" ""
run contact block alice
ends "oneself" 1
run contact unblock bob -n
is "unblock -n" "$OUT" 'would unblock bob'
chatctl contact unblock bob
is "unblock" "$(chatctl contact ls --blocked -o json)" '[]'
run contact unblock bob
ends "unblock again" 0
run contact add
ends "add whom" 2 'usage'
run contact frob bob
ends "no such word" 2 'usage'
run contact rm bob extra
ends "too much" 2 'usage'
run contact add 'B b'
ends "a bad name" 2 'no user name'
run contact rm bob --blocked
ends "an option of another word" 2 'ls'

# ---- device ----

chatctl -q -c other login alice --url "$BASE" --password-file "$TEST_DIR/password" --device-name 'old phone'
is "ls" "$(chatctl device ls -o jsonl | jq -r .device_name | grep -c 'old phone')" 1
is "REST's keys" "$(chatctl device -o jsonl | jq -r 'keys_unsorted | join(" ")' | sort -u)" \
	'device device_name current created_at seen_at expires_at'
is "-o csv" "$(chatctl device ls -o csv | head -1)" 'device,current,device_name,created_at,seen_at'
is "this one" "$(chatctl device ls -o tsv | cut -f2 | sort | tr '\n' ' ')" 'false true '
ok "text" sh -c "'$BUILD/chatctl' device ls | grep -q '  false  old phone  '"
device=$(chatctl device ls -o jsonl | jq -r 'select(.current | not).device')
run device revoke "$device" -n
is "revoke -n" "$OUT" "would revoke $device"
run -c other whoami
ends "it lives" 0
run device revoke -- "$device"
ends "revoke" 0
run -c other ls
ends "its login has ended" 4
run device revoke "$device"
ends "again" 1 'not-found'
run device revoke -- -AAAAAAAAAAAAAAAAAAAAA
ends "one that begins with -" 1 'not-found'
run device revoke -xyz
ends "without --" 2 'help device'
run device revoke 'no device'
ends "what can be none" 2 'device ls'
run device revoke current
ends "this one" 2 'logout'
run device revoke "$(chatctl device ls -o jsonl | jq -r 'select(.current).device')"
ends "by its name" 2 'logout'
run device revoke
ends "which" 2 'usage'
run device frob
ends "no such word" 2 'usage'
stop_chatd
for form in 'conv ls' 'conv export bob' 'conv read bob' 'contact add bob' 'device ls'; do
	# shellcheck disable=SC2086 # words
	run --retry 0 $form
	ends "no server: $form" 6
done
done_testing
