#!/bin/sh
# chatctl bench report and compare, over results directories made here: what a run leaves, with made-up numbers.
# shellcheck source=tests/e2e/ctl.sh
. tests/e2e/ctl.sh

# results DIR E2E_P99 LOST: 60 seconds in which the 99th percentile is about E2E_P99 microseconds.
results()
{
	mkdir -p "$1"
	cat >"$1/run.scenario" <<-END
		scenario "made up"
		users 10
		phase steady 1m rate 100/s
		threshold e2e.p99 < 50ms
	END
	awk -v p99="$2" -v seed="$3" 'BEGIN {
		print "at,intended,sent,acked,pushed,errors,calls,ack_p50_us,ack_p99_us,e2e_p50_us,e2e_p99_us,e2e_max_us,lag_p99_us,sockets,busy"
		for (i = 0; i < 60; i++) {
			wave = ((i * 37 + seed * 11) % 21 - 10) / 100
			printf "%d,100,100,%d,100,0,0,900,2000,%d,%d,%d,50,10,0.2\n", i, 100 + (i * 7 + seed) % 3, 1500 * (1 + wave), p99 * (1 + wave), p99 * 2
		}
	}' >"$1/series.csv"
	printf 'timing,up_to_us,count\ne2e,1503,5900\ne2e,%s,100\n' "$2" >"$1/histograms.csv"
	jq -n --argjson lost "$3" '{version: 1, run: 7, counts: {"sends.sent": 6000, "sends.acked": 6000, seconds: 60, "integrity.lost": $lost},
		offenders: (if $lost > 0 then [{kind: "LOST", counter: 5, pair: 3, at_us: 50000, id: "...abcdefghij", other_id: "", why: "acknowledged, never pushed"}] else [] end)}' \
		>"$1/summary.json"
	echo '{"cpu":"one","cores":2}' >"$1/environment.json"
}

results "$TEST_DIR/a" 9983 0
results "$TEST_DIR/b" 9983 0
results "$TEST_DIR/slow" 14975 0
results "$TEST_DIR/missed" 60415 0
results "$TEST_DIR/broken" 9983 1

run bench report "$TEST_DIR/a"
ends "a good run" 0 'written: .*/a/report.html'
like "its verdict" "$OUT" '^PASSED: '
like "its threshold" "$OUT" '^met +e2e.p99 < 50ms \('
ok "a page" grep -q '<svg viewBox' "$TEST_DIR/a/report.html"
ok "that loads nothing" sh -c '! grep -Eq "(src|href)=|https?:|@import|url\(" "$0"' "$TEST_DIR/a/report.html"
ok "junit.xml is XML" python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$TEST_DIR/a/junit.xml"
run bench report "$TEST_DIR/missed"
ends "a threshold missed" 99
like "says which" "$OUT" '^MISSED +e2e.p99 < 50ms \(60'
run bench report "$TEST_DIR/broken"
ends "a message lost" 98
like "says which" "$OUT" '^LOST +lt-0 to lt-[0-9], at 0.050 s, client_id 00000007-5, id \.\.\.abcdefghij: acknowledged, never pushed$'
run bench report "$TEST_DIR/nowhere"
ends "no such directory" 1 'No such file'
rm "$TEST_DIR/broken/series.csv"
echo 'at,intended
1,x' >"$TEST_DIR/broken/series.csv"
run bench report "$TEST_DIR/broken"
ends "a file that no run leaves" 1 'series.csv is not as a run leaves it'

run bench plan --daily 10B --bytes 200 --measure --url http://192.0.2.1:9 --admin "$TEST_DIR"
ends "plan --measure loads nobody else's server" 2

run bench compare "$TEST_DIR/a" "$TEST_DIR/b"
ends "compare" 0
is "the same twice is noise" "$(printf '%s\n' "$OUT" | tail -n +2 | grep -vc 'noise$')" 0
run bench compare "$TEST_DIR/a" "$TEST_DIR/slow"
like "slower is worse" "$OUT" '^e2e p99 +9\.98 ms +15\.0 ms +\+4\.[0-9]+ ms to \+5\.[0-9]+ ms .* B is worse$'
like "and only that" "$OUT" '^ack p99 .* noise$'
run bench compare "$TEST_DIR/slow" "$TEST_DIR/a" -o json
is "as JSON" "$(printf '%s' "$OUT" | jq -r '.[] | select(.metric == "e2e p99") | .verdict')" 'B is better'
done_testing
