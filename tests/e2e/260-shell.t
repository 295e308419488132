#!/bin/sh
# The lines that a shell user must be able to write, as they stand; and the options that no other test shows.
# shellcheck disable=SC2119,SC2162,SC2317 # start_chatd takes flags, or none; read is a verb here; functions are called by ok and wait_for
# shellcheck source=tests/e2e/ctl.sh
. tests/e2e/ctl.sh
start_chatd || exit 1
people bob boss oncall
run -c alice register alice --url "$BASE" --password-file "$TEST_DIR/password" --device-name 'build host'
ends "register --device-name" 0
like "names the login" "$(chatctl -c alice api GET /sessions | jq -r '.[].device_name')" '^build host$'
run -c alice2 login alice --url "$BASE" --password-file "$TEST_DIR/password" --device-name second
ends "login --device-name" 0
is "names it too" "$(chatctl -c alice2 api GET /sessions | jq -r '.[] | select(.current) | .device_name')" second
chatctl context use alice
PATH=$(cd "$BUILD" && pwd):$PATH
export PATH
unset -f chatctl

# as USER COMMAND: a line of shell with chatctl as that user.
as()
{
	CHAT_CONTEXT=$1 sh -c "$2"
}

mkdir "$TEST_DIR/project"
printf 'all:\n\t@seq 1 30\n\t@echo broken >&2; false\n' >"$TEST_DIR/project/Makefile"
as alice "make -C '$TEST_DIR/project' 2>&1 | tail -20 | chatctl send bob -"
is "make | tail | send" "$?" 0
like "is one message of twenty lines" "$(as bob 'chatctl ls -o json' | jq -c '[length, (.[0].body | split("\n") | length)]')" '^\[1,20\]$'
as bob 'chatctl -q mark --all'

CI_JOB_ID=77
export CI_JOB_ID
for _ in 1 2; do
	id=$(chatctl send bob 'done' --id "job-$CI_JOB_ID" --json=id | jq -r .id)
	ids="$ids $id"
done
is "the same job says the same id" "$(echo "$ids" | tr ' ' '\n' | sort -u | grep -c .)" 1
is "and is one message" "$(as bob 'chatctl ls -o jsonl' | jq -r .id)" "$id"
as bob 'chatctl -q mark --all'

mkfifo "$TEST_DIR/log"
as alice "grep --line-buffered FATAL <'$TEST_DIR/log' | chatctl send oncall --each-line" &
pid=$!
WATCH_PIDS=$pid
exec 3>"$TEST_DIR/log"
printf 'INFO fine\nFATAL disk\nINFO fine\n' >&3
told()
{
	[ "$(as oncall 'chatctl ls --format %b')" = "$1" ]
}
ok "grep | send --each-line: a line of a log comes while the log goes on" wait_for told 'FATAL disk'
exec 3>&-
wait "$pid"
is "and ends with it" $? 0

as bob 'chatctl ls -e --with boss -o tsv || exit 0; echo work'
is "ls -e || exit 0" "$(as bob 'chatctl ls -e --with boss -o tsv || exit 0; echo work')" ""
as boss "chatctl send bob 'the report, please'"
like "and when there is something" "$(as bob 'chatctl ls -e --with boss -o tsv || exit 0; echo work' | tr '\n' ' ')" 'the report, please.*work'
as bob 'chatctl -q mark --all'

chatctl send alice 'to myself'
for text in 'ack 1' 'no' 'ack 2'; do as bob "chatctl send alice '$text'"; done
chatctl ls --with bob -o jsonl | jq -r 'select(.body|test("ack")).id' | chatctl mark -
is "ls | jq | mark" "$?" 0
is "marks what was chosen" "$(chatctl ls --format %b)" 'to myself
no'

alice_online()
{
	as bob 'chatctl api GET /users/alice' | grep -q '"online":true'
}
(
	reply=$(chatctl watch --with bob --count 1 --timeout 60s --format '%b')
	printf '%s' "$reply" >"$TEST_DIR/reply"
) &
pid=$!
wait_for alice_online
as bob "chatctl send alice 'yes, go'"
wait "$pid"
is "reply=\$(watch)" "$(cat "$TEST_DIR/reply")" 'yes, go'
is "a reply that does not come" "$(chatctl watch --with bob --count 1 --timeout 200ms --format '%b' || echo "exit $?")" 'exit 124'

