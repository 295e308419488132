#!/bin/sh
# chatctl's session commands: passwd; context add, show and rm; the pin of a server's key; logout takes the local history along, never what is unsent.
# shellcheck disable=SC2119,SC2317 # start_chatd takes flags, or none; functions are called by ok and wait_for
# shellcheck source=tests/e2e/ctl.sh
. tests/e2e/ctl.sh
start_chatd || exit 1
people alice bob
CHAT_CONTEXT=alice
export CHAT_CONTEXT

# ---- passwd ----

printf 'another good password\n' >"$TEST_DIR/new"
printf 'not the old one\n' >"$TEST_DIR/wrong"
printf 'short\n' >"$TEST_DIR/short"
chatctl -q -c alice2 login alice --url "$BASE" --password-file "$TEST_DIR/password"
run passwd -n --old-password-file "$TEST_DIR/password" --password-file "$TEST_DIR/new"
ends "passwd -n" 0
like "says what it would" "$OUT" 'would change the password of alice'
run passwd --old-password-file "$TEST_DIR/wrong" --password-file "$TEST_DIR/new"
ends "passwd: a wrong old password" 4 'wrong-password'
run passwd --old-password-file "$TEST_DIR/password" --password-file "$TEST_DIR/short"
ends "a short new one" 2 'at least 10'
run passwd --old-password-file - --password-file -
ends "stdin twice" 2 'only one'
run passwd
ends "no terminal" 2 '--old-password-file'
run passwd --no-input --old-password-file "$TEST_DIR/password"
ends "--no-input" 2 '--password-file'
run passwd --old-password-file "$TEST_DIR/password" --password-file "$TEST_DIR/new"
ends "passwd" 0 'this one goes on'
run whoami
ends "this login goes on" 0
run -c alice2 whoami
ends "the other has ended" 4
run -c x login alice --url "$BASE" --password-file "$TEST_DIR/password"
ends "the old password is good for nothing" 4
run -c alice2 login alice --url "$BASE" --password-file "$TEST_DIR/new"
ends "the new one is" 0
feed 'correct horse battery\n'
run passwd --old-password-file "$TEST_DIR/new" --password-file -
ends "from a pipe" 0
on_tty -e 'Old password:' -i "$PASSWORD" "$BUILD/chatctl" passwd --password-file "$TEST_DIR/new" >"$TEST_DIR/tty"
is "asked for on a terminal" $? 0
ok "without echo" test "$(grep -c "$PASSWORD" "$TEST_DIR/tty")" = 0

# ---- context add, show ----

token=$(sed -n 's/^token = //p' "$CHAT_CONFIG_DIR/contexts/alice")
run context add work --url "$BASE/" --user alice
ends "context add" 0 'chatctl -c work login alice'
run context show work -o json
is "show: server, user, no login" "$(printf %s "$OUT" | jq -r '[.name, .url, .user, .login] | join(" ")')" "work $BASE alice no"
run context show work
like "for people" "$OUT" "^url +$BASE$"
printf '%s\n' "$token" >"$TEST_DIR/token"
run context add work --token-file "$TEST_DIR/token"
ends "add a token" 0
run -c work whoami --json=user
is "which is a login" "$OUT" '{"user":"alice"}'
for form in '' '-o json' '-o csv' '-o tsv' '-o jsonl'; do
	# shellcheck disable=SC2086 # words
	run context show work $form
	like "show $form: there is a login" "$OUT" 'yes'
	ok "but its token is not shown" test "$(printf %s "$OUT$ERR" | grep -cF -e "$token")" = 0
done
run context show
like "show without a name: the one in force" "$OUT" '^name +alice$'
run -c bob context show --json=name
is "-c says which" "$OUT" '{"name":"bob"}'
run context show nobody
ends "show: no such context" 1 'context ls'
touch "$TEST_DIR/ca.pem"
mkdir "$TEST_DIR/admin"
run context add ops --admin "$TEST_DIR/admin" --admin-token-file "$TEST_DIR/token"
ends "a context for operators" 0
run context show ops --json=admin,admin_token_file
is "keeps where it is" "$OUT" "{\"admin\":\"$TEST_DIR/admin\",\"admin_token_file\":\"$TEST_DIR/token\"}"
run context add ops --admin http://127.0.0.1:1
ends "a URL" 0
run context add work --cacert "$TEST_DIR/ca.pem"
is "a CA is kept" "$(chatctl context show work --json=cacert)" "{\"cacert\":\"$TEST_DIR/ca.pem\"}"
run context add work --url http://127.0.0.1:1
run context show work --json=login,user
is "another server does not get the token" "$OUT" '{"user":"","login":"no"}'
run context add new
ends "no server" 2 '--url'
run context add new --url ftp://x
ends "no such server" 2 'https://'
run context add new --url "$BASE" --user 'Not A User'
ends "no user name" 2 'user name'
run context add new --url "$BASE" --token-file "$TEST_DIR/token"
ends "a token of nobody" 2 '--user'
run context add new --url "$BASE" --user alice --token-file "$TEST_DIR/wrong"
ends "no token in it" 2 'does not hold a token'
run context add new --url "$BASE" --cacert "$TEST_DIR/none"
ends "no such CA" 2 '--cacert'
run context add new --url "$BASE" --pin secret
ends "no pin" 2 'sha256//'
run context add new --url "$BASE" --pin 'sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
ends "no key to pin" 2 'https'
run context add ../new --url "$BASE"
ends "no name of a context" 2
run context use alice --pin x
ends "an option of another word" 2 'takes no --pin'
run context add new -n --url "$BASE"
like "add -n" "$OUT" 'would save'
run context show new
ends "does nothing" 1
run context frob
ends "no such word" 2 'usage'

