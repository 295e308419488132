#!/bin/sh
# chatctl conns, kick, user, server invite and backup, against a chatd that serves.
# shellcheck disable=SC2119,SC2317 # start_chatd takes flags, or none; functions are called by ok and wait_for
# shellcheck source=tests/e2e/ctl.sh
. tests/e2e/ctl.sh
start_chatd || exit 1
people alice bob
export CHAT_ADMIN="$TEST_DIR/data"

sockets()
{
	[ "$(chatctl conns --user "$1" -o jsonl | jq -r 'select(.kind == "ws" and .state == "live") | .id' | wc -l)" = "$2" ]
}

# ---- conns, kick ----

run conns --user bob -e
ends "nobody, with -e" 3
run conns --user bob --empty
ends "the same in full" 3
watch_in_background "$TEST_DIR/watched" -c bob watch
ok "a watch is a live connection" wait_for sockets bob 1
run conns --sort lag
like "a line of names" "$(printf '%s\n' "$OUT" | head -1)" '^ID +USER +DEVICE +KIND +STATE +LAG '
like "and rows" "$OUT" ' bob .* ws +live '
is "conns --limit" "$(chatctl conns --limit 1 -o jsonl | wc -l)" 1
id=$(chatctl conns --user bob -o jsonl | jq -r .id)
run kick "$id" -n
is "-n" "$OUT" "would close the connection $id"
run kick "$id"
ends "kick" 0
changed()
{
	_now=$(chatctl conns --user bob -o jsonl | jq -r 'select(.state == "live") | .id')
	[ -n "$_now" ] && [ "$_now" != "$id" ]
}
ok "the client comes back on another one" wait_for changed
chatctl -q -c alice send bob after
ok "and nothing was lost" wait_for grep -q after "$TEST_DIR/watched"
run kick "$id"
ends "one that is gone" 1 'not-found'
run kick --user bob -o json
is "all of a user" "$OUT" '{"closed":1}'
run kick
ends "nobody" 2 'usage'
run kick --user 'a&b'
ends "a bad name" 2 'no user name'
run conns --sort size
ends "--sort size" 2 'lag, idle or age'

# ---- user ----

run user add carol --password-file "$TEST_DIR/password" --display-name "$(printf 'C\033[31m\346\227\245')"
ends "add" 0
run user add carol --password-file "$TEST_DIR/password"
ends "twice" 1 'user-taken'
run user ls --prefix zz --empty
ends "user ls --empty: nobody" 3
run user ls --prefix c
is "ls: names are made safe" "$(printf '%s\n' "$OUT" | sed -n '2s/.*  //p')" "C\\x1b[31m$(printf '\346\227\245')"
is "-o tsv" "$(chatctl user ls -o tsv | cut -f1 | tr '\n' ' ')" 'alice bob carol '
run user ls --limit 1
ends "a page says how to go on" 0 'after [A-Za-z0-9._-]+'
is "and it does" "$(chatctl user ls --limit 1 -o tsv --after "${ERR##* }" -q | cut -f1)" bob
is "--all-pages" "$(chatctl user ls --limit 1 --all-pages -o jsonl | jq -r .user | tr '\n' ' ')" 'alice bob carol '
ok "who was added can log in" chatctl -q -c carol login carol --url "$BASE" --password-file "$TEST_DIR/password"
printf 'another password\n' >"$TEST_DIR/new"
run user passwd carol --password-file "$TEST_DIR/new"
ends "passwd" 0
run -c carol whoami
ends "ends her sessions" 4
ok "the new one is good" chatctl -q -c carol login carol --url "$BASE" --password-file "$TEST_DIR/new"
run user lock carol
ends "lock" 0
run -c carol whoami
ends "keeps her out" 4 'locked'
is "ls says so" "$(chatctl user ls --prefix carol -o jsonl | jq .locked)" true
run user unlock carol
ends "unlock" 0
ok "she may come back" chatctl -q -c carol login carol --url "$BASE" --password-file "$TEST_DIR/new"
run user limit carol --sends-per-s 1 --burst 2 -o json
ends "limit" 0
is "and what is in force" "$(printf '%s' "$OUT" | jq -c '[.sends_per_s, .burst]')" '[1,2]'
for i in 1 2 3 4; do
	run -c carol --retry 0 send bob "$i"
done
ends "it holds" 5 'rate-limited'
run user limit carol
ends "nothing given" 2 'sends-per-s'
run user rm carol
ends "off a terminal it is not asked" 2 'give --yes'
run user rm carol --yes
ends "rm" 0
run user add carol --password-file "$TEST_DIR/password"
ends "nobody gets the name again" 1
run user lock nobody
ends "an unknown user" 1 'not-found'
printf 'short\n' >"$TEST_DIR/new"
run user passwd bob --password-file "$TEST_DIR/new"
ends "a password that is too short" 2 'at least'
run user passwd bob
ends "no file, no terminal" 2

# ---- invites ----

run server invite new --uses 2 --expires 1h
ends "invite new" 0 'invite revoke'
like "prints the code alone" "$OUT" '^[A-Za-z0-9_-]+$'
is "ls does not show it" "$(chatctl server invite ls | grep -c "$OUT")" 0
id=$(chatctl server invite ls -o jsonl | jq -r .id)
is "but how many it makes" "$(chatctl server invite ls -o jsonl | jq .uses_left)" 2
run server invite revoke -- "$id"
ends "revoke" 0
is "then there is none" "$(chatctl server invite ls -o json)" '[]'
run server invite revoke -- "$id"
ends "twice" 1 'not-found'
run server invite new --expires never
ends "--expires never" 2 'expires'

# ---- backup ----

messages=$(chatctl server info -o json | jq .messages)
run server backup "$TEST_DIR/copy" -o json
ends "backup" 0
ok "says what it wrote" jq -e '.files > 0 and .bytes > 0' "$TEST_DIR/out"
run server backup "$TEST_DIR/copy"
ends "a directory that is not empty" 1
chatctl -q -c alice send bob later
pid=$CHATD_PID
chatctl -q server drain --yes --wait
wait "$pid"
CHATD_PID=
mv "$TEST_DIR/data" "$TEST_DIR/old"
mv "$TEST_DIR/copy" "$TEST_DIR/data"
start_chatd || exit 1
run server info -o json
is "chatd starts from it, as things were then" "$(printf '%s' "$OUT" | jq .messages)" "$messages"
done_testing
