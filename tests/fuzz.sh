#!/bin/sh
# tests/fuzz.sh DIR SECONDS: runs every fuzzer in DIR for so long. Seeds come from tests/fuzz/seeds/NAME when there are any; what a run finds
# worth keeping stays in DIR/corpus/NAME, a crash in DIR. Closes with "N passed, N failed".
set -u
dir=$1
seconds=$2
passed=0
failed=0
for f in "$dir"/*; do
	case $f in
	*.*) continue ;;
	esac
	if [ ! -f "$f" ] || [ ! -x "$f" ]; then continue; fi
	name=$(basename "$f")
	corpus=$dir/corpus/$name
	mkdir -p "$corpus"
	seeds=tests/fuzz/seeds/$name
	[ -d "$seeds" ] || seeds=
	# shellcheck disable=SC2086 # $seeds is one word or nothing
	if "$f" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 \
		-artifact_prefix="$dir/" "$corpus" $seeds >"$dir/$name.log" 2>&1; then
		passed=$((passed + 1))
		echo "fuzz $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$dir/$name.log") runs"
	else
		failed=$((failed + 1))
		echo "fuzz $name failed; $dir/$name.log ends:"
		tail -n 60 "$dir/$name.log"
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
