#!/bin/sh
# chatctl check: exit codes, one line and performance data as Nagios has them, whatever goes wrong.
# shellcheck disable=SC2119,SC2317 # start_chatd takes flags, or none; functions are called by ok and wait_for
# shellcheck source=tests/e2e/ctl.sh
. tests/e2e/ctl.sh
start_chatd || exit 1
people alice bob
CHAT_CONTEXT=alice
export CHAT_CONTEXT

# says NAME CODE REGEX: the last run ended with CODE and one line on stdout like REGEX.
says()
{
	ends "$1" "$2"
	like "$1: its line" "$OUT" "$3"
	is "$1: one line" "$(wc -l <"$TEST_DIR/out")" 1
}
number='[0-9]+(\.[0-9]+)?'

# ---- conn ----

run check conn
says "conn" 0 "^CHAT OK - $BASE is ready, .* \| conn=${number}ms;500;2000;0 ready=${number}ms;;;0 auth=${number}ms;;;0$"
run check conn --warn 0 --crit 1h
says "beyond --warn" 1 '^CHAT WARNING - .*;0;3600000;0'
run check conn --crit 0
says "beyond --crit" 2 '^CHAT CRITICAL - '
run check conn --warn 1h: --crit 2h
says "a range: too fast is a warning too" 1 '\| conn=.*ms;3600000:;7200000;0'
run check conn --warn @0:1h
says "inside of a range" 1 ';@0:3600000;'
run check conn --warn '~:1h' --crit 1h:2h
says "no lower end" 2 ';3600000;3600000:7200000;'
run check conn --url http://127.0.0.1:1
says "nobody there" 2 '^CHAT CRITICAL - http://127.0.0.1:1: .*onnect'
is "no word on stderr" "$ERR" ""
CHAT_TOKEN_FILE=$TEST_DIR/bad
printf 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n' >"$CHAT_TOKEN_FILE"
export CHAT_TOKEN_FILE
run check conn
says "a token that is good for nothing" 3 'login is no longer good'
run check roundtrip
says "roundtrip: the same" 3 'login is no longer good'
unset CHAT_TOKEN_FILE

# ---- roundtrip ----

run check roundtrip --warn 50s --crit 250s --format nagios
says "roundtrip" 0 "^CHAT OK - sent and back over the WebSocket in $number ms \| roundtrip=${number}ms;50000;250000;0 ack="
run ls -e
ends "it leaves nothing unread" 3
run check roundtrip --warn 0
says "too slow" 1 '^CHAT WARNING'
is "each its own message" "$(chatctl ls --all --format %b | grep -c 'check roundtrip')" 2
kill -STOP "$CHATD_PID"
began=$(now)
run check roundtrip --timeout 300ms
says "a server that hangs" 2 '^CHAT CRITICAL - .*within the time'
ok "in time" test $(($(now) - began)) -lt 3000
run check conn --timeout 300ms
says "conn: the same" 2 '^CHAT CRITICAL'
run check disk --timeout 300ms
says "disk: the local one can be told" 0 'the server was not reached'
kill -CONT "$CHATD_PID"

# ---- disk ----

run check disk
like "disk" "$STATUS $OUT" '^(0 CHAT OK|1 CHAT WARNING|2 CHAT CRITICAL) .*the server can store \| free=[0-9]+B;[0-9.]+:;[0-9.]+:;0;[0-9]+$'
run check disk --warn 0% --crit 0
says "enough" 0 '^CHAT OK'
run check disk --warn 100T --crit 0
says "a size" 1 ';109951162777600:;0:;0;'
run check disk --crit 100T
says "too little" 2 '^CHAT CRITICAL'

# ---- lag ----

run check lag --durable bot
says "no such watch" 3 'no watch --durable bot'
chatctl watch --durable bot --until-empty
run check lag --durable bot
says "a watch that has seen all" 0 '\| lag=0ms;10000;60000;0'
chatctl -c bob send alice 'to be handled'
run check lag --durable bot --warn 0
says "one message waits" 1 'the watch bot [0-9]+ ms behind'
chatctl watch --durable bot --until-empty >"$TEST_DIR/watched"
is "the check took nothing away" "$(grep -c 'to be handled' "$TEST_DIR/watched")" 1
run check lag --durable bot --warn 0
says "handled" 0 'lag=0ms'
chatctl -c bob send alice 'more'
run check lag --warn 1h
says "any watch" 0 'lag='

# ---- the forms ----

run check conn --format json
is "json" "$(printf %s "$OUT" | jq -r '[.check, .state, .code, .warn, .crit, (.values | keys | join(","))] | join(" ")')" \
	'conn OK 0 500ms 2s auth_ms,conn_ms,ready_ms'
run check conn -o json
is "-o json is it too" "$(printf %s "$OUT" | jq -r .state)" OK
run check conn --crit 0 --format text
says "text" 2 '^conn: CRITICAL: .*\(warning at 500ms, critical at 0\)'
run check conn --format prometheus
ends "prometheus" 0
is "each line is one" "$(printf '%s\n' "$OUT" | grep -Evc '^# (HELP|TYPE) [a-z_]+ |^[a-z_]+\{check="conn"\} [0-9.e-]+$')" 0
like "in seconds" "$OUT" '^chatctl_check_conn_seconds\{check="conn"\} 0\.'

# ---- UNKNOWN ----

for words in frob '' 'conn roundtrip' 'conn --frob' 'conn --warn' 'conn --warn x' 'conn --crit 10%' 'conn --warn 5:x' 'conn --warn 20:10' 'disk --warn 5X' \
	'disk --crit -1' 'conn --timeout x' 'conn --retry x' 'conn -c no/name' 'conn -c nobody' 'conn --url x' 'conn --format %b'; do
	# shellcheck disable=SC2086 # words
	run check $words
	says "check $words" 3 '^CHAT UNKNOWN - .'
done
run check conn --format frob
ends "no such form" 3
chmod 644 "$CHAT_CONFIG_DIR/contexts/bob"
run check conn -c bob
says "a context that others can read" 3 'chmod 600'
done_testing
