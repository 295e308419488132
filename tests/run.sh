#!/bin/sh
# tests/run.sh [-v] FILE...: runs test files under prove and closes with one line that counts every single test: "N passed, N failed".
# A file that dies, hangs or breaks its plan without having said "not ok" counts as one failure. Environment: BUILD, JOBS, TEST_WRAPPER, TEST_TIMEOUT.
set -u
BUILD=${BUILD:-build}
verbose=
if [ "${1-}" = -v ]; then
	verbose=-v
	export V=1
	shift
fi
[ $# -gt 0 ] || {
	echo "run.sh: no test files" >&2
	exit 2
}
mkdir -p "$BUILD"
TAP_DIR=$(mktemp -d "$BUILD/tap.XXXXXX") || exit 2
trap 'rm -rf "$TAP_DIR"' EXIT
trap 'exit 130' INT TERM
export BUILD TAP_DIR

# shellcheck disable=SC2086 # $verbose is one flag or nothing
prove --timer $verbose -j "${JOBS:-1}" --exec tests/tap.sh "$@" </dev/null
status=$?

count()
{
	cat "$TAP_DIR"/*.tap 2>/dev/null | grep -cE "$1"
}
passed=$(count '^ok ')
failed=$(count '^not ok ')
if [ "$status" -ne 0 ]; then
	for f in "$@"; do
		tap=$TAP_DIR/$(echo "$f" | tr / _).tap
		rc=$(cat "$tap.rc" 2>/dev/null || echo 1)
		[ "$rc" = 0 ] || grep -q '^not ok ' "$tap" || failed=$((failed + 1))
	done
	[ "$failed" -gt 0 ] || failed=1
fi
echo "$passed passed, $failed failed"
exit "$status"
