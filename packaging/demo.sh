#!/bin/sh
# packaging/demo.sh BUILD: two people exchange a message. Starts chatd on a free port of the loopback with a data directory of its own under BUILD,
# shows each command and what it says, checks that it is what it should be, and ends the server. 0 only when all went as told.
set -eu
build=${1:-build}
dir=$(mktemp -d "$build/demo.XXXXXX")
chatd=

cleanup()
{
	if [ -n "$chatd" ]; then
		kill "$chatd" 2>/dev/null || true
		wait "$chatd" 2>/dev/null || true
	fi
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

fail()
{
	echo "demo: $*" >&2
	echo "demo: the server's log:" >&2
	cat "$dir/chatd.log" >&2
	exit 1
}

note()
{
	printf '\n# %s\n' "$*"
}

# run COMMAND...: shows the command, then what it says; what it said is also in $said, how it ended in $status.
run()
{
	shown=
	for word in "$@"; do
		case $word in
		*[!A-Za-z0-9_./:=,@%+-]* | '') shown="$shown '$word'" ;;
		*) shown="$shown $word" ;;
		esac
	done
	echo "\$$shown"
	status=0
	said=$("$@" 2>&1) || status=$?
	[ -z "$said" ] || printf '%s\n' "$said"
}

expect()
{
	run "$@"
	[ "$status" = 0 ] || fail "the command above ended with $status"
}

chatctl=$build/chatctl
export CHAT_CONFIG_DIR="$dir/config"
umask 077
echo 'correct horse battery' >"$dir/password"

note "A server on a free port. It takes registrations, because it is on loopback."
echo "\$ $build/chatd --data $dir/data --listen 127.0.0.1:0 --ready-file $dir/url &"
"$build/chatd" --data "$dir/data" --listen 127.0.0.1:0 --ready-file "$dir/url" 2>"$dir/chatd.log" &
chatd=$!
tries=0
while [ ! -s "$dir/url" ]; do
	kill -0 "$chatd" 2>/dev/null || fail "chatd did not start"
	tries=$((tries + 1))
	[ "$tries" -le 600 ] || fail "chatd was not ready within 30 s"
	sleep 0.05
done
url=$(cat "$dir/url")
echo "$url"

note "Two people. Each is logged in, and the login is kept under a name (-c)."
expect "$chatctl" -c alice register alice --url "$url" --password-file "$dir/password"
expect "$chatctl" -c bob register bob --url "$url" --password-file "$dir/password"

note "Alice sends. The answer means that the message is on the disk."
expect "$chatctl" -c alice send bob 'are we still on for 5?' -o json
id=$(printf '%s' "$said" | sed -n 's/.*"id":"\([A-Za-z0-9_-]*\)".*/\1/p' | head -n 1)
[ -n "$id" ] || fail "there is no id in the answer"

note "Bob's unread messages."
expect "$chatctl" -c bob list
case $said in
*'are we still on for 5?'*) ;;
*) fail "the message is not in bob's list" ;;
esac

note "He reads it, which marks nothing by itself, and then marks it as read."
expect "$chatctl" -c bob read "$id"
expect "$chatctl" -c bob mark "$id"

note "Now his list is empty: the server says 204, and with -e chatctl ends with 3."
run "$chatctl" -c bob list -e
[ "$status" = 3 ] || fail "list -e ended with $status, not with 3"
echo "(exit status $status)"

note "And alice sees that it was read."
expect "$chatctl" -c alice read "$id" -o json
case $said in
*'"read_at":"'*) ;;
*) fail "the message has no read_at" ;;
esac

note "SIGTERM ends the server: it answers what it has read, and then it is gone."
kill "$chatd"
status=0
wait "$chatd" || status=$?
chatd=
[ "$status" = 0 ] || fail "chatd ended with $status"
echo "(exit status 0)"

cat <<END

To go on by hand:

    $build/chatd --data /tmp/chat --listen 127.0.0.1:8080 &
    umask 077; echo 'correct horse battery' >/tmp/password
    $build/chatctl -c alice register alice --url http://127.0.0.1:8080 --password-file /tmp/password
    $build/chatctl -c bob register bob --url http://127.0.0.1:8080 --password-file /tmp/password
    $build/chatctl -c bob watch                   # in another terminal
    $build/chatctl -c alice send bob 'hello'
    $build/chatctl --help
    kill %1                                       # ends the server

END
