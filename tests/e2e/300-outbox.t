#!/bin/sh
# The outbox: what was said to be queued arrives, once and in order, whatever happens in between.
# shellcheck source=tests/e2e/ctl.sh
. tests/e2e/ctl.sh
start_chatd || exit 1
start_proxy
people bob carol
chatctl -q -c alice register alice --url "$PROXY" --password-file "$TEST_DIR/password"
export CHAT_CONTEXT=alice

# down N: the next N connections fail. up: they do not.
down()
{
	# shellcheck disable=SC2046 # words
	lossy $(seq "$1" | sed 's/.*/drop/')
}

up()
{
	lossy
	rm -f "$TEST_DIR/lossy.script"
}

# ---- what one run says ----

run send --queue bob now
ends "send --queue to a server that answers" 0
is "says nothing" "$OUT$ERR" ""
run send --queue bob now2 -o json
is "with -o json the answer" "$(printf %s "$OUT" | jq -r 'keys | join(" ")')" "client_id id sent_at"
is "it has arrived" "$(unread bob)" "now
now2"
chatctl -q -c bob mark --all

down 100
run send --queue bob one --retry 0
ends "exit 9 when it stays queued" 9 'nothing is sent until something flushes the outbox: chatctl outbox flush'
like "with the command that is safe to run again" "$ERR" 'chatctl send --queue --id [^ ]+ bob -- .one'
run send --queue bob two --id job-2 --retry 0 -o json
ends "likewise with -o json" 9
is "which says so" "$OUT" '{"client_id":"job-2","to":"bob","state":"queued"}'
run send --queue bob two --id job-2 --retry 0
ends "the same again" 9
run send --queue bob other --id job-2 --retry 0
ends "another text under that id" 1 'client-id-reused'
run send bob three --retry 0
ends "a plain send goes behind those that wait" 9 'nothing is sent until'
run send carol hello --retry 0
ends "one to somebody else does not" 6
feed 'four\n\nfive\n'
run send bob --each-line --queue --retry 0
ends "each line" 9 'queued for bob'
run outbox ls -o jsonl
is "outbox ls has each once, in order" "$(printf '%s\n' "$OUT" | jq -r .body | tr '\n' ' ')" "one two three four five "
run outbox flush --retry 0
ends "flush: all stay" 9 '5 still in the outbox'
up
run whoami
ends "any command sends first what waits" 0 '5 from the outbox sent'
is "once and in order" "$(unread bob)" "one
two
three
four
five"
run outbox ls -e
ends "and the outbox is empty" 3
run outbox flush
ends "flush with nothing to do" 0
chatctl -q -c bob mark --all

# ---- the answer is lost, or is a refusal ----

lossy eat pass
run send --queue bob eaten
ends "an answer that was lost" 0
is "does not make a second message" "$(unread bob)" eaten
chatctl -q -c bob mark --all
lossy 503 503
run send --queue bob later --retry 0
ends "503: it waits" 9 '503'
lossy 404
run send --queue bob later2 --retry 0
ends "a 404 that is not chatd's is no refusal" 9
up
run send --queue nobody lost
ends "a refusal" 1 'unknown-recipient.*stays in the outbox as failed'
is "others pass it" "$(unread bob)" "later
later2"
run outbox ls -o tsv
like "it is kept as failed" "$OUT" '	nobody	failed	.*	1	unknown-recipient: .*	lost$'
run outbox flush
ends "and not tried again by itself" 0
run outbox flush --failed
ends "but when it is asked for" 1 'unknown-recipient'
run outbox drop --failed
ends "drop" 0 '1 dropped'
run outbox drop none
ends "what is not there cannot be dropped" 1 'has no none'
run outbox drop
ends "drop what" 2
head -c 20000 /dev/zero | tr '\0' x >"$TEST_DIR/long"
run send --queue bob -f "$TEST_DIR/long"
ends "too long" 1 'too-large'
run outbox drop --all
chatctl -q -c bob mark --all

# A batch would pass what waits.
down 1
run send --queue bob first --retry 0
down 1
feed '{"to":"bob","body":"second"}\n'
run send --batch --retry 0
ends "--batch does not pass what waits" 2 'would pass messages that wait'
up
chatctl -q outbox flush
chatctl -q -c bob mark --all

