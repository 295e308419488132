#!/bin/sh
# chatctl doctor: each thing that can be wrong is found, and the command that it names mends it.
# shellcheck disable=SC2119,SC2317 # start_chatd takes flags, or none; functions are called by ok and wait_for
# shellcheck source=tests/e2e/ctl.sh
. tests/e2e/ctl.sh
start_chatd || exit 1
people alice bob
CHAT_CONTEXT=alice LC_ALL=C.UTF-8 TERM=xterm
export CHAT_CONTEXT LC_ALL TERM
PATH=$(cd "$BUILD" && pwd):$PATH
export PATH

# finding CHECK: its state and what mends it, of the last run with -o json.
finding()
{
	printf %s "$OUT" | jq -r --arg check "$1" '.[] | select(.check == $check) | .state + ": " + .mend' | head -1
}
message()
{
	printf %s "$OUT" | jq -r --arg check "$1" '.[] | select(.check == $check) | .message' | head -1
}
# mend CHECK: runs the command that was named, without what stands in brackets behind it.
mend()
{
	sh -c "$(finding "$1" | sed 's/^[a-z]*: //; s/   .*//')"
}

run doctor
ends "all is well" 0
is "every line begins with how it is" "$(printf '%s\n' "$OUT" | grep -Evc '^ok    [a-z]+ ')" 0
for check in config context secrecy server version ready clock login websocket database disk terminal; do
	like "it looks at $check" "$OUT" "^ok    $check "
done
run doctor -o json
is "json: the same" "$(printf %s "$OUT" | jq -r '[.[].state] | unique | join(",")')" ok
is "csv: with a header" "$(chatctl doctor -o csv | head -1)" 'check,state,message,mend'
is "it sends nothing" "$(chatctl ls -e; echo $?)" 3

chmod 755 "$CHAT_CONFIG_DIR"
run doctor -o json
ends "a folder that others can look into" 0
like "is a warning" "$(finding config)" '^warn: chmod 700 '
mend config
run doctor -o json
like "mended" "$(finding config)" '^ok'

chmod 644 "$CHAT_CONFIG_DIR/contexts/alice"
run doctor -o json
ends "a context that others can read" 1
like "fails" "$(finding context)" '^fail: chmod 600 '
mend context
run doctor -o json
ends "mended" 0

run doctor -o json -c nobody
ends "no such context" 1
like "says how to make it" "$(finding context)" 'chatctl -c nobody login'
run doctor -o json --url http://chat.example:8080
ends "plain http over the network" 1
like "is refused" "$(finding secrecy)" '^fail: .*https'
is "and nobody asked" "$(finding server)" ""
run doctor -o json --url https://no-such-host.invalid --timeout 20s
like "no such host" "$(finding name)" '^fail: getent hosts no-such-host.invalid'
run doctor -o json --url http://127.0.0.1:1
ends "nobody there" 1
like "what to try" "$(finding server)" '^fail: curl -v http://127.0.0.1:1/healthz'
run doctor -o json --url "$BASE"
ends "the same server by its address" 0
mkdir "$TEST_DIR/www"
echo '{"name":"other"}' >"$TEST_DIR/www/index.html"
python3 -u -m http.server 0 --bind 127.0.0.1 --directory "$TEST_DIR/www" >"$TEST_DIR/www.log" 2>&1 &
PROXY_PID=$!
wait_for grep -q 'port [1-9]' "$TEST_DIR/www.log"
run doctor -o json --url "http://127.0.0.1:$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$TEST_DIR/www.log" | head -1)"
ends "another server" 1
like "is no chatd" "$(message server)" 'is no chatd'
kill "$PROXY_PID"
wait "$PROXY_PID" 2>/dev/null

# A clock that is an hour wrong, and a version that is another: a server that says so.
cat >"$TEST_DIR/odd.py" <<'END'
import http.server
import sys


class Odd(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response_only(200)
        self.send_header("Date", "Thu, 01 Jan 2026 00:00:00 GMT")
        body = b'{"name":"chatd","version":"99.0","api_version":%s}' % sys.argv[2].encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = http.server.HTTPServer(("127.0.0.1", 0), Odd)
with open(sys.argv[1], "w") as f:
    f.write(str(server.server_port))
server.serve_forever()
END
for api in 1 2; do
	rm -f "$TEST_DIR/odd.port"
	python3 "$TEST_DIR/odd.py" "$TEST_DIR/odd.port" $api 2>/dev/null &
	PROXY_PID=$!
	wait_for test -s "$TEST_DIR/odd.port"
	run doctor -o json --url "http://127.0.0.1:$(cat "$TEST_DIR/odd.port")"
	if [ $api = 1 ]; then
		like "another version" "$(finding version)" '^warn: install the same version'
		like "another time" "$(finding clock)" '^warn: timedatectl set-ntp true'
		like "says by how much" "$(message clock)" "ahead of the server's"
	else
		like "another interface" "$(message server)" 'version 2 of the interface'
	fi
	kill "$PROXY_PID"
	wait "$PROXY_PID" 2>/dev/null
done
PROXY_PID=

chatctl -c spare login alice --url "$BASE" --password-file "$TEST_DIR/password" -q
chatctl device revoke -- "$(chatctl context show spare --json=device | jq -r .device)"
run doctor -o json -c spare
ends "a login that has ended" 1
like "how to log in" "$(finding login)" '^fail: chatctl -c spare login alice'
like "the socket says so too" "$(finding websocket)" '^fail: chatctl -c spare login alice'
chatctl logout -q -c spare
run doctor -o json -c spare
like "no login" "$(message login)" 'not logged in'

kill -STOP "$CHATD_PID"
chatctl -q send bob 'waits' --queue --timeout 500ms 2>/dev/null
kill -CONT "$CHATD_PID"
run doctor -o json
ends "a message waits" 0
like "what sends it" "$(finding outbox)" '^warn: chatctl -c alice outbox flush'
mend outbox >"$TEST_DIR/said" 2>&1
run doctor -o json
like "mended" "$(finding outbox)" '^ok'
run send nobody-here 'refused' --queue
run doctor -o json
like "a message that was refused" "$(finding outbox)" '^warn: chatctl -c alice outbox ls '
like "says why" "$(message outbox)" 'unknown-recipient'
chatctl -q outbox drop --failed

watch_in_background "$TEST_DIR/watched" watch --durable bot
wait_for online bob alice
run doctor -o json
like "a watch that runs" "$(message watch)" '^bot: running'
kill "$WATCH_PID"
wait "$WATCH_PID" 2>/dev/null
run doctor -o json
like "that runs no more" "$(message watch)" '^bot: not running now'
db=$CHAT_CONFIG_DIR/state/alice.db
chatctl outbox ls >/dev/null
python3 - "$db" <<'END'
import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
c.execute("PRAGMA wal_checkpoint(TRUNCATE)")
c.close()
END
printf 'this is no database, and it was one before' | dd of="$db" conv=notrunc bs=1 seek=0 2>/dev/null
run doctor -o json
ends "a database that is broken" 1
like "is put aside" "$(finding database)" "^fail: mv $db $db.broken"
mend database
rm -f "$db"-*
run doctor -o json
ends "mended" 0

LC_ALL=C run doctor -o json
like "no UTF-8" "$(finding terminal)" '^warn: export LC_ALL=C.UTF-8'
stop_chatd
printf 'login-rate = 100000\nargon-memory = 8192\n' >"$TEST_DIR/chatd.conf"
run doctor -o json
ends "the server is down" 1
like "looks at the rest all the same" "$(finding disk)" '^(ok|warn)'
done_testing
