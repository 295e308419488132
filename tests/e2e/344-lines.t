#!/bin/sh
# What a shell user must be able to write: ten lines, each run as it stands there, by sh, with chatctl found by PATH and the context by CHAT_CONTEXT.
# shellcheck disable=SC2016,SC2119,SC2317 # the lines are words for another shell; start_chatd takes flags, or none; functions are called by ok and wait_for
# shellcheck source=tests/e2e/ctl.sh
. tests/e2e/ctl.sh
start_chatd || exit 1
people alice bob boss oncall
unset -f chatctl
unset MAKEFLAGS MFLAGS MAKELEVEL
PATH=$(cd "$BUILD" && pwd):$PATH
CI_JOB_ID=4711
export PATH CI_JOB_ID
work=$TEST_DIR/work
mkdir "$work"
printf 'all:\n\t@seq 1 30\n\t@echo broken >&2; false\n' >"$work/Makefile"

# line USER SHELL: a line as that user, in a folder of its own. What it printed is in OUT, how it ended in STATUS.
line()
{
	STATUS=0
	(cd "$work" && CHAT_CONTEXT=$1 exec sh -c "$2") >"$TEST_DIR/out" 2>"$TEST_DIR/err" || STATUS=$?
	OUT=$(cat "$TEST_DIR/out")
	ERR=$(cat "$TEST_DIR/err")
}
# of USER: the texts that USER has not read, as one line; then they are read.
of()
{
	CHAT_CONTEXT=$1 chatctl ls --all-pages -o jsonl | jq -r .body | tr '\n' '|'
	CHAT_CONTEXT=$1 chatctl -q mark --all
}
background()
{
	_user=$1
	(cd "$work" && CHAT_CONTEXT=$_user exec sh -c "$2" >"$TEST_DIR/$3" 2>"$TEST_DIR/$3.err") &
	LINE_PID=$!
	WATCH_PIDS="$WATCH_PIDS $LINE_PID"
}
is_online()
{
	CHAT_CONTEXT=boss chatctl api GET "/users/$1" | grep -q '"online":true'
}

# 1
line alice 'make 2>&1 | tail -20 | chatctl send bob -'
ends "make | tail | send" 0
like "is one message of twenty lines with the error" "$(of bob)" '^13\|.*\|30\|broken\|make: .*Error 1\|$'

# 2
seen()
{
	[ -n "$(CHAT_CONTEXT=bob chatctl ls -o tsv)" ]
}
background alice 'chatctl send bob "deploy?" --wait read --timeout 5m || echo "not seen"' deploy
wait_for seen
CHAT_CONTEXT=bob chatctl -q mark --all
ok "--wait read ends when it is read" wait "$LINE_PID"
is "and says nothing" "$(cat "$TEST_DIR/deploy")" ""
line alice 'chatctl send bob "deploy?" --wait read --timeout 300ms || echo "not seen"'
is "unread: not seen" "$OUT" 'not seen'
of bob >/dev/null

# 3
for _ in 1 2 3; do
	line alice 'id=$(chatctl send bob done --id "job-$CI_JOB_ID" --json=id | jq -r .id); echo "$id"'
	ends "a job" 0
	echo "$OUT" >>"$TEST_DIR/ids"
done
is "three runs say one id" "$(sort -u "$TEST_DIR/ids" | grep -c '^m')" 1
is "and are one message" "$(of bob)" 'done|'

# 4
: >"$work/app.log"
background alice 'tail -F app.log | grep --line-buffered FATAL | chatctl send oncall --each-line --queue' fatal
told()
{
	[ "$(CHAT_CONTEXT=oncall chatctl ls --format %b | tr '\n' '|')" = "$1" ]
}
printf 'INFO fine\nFATAL disk\n' >>"$work/app.log"
ok "a line comes while the log goes on" wait_for told 'FATAL disk|'
mv "$work/app.log" "$work/app.log.1"
printf 'FATAL again\nINFO fine\n' >"$work/app.log"
ok "and after the log was rotated" wait_for -t 20 told 'FATAL disk|FATAL again|'
# tail goes on for ever: it is ended, and with it the line.
tail_pid=$(ps -o pid=,args= --ppid "$LINE_PID" | sed -n 's/^ *\([0-9]*\) tail -F app.log$/\1/p')
kill "$tail_pid"
wait "$LINE_PID"
is "the end of its input ends it well" $? 0

# 5
line alice 'chatctl ls -e --with boss -o tsv || exit 0
echo "there is something"'
is "ls -e: nothing, and out" "$STATUS $OUT" '0 '
line boss 'chatctl send alice "the report, please"'
line alice 'chatctl ls -e --with boss -o tsv || exit 0
echo "there is something"'
like "something" "$(echo "$OUT" | tr '\n' '|')" "	boss	alice	text	the report, please	.*\|there is something\|$"

# 6
for text in 'ack 1' no 'ack 2'; do
	line bob "chatctl send alice '$text'"
done
line alice "chatctl ls --with bob -o jsonl | jq -r 'select(.body|test(\"ack\")).id' | chatctl mark -"
ends "ls | jq | mark" 0
is "marks what was chosen" "$(of alice)" 'the report, please|no|'

# 7
background alice 'reply=$(chatctl watch --with bob --count 1 --timeout 60s --format '"'%b'"')
printf "<%s>" "$reply"' reply
wait_for is_online alice
line boss 'chatctl send alice "not you"'
line bob 'chatctl send alice "yes, go"'
wait "$LINE_PID"
is "reply=\$(watch)" "$(cat "$TEST_DIR/reply")" '<yes, go>'
of alice >/dev/null

# 8
cat >"$work/handle.sh" <<'END'
#!/bin/sh
body=$(jq -r .body)
printf '%s\n' "$CHAT_FROM: $body" >>handled
case $body in
*crash*) [ -e crashed ] || { touch crashed; kill -9 "$(cat worker.pid)"; } ;;
esac
END
chmod +x "$work/handle.sh"
worker='chatctl watch --durable bot --exec-each ./handle.sh --mark on-success'
background alice "exec $worker" worker
echo "$LINE_PID" >"$work/worker.pid"
wait_for is_online alice
line bob 'chatctl send alice one'
line bob 'chatctl send alice crash'
line bob 'chatctl send alice three'
wait "$LINE_PID" 2>/dev/null
background alice "exec $worker" worker
handled()
{
	grep -q three "$work/handled"
}
ok "a worker goes on where it was killed" wait_for handled
nothing_unread()
{
	CHAT_CONTEXT=alice chatctl ls -e
	[ $? = 3 ]
}
ok "all are marked" wait_for nothing_unread
kill "$LINE_PID"
wait "$LINE_PID" 2>/dev/null
is "at least once, in order" "$(tr '\n' '|' <"$work/handled")" 'bob: one|bob: crash|bob: crash|bob: three|'

# 9
line alice 'chatctl conv export bob --since 2026-01-01 -o jsonl | gzip > bob.jsonl.gz'
ends "export" 0
like "is all of it, oldest first" "$(gzip -dc "$work/bob.jsonl.gz" | jq -r .body | tr '\n' '|')" '^13\|.*deploy\?\|.*done\|ack 1\|no\|ack 2\|yes, go\|one\|crash\|three\|$'

# 10
line alice 'chatctl check roundtrip --warn 50ms --crit 250ms --format nagios'
like "check roundtrip" "$STATUS $OUT" '^(0 CHAT OK|1 CHAT WARNING|2 CHAT CRITICAL) - .* \| roundtrip=[0-9.]+ms;50;250;0 '
done_testing
