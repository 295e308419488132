#!/bin/sh
# chatctl: accounts, logins, contexts and their secrets.
# shellcheck disable=SC2119,SC2317 # start_chatd takes flags, or none; functions are called by ok and wait_for
# shellcheck source=tests/e2e/ctl.sh
. tests/e2e/ctl.sh
start_chatd || exit 1
pw=$TEST_DIR/password
context=$CHAT_CONFIG_DIR/contexts/alice

run -c alice register alice --url "$BASE" --password-file "$pw" --display-name 'Alice Ek'
ends "register" 0 'logged in to .* as alice'
is "and prints nothing on stdout" "$OUT" ""
is "the context is private" "$(stat -c %a "$context")" 600
is "so is its folder" "$(stat -c %a "$CHAT_CONFIG_DIR/contexts")" 700
run -c alice whoami -o json
ends "the context needs nothing else" 0
is "whoami" "$(printf %s "$OUT" | jq -r '.user + "|" + .display_name + "|" + .url + "|" + .context')" "alice|Alice Ek|$BASE|alice"
token=$(sed -n 's/^token = //p' "$context")
ok "there is a token" test -n "$token"
run -v -c alice whoami -o jsonl
case "$OUT$ERR" in
*"$token"*) fail "-v does not show the token" ;;
*) pass "-v does not show the token" ;;
esac
like "but the call" "$ERR" '> GET .*/users/alice'

run -c alice2 register alice --url "$BASE" --password-file "$pw"
ends "register again with the same password logs in, for its first answer may have been lost" 0
run -c alice2 whoami --json=user
is "to the same account" "$OUT" '{"user":"alice"}'
printf 'not the password\n' >"$TEST_DIR/wrong"
run -c mallory register alice --url "$BASE" --password-file "$TEST_DIR/wrong"
ends "a taken name with another password" 1 'user-taken'
run -c mallory login alice --url "$BASE" --password-file "$TEST_DIR/wrong"
ends "a wrong password" 4 'bad-login'
run -c mallory login nobody --url "$BASE" --password-file "$pw"
ends "no such user: said alike" 4 'bad-login'
ok "no context is left of it" test ! -e "$CHAT_CONFIG_DIR/contexts/mallory"
run -c x register Alice --url "$BASE" --password-file "$pw"
ends "a bad name is not sent" 2 'user name'
printf short >"$TEST_DIR/short"
run -c x register xena --url "$BASE" --password-file "$TEST_DIR/short"
ends "the server refuses a short password" 1 'field'

feed '%s\n' "$PASSWORD"
run -c bob register bob --url "$BASE" --password-file -
ends "the password from a pipe" 0
run -c x login alice --url "$BASE"
ends "no terminal to ask on" 2 'password-file'
run -c x login alice --url "$BASE" --no-input
ends "--no-input never asks" 2 'password-file'
run -c x login alice --url "$BASE" --password-file "$TEST_DIR/none"
ends "no such password file" 2 'password-file'
run -c x login alice --url "$BASE" --password "$PASSWORD"
ends "a password is no argument" 2 'no option'
STATUS=0
OUT=$(on_tty -e 'Password' -i "$PASSWORD" "$BUILD/chatctl" -c tty login alice --url "$BASE") || STATUS=$?
is "the password asked for on a terminal" "$STATUS" 0
case $OUT in
*"$PASSWORD"*) fail "it is not echoed" "$OUT" ;;
*) pass "it is not echoed" ;;
esac
like "and the terminal is as before" "$OUT" 'echo is on'
STATUS=0
OUT=$(on_tty -e 'Password' -k "$BUILD/chatctl" -c tty2 login alice --url "$BASE") || STATUS=$?
is "Ctrl-C at the question" "$STATUS" 130
like "leaves the terminal as it was" "$OUT" 'echo is on'

