#!/bin/sh
# chatctl bench validate and plan: no server is needed.
# shellcheck source=tests/e2e/ctl.sh
. tests/e2e/ctl.sh

for f in packaging/scenarios/*.scenario; do
	run bench validate "$f"
	ends "$f is a scenario" 0
	is "and nothing is to be warned of" "$(printf '%s\n' "$OUT" | grep -c warning)" 0
done
run bench validate packaging/scenarios/evening-peak.scenario
like "the sends" "$OUT" 'about 2213400 in all'
like "the phases" "$OUT" '^ramp +30 s +1 min 00 s  200/s -> 5,000/s +109200$'
like "the faults" "$OUT" 'fault +at 5 min 00 s for 30 s: disconnect of 2000 sockets'
run bench validate packaging/scenarios/evening-peak.scenario -o json
is "as JSON" "$(printf '%s' "$OUT" | jq -c '[.users, .pairs, .sends, .seconds, (.phases | length)]')" '[10000,200000,2213400,740,4]'

feed 'users 10\nphase steady 1s rate 5/s\nthreshold e2e.p99 < 50\n'
run bench validate -
ends "a mistake is shown where it is" 2 '^-:3:21: expected a time such as 50ms, not "50"'
is "with the line and a caret" "$(printf '%s\n' "$ERR" | tail -2)" '  threshold e2e.p99 < 50
                      ^'
feed 'phase steady 1s rate 5/s\n'
run bench validate -
like "what may surprise" "$OUT" 'warning: no threshold'
run bench validate /nowhere/x
ends "no such file" 2 'No such file'
run bench frobnicate
ends "no such word" 2 'usage: chatctl bench validate'

run bench plan --daily 10B --bytes 200 --growth 2 --peak 3 --per-node 150k
ends "a plan" 0
like "the mean" "$OUT" 'messages a second, mean +115,740 +231,480$'
like "the peak" "$OUT" 'messages a second, peak +347,220 +694,440$'
like "a day" "$OUT" 'storage a day +2 TB +4 TB$'
like "a year" "$OUT" 'storage a year +730 TB +1.5 PB$'
like "the nodes" "$OUT" '^nodes +8 '
run bench plan --daily 10B --bytes 200 --growth 2 --peak 3 --per-node 150k -o json --html "$TEST_DIR/plan.html"
is "as JSON" "$(printf '%s' "$OUT" | jq -c '[.grown.messages_per_second, .grown.bytes_per_year, .nodes, .partitions, .kept_bytes]')" \
	'[231480,1460000000000000,8,72,4380000000000000]'
ok "and a page with plots" grep -q '<svg viewBox' "$TEST_DIR/plan.html"
run bench plan --daily 10B
ends "what is missing" 2 'bytes N are needed'
for wrong in 'x' '-1' '1e9' '0'; do
	run bench plan --daily=$wrong --bytes 200
	ends "--daily $wrong" 2 'is no number'
done
run bench plan --daily 1M --bytes 200 -o json
is "without a node's rate" "$(printf '%s' "$OUT" | jq -c '[.nodes, .node_bytes]')" '[null,null]'
done_testing
