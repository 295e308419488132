#!/bin/sh
# chatctl's command line: options, help, completions, api, error.
# shellcheck disable=SC2119,SC2317 # start_chatd takes flags, or none; functions are called by ok and wait_for
# shellcheck source=tests/e2e/ctl.sh
. tests/e2e/ctl.sh
start_chatd || exit 1
people alice

run --version
ends "--version" 0
like "says it" "$OUT" '^chatctl [0-9]'
run
ends "no command" 2 'usage'
is "says nothing on stdout" "$OUT" ""
run frob
ends "no such command" 2 'frob'
run ls --frob
ends "no such option" 2 '--frob'
run ls -x
ends "no such letter" 2 '-x'
run ls more
ends "too much" 2 'usage'
run ls --limit
ends "no value" 2 'value'
run ls --all-pages=yes
ends "a value too much" 2 'no value'
run -o json -c alice whoami
ends "options before" 0
run whoami -c alice -o json
ends "and after" 0
run whoami --context=alice --output=json
ends "with an equals sign" 0
run -qcalice whoami
ends "in one word" 0
cp "$CHAT_CONFIG_DIR/contexts/alice" "$CHAT_CONFIG_DIR/contexts/info"
cp "$CHAT_CONFIG_DIR/contexts/alice" "$CHAT_CONFIG_DIR/contexts/topic"
for name in info topic; do
	run -c$name whoami
	ends "whatever letter it ends with: -c$name" 0
done

# ---- help: all of it is there ----

run help
ends "help" 0
verbs=$(printf '%s\n' "$OUT" | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
like "names the verbs" "$verbs" '^send$'
for v in $verbs; do
	run help "$v"
	like "help $v" "$OUT" "^usage: chatctl .*$v"
	text=$OUT
	run "$v" --help
	is "$v --help is the same" "$OUT" "$text"
	run -h "$v"
	is "-h $v too" "$OUT" "$text"
done
for t in options exit environment formats scripting security; do
	run help $t
	ends "help $t" 0
	ok "help $t is short enough a line" awk 'length > 140 { exit 1 }' "$TEST_DIR/out"
done
run help exit
for code in 0 1 2 3 4 5 6 7 124 130; do
	like "exit code $code is explained" "$OUT" "^ *$code  "
done
run help environment
for v in CHAT_URL CHAT_CONTEXT CHAT_TOKEN_FILE CHAT_OUTPUT CHAT_TIMEOUT CHAT_CONFIG_DIR CHAT_DEBUG NO_COLOR; do
	like "$v is explained" "$OUT" "$v"
done
run help frob
ends "help on what" 2 'frob'

# ---- completions ----

for shell in bash zsh fish; do
	chatctl completion $shell >"$TEST_DIR/completion.$shell"
	ok "completion $shell" test -s "$TEST_DIR/completion.$shell"
done
run completion tcsh
ends "no such shell" 2 'bash, zsh and fish'
# offered WORD...: what bash offers for the last word.
offered()
{
	bash -c '. "$1"; shift; COMP_WORDS=(chatctl "$@"); COMP_CWORD=$#; PATH=$BUILDPATH:$PATH; _chatctl; echo "${COMPREPLY[*]}"' \
		bash "$TEST_DIR/completion.bash" "$@"
}
BUILDPATH=$(cd "$BUILD" && pwd)
export BUILDPATH
is "bash: a verb" "$(offered wh)" whoami
is "bash: an option of the verb" "$(offered send --ea)" --each-line
is "bash: an option of all" "$(offered send --tim)" --timeout
is "bash: a context" "$(offered -c ali)" alice
is "bash: a format" "$(offered ls -o js)" 'json jsonl'
is "bash: an error code" "$(offered error client-id)" client-id-reused
for shell in zsh fish; do
	if command -v $shell >/dev/null; then
		ok "$shell takes it" $shell -n "$TEST_DIR/completion.$shell"
	fi
done

# ---- error ----

run error client-id-reused
ends "error CODE" 0
like "explains it" "$OUT" '409, exit 1'
run error no-such-code
ends "no such code" 1
run error
ok "error alone: all of them" test "$(printf '%s\n' "$OUT" | wc -l)" -gt 20

# ---- api ----

run -c alice api GET /users/alice
ends "api" 0
is "the answer as it came" "$(printf %s "$OUT" | jq -r .user)" alice
run -c alice api get /messages
ends "204" 0
is "is empty" "$OUT" ""
feed '{"to":"alice","body":"by hand"}'
run -c alice api POST /messages
ends "a body from stdin" 0
printf '{"read":true}' >"$TEST_DIR/body"
run -c alice api PATCH "/messages/$(printf %s "$OUT" | jq -r .id)" -f "$TEST_DIR/body"
ends "a body from a file" 0
ok "it was marked" test "$(printf %s "$OUT" | jq -r .read_at)" != null
feed '{"to":1}'
run -c alice api POST /messages
ends "an error: its exit code" 1
is "and its body on stdout" "$(printf %s "$OUT" | jq .status)" 400
run -c alice api GET /users/nobody
ends "404" 1
run --url "$BASE" api GET /messages
ends "without a login" 4
run --url "$BASE" api GET /
ends "what needs none" 0
run -c alice api HEAD / --timeout 5s
ends "HEAD has no body to wait for" "$STATUS"
ok "and does not hang" test "$STATUS" != 124 -a "$STATUS" != 6
run -c alice api GET messages
ends "no path" 2 'begins with /'
run -c alice api -n DELETE /sessions/current
ends "api -n" 0
run -c alice whoami
ends "calls nothing" 0
done_testing