run -n -c dry login alice --url "$BASE" --password-file "$pw"
ends "login -n" 0
ok "saves nothing" test ! -e "$CHAT_CONFIG_DIR/contexts/dry"
run -n -c dry register dry --url "$BASE" --password-file "$pw"
ends "register -n" 0
run -c alice api GET /users/dry
ends "makes no account" 1

# ---- who may read a context, and who gets its token ----

chmod 644 "$context"
run -c alice whoami
ends "a context that others can read is refused" 2 '600'
chmod 600 "$context"
ln -s alice "$CHAT_CONFIG_DIR/contexts/link"
run -c link whoami
ends "so is a symbolic link" 2 'cannot open'
rm "$CHAT_CONFIG_DIR/contexts/link"
run -c alice whoami --url "http://127.0.0.1:9"
ends "another server does not get the token" 4 'not logged in'
run -c ../alice whoami
ends "a context's name is no path" 2 'name'
run -c none whoami
ends "a context without a server" 2 'has no server'
run -c far login alice --url http://chat.example --password-file "$pw"
ends "no password over plain http to another host" 2 'in the clear'
printf '%s\n' "$token" >"$TEST_DIR/token"
for verb in list 'api GET /messages' 'watch --timeout 1s'; do
	# shellcheck disable=SC2086 # words
	CHAT_TOKEN_FILE=$TEST_DIR/token CHAT_URL=http://192.0.2.1 run --timeout 1s $verb
	ends "nor a token: ${verb%% *}" 2 'in the clear'
done
CHAT_TOKEN_FILE=$TEST_DIR/token CHAT_URL=$BASE run list
ends "token and server from the environment are enough" 0
CHAT_TOKEN_FILE=$TEST_DIR/none CHAT_URL=$BASE run list
ends "no such token file" 2 'CHAT_TOKEN_FILE'
http_proxy=http://127.0.0.1:9 run --retry 0 -c alice whoami
ends "what is for this machine does not go to a proxy" 0
http_proxy=http://127.0.0.1:9 run -c alice watch --timeout 300ms
ends "nor does a watch" 124
is "or try to" "$ERR" ""

# ---- contexts ----

run context ls -o tsv
is "context ls" "$(printf '%s\n' "$OUT" | cut -f2-4 | grep -E '^(alice|bob)	')" "alice	$BASE	alice
bob	$BASE	bob"
case $OUT in
*"$token"*) fail "shows no token" ;;
*) pass "shows no token" ;;
esac
run whoami
ends "nothing is chosen yet" 2 'has no server'
run context use bob
ends "context use" 0
run whoami --json=user
is "is used from then on" "$OUT" '{"user":"bob"}'
CHAT_CONTEXT=alice run whoami --json=user
is "but the environment wins" "$OUT" '{"user":"alice"}'
CHAT_CONTEXT=bob run -c alice whoami --json=user
is "and the flag over that" "$OUT" '{"user":"alice"}'
run context use none
ends "no such context" 1 'no context'
run context rm alice2
ends "context rm" 0
ok "it is gone" test ! -e "$CHAT_CONFIG_DIR/contexts/alice2"
run context rm alice2
ends "once" 1
run context frob
ends "wrong usage" 2 'usage'

run -c bob logout -n
ends "logout -n" 0
run -c bob whoami
ends "is still logged in" 0
bob=$(sed -n 's/^token = //p' "$CHAT_CONFIG_DIR/contexts/bob")
run -c bob logout
ends "logout" 0
run -c bob whoami
ends "then nothing goes without a login" 4 'not logged in'
is "the server has forgotten it too" "$(http_as "$bob" /messages -o /dev/null -w '%{http_code}')" 401
sed "s/^token = .*/token = $bob/" "$CHAT_CONFIG_DIR/contexts/bob" >"$TEST_DIR/stale" && cp "$TEST_DIR/stale" "$CHAT_CONFIG_DIR/contexts/bob"
run -c bob list
ends "a token that is no longer good" 4 'unauthenticated'
run -c bob logout
ends "logging out of what is gone is no error" 0
done_testing
