#!/bin/sh
# watch --durable: nothing is lost, and what its command has confirmed does not come again, whatever ends it.
# shellcheck source=tests/e2e/ctl.sh
. tests/e2e/ctl.sh
start_chatd || exit 1
people alice bob carol
export CHAT_CONTEXT=bob
export RAN="$TEST_DIR/ran"
# shellcheck disable=SC2016 # for the command's shell
append='jq -r .body >>"$RAN"'

say()
{
	for _text in "$@"; do
		chatctl -q -c alice send bob "$_text"
	done
}

run watch --durable bot --count 0
ends "a bad count" 2
run watch --durable 'a/b'
ends "a bad name" 2 '1 to 64'
run watch --mark always
ends "a bad --mark" 2 'on-success'

# ---- where it begins and goes on ----

say one two
run watch --durable log --count 1 --timeout 10s --format '%b'
is "a new one begins with what is unread" "$OUT" one
run watch --durable log --until-empty --timeout 10s --format '%b'
ends "--until-empty" 0
is "goes on where it stopped, in whatever way" "$OUT" two
say three four
run watch --durable log --until-empty --timeout 10s --format '%b'
is "then it has what came meanwhile" "$OUT" "three
four"
run watch --durable log --until-empty --timeout 10s --format '%b'
is "once" "$OUT" ""
run watch --durable other --until-empty --timeout 10s --format '%b'
is "another name has its own place" "$(printf '%s\n' "$OUT" | tr '\n' ' ')" "one two three four "
run watch --durable log --timeout 500ms
ends "nothing comes" 124
chatctl -c carol -q send bob hello
say five
run watch --durable log --with carol --until-empty --timeout 10s --format '%b'
is "--with" "$OUT" hello

# ---- a command ----

chatctl -q mark --all
# shellcheck disable=SC2016
say six 'seven $(touch '"$TEST_DIR"'/evil) `id`'
# shellcheck disable=SC2016
run watch --durable bot --exec-each 'printf "%s %s " "$CHAT_FROM" "$CHAT_ID" >>"$RAN"; '"$append" --mark on-success --until-empty --timeout 20s
ends "--exec-each" 0
# shellcheck disable=SC2016
is "has the JSON on stdin, CHAT_FROM and CHAT_ID" "$(sed 's/ [A-Za-z0-9_-]* / ID /' "$RAN")" 'alice ID six
alice ID seven $(touch '"$TEST_DIR"'/evil) `id`'
is "no text reaches a shell" "$(ls "$TEST_DIR/evil" 2>/dev/null)" ""
is "--mark on-success marks" "$(unread bob)" ""
is "and prints nothing" "$OUT" ""

: >"$RAN"
say eight nine
run watch --durable bot --exec-each "$append; false" --mark on-success --tries 2 --until-empty --timeout 20s
ends "a command that fails is tried again" 1 'try 2 of 2'
is "then the watch ends" "$(tr '\n' ' ' <"$RAN")" "eight eight "
is "nothing is marked" "$(unread bob | tr '\n' ' ')" "eight nine "
: >"$RAN"
run watch --durable bot --exec-each "$append; kill -9 \$\$" --tries 1 --until-empty --timeout 20s
ends "one that is killed has failed" 1 'signal 9'
run watch --durable bot --exec-each "$append" --mark on-success --until-empty --timeout 20s
is "and the same message comes again" "$(tr '\n' ' ' <"$RAN")" "eight eight nine "
say big
head -c 16000 /dev/zero | tr '\0' x | chatctl -q -c alice send bob -
run watch --durable bot --exec-each true --mark on-success --until-empty --timeout 20s
ends "a command need not read" 0
say stateless
run watch --until-empty --mark on-success --format '%b' --timeout 10s
is "without --durable: the unread ones" "$OUT" stateless
is "marked" "$(unread bob)" ""

# ---- one at a time ----

watch_in_background "$TEST_DIR/first" watch --durable bot --format '%b'
wait_for online alice bob
run watch --durable bot --until-empty --timeout 10s
ends "one at a time for a name" 1 'another watch'
say ten
wait_for lines "$TEST_DIR/first" 1
kill "$WATCH_PID"
wait_for gone "$WATCH_PID"

