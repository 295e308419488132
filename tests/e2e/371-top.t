#!/bin/sh
# chatctl top: samples, lines, and a screen that is given back.
# shellcheck disable=SC2119,SC2317 # start_chatd takes flags, or none; functions are called by ok and wait_for
# shellcheck source=tests/e2e/ctl.sh
. tests/e2e/ctl.sh
start_chatd || exit 1
people alice bob
export CHAT_ADMIN="$TEST_DIR/data" CHAT_CONTEXT=alice TERM=xterm LC_ALL=C.UTF-8

# load N: alice sends N messages, one after the other, in the background; LOAD_PID.
load()
{
	seq "$1" | sed 's/.*/{"to":"bob","body":"&"}/' >"$TEST_DIR/batch"
	watch_in_background "$TEST_DIR/sent" -q send --batch "$TEST_DIR/batch"
	LOAD_PID=$WATCH_PID
}

sum()
{
	jq -s "map(.$1) | add" "$TEST_DIR/out"
}

# ---- samples ----

run top --batch 2 --interval 200ms -o jsonl
ends "two samples" 0
is "are two lines" "$(printf '%s\n' "$OUT" | wc -l)" 2
ok "of an idle server" jq -es 'all(.durable_per_s == 0 and .commit_p99_us == null and .connections_http == 1 and .interval_s > 0.19)' "$TEST_DIR/out"
"$BUILD/chatctl" top --batch 6 --interval 300ms -o jsonl >"$TEST_DIR/out" 2>"$TEST_DIR/err" &
pid=$!
load 400
wait "$LOAD_PID"
wait "$pid"
is "under load: ends well" $? 0
ok "what was sent is in the rates" jq -es 'map(.durable_per_s * .interval_s) | add > 390 and add < 410' "$TEST_DIR/out"
ok "and was received" jq -es 'map(.received_per_s * .interval_s) | add > 390' "$TEST_DIR/out"
ok "commits took time, p50 up to p99" jq -es 'map(select(.commit_p50_us)) | length > 0 and all(.commit_p50_us > 0 and .commit_p50_us <= .commit_p99_us)' "$TEST_DIR/out"
ok "answers by class" jq -es 'map(.answers_2xx_per_s) | add > 0' "$TEST_DIR/out"
is "-o json --batch is an array" "$(chatctl top --batch 2 --interval 100ms -o json | jq length)" 2
like "-o csv" "$(chatctl top --batch 1 --interval 100ms -o csv | head -1)" '^at,interval_s,connections_live,'
run top --batch 2 --interval 100ms
is "lines, under names" "$(printf '%s\n' "$OUT" | awk '{ print NF }' | sort -u)" 12
is "two and the names" "$(printf '%s\n' "$OUT" | wc -l)" 3
run top --interval 100ms --timeout 500ms
ends "off a terminal until the time is over" 124
for bad in 1ms 2d x; do
	run top --interval "$bad"
	ends "--interval $bad" 2 '100ms to 1h'
done
run top --batch 0
ends "--batch 0" 2 'batch'
run top --batch 1 --admin /nonexistent
ends "no server" 2

# ---- the screen ----

on_tty -e 'durable/s' -i q "$BUILD/chatctl" top --interval 100ms >"$TEST_DIR/tty"
is "q ends it" $? 0
like "the screen" "$(cat "$TEST_DIR/tty")" 'chatd [0-9.]+  serving'
esc=$(printf '\033')
is "the alternate screen is taken" "$(grep -c "$esc\[?1049h" "$TEST_DIR/tty")" 1
is "and given back" "$(grep -c "$esc\[?25h$esc\[?1049l" "$TEST_DIR/tty")" 1
like "with its echo" "$(tail -1 "$TEST_DIR/tty")" 'echo is on'
on_tty -e 'durable/s' -k "$BUILD/chatctl" top --interval 100ms >"$TEST_DIR/tty"
is "Ctrl-C ends it" $? 130
is "and the screen is given back" "$(grep -c "$esc\[?25h$esc\[?1049l" "$TEST_DIR/tty")" 1
like "and its echo" "$(tail -1 "$TEST_DIR/tty")" 'echo is on'
on_tty "$BUILD/chatctl" top --interval 100ms --timeout 700ms >"$TEST_DIR/tty"
is "the time is over" $? 124
is "then too" "$(grep -c "$esc\[?25h$esc\[?1049l" "$TEST_DIR/tty")" 1
NO_COLOR=1 on_tty -e 'durable/s' -i q "$BUILD/chatctl" top --interval 100ms >"$TEST_DIR/tty"
is "NO_COLOR: nothing is bold" "$(grep -c "$esc\[1m" "$TEST_DIR/tty")" 0
TERM=dumb on_tty "$BUILD/chatctl" top --interval 100ms --timeout 700ms >"$TEST_DIR/tty"
is "a dumb terminal gets lines" "$(grep -c "$esc" "$TEST_DIR/tty")" 0
like "with figures" "$(sed -n 2p "$TEST_DIR/tty")" '^[0-9:]+ +[0-9]'
done_testing
