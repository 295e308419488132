#!/bin/sh
# Completion in bash, zsh and fish: what the tables, this machine and the server know; quick and silent whatever happens.
# shellcheck disable=SC2119,SC2317 # start_chatd takes flags, or none; functions are called by wait_for
# shellcheck source=tests/e2e/ctl.sh
. tests/e2e/ctl.sh
start_chatd || exit 1
people alice bob bobby carla dan
start_proxy
lossy
chatctl -c alice -q login alice --url "$PROXY" --password-file "$TEST_DIR/password"
chatctl context use alice
chatctl -q contact add carla
chatctl -q contact add bobby
chatctl send bob hello
BUILDPATH=$(cd "$BUILD" && pwd)
export BUILDPATH

chatctl completion bash >"$TEST_DIR/completion.bash"
# offered WORD...: what bash offers for the last word.
offered()
{
	bash -c '. "$1"; shift; COMP_WORDS=(chatctl "$@"); COMP_CWORD=$#; PATH=$BUILDPATH:$PATH; _chatctl; echo "${COMPREPLY[*]}"' \
		bash "$TEST_DIR/completion.bash" "$@"
}

lossy
is "a user: from this machine and from the server's contacts" "$(offered send bo)" 'bob bobby'
asked=$(requests)
ok "the server was asked" test "$asked" -gt 0
is "a contact" "$(offered send c)" carla
is "nobody who is neither" "$(offered send d)" ""
is "all of them" "$(offered send '' | tr ' ' '\n' | sort | tr '\n' ' ')" 'bob bobby carla '
is "for a minute the server is not asked again" "$(requests)" "$asked"
is "the names are kept in a private file" "$(stat -c %a "$CHAT_CONFIG_DIR/state/alice.people")" 600
is "the text of a message is anybody's" "$(offered send bob c)" ""
is "an option's value" "$(offered ls --with bo)" 'bob bobby'
is "as bash splits it" "$(offered ls --with = bo)" 'bob bobby'
is "as other shells do" "$(offered ls --with=bobb)" '--with=bobby'
is "options before the argument do not count" "$(offered send --id x --queue bobb)" bobby
is "behind --" "$(offered send -- bobb)" bobby
is "words of an argument" "$(offered contact b)" block
is "and what follows them" "$(offered contact block bobb)" bobby
is "words of an option" "$(offered send --wait d)" delivered
is "both forms of an option" "$(offered send -f | tr ' ' '\n' | grep -c .)" 1
touch "$TEST_DIR/a file"
is "files" "$(cd "$TEST_DIR" && offered send -f 'a f')" 'a file'
is "no command of that name" "$(offered frob '')" ""
for _ in 1 2 3; do chatctl -c bob send alice 'to be read'; done
chatctl ls >/dev/null
ids=$(chatctl ls --format %i | cut -c1-8 | sort | tr '\n' ' ')
is "ids of unread messages, short" "$(offered mark m | tr ' ' '\n' | sort | tr '\n' ' ')" "$ids"
is "for the next argument too" "$(offered mark x m | tr ' ' '\n' | sort | tr '\n' ' ')" "$ids"
id=$(chatctl ls --format %i | head -n 1)
is "whole when more was typed" "$(offered read "$(printf '%.9s' "$id")")" "$id"
is "behind --before" "$(offered conv show bob --before "$(printf '%.6s' "$id")")" "$(printf '%.8s' "$id")"
chatctl watch --durable worker --until-empty >/dev/null
is "durable watches" "$(offered watch --durable w)" worker
is "contexts" "$(offered -c bo | tr ' ' '\n' | sort | tr '\n' ' ')" 'bob bobby '
is "context use" "$(offered context use car)" carla
is "with -c, whom that one knows" "$(offered -c bob send '')" alice
is "an error code" "$(offered error client-id)" client-id-reused
is "a topic" "$(offered help envi)" environment
is "a shell" "$(offered completion f)" fish