# ---- options ----

is "ls --unread is ls" "$(chatctl ls --unread)" "$(chatctl ls)"
is "--no-color changes nothing, there is none" "$(chatctl ls --no-color)" "$(NO_COLOR=1 chatctl ls)"
run ls --limit 1
like "a remark on stderr" "$ERR" 'there are more'
run ls --limit 1 -q
is "--quiet: none" "$ERR" ""
run ls --limit 1 --quiet
is "in full" "$ERR" ""
CHAT_DEBUG=1 run ls
like "CHAT_DEBUG is --verbose" "$ERR" '> GET '
TZ=XXX-5 run ls --utc --format '%T{%H:%M}'
utc=$OUT
is "--utc" "$(TZ=UTC chatctl ls --format '%T{%H:%M}')" "$utc"
run ls --since 1h --limit 1
is "--since with --limit: that many" "$(printf '%s\n' "$OUT" | wc -l)" 1
like "and says that there are more" "$ERR" 'more'
run ls --since 1h --limit 1 --all-pages
is "all of them with --all-pages" "$(printf '%s\n' "$OUT" | wc -l)" 3
run mark -n --all
is "mark -n says what it would" "$(printf '%s\n' "$OUT" | grep -c '^would mark m')" 3
run mark --all --with bob
ends "mark --all --with" 0 '2 marked'
is "marks theirs alone" "$(chatctl ls --format %b)" 'to myself'
run read --mark "$(chatctl ls --format %i)"
ends "read --mark" 0
is "shows it" "$OUT" 'to myself'
run ls -e
ends "and marks it" 3
run help --man
like "help --man" "$OUT" '^\.Ss chatctl send'
run login alice --url "$BASE" --password-file "$TEST_DIR/password" --cacert "$TEST_DIR/none.pem" -c ca
ends "--cacert: no such file" 2 'cacert'
touch "$TEST_DIR/ca.pem"
(cd "$TEST_DIR" && PATH=$PATH chatctl -q login alice --url "$BASE" --password-file password --cacert ca.pem -c ca)
is "--cacert is kept, for other folders too" "$(sed -n 's/^cacert = //p' "$CHAT_CONFIG_DIR/contexts/ca")" "$TEST_DIR/ca.pem"
run --url 'ftp://x' api GET /
ends "a URL of another kind" 2 '--url'
run --url "$BASE/" whoami
ends "a slash behind the URL is no other server" 0
printf 'no token at all!\n' >"$TEST_DIR/token"
CHAT_TOKEN_FILE=$TEST_DIR/token run ls
ends "CHAT_TOKEN_FILE without a token in it" 2 'does not hold'
sed -n 's/^token = //p' "$CHAT_CONFIG_DIR/contexts/bob" >"$TEST_DIR/token"
CHAT_TOKEN_FILE=$TEST_DIR/token run whoami --json=user
is "a token alone knows whose it is" "$OUT" '{"user":"bob"}'
CHAT_TOKEN_FILE=$TEST_DIR/token run logout
ends "logging out that token" 0
run whoami
ends "is not logging out the context" 0
run send bob "$(printf 'caf\351')"
ends "text that is not UTF-8" 2 'UTF-8'
run send bob - --each-line --id "$(printf '%064d' 0)"
ends "--each-line needs room behind --id" 2 'at most 53'
mkfifo "$TEST_DIR/never"
began=$(now)
exec 4<>"$TEST_DIR/never"
STDIN=$TEST_DIR/never run --timeout 300ms send bob -
ends "--timeout bounds waiting for stdin too" 124
exec 4<&-
ok "in time" test $(($(now) - began)) -lt 5000
chatctl context use bob
chatctl context rm bob
is "the context in use is gone: default is" "$(chatctl context ls -o tsv | grep -c '^\*')" 0
for v in send list read mark watch register login logout whoami context api error completion help; do
	run help "$v"
	ends "help $v" 0
done
printf 'login-rate = 100000\nargon-memory = 8192\n' >"$TEST_DIR/chatd.conf"
stop_chatd
start_chatd --registration invite || exit 1
run -c eve register eve --url "$BASE" --password-file "$TEST_DIR/password" --invite not-one
ends "register --invite: a bad one" 4 'invite-required'
done_testing
