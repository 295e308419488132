#!/bin/sh
# Every exit code of chatctl, produced; every option of every command, named in a test; nothing asks, colours or pages off a terminal.
# shellcheck disable=SC2119,SC2317 # start_chatd takes flags, or none; functions are called by ok and wait_for
# shellcheck source=tests/e2e/ctl.sh
. tests/e2e/ctl.sh
start_chatd || exit 1
start_proxy
people bob
chatctl -q -c alice register alice --url "$PROXY" --password-file "$TEST_DIR/password"
CHAT_CONTEXT=alice
export CHAT_CONTEXT

# ---- exit codes: CODE, what the proxy does to the next connections, the command ----

while read -r code plan command; do
	# shellcheck disable=SC2046,SC2086 # words
	lossy $(printf %s "$plan" | tr , ' ')
	printf '{"to":"bob","body":"fine"}\nno json\n' >"$TEST_DIR/stdin"
	STDIN=$TEST_DIR/stdin
	# shellcheck disable=SC2086 # words
	run $command
	ends "exit $code: $command" "$code"
	produced="$produced $code "
done <<'END'
0 pass send bob x
0 pass ls
0 503,pass ls
1 pass read mAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
1 pass send nobody-of-that-name x
1 500 ls
2 pass ls --limit 0
2 pass frob
2 pass send Bob x
2 pass send bob x --id no/id
2 pass ls --json=nonesuch
2 pass -o xml ls
2 pass --timeout soon ls
3 pass ls -e
3 pass search -e nonesuch
3 pass contact ls -e
4 401 ls
4 403 ls
4 pass -c nobody --url http://127.0.0.1:9 ls
5 429,429 ls --retry 1
5 503 ls --retry 0
5 507 send bob x --retry 0
6 drop ls --retry 0
6 drop send bob x --retry 0
6 eat send bob x --retry 0
4 pass whoami --url http://127.0.0.1:1
7 pass send --batch
9 drop send bob waits --queue --retry 0
9 drop outbox flush --retry 0
0 pass outbox drop --all
124 hang ls --timeout 300ms
124 hang send bob x --timeout 300ms
124 pass watch --timeout 300ms
124 pass send bob unread --wait read --timeout 300ms
END
END_CODES=$(chatctl help exit | sed -nE 's/^ *([0-9]+)  .*/\1/p')
for code in $END_CODES; do
	case " $produced 130 " in
	*" $code "*) pass "exit $code of help exit is shown" ;;
	*) [ "$code" = 8 ] || case $code in 9?) ;; *) fail "exit $code of help exit is shown" ;; esac ;;
	esac
done
# A shell's background job has SIGINT ignored; python3 gives it back.
for command in 'watch' 'send bob -'; do
	# shellcheck disable=SC2086 # words
	python3 - "$BUILD/chatctl" $command >"$TEST_DIR/said" 2>&1 <<'END'
import os, signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
p = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
deadline = time.monotonic() + 10
while time.monotonic() < deadline:
    with open(f"/proc/{p.pid}/status") as f:
        caught = next(int(line.split()[1], 16) for line in f if line.startswith("SigCgt"))
    if caught & 1 << (signal.SIGINT - 1):
        break
    time.sleep(0.01)
p.send_signal(signal.SIGINT)
print(p.wait(10))
END
	is "exit 130: Ctrl-C on $command" "$(cat "$TEST_DIR/said")" 130
done

# ---- every option is in a test ----

# tested WORDS OPTION LETTER: a line of a test has a command of WORDS (a|b) with that option.
tested()
{
	grep -qhE -- "(^|[^a-z-])($1)[^a-z-](.*[^a-z-])?(--$2${3:+|-[a-z]*$3})([^a-z-]|\$)" tests/e2e/*.t
}
options()
{
	sed -nE 's/^ *(-([a-zA-Z]), )?--([a-z-]+).*/\3 \2/p'
}
verbs=$(chatctl help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
ok "there are commands" test "$(echo "$verbs" | wc -l)" -gt 20
for v in $verbs; do
	words=$v$(chatctl help "$v" | sed -n 's/^also:  chatctl /|/p')
	chatctl help "$v" | sed -n '/^Options:/,/^$/p' | options >"$TEST_DIR/options"
	missing=
	while read -r name letter; do
		case $name in
		admin | admin-token-file | yes) in='[a-z]+' ;; # one table, shared by the operators' commands
		*) in=$words ;;
		esac
		tested "$in" "$name" "$letter" || missing="$missing --$name"
	done <"$TEST_DIR/options"
	is "$v: every option is in a test" "$missing" ""
