# shellcheck shell=sh
# What the end-to-end tests share: TAP, a chatd of their own, users, waiting. Sourced by a test that runs in the root of the tree:
#
#	. tests/e2e/lib.sh
#	start_chatd                  # BASE, CHATD_PID; more flags may follow
#	ada=$(new_user ada)          # her token
#	is "a message is taken" "$(status -H "Authorization: Bearer $ada" ...)" 200
#	done_testing
#
# Everything lives in TEST_DIR and ends with the test. BUILD names the build directory, V=1 keeps TEST_DIR and says where it is.
BUILD=${BUILD:-build}
CHATD=${CHATD:-$BUILD/chatd}
PASSWORD='correct horse battery'
TEST_DIR=$(mktemp -d "${TMPDIR:-/tmp}/chat-test.XXXXXX")
CHATD_PID=
BASE=
TESTS=0
FAILED=0

cleanup()
{
	[ -z "$CHATD_PID" ] || kill -9 "$CHATD_PID" 2>/dev/null
	CHATD_PID=
	if [ -n "${V-}" ] && [ "$FAILED" != 0 ]; then
		echo "# kept: $TEST_DIR" >&2
	else
		rm -rf "$TEST_DIR"
	fi
}
trap cleanup EXIT
trap 'exit 130' INT TERM

diag()
{
	printf '%s\n' "$*" | sed 's/^/# /' >&2
}

pass()
{
	TESTS=$((TESTS + 1))
	echo "ok $TESTS - $1"
}

# fail NAME [WHY]
fail()
{
	TESTS=$((TESTS + 1))
	FAILED=$((FAILED + 1))
	echo "not ok $TESTS - $1"
	[ $# -lt 2 ] || diag "$2"
}

# ok NAME COMMAND...: passes when the command, which runs in this shell, ends with 0.
ok()
{
	_name=$1
	shift
	if "$@" >"$TEST_DIR/said" 2>&1; then
		pass "$_name"
	else
		fail "$_name" "$(cat "$TEST_DIR/said")"
	fi
}

# is NAME GOT WANTED
is()
{
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1" "got '$2', wanted '$3'"
	fi
}

# like NAME GOT REGEX (extended)
like()
{
	if printf '%s\n' "$2" | grep -Eq -- "$3"; then
		pass "$1"
	else
		fail "$1" "got '$2', wanted something like '$3'"
	fi
}

skip_all()
{
	echo "1..0 # SKIP $1"
	exit 0
}

# No test passes whose chatd ends badly or with a sanitizer's report.
done_testing()
{
	[ -z "$CHATD_PID" ] || ok "chatd ends with 0" stop_chatd
	_bad=$(grep -aE 'ERROR: [A-Za-z]+Sanitizer|WARNING: ThreadSanitizer|runtime error:' "$TEST_DIR/chatd.log" 2>/dev/null)
	[ -z "$_bad" ] || fail "no sanitizer complains" "$(cat "$TEST_DIR/chatd.log")"
	echo "1..$TESTS"
	[ "$FAILED" = 0 ]
	exit
}

# wait_for [-t SECONDS] COMMAND...: polls until the command ends with 0; 1 when it does not within the time (20 s).
wait_for()
{
	_limit=20
	if [ "$1" = -t ]; then
		_limit=$2
		shift 2
	fi
	_deadline=$(($(date +%s) + _limit))
	while ! "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -le "$_deadline" ] || return 1
		sleep 0.05
	done
}

# A zombie that nobody has waited for yet is gone too.
gone()
{
	! kill -0 "$1" 2>/dev/null || grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null
}

_ready_or_gone()
{
	[ -s "$TEST_DIR/ready" ] || gone "$CHATD_PID"
}

# start_chatd [FLAG...]: on TEST_DIR/data, a port of its own and limits that do not slow tests down. Sets BASE and CHATD_PID.
start_chatd()
{
	rm -f "$TEST_DIR/ready"
	[ -e "$TEST_DIR/chatd.conf" ] || printf 'login-rate = 100000\nargon-memory = 8192\n' >"$TEST_DIR/chatd.conf"
	"$CHATD" --data "$TEST_DIR/data" --listen 127.0.0.1:0 --ready-file "$TEST_DIR/ready" --registration open \
		--config "$TEST_DIR/chatd.conf" "$@" >>"$TEST_DIR/chatd.log" 2>&1 &
	CHATD_PID=$!
	wait_for -t 60 _ready_or_gone
	if ! [ -s "$TEST_DIR/ready" ]; then
		diag "chatd did not start:" "$(cat "$TEST_DIR/chatd.log")"
		return 1
	fi
	BASE=$(sed -n '1s|^\(.*[^0-9]\)\{0,1\}\([0-9][0-9]*\)/\{0,1\}$|http://127.0.0.1:\2|p' "$TEST_DIR/ready")
}

# stop_chatd: SIGTERM; the status is chatd's own.
stop_chatd()
{
	_pid=$CHATD_PID
	kill -TERM "$_pid"
	if ! wait_for -t 20 gone "$_pid"; then
		diag "chatd did not end within 20 s"
		kill -9 "$_pid"
	fi
	CHATD_PID=
	wait "$_pid"
}

# kill_chatd: no chance to say goodbye.
kill_chatd()
{
	kill -9 "$CHATD_PID"
	wait "$CHATD_PID" 2>/dev/null
	CHATD_PID=
}

# http PATH [CURL-ARGUMENT...]: the body.
http()
{
	_path=$1
	shift
	curl -s --noproxy '*' --max-time 30 "$@" "$BASE$_path"
}

# status PATH [CURL-ARGUMENT...]: the status code alone.
status()
{
	http "$@" -o /dev/null -w '%{http_code}'
}

# http_as TOKEN PATH [CURL-ARGUMENT...]; the token goes by a file, so that no process list shows it.
http_as()
{
	printf 'header = "Authorization: Bearer %s"\n' "$1" >"$TEST_DIR/curl.$$"
	shift
	http "$@" -K "$TEST_DIR/curl.$$"
}

# call METHOD PATH TOKEN [BODY]: prints the status, a space, and the body. TOKEN - is none.
call()
{
	_method=$1 _path=$2 _token=$3
	shift 3
	[ $# -eq 0 ] || set -- -H 'Content-Type: application/json' --data-binary "$1"
	: >"$TEST_DIR/body"
	if [ "$_token" = - ]; then
		_code=$(http "$_path" -X "$_method" "$@" -o "$TEST_DIR/body" -w '%{http_code}')
	else
		_code=$(http_as "$_token" "$_path" -X "$_method" "$@" -o "$TEST_DIR/body" -w '%{http_code}')
	fi
	printf '%s %s\n' "$_code" "$(cat "$TEST_DIR/body")"
}

# new_session NAME [PASSWORD]: prints a token.
new_session()
{
	http /sessions -H 'Content-Type: application/json' \
		-d "{\"user\":\"$1\",\"password\":\"${2:-$PASSWORD}\"}" | sed -n 's/.*"token":"\([^"]*\)".*/\1/p'
}

# new_user NAME: registers it with PASSWORD and prints a token.
new_user()
{
	http /users -o /dev/null -H 'Content-Type: application/json' -d "{\"user\":\"$1\",\"password\":\"$PASSWORD\"}"
	new_session "$1"
}
