#!/bin/sh
# tests/tap.sh FILE: runs one test file for prove, keeps what it said in $TAP_DIR and its exit status beside it. What it wrote to stderr is shown
# when it fails, or at once with V set. A file that hangs is ended.
set -u
tap=$TAP_DIR/$(echo "$1" | tr / _).tap
case $1 in
/*) run=$1 ;;
*) run=./$1 ;;
esac
export CMOCKA_MESSAGE_OUTPUT=TAP

run()
{
	# shellcheck disable=SC2086 # TEST_WRAPPER is a command with its arguments, or nothing
	timeout -k 10 "${TEST_TIMEOUT:-300}" ${TEST_WRAPPER-} "$run"
	echo $? >"$tap.rc"
}

if [ -n "${V-}" ]; then
	run | tee "$tap"
else
	run 2>"$tap.err" | tee "$tap"
	if [ "$(cat "$tap.rc")" != 0 ] || grep -q '^not ok' "$tap"; then
		echo "$1 said:" >&2
		tail -n 200 "$tap.err" >&2
	fi
fi
exit "$(cat "$tap.rc")"