done
chatctl help options | options >"$TEST_DIR/options"
missing=
while read -r name letter; do
	tested 'run|chatctl' "$name" "$letter" || missing="$missing --$name"
done <"$TEST_DIR/options"
is "those of every command too" "$missing" ""
run register eve --url "$BASE" --password-file "$TEST_DIR/password" --cacert "$TEST_DIR/none" -c eve
ends "register --cacert: no such file" 2 'cacert'

# `bench plan` for 10 billion a day.
day='--daily 10B --bytes 200 --growth 2 --peak 3 --per-node 50000 -o json'
# shellcheck disable=SC2086 # words
{
	is "bench plan: partitions" "$(chatctl bench plan $day --per-partition 1000 | jq .partitions)" 714
	is "the headroom of a node" "$(chatctl bench plan $day --headroom 50 | jq .nodes)" 29
	is "copies" "$(chatctl bench plan $day --replication 5 | jq .kept_bytes)" 7300000000000000
	is "days" "$(chatctl bench plan $day --days 10 | jq .kept_bytes)" 120000000000000
}

printf 'nobody\n' >"$TEST_DIR/accounts"
run bench quick --rate 10 --pairs 2 -d 1s --url "$BASE" --accounts "$TEST_DIR/accounts"
ends "bench --accounts: that is none" 2 'lines "USER TOKEN" are needed'
for n in 1 2 3 4; do echo "user$n AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"; done >"$TEST_DIR/accounts"
elsewhere=http://192.0.2.1:9
run bench quick --rate 10 --pairs 2 -d 1s --url $elsewhere --accounts "$TEST_DIR/accounts" --timeout 2s
like "bench: a server elsewhere" "$ERR" 'is not this machine'
run bench quick --rate 10 --pairs 2 -d 1s --url $elsewhere --accounts "$TEST_DIR/accounts" --timeout 2s --i-own-this-server
ok "--i-own-this-server: it is tried" test "$(printf %s "$ERR" | grep -c 'is not this machine')" = 0

# ---- off a terminal: no question, no colour, no pager ----

chatctl send bob 'off a terminal' -q
lossy
for v in $verbs; do
	case $v in
	watch | shell | bench | top | events | logout) continue ;; # they do not end, or end the login
	esac
	TERM=xterm-256color PAGER='touch paged; cat' run "$v" --timeout 5s
	ok "$v: not one escape" test "$(cat "$TEST_DIR/out" "$TEST_DIR/err" | grep -c "$(printf '\033')")" = 0
	ok "$v: it does not hang" test "$STATUS" != 124
done
ok "no pager ran" test ! -e paged
for v in login register passwd; do
	run $v alice --no-input --url "$BASE"
	ends "$v --no-input asks nothing" 2
done
for v in help 'help send' 'ls --all' 'conv ls' whoami doctor; do
	# shellcheck disable=SC2086 # words
	for as in TERM=dumb NO_COLOR=1; do
		env "$as" tests/e2e/on_tty.py "$BUILD/chatctl" -c bob $v >"$TEST_DIR/tty"
		ok "$v with $as: no escape on a terminal either" test "$(grep -c "$(printf '\033')" "$TEST_DIR/tty")" = 0
	done
done

# A reader that has had enough ends it without a word.
for n in $(seq 300); do echo "line $n"; done | chatctl -q -c bob send alice --each-line
chatctl ls --all-pages 2>"$TEST_DIR/err" | head -1 >"$TEST_DIR/out"
is "ls | head: quiet" "$(wc -l <"$TEST_DIR/out") $(cat "$TEST_DIR/err")" '1 '
chatctl help --man 2>"$TEST_DIR/err" | head -1 >"$TEST_DIR/out"
is "help | head: quiet" "$(wc -l <"$TEST_DIR/out") $(cat "$TEST_DIR/err")" '1 '
done_testing