# quick NAME WORD...: the helper ends with 0 within a second, without a word on stderr.
quick()
{
	_what=$1
	shift
	_began=$(now)
	run completion words -- "$@"
	_took=$(($(now) - _began))
	is "$_what: no error" "$STATUS$ERR" 0
	ok "$_what: in time ($_took ms)" test "$_took" -lt 1000
}
quick "everything is there" send b
like "with meanings, for the shells that show them" "$(chatctl completion words -- wh)" "whoami	.+"
rm "$CHAT_CONFIG_DIR/state/alice.people"
lossy hang hang hang hang
quick "a server that hangs" send b
is "what is known here comes all the same" "$OUT" bob
kill -9 "$PROXY_PID"
PROXY_PID=
rm -f "$CHAT_CONFIG_DIR/state/alice.people"
quick "no server" send b
is "still" "$OUT" bob
quick "it is not asked for at every key" send b
ok "but once a minute" test -s "$CHAT_CONFIG_DIR/state/alice.people"
printf '%s alice\n\033[31mx\nok-name\n%s\n' "$PROXY" "$(printf '%0100d' 0)" >"$CHAT_CONFIG_DIR/state/alice.people"
quick "names that are none are left out" send ''
is "the others stay" "$(printf '%s\n' "$OUT" | sort | tr '\n' ' ')" 'bob ok-name '
printf 'junk' >"$CHAT_CONFIG_DIR/state/alice.db"
quick "a database that is none" send b
quick "a context that is not there" -c nobody send b
quick "a context's name that is none" -c '../x' send b
chmod 644 "$CHAT_CONFIG_DIR/contexts/alice"
quick "a context that others may read" send b
chmod 600 "$CHAT_CONFIG_DIR/contexts/alice"
CHAT_CONFIG_DIR=$TEST_DIR/nowhere quick "nothing at all" send ''
run completion words
ends "no word" 2

# ---- the other shells ----

rm "$CHAT_CONFIG_DIR/state/alice.db"
if command -v fish >/dev/null; then
	chatctl completion fish >"$TEST_DIR/completion.fish"
	is "fish: users" "$(PATH=$BUILDPATH:$PATH HOME=$TEST_DIR fish --no-config -c "source $TEST_DIR/completion.fish; complete -C 'chatctl send ok'")" ok-name
	like "fish: commands and their meanings" "$(PATH=$BUILDPATH:$PATH HOME=$TEST_DIR fish --no-config -c "source $TEST_DIR/completion.fish; complete -C 'chatctl who'")" '^whoami	.'
	is "fish: an option's value" "$(PATH=$BUILDPATH:$PATH HOME=$TEST_DIR fish --no-config -c "source $TEST_DIR/completion.fish; complete -C 'chatctl ls --with=ok'" | cut -f1)" '--with=ok-name'
fi
if command -v zsh >/dev/null; then
	chatctl completion zsh >"$TEST_DIR/_chatctl"
	# A zsh inside zsh, on a terminal of its own; what it shows once Tab was pressed.
	cat >"$TEST_DIR/zpty" <<'EOF'
zmodload zsh/zpty
zpty z "PATH=$BUILDPATH:$PATH HOME=$TEST_DIR TERM=dumb zsh -f -i"
send() { zpty -w z "$1" }
wait_text() { local out= part; repeat 400; do zpty -rt z part && out+=$part; [[ $out == *$1* ]] && return 0; zselect -t 5; done; print -r -- "$out"; return 1 }
zmodload zsh/zselect
send "PS1=ready\\>; unsetopt zle_bracketed_paste; fpath=($TEST_DIR \$fpath); autoload -Uz compinit; compinit -u -D; print begin-\$((1+1))"
wait_text begin-2 || exit 1
zpty -wn z $'chatctl send ok\t'
wait_text ok-name || exit 1
zpty -wn z $'\025chatctl whoa\t'
wait_text whoami || exit 1
zpty -wn z $'\025chatctl ls --with=ok\t'
wait_text --with=ok-name || exit 1
EOF
	export TEST_DIR
	ok "zsh: a user, a command, an option's value" zsh -f "$TEST_DIR/zpty"
fi
done_testing
