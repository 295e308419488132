#!/bin/sh
# send --wait, and search in what this machine has seen.
# shellcheck source=tests/e2e/ctl.sh
. tests/e2e/ctl.sh
start_chatd || exit 1
people alice bob carol
export CHAT_CONTEXT=alice

# finish: waits for the send in the background; what came of it is in STATUS, OUT and ERR.
finish()
{
	STATUS=0
	wait "$WATCH_PID" || STATUS=$?
	OUT=$(cat "$TEST_DIR/wait.out")
	ERR=$(cat "$TEST_DIR/wait.out.err")
}

# shellcheck disable=SC2317 # wait_for calls it
has_unread()
{
	chatctl -c "$1" ls -e >/dev/null
}

run send bob hello --wait sent
ends "--wait sent" 0
run send bob hello --wait seen
ends "no such state" 2 '--wait is sent, delivered or read'
run send bob hello --wait delivered --timeout 300ms
ends "nobody there" 124 'not yet delivered'
like "says how to go on" "$ERR" "send --id [^ ]+ --wait delivered bob -- .hello"
id=$(printf '%s\n' "$ERR" | sed -n 's/.*--id \([^ ]*\) .*/\1/p')
chatctl -q -c bob ls >/dev/null
run send bob hello --id "$id" --wait delivered --timeout 10s
ends "and the same again, once it is" 0
watch_in_background "$TEST_DIR/wait.out" send bob question --wait read --timeout 60s -o json
wait_for has_unread bob
chatctl -q -c bob mark --all
finish
ends "--wait read ends with the reading" 0
is "and has the answer" "$(printf %s "$OUT" | jq -r 'keys | join(" ")')" "client_id id sent_at"
watch_in_background "$TEST_DIR/watch" -c bob watch --count 1 --timeout 60s
wait_for online alice bob
watch_in_background "$TEST_DIR/wait.out" send bob pushed --wait delivered --timeout 60s
finish
ends "--wait delivered" 0
watch_in_background "$TEST_DIR/wait.out" send bob queued --queue --wait read --timeout 60s
wait_for has_unread bob
# A receipt for a later message counts for this one too.
chatctl -q send bob later
wait_for has_unread bob
chatctl -q -c bob mark --all
finish
ends "by way of the outbox" 0
feed 'a\nb\n'
run send bob --each-line --wait read
ends "for one message only" 2

# ---- search ----

chatctl send carol 'The deploy of Friday is done'
chatctl send bob 'deployment is not'
chatctl -c carol send alice 'Grüße, deploy again'
chatctl -c bob send alice "$(printf 'evil \033[31m deploy')"
run ls
run search deploy
ends "search" 0
is "finds words, the newest first, whoever sent them" "$(printf '%s\n' "$OUT" | cut -d: -f3-)" " evil \\x1b[31m deploy
 Grüße, deploy again
 The deploy of Friday is done"
run search 'depl*' --with bob --format '%b' -o text
is "--with, and any ending" "$(printf '%s\n' "$OUT" | wc -l)" 2
run search GRUSSE -e
ends "nothing" 3
run search 'grüsse*' again deploy -e
ends "all words must be there" 3
run search 'gruße' again deploy -o json
is "without accents and case" "$(printf %s "$OUT" | jq -r '.[0] | .from + " " + .to + " " + .body')" "carol alice Grüße, deploy again"
run search '"deploy again"' --limit 1 -o jsonl --json=body
is "together" "$OUT" '{"body":"Grüße, deploy again"}'
run search '"again deploy' -e
ends "a quotation mark that is not closed" 3
run search 'deploy OR NOT ( "' -e
ends "no operators" 3
run -c carol search deploy --format '%b'
is "each has their own" "$OUT" "Grüße, deploy again"
stop_chatd
run search deploy --limit 1
ends "without a server" 0
is "the database is private" "$(stat -c %a "$CHAT_CONFIG_DIR/state/alice.db")" 600
done_testing
