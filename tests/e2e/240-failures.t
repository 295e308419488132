#!/bin/sh
# chatctl when the network, the server or the time fails: what is tried again, what is said, how it ends.
# shellcheck disable=SC2119,SC2317 # start_chatd takes flags, or none; functions are called by ok and wait_for
# shellcheck source=tests/e2e/ctl.sh
. tests/e2e/ctl.sh
start_chatd || exit 1
people alice bob
start_proxy
sed "s|^url = .*|url = $PROXY|" "$CHAT_CONFIG_DIR/contexts/alice" >"$CHAT_CONFIG_DIR/contexts/lossy"
export CHAT_CONTEXT=lossy

# again: runs the command that the last run printed on stderr.
again()
{
	printf '%s\n' "$ERR" | sed -n 's/^  chatctl /run /p' >"$TEST_DIR/again"
	ok "$1 can be run as it is" test -s "$TEST_DIR/again"
	# shellcheck disable=SC1091
	. "$TEST_DIR/again"
	ends "and $1 sends it" 0
}
# once NAME TEXT: bob has it once.
once()
{
	is "$1" "$(unread bob)" "$2"
	chatctl -q -c bob mark --all
}

lossy eat eat
run send bob 'lost answers'
ends "two answers lost, then one came" 0
is "three requests" "$(requests)" 3
once "one message" 'lost answers'
lossy drop
run send bob 'lost request'
ends "a lost request" 0
once "is sent again" 'lost request'
lossy 503 429 503
run send bob 'patience'
ends "503 and 429 are tried again" 0
once "until it is taken" 'patience'
lossy 503 503 503 503 503
run send bob 'no patience'
ends "three times by default" 5 '503'
is "which makes four requests" "$(requests)" 4
lossy 429 429
run send bob x --retry 1
ends "--retry 1" 5 '429'
lossy 507
run send bob x --retry 0
ends "no space: 5" 5 '507'
lossy 500
run send bob x
ends "500 is not tried again" 1
is "for it is an answer" "$(requests)" 1
lossy 404
run ls
ends "404: 1" 1
lossy 401
run ls
ends "401: 4" 4
lossy 503 eat
run ls
ends "list is tried again" 0

lossy eat eat
run --retry 1 send bob "it's unclear"
ends "no answer at all: 6, and the command to run again" 6 'send --id [A-Za-z0-9_-]{22} bob'
again "which"
once "once" "it's unclear"
lossy eat
run --retry 0 send --id mine-1 bob -- '--like an option'
ends "with an id of one's own" 6 'send --id mine-1 bob'
again "likewise"
once "once" '--like an option'
printf 'in a file\n' >"$TEST_DIR/a file"
lossy eat
run --retry 0 -c lossy send bob -f "$TEST_DIR/a file"
ends "from a file" 6 "a file"
unset CHAT_CONTEXT
again "the context stands there"
once "once" 'in a file'
export CHAT_CONTEXT=lossy
lossy eat
feed 'a line\n'
run --retry 0 send bob --each-line
ends "of --each-line" 6
again "its line"
once "once" 'a line'
sed -n 's/^token = //p' "$CHAT_CONFIG_DIR/contexts/alice" >"$TEST_DIR/token"
export CHAT_TOKEN_FILE="$TEST_DIR/token"
unset CHAT_CONTEXT
lossy eat
run --retry 0 -q --url "$PROXY" send bob 'by url'
ends "with --url" 6 'url'
again "which"
unset CHAT_TOKEN_FILE
export CHAT_CONTEXT=lossy
once "once" 'by url'

lossy hang
began=$(now)
run --timeout 500ms send bob 'hanging'
ends "a server that hangs: 124, and the command to run again" 124 'send --id'
took=$(($(now) - began))
ok "in time ($took ms)" test "$took" -ge 500 -a "$took" -lt 3000
again "which"
once "once" 'hanging'
lossy hang hang hang hang
feed 'mAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\nmAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\nmAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n'
began=$(now)
run --timeout 500ms mark -
took=$(($(now) - began))
ends "the time is for the whole command, of several calls too" 124
ok "in time ($took ms)" test "$took" -lt 3000
export CHAT_TIMEOUT=300ms
lossy hang
run ls
ends "CHAT_TIMEOUT" 124
lossy hang
run watch --count 1
ends "watch, before it is connected" 124
unset CHAT_TIMEOUT

# The account was made, the answer was lost.
lossy eat
run -c carol register carol --url "$PROXY" --password-file "$TEST_DIR/password"
ends "register whose answer was lost logs in" 0
run -c carol whoami --json=user
is "and is there" "$OUT" '{"user":"carol"}'
lossy pass eat
run -c dave register dave --url "$PROXY" --password-file "$TEST_DIR/password"
ends "the login after it lost its answer" 0
lossy eat
run -c carol logout
ends "logout whose answer was lost" 0
run -c carol whoami
ends "is out" 4 'not logged in'

kill -9 "$PROXY_PID"
wait "$PROXY_PID" 2>/dev/null
run --retry 1 send bob x
ends "nobody listens: 6" 6 'send --id'
run --retry 1 watch --timeout 30s
ends "a watch that never got through: 6" 6 'trying again'
run --url http://name.invalid api GET / --retry 0
ends "no such host: 6" 6
done_testing
