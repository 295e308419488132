#!/bin/sh
# chatctl bench quick and run against a chatd of their own: clean runs, a server that stands still, a generator that does, cut sockets, slow readers.
# shellcheck source=tests/e2e/ctl.sh
. tests/e2e/ctl.sh

start_chatd
export CHAT_URL="$BASE" CHAT_ADMIN="$TEST_DIR/data"

# figure NAME: from the results of the last run.
figure()
{
	jq -r ".counts[\"$1\"]" "$TEST_DIR/results/summary.json"
}

bench()
{
	rm -rf "$TEST_DIR/results"
	run bench "$@" --out "$TEST_DIR/results"
}

# clean NAME: the last run judged every message and found nothing. The machine may have been too busy for it to be a valid measurement.
clean()
{
	case $STATUS in
	0 | 97) pass "$1" ;;
	*) fail "$1" "exit $STATUS; $OUT; $ERR" ;;
	esac
	is "$1: all was acknowledged" "$(jq -c '.counts | [."integrity.lost", ."integrity.dup", ."integrity.reorder", ."integrity.corrupt", ."integrity.unknown"]' "$TEST_DIR/results/summary.json")" '[0,0,0,0,0]'
}

bench quick --rate 200 --pairs 10 -d 2s --save "$TEST_DIR/quick.scenario"
clean "a quick run"
is "all that was answered was pushed" "$(figure sends.pushed)" "$(figure sends.acked)"
is "sends were made" "$([ "$(figure sends.acked)" -gt 200 ] && echo yes)" yes

cat >"$TEST_DIR/mixed.scenario" <<'EOF'
scenario "mixed"  seed 7
users 30  prefix mx-  pairs uniform contacts 4
payload unicode hard
ws 20  connect-rate 500/s
phase steady 3s rate 200/s
phase drain until-quiet timeout 15s
mix send 70% via ws:50 rest:50 | list 10% | read 8% | mark 10% | typing 2%
fault at 500ms for 1500ms disconnect 20%
fault at 1s for 1s slow-reader 20% 1KiB/s
threshold ack.p50 < 1us
EOF
bench run "$TEST_DIR/mixed.scenario"
[ "$STATUS" = 99 ] && STATUS=0 || [ "$STATUS" = 97 ] || fail "a missed threshold ends with 99" "exit $STATUS; $OUT; $ERR"
clean "sockets cut and slowed, half of the sends by REST"
is "sockets came back" "$([ "$(figure reconnects)" -gt 0 ] && echo yes)" yes

rm -rf "$TEST_DIR/results"
"$BUILD/chatctl" bench quick --rate 300 --pairs 10 -d 4s --out "$TEST_DIR/results" >"$TEST_DIR/out" 2>"$TEST_DIR/err" &
bench_pid=$!
WATCH_PIDS="$WATCH_PIDS $bench_pid"
# has_sockets: the run has begun.
has_sockets()
{
	curl -s --unix-socket "$TEST_DIR/data/admin.sock" -H "Authorization: Bearer $(cat "$TEST_DIR/data/admin.token")" http://chatd/admin/info |
		jq -e '.connections >= 10' >/dev/null
}
passed()
{
	[ "$(now)" -ge "$1" ]
}
wait_for has_sockets
stopped=$(now)
kill -STOP "$CHATD_PID"
wait_for -t 5 passed $((stopped + 2000))
kill -CONT "$CHATD_PID"
STATUS=0
wait "$bench_pid" || STATUS=$?
OUT=$(cat "$TEST_DIR/out") ERR=$(cat "$TEST_DIR/err")
clean "a server that stood still for two seconds"
is "its latencies say so: they count from the intended moment" \
	"$(jq '.timings_us.ack["p99.9"] > 1000000' "$TEST_DIR/results/summary.json")" true

"$BUILD/chatctl" bench quick --rate 300 --pairs 10 -d 3s --out "$TEST_DIR/results" >"$TEST_DIR/out" 2>"$TEST_DIR/err" &
bench_pid=$!
WATCH_PIDS="$WATCH_PIDS $bench_pid"
wait_for has_sockets
stopped=$(now)
kill -STOP "$bench_pid"
wait_for -t 5 passed $((stopped + 1500))
kill -CONT "$bench_pid"
STATUS=0
wait "$bench_pid" || STATUS=$?
is "a generator that stood still makes the run invalid" "$STATUS" 97

"$BUILD/chatctl" bench quick --rate 100 --pairs 10 -d 1m >"$TEST_DIR/out" 2>"$TEST_DIR/err" &
bench_pid=$!
WATCH_PIDS="$WATCH_PIDS $bench_pid"
wait_for has_sockets
kill -INT "$bench_pid"
STATUS=0
wait "$bench_pid" || STATUS=$?
is "SIGINT ends a run early, with a report" "$STATUS $(grep -c "(interrupted)" "$TEST_DIR/out" | sed 's/[1-9][0-9]*/some/')" "130 some"

run bench quick --rate 10 --url http://192.0.2.1:1
ends "a server elsewhere is not loaded by accident" 6 'i-own-this-server'
done_testing
