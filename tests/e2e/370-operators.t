#!/bin/sh
# chatctl server: how the operators' interface is found, each word, each way to end.
# shellcheck disable=SC2119,SC2317 # start_chatd takes flags, or none; functions are called by ok and wait_for
# shellcheck source=tests/e2e/ctl.sh
. tests/e2e/ctl.sh
unset CHAT_ADMIN CHAT_ADMIN_TOKEN_FILE
start_chatd --admin-listen 127.0.0.1:0 || exit 1
D=$TEST_DIR/data

# ---- finding it ----

run server info
ends "nothing names it" 2 'admin DIR'
run server info --admin "$D"
ends "by the data directory" 0
like "and it answers" "$OUT" '^state +serving$'
run server info --admin "$D/admin.sock"
ends "by the socket" 0
CHAT_ADMIN=$D run server info -o json
ends "by CHAT_ADMIN" 0
URL=$(printf '%s' "$OUT" | jq -r '.listen[]' | grep -v "^$BASE\$" | grep http)
like "a port of its own" "$URL" '^http://127.0.0.1:[0-9]+$'
run server info --admin "$URL"
ends "a URL needs the token's file" 2 'admin-token-file'
run server info --admin "$URL" --admin-token-file "$D/admin.token"
ends "by URL" 0
CHAT_ADMIN=$URL CHAT_ADMIN_TOKEN_FILE=$D/admin.token run server info -q
ends "all by the environment" 0
run server info --admin http://192.0.2.7:9 --admin-token-file "$D/admin.token"
ends "no token in the clear" 2 'in the clear'
chatctl context add ops --url "$BASE" --admin "$D" || diag "no context"
run -c ops server info
ends "by the context" 0
run server info --admin "$TEST_DIR/nothing"
ends "no such place" 2 'No such file'
run server info --admin "$TEST_DIR/password"
ends "a file that is no socket" 2 'neither'
printf 'AAAA\n' >"$TEST_DIR/token"
run server info --admin "$D" --admin-token-file "$TEST_DIR/token"
ends "a wrong token" 4 'unauthenticated'
printf 'no token\n' >"$TEST_DIR/token"
run server info --admin "$D" --admin-token-file "$TEST_DIR/token"
ends "what is no token" 2 'does not hold a token'
run server info --admin "$URL" --admin-token-file "$D/admin.token" -v
case $OUT$ERR in
*"$(cat "$D/admin.token")"*) fail "the token is never shown" "$ERR" ;;
*) pass "the token is never shown" ;;
esac
export CHAT_ADMIN="$D"

# ---- info, config, reload ----

people alice bob
chatctl -q -c alice send bob hello
run server info -o json
is "info in JSON" "$(printf '%s' "$OUT" | jq -c '[.state, .users, .messages, .registration, .pid]')" "[\"serving\",2,1,\"open\",$CHATD_PID]"
is "csv is flat" "$(chatctl server info -o csv | head -1 | tr , '\n' | grep -c journal_)" 3
run server info extra
ends "too many words" 2 'usage'
run server
ends "no word" 2 'usage'
run server nonsense
ends "an unknown word" 2 'usage'

run server config
like "config is a configuration file" "$OUT" '^registration = open$'
is "as --print-config has its keys" "$(chatctl server config -o tsv | cut -f1 | grep -cx -e segment-bytes -e drain-seconds)" 2
run server config login-rate
is "one key" "$OUT" 100000
run server config nonsense
ends "an unknown key" 1 'no key'
is "in JSON" "$(chatctl server config -o json | jq -r .registration)" open

run server reload
ends "reload" 0 'nothing has changed'
sed -i 's/^login-rate.*/login-rate = 50000/' "$TEST_DIR/chatd.conf"
printf 'log-level = debug\n' >>"$TEST_DIR/chatd.conf"
run server reload -n
is "-n" "$OUT" 'would have chatd read its configuration again'
run server reload
ends "with something changed" 0
is "says what" "$OUT" log-level

# ---- ping ----

run server ping --url "$BASE" --count 3 --interval 20ms
ends "ping without a login" 0
is "a line for each, and a sum" "$(printf '%s\n' "$OUT" | grep -c 'healthz: seq=')" 3
like "statistics" "$OUT" '^healthz: 3 sent, 3 answered, 0% lost; min/avg/max/mdev = [0-9./]+ ms$'
run -c alice server ping --count 2 --interval 20ms -o jsonl
ends "with one" 0
is "over the WebSocket too" "$(printf '%s\n' "$OUT" | jq -r '"\(.via) \(.sent) \(.answered)"' | tr '\n' ' ')" 'healthz 2 2 websocket 2 2 '
ok "times are times" jq -es 'all(.min_us > 0 and .min_us <= .avg_us and .avg_us <= .max_us)' "$TEST_DIR/out"
run server ping --url http://127.0.0.1:1 --count 2 --interval 10ms
ends "nobody there" 6 'no answer'
like "all lost" "$OUT" '2 sent, 0 answered, 100% lost'
run server ping
ends "no server" 2 'no server'
run server ping --url "$BASE" --count 0
ends "--count 0" 2 'count'
run server ping --url "$BASE" --interval soon
ends "--interval soon" 2 'interval'

# ---- drain ----

run server drain
ends "off a terminal it is not asked" 2 'give --yes'
on_tty -i n "$BUILD/chatctl" server drain >"$TEST_DIR/tty" 2>&1
like "no is no" "$(cat "$TEST_DIR/tty")" 'nothing was done'
run server drain -n
is "-n" "$OUT" 'would have chatd end'
run server info -q
ends "it is still there" 0
pid=$CHATD_PID
run server drain --yes --wait
ends "drain --yes --wait" 0
ok "then chatd has ended" gone "$pid"
wait "$pid"
is "with 0" $? 0
CHATD_PID=
run server info --retry 0
ends "nobody serves" 6 'admin.sock'
done_testing
