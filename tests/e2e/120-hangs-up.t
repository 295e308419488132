#!/bin/sh
# Registration and log level change by SIGHUP, from the file; a bad file changes nothing.
# shellcheck disable=SC2119,SC2317 # start_chatd takes flags, or none; functions are called by ok and wait_for
# shellcheck source=tests/e2e/lib.sh
. tests/e2e/lib.sh

configure()
{
	printf 'login-rate = 100000\nargon-memory = 8192\n' >"$TEST_DIR/chatd.conf"
	[ $# -eq 0 ] || printf '%s\n' "$@" >>"$TEST_DIR/chatd.conf"
}

registration()
{
	http / | grep -q "\"registration\":\"$1\""
}

# Like start_chatd, with registration left to the file.
start_by_file()
{
	rm -f "$TEST_DIR/ready"
	"$CHATD" --data "$TEST_DIR/data" --listen 127.0.0.1:0 --ready-file "$TEST_DIR/ready" --config "$TEST_DIR/chatd.conf" >>"$TEST_DIR/chatd.log" 2>&1 &
	CHATD_PID=$!
	wait_for -t 60 test -s "$TEST_DIR/ready" && BASE=$(cat "$TEST_DIR/ready")
}

configure
start_by_file || exit 1
ok "on loopback registration is open" registration open
ada=$(new_user ada)
ok "so there is a user" test -n "$ada"
configure 'registration = closed'
kill -HUP "$CHATD_PID"
ok "closed by SIGHUP" wait_for registration closed
like "and it is meant" "$(call POST /users - '{"user":"bob","password":"correct horse battery"}')" '^403 .*"code":"registration-closed"'
is "who is there stays" "$(status /healthz)" 200
like "logged in as before" "$(call GET /sessions "$ada")" '^200 '
configure 'registration = perhaps'
kill -HUP "$CHATD_PID"
ok "a bad file is refused, and logged" wait_for grep -q reload-refused "$TEST_DIR/chatd.log"
ok "and changes nothing" registration closed
ok "chatd ends with 0" stop_chatd
done_testing