# ---- the server no longer knows the place ----

say eleven twelve
run watch --durable bot --exec-each true --count 1 --timeout 10s
python3 -c 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("UPDATE watches SET cursor = \"cUNKNOWN\" WHERE name = \"bot\"")
db.commit()' "$CHAT_CONFIG_DIR/state/bob.db"
say thirteen
run watch --durable bot --until-empty --timeout 10s --format '%b'
ends "a place that the server does not know" 0
is "it goes on from the unread list, without what is done with" "$OUT" "twelve
thirteen"
say fourteen
run watch --durable bot --until-empty --timeout 10s --format '%b'
is "and from then on as before" "$OUT" fourteen
chatctl -q mark --all

# ---- the connection breaks ----

start_proxy
chatctl -q -c far login bob --url "$PROXY" --password-file "$TEST_DIR/password"
watch_in_background "$TEST_DIR/broken" -c far watch --durable broken --count 40 --timeout 60s --format '%b'
for n in 1 2 3 4; do
	seq "$n"1 "$n"9 | chatctl -q -c alice send bob --each-line
	chatctl -q -c alice send bob "$n"x
	wait_for grep -q "$n"x "$TEST_DIR/broken"
	kill -USR1 "$PROXY_PID"
done
STATUS=0
wait "$WATCH_PID" || STATUS=$?
is "breaks neither lose nor repeat" "$STATUS $(tr '\n' ' ' <"$TEST_DIR/broken")" \
	"0 $(for n in 1 2 3 4; do seq -s ' ' "$n"1 "$n"9 && echo "$n"x; done | tr '\n' ' ')"
chatctl -q mark --all

# ---- a watch that runs sends what others leave in the outbox ----

rm -f "$TEST_DIR/lossy.script"
watch_in_background "$TEST_DIR/flusher" -c far -v watch
wait_for grep -q 'watching as bob' "$TEST_DIR/flusher.err"
lossy drop
run -c far send --queue alice "left behind" --retry 0
ends "a send whose connection broke is queued" 9
wait_for grep -q '1 from the outbox sent' "$TEST_DIR/flusher.err"
like "and sent by the watch that runs" "$(unread alice)" 'left behind'
kill "$WATCH_PID"
wait_for gone "$WATCH_PID"

# ---- kill -9 at N moments: N=200 takes about a minute ----

N=${N:-100}
seq $((N * 5)) | sed 's/.*/{"to":"bob","body":"n&"}/' >"$TEST_DIR/batch"
chatctl -q -c alice send --batch "$TEST_DIR/batch"
log="$TEST_DIR/log"
: >"$log"
export log
round=0
killed=0
while [ $round -lt "$N" ]; do
	round=$((round + 1))
	# shellcheck disable=SC2016
	"$BUILD/chatctl" -v watch --durable worker --exec-each 'echo "ran $CHAT_ID" >>"$log"' --mark on-success >/dev/null 2>>"$log" &
	pid=$!
	sleep "0.$(printf %03d $(($(od -An -N2 -tu2 /dev/urandom) % 200)))"
	kill -9 $pid 2>/dev/null && killed=$((killed + 1))
	wait $pid 2>/dev/null
done
# shellcheck disable=SC2016
run watch -v --durable worker --exec-each 'echo "ran $CHAT_ID" >>"$log"' --mark on-success --until-empty --timeout 120s
ends "after $killed kills, the rest" 0
chatctl -c alice search n\* --with bob --limit 1 >/dev/null
sed -n 's/^ran //p' "$log" | sort -u >"$TEST_DIR/handled"
is "nothing is lost" "$(wc -l <"$TEST_DIR/handled")" $((N * 5))
is "all are marked" "$(unread bob)" ""
is "nothing ran again after it was confirmed" \
	"$(awk '/done with/ { done[$NF] = 1 } /^ran / && done[$2] { print }' "$log")" ""
ok "many were confirmed between the kills" test "$(grep -c 'done with' "$log")" -gt 100
ok "no more came again than there were kills" test "$(($(grep -c '^ran ' "$log") - N * 5))" -le "$killed"
done_testing
