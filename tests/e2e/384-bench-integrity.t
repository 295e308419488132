#!/bin/sh
# chatctl bench against servers that lose, repeat and forget on purpose (server/ops/fault.h): the verdict is 98 and names messages.
# shellcheck source=tests/e2e/ctl.sh
. tests/e2e/ctl.sh

[ "$BUILD" = build ] || skip_all "the faulty server is built beside the ordinary one only"
make --no-print-directory faulty >"$TEST_DIR/make.log" 2>&1 || {
	fail "the faulty server is built" "$(tail -5 "$TEST_DIR/make.log")"
	done_testing
}
CHATD=build-faulty/chatd
export CHAT_ADMIN="$TEST_DIR/data"

# caught NAME WORD: the last run found it, and says which message.
caught()
{
	ends "$1: 98" 98
	is "$1: found" "$(jq -r --arg w "integrity.$2" '.counts[$w] > 0' "$TEST_DIR/results/summary.json")" true
	is "$1: by its id" "$(jq -r '[.offenders[].id | select(length > 9)] | length > 0' "$TEST_DIR/results/summary.json")" true
	rm -rf "$TEST_DIR/results"
}

export CHAT_FAULT=drop-push:40
start_chatd
run bench quick --rate 200 --pairs 10 -d 2s --url "$BASE" --out "$TEST_DIR/results"
caught "a push that never comes" lost
stop_chatd

export CHAT_FAULT=repeat-push:40
start_chatd
run bench quick --rate 200 --pairs 10 -d 2s --url "$BASE" --out "$TEST_DIR/results"
caught "a push that comes twice" dup
stop_chatd

export CHAT_FAULT=ack-early:4000
start_chatd
port=${BASE##*:}
"$BUILD/chatctl" bench quick --rate 300 --pairs 10 -d 4s --url "$BASE" --out "$TEST_DIR/results" >"$TEST_DIR/out" 2>"$TEST_DIR/err" &
bench_pid=$!
WATCH_PIDS="$WATCH_PIDS $bench_pid"
has_sockets()
{
	curl -s --unix-socket "$TEST_DIR/data/admin.sock" -H "Authorization: Bearer $(cat "$TEST_DIR/data/admin.token")" http://chatd/admin/info |
		jq -e '.connections >= 10' >/dev/null
}
passed()
{
	[ "$(now)" -ge "$1" ]
}
wait_for has_sockets || fail "the run began" "$(cat "$TEST_DIR/err")"
begun=$(now)
wait_for passed $((begun + 1500))
kill_chatd
start_chatd --listen "127.0.0.1:$port"
STATUS=0
wait "$bench_pid" || STATUS=$?
OUT=$(cat "$TEST_DIR/out") ERR=$(cat "$TEST_DIR/err")
caught "acknowledged before it was on disk, and then a power cut" lost
done_testing
