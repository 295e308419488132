# shellcheck shell=sh
# What the tests of chatctl share, on top of lib.sh: contexts of their own, two people, a proxy that loses answers, a terminal.
# shellcheck source=tests/e2e/lib.sh
. tests/e2e/lib.sh
umask 077
unset CHAT_URL CHAT_CONTEXT CHAT_TOKEN_FILE CHAT_OUTPUT CHAT_TIMEOUT CHAT_DEBUG http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
export CHAT_CONFIG_DIR="$TEST_DIR/config" TZ=UTC
PROXY_PID=
WATCH_PIDS=
STATUS=0
printf '%s\n' "$PASSWORD" >"$TEST_DIR/password"

cleanup_ctl()
{
	for _p in $PROXY_PID $WATCH_PIDS; do
		kill -9 "$_p" 2>/dev/null
	done
	cleanup
}
trap cleanup_ctl EXIT

chatctl()
{
	"$BUILD/chatctl" "$@"
}

# run ARGUMENT...: chatctl with stdout in OUT, stderr in ERR, exit code in STATUS. stdin is empty; feed TEXT sets it for the next run.
run()
{
	STATUS=0
	chatctl "$@" <"${STDIN:-/dev/null}" >"$TEST_DIR/out" 2>"$TEST_DIR/err" || STATUS=$?
	STDIN=
	OUT=$(cat "$TEST_DIR/out")
	ERR=$(cat "$TEST_DIR/err")
}

# feed FORMAT [ARGUMENT...]: printf's output is the stdin of the next run.
feed()
{
	# shellcheck disable=SC2059 # the format is the test's
	printf "$@" >"$TEST_DIR/stdin"
	STDIN=$TEST_DIR/stdin
}

# ends NAME CODE [REGEX]: how the last run ended, and what it said on stderr.
ends()
{
	if [ "$STATUS" != "$2" ]; then
		fail "$1" "exit $STATUS, wanted $2; stdout: $OUT; stderr: $ERR"
	elif [ $# -gt 2 ]; then
		like "$1" "$ERR" "$3"
	else
		pass "$1"
	fi
}

# people NAME...: an account and a context for each.
people()
{
	for _n in "$@"; do
		chatctl -q -c "$_n" register "$_n" --url "$BASE" --password-file "$TEST_DIR/password" || diag "cannot register $_n"
	done
}

# unread NAME: the texts of the unread messages, one a line.
unread()
{
	chatctl -c "$1" ls --all-pages -o jsonl | jq -r .body
}

# start_proxy: to chatd. Sets PROXY, its base URL; lossy LINE... says what happens to the next connections.
start_proxy()
{
	rm -f "$TEST_DIR/lossy.port"
	tests/e2e/lossy.py "${BASE##*:}" "$TEST_DIR" &
	PROXY_PID=$!
	wait_for test -s "$TEST_DIR/lossy.port" || diag "the proxy did not start"
	# shellcheck disable=SC2034 # the tests use it
	PROXY=http://127.0.0.1:$(cat "$TEST_DIR/lossy.port")
}

lossy()
{
	: >"$TEST_DIR/lossy.log"
	printf '%s\n' "$@" >"$TEST_DIR/lossy.script"
}

# requests: how many requests the proxy saw since lossy.
requests()
{
	grep -acE '^(GET|POST|PUT|PATCH|DELETE|HEAD) /' "$TEST_DIR/lossy.log"
}

on_tty()
{
	tests/e2e/on_tty.py "$@"
}

# now: milliseconds.
now()
{
	echo $(($(date +%s%N) / 1000000))
}

# watch_in_background FILE ARGUMENT...: `chatctl ARGUMENT...` with its output in FILE; sets WATCH_PID.
watch_in_background()
{
	_file=$1
	shift
	"$BUILD/chatctl" "$@" >"$_file" 2>"$_file.err" </dev/null &
	WATCH_PID=$!
	WATCH_PIDS="$WATCH_PIDS $WATCH_PID"
}

# online NAME USER: NAME's context says that USER is online.
online()
{
	chatctl -c "$1" api GET "/users/$2" | grep -q '"online":true'
}

# lines FILE N: FILE has at least N lines.
lines()
{
	[ "$(wc -l <"$1")" -ge "$2" ]
}