# A server that hangs: the entry is on disk long before.
lossy hang hang
run send --queue bob hung --timeout 500ms --retry 0
ends "a server that hangs: queued" 9
up
run outbox flush
is "and sent later" "$(unread bob)" hung
chatctl -q -c bob mark --all

# ---- another user of the same context does not send it ----

down 1
run send --queue bob from-alice --retry 0
up
chatctl -q -c alice login carol --url "$PROXY" --password-file "$TEST_DIR/password"
run outbox ls
ends "another user's outbox" 0 '1 more wait for another user'
is "is not shown" "$OUT" ""
run outbox flush
is "and not sent" "$(unread bob)" ""
chatctl -q -c alice login alice --url "$PROXY" --password-file "$TEST_DIR/password"
is "but by its own" "$(chatctl -q outbox flush && unread bob)" from-alice
chatctl -q -c bob mark --all

# ---- several at once ----

seq 25 | sed 's/^/line /' >"$TEST_DIR/lines"
pids=
for n in 1 2 3 4; do
	"$BUILD/chatctl" send bob --each-line --queue --id "p$n" <"$TEST_DIR/lines" 2>>"$TEST_DIR/several" &
	pids="$pids $!"
done
bad=0
for pid in $pids; do
	wait "$pid" || bad=$((bad + 1))
done
is "four that queue and send at once end well" "$bad" 0
chatctl -c bob ls --all-pages --limit 500 -o jsonl | jq -r .client_id >"$TEST_DIR/arrived"
is "all arrive once" "$(sort -u "$TEST_DIR/arrived" | wc -l) $(wc -l <"$TEST_DIR/arrived")" "100 100"
is "each in its order" "$(awk -F'[p.]' '$3 + 0 != last[$2] + 1 { print } { last[$2] = $3 }' "$TEST_DIR/arrived")" ""
chatctl -q -c bob mark --all

# ---- kill -9 at a hundred moments, on a line that loses requests and answers ----

is_complete='fromjson? | .client_id'
seq 40 | sed 's/^/line /' >"$TEST_DIR/lines"
: >"$TEST_DIR/said"
round=0
killed=0
while [ $round -lt 100 ]; do
	round=$((round + 1))
	case $((round % 4)) in
	0) lossy drop drop drop drop drop drop ;;
	1) lossy eat pass eat drop ;;
	2) lossy pass ;;
	3) lossy drop eat eat pass ;;
	esac
	"$BUILD/chatctl" send bob --each-line --queue --id "k$round" --retry 1 -o jsonl <"$TEST_DIR/lines" >"$TEST_DIR/rows" 2>/dev/null &
	pid=$!
	sleep "0.$(printf %03d $(($(od -An -N2 -tu2 /dev/urandom) % 200)))"
	kill -9 $pid 2>/dev/null && killed=$((killed + 1))
	wait $pid 2>/dev/null
	jq -Rr "$is_complete" "$TEST_DIR/rows" >>"$TEST_DIR/said"
done
up
run outbox flush -q --timeout 120s
ends "after $killed kills, flush" 0
chatctl -c bob ls --all-pages --limit 500 -o jsonl | jq -r .client_id >"$TEST_DIR/arrived"
sort "$TEST_DIR/arrived" | uniq -d >"$TEST_DIR/twice"
is "nothing arrived twice" "$(cat "$TEST_DIR/twice")" ""
sort -u "$TEST_DIR/said" >"$TEST_DIR/said.sorted"
sort "$TEST_DIR/arrived" >"$TEST_DIR/arrived.sorted"
is "all $(wc -l <"$TEST_DIR/said.sorted") that were said to be queued or sent arrived" \
	"$(comm -23 "$TEST_DIR/said.sorted" "$TEST_DIR/arrived.sorted")" ""
ok "and there were many" test "$(wc -l <"$TEST_DIR/said.sorted")" -gt 100
is "in order within each run" "$(awk -F'[k.]' '$3 + 0 <= last[$2] + 0 { print } { last[$2] = $3 }' "$TEST_DIR/arrived")" ""
done_testing
