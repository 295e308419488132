#!/bin/sh
# chatd as a process: its options, its data directory, its signals, its offline tools.
# shellcheck disable=SC2119,SC2317 # start_chatd takes flags, or none; functions are called by ok and wait_for
# shellcheck source=tests/e2e/lib.sh
. tests/e2e/lib.sh

# ends NAME STATUS REGEX ARGUMENT...: how chatd ends and what it says.
ends()
{
	_name=$1 _want=$2 _regex=$3
	shift 3
	_said=$(timeout 10 "$CHATD" "$@" 2>&1)
	_status=$?
	if [ "$_status" = "$_want" ]; then
		like "$_name" "$_said" "$_regex"
	else
		fail "$_name" "status $_status, wanted $_want: $_said"
	fi
}

ends "--version" 0 '^chatd [0-9]+\.[0-9]+' --version
ends "--help names its options" 0 '--ready-file' --help
ends "an unknown option: 2" 2 'nonsense' --nonsense
ends "a bad value: 2" 2 'login-rate' --data "$TEST_DIR/none" --login-rate x
ends "a value out of range: 2" 2 'threads' --data "$TEST_DIR/none" --threads 1000
ends "no --data: 2" 2 '--data' --listen 127.0.0.1:0
ends "a port that is none: an error" 1 '.' --data "$TEST_DIR/none" --listen 127.0.0.1:99999
ends "an address that is none: an error" 1 '.' --data "$TEST_DIR/none" --listen 300.0.0.1:0
printf 'colour = blue\n' >"$TEST_DIR/bad.conf"
ends "an unknown key in the file: 2" 2 'colour' --check-config --config "$TEST_DIR/bad.conf"
ends "a file that is not there: 2" 2 'missing.conf' --check-config --config "$TEST_DIR/missing.conf"
"$CHATD" --print-config --login-rate 77 >"$TEST_DIR/printed.conf"
ends "what --print-config prints is a config file" 0 '^$' --check-config --config "$TEST_DIR/printed.conf"
like "with what is in force" "$(cat "$TEST_DIR/printed.conf")" '^login-rate = 77$'

start_chatd || exit 1
is "the data directory is the owner's alone" "$(stat -c %a "$TEST_DIR/data")" 700
is "and every file in it" "$(find "$TEST_DIR/data" -type f ! -perm 600 ! -perm 400)" ""
like "the ready file has the base URL" "$(cat "$TEST_DIR/ready")" '^http://127\.0\.0\.1:[0-9]+$'
ends "a second chatd on the same data refuses" 1 'another chatd' --data "$TEST_DIR/data" --listen 127.0.0.1:0
ends "a second chatd on the same port refuses" 1 '.' --data "$TEST_DIR/other" --listen "127.0.0.1:${BASE##*:}"
ada=$(new_user ada)
bob=$(new_user bob)
secret="s3cret-body-$$"
for n in 1 2 3; do
	call POST /messages "$ada" "{\"to\":\"bob\",\"body\":\"$secret $n\"}" >/dev/null
done
call POST /sessions - '{"user":"ada","password":"not-her-password"}' >/dev/null
is "the log has no password, token or body" "$(grep -cE "$PASSWORD|not-her-password|$ada|$bob|$secret" "$TEST_DIR/chatd.log")" 0
is "the accounts have no password or token in plain text" \
	"$(cat "$TEST_DIR"/data/accounts* | grep -acE "$PASSWORD|$ada|$bob")" 0
is "a log line is time, level, event, key=value" "$(grep -cvE '^[0-9TZ:.-]{24} (debug|info|warn|error) [a-z-]+( [a-z_-]+=("[^"]*"|[^ ]*))*$' "$TEST_DIR/chatd.log")" 0
like "core dumps are off" "$(grep 'core file size' "/proc/$CHATD_PID/limits")" 'core file size +0 +0'
like "no new privileges" "$(cat "/proc/$CHATD_PID/status")" 'NoNewPrivs:[[:space:]]*1'

kill -USR1 "$CHATD_PID"
ok "SIGUSR1 logs what it holds" wait_for grep -q dump "$TEST_DIR/chatd.log"
is "and it serves" "$(status /healthz)" 200
ok "SIGTERM: it ends with 0" stop_chatd
ends "journal verify finds nothing wrong" 0 '.' journal verify "$TEST_DIR/data/journal"
dumped=$("$CHATD" journal dump "$TEST_DIR/data/journal")
is "journal dump keeps bodies to itself" "$(echo "$dumped" | grep -c "$secret")" 0
is "unless it is told to" "$("$CHATD" journal dump --bodies "$TEST_DIR/data/journal" | grep -c "$secret")" 3
segment=$(find "$TEST_DIR/data/journal" -type f -size +0 -printf '%s %p\n' | sort -n | tail -1 | cut -d' ' -f2)
start_chatd || exit 1
is "three messages are there" "$(http_as "$bob" /messages | grep -o "$secret" | wc -l)" 3
kill_chatd

# A torn tail, as a power cut leaves it: cut off, and the rest is good.
printf 'torn' >>"$segment"
start_chatd || exit 1
is "a torn tail costs nothing that was acked" "$(http_as "$bob" /messages | grep -o "$secret" | wc -l)" 3
like "and it takes messages" "$(call POST /messages "$ada" '{"to":"bob","body":"after"}')" '^200 '
ok "it ends with 0" stop_chatd
done_testing