# ---- rm and logout take the local history along, but nothing that is unsent ----

alice_db=$CHAT_CONFIG_DIR/state/alice.db
chatctl send bob 'to be found'
ok "there is a history" test -s "$alice_db"
pid=$CHATD_PID
kill -STOP "$pid"
run send bob --queue --timeout 1s 'not yet'
ends "a message waits" 9
run context rm alice
ends "rm: not while it waits" 1 'chatctl -c alice outbox flush'
run logout --timeout 1s --retry 0
ends "logout: neither" 1 'outbox'
ok "all is still there" test -s "$alice_db" -a -s "$CHAT_CONFIG_DIR/contexts/alice"
kill -CONT "$pid"
run logout
ends "once it is sent, logout" 0
ok "and the history is gone" test ! -e "$alice_db"
ok "all of it" test "$(find "$CHAT_CONFIG_DIR/state" -name 'alice.db*' | wc -l)" = 0
is "it was sent" "$(unread bob | tail -1)" 'not yet'
run context show alice --json=user,login
is "the context stays" "$OUT" '{"user":"alice","login":"no"}'
run login alice --url "$BASE" --password-file "$TEST_DIR/new"
ends "and logs in again" 0
watch_in_background "$TEST_DIR/watched" watch --durable here
wait_for online bob alice
run context rm alice
ends "rm: not under a watch" 1 'in use'
kill "$WATCH_PID"
wait "$WATCH_PID"
kill -STOP "$pid"
chatctl send bob --queue --timeout 1s 'never' 2>/dev/null
kill -CONT "$pid"
run context rm alice --force
ends "rm --force" 0
ok "all gone" test ! -e "$alice_db" -a ! -e "$CHAT_CONFIG_DIR/contexts/alice"
run -c bob logout --force
ends "logout --force" 0

# ---- the pin ----

if ! command -v openssl >/dev/null; then
	pass "the pin # SKIP no openssl to make certificates"
	done_testing
fi
# certificate NAME: NAME.key, NAME.crt, signed by itself for 127.0.0.1.
certificate()
{
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$TEST_DIR/$1.key" -out "$TEST_DIR/$1.crt" -days 2 -subj "/CN=127.0.0.1" \
		-addext 'subjectAltName = IP:127.0.0.1' 2>/dev/null
}
pin_of()
{
	echo "sha256//$(openssl x509 -in "$TEST_DIR/$1.crt" -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64)"
}
certificate here && certificate other
cat "$TEST_DIR/here.crt" "$TEST_DIR/other.crt" >"$TEST_DIR/both.crt"
tests/e2e/tls.py "${BASE##*:}" "$TEST_DIR" "$TEST_DIR/here.crt" "$TEST_DIR/here.key" &
PROXY_PID=$!
wait_for test -s "$TEST_DIR/tls.port"
TLS=https://127.0.0.1:$(cat "$TEST_DIR/tls.port")
CHAT_CONTEXT=tls
run context add tls --url "$TLS" --user alice --cacert "$TEST_DIR/both.crt" --pin "$(pin_of here)"
ends "a context with a pin" 0
run login alice --password-file "$TEST_DIR/new"
ends "the pinned key: login" 0
run whoami --json=user
ends "REST" 0
chatctl send alice 'over TLS'
run send bob 'over TLS' --wait read --timeout 500ms
ends "and the stream" 124 'not yet read'
run watch --until-empty --format %b
is "watch too" "$OUT" 'over TLS'
run context add tls --pin "$(pin_of other)"
: >"$TEST_DIR/tls.log"
run whoami --retry 0
ends "another key, though the CA is trusted: nothing is said" 6 'public key'
run watch --timeout 10s --retry 0
ends "nor on the stream" 1 'not the one that is pinned'
ok "not a byte of it reached the server" test ! -s "$TEST_DIR/tls.log"
run context add tls --pin ''
run whoami
ends "the pin taken away" 0
done_testing
