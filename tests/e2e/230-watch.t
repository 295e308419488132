#!/bin/sh
# chatctl watch: messages as they come, for scripts; through breaks without a gap.
# shellcheck disable=SC2119,SC2317 # start_chatd takes flags, or none; functions are called by ok and wait_for
# shellcheck source=tests/e2e/ctl.sh
. tests/e2e/ctl.sh
start_chatd || exit 1
people alice bob carol
seen=$TEST_DIR/seen

# watching ARGUMENT...: `chatctl -c alice watch ARGUMENT...` in the background, past its hello.
watching()
{
	watch_in_background "$seen" -c alice watch "$@"
	wait_for online bob alice || diag "watch does not get online: $(cat "$seen.err")"
}
watched()
{
	STATUS=0
	wait "$WATCH_PID" || STATUS=$?
	OUT=$(cat "$seen")
	ERR=$(cat "$seen.err")
	wait_for not_online
}
not_online()
{
	! online bob alice
}

chatctl -c bob send alice 'before the watch'
watching --with bob --count 1 --timeout 60s --format '%b'
chatctl -c carol send alice 'not from bob'
chatctl -c alice send bob 'my own'
chatctl -c bob send alice 'the reply'
watched
ends "watch --with --count 1 --format" 0
is "the one message from bob that came" "$OUT" 'the reply'
is "and no remark" "$ERR" ''
delivered()
{
	[ "$(chatctl -c bob read "$1" --format %S)" = delivered ]
}
id=$(chatctl -c bob send alice 'not watched' --json=id | jq -r .id)
is "what was not watched is not delivered" "$(chatctl -c bob read "$id" --format %S)" sent
watching --count 1 --timeout 60s --format '%i'
id=$(chatctl -c bob send alice 'watched' --json=id | jq -r .id)
watched
is "watch --format %i" "$OUT" "$id"
ok "what was printed is delivered, the last one too" wait_for delivered "$id"
is "it is not read" "$(chatctl -c alice read "$id" --format %S)" delivered

began=$(now)
run -c alice watch --timeout 400ms --count 1
ends "nothing comes: 124" 124
took=$(($(now) - began))
ok "in time ($took ms)" test "$took" -ge 400 -a "$took" -lt 5000
run -c alice watch --count 0
ends "--count 0" 2
run -c alice watch --with 'A B'
ends "--with a bad name" 2
run -c alice watch --timeout soon
ends "--timeout what" 2 'time such as'

watching --count 3 -o json
for i in 1 2 3; do chatctl -c bob send alice "n$i"; done
watched
is "-o json: an object a line" "$(printf '%s\n' "$OUT" | jq -r .body | tr '\n' ' ')" 'n1 n2 n3 '
watching --count 1 -o csv
chatctl -c bob send alice 'a,b'
watched
is "-o csv" "$(printf '%s\n' "$OUT" | cut -d, -f2-7 | sed 's/^[^,]*,//')" 'from,to,kind,body,sent_at
bob,alice,text,"a,b"'
watching
chatctl -c bob send alice 'line by line'
ok "each line is flushed" wait_for grep -q 'bob: line by line' "$seen"
kill -INT "$WATCH_PID"
watched
ends "interrupted" 130

# The login ends: nothing to wait for any more.
cp "$CHAT_CONFIG_DIR/contexts/alice" "$CHAT_CONFIG_DIR/contexts/other"
watching --timeout 60s
chatctl -c other logout
watched
ends "a login that ended" 4 '4401'
run -c alice watch --timeout 10s
ends "a token that is no longer good" 4
chatctl -q -c alice login alice --url "$BASE" --password-file "$TEST_DIR/password"

# ---- breaks ----

start_proxy
sed "s|^url = .*|url = $PROXY|" "$CHAT_CONFIG_DIR/contexts/alice" >"$CHAT_CONFIG_DIR/contexts/through"
watch_in_background "$seen" -c through watch --count 60 --timeout 60s --format '%b'
wait_for online bob alice
for round in 1 2 3 4 5 6; do
	for i in 1 2 3 4 5 6 7 8 9 10; do echo "m$round-$i"; done | chatctl -c bob send alice --each-line
	kill -USR1 "$PROXY_PID"
done
watched
ends "six broken connections" 0 'trying again'
is "each message once and in order" "$(printf '%s\n' "$OUT" | tr '\n' ' ')" \
	"$(for round in 1 2 3 4 5 6; do for i in 1 2 3 4 5 6 7 8 9 10; do printf 'm%s-%s ' $round $i; done; done)"

watch_in_background "$seen" -c alice watch --count 1 --timeout 60s --format '%b'
wait_for online bob alice
port=${BASE##*:}
stop_chatd
start_chatd --listen "127.0.0.1:$port" || exit 1
chatctl -c bob send alice 'after the restart'
watched
ends "the server was started anew" 0
is "nothing is missed" "$OUT" 'after the restart'

# A reader that had enough.
(
	"$BUILD/chatctl" -c alice watch --timeout 30s --format '%b' 2>"$seen.err"
	echo $? >"$TEST_DIR/status"
) | head -n 1 >"$seen" &
wait_for online bob alice
chatctl -c bob send alice 'first'
wait_for test -s "$seen"
enough()
{
	chatctl -c bob send alice 'more'
	test -s "$TEST_DIR/status"
}
ok "watch | head -n 1 ends" wait_for enough
is "without a word" "$(cat "$seen.err")" ''
is "having printed one" "$(cat "$seen")" first
done_testing
