#!/bin/sh
# tests/lint/documented.sh BUILD [--write]: compares what the manual pages, completions and doc/protocol.md say with what the programs in BUILD
# say of themselves; with --write brings the files in line.
set -eu
build=$1
write=${2-}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bad=0

# differ FILE NEW: NEW is what FILE should be.
differ()
{
	cmp -s "$1" "$2" && return 0
	if [ "$write" = --write ]; then
		cp "$2" "$1"
	else
		echo "$1 is behind; run tests/lint/documented.sh $build --write"
		diff -u "$1" "$2" | sed -n 3,40p || true
		bad=1
	fi
}

# block FILE NAME: FILE, with the lines between its comments 'begin NAME' and 'end NAME' taken from standard input.
block()
{
	cat >"$tmp/lines"
	awk -v begin="begin $2" -v end="end $2" -v lines="$tmp/lines" '
		index($0, end) && inside { inside = 0 }
		!inside { print }
		index($0, begin) { inside = 1; while ((getline line < lines) > 0) print line }
	' "$1" >"$tmp/new"
	differ "$1" "$tmp/new"
}

# items [KEYS]: lines "  --name ARG   text" of a help to mdoc items; with the file KEYS (of --print-config), those in it alone.
items()
{
	awk -v keys="${1-}" '
		BEGIN { while (keys != "" && (getline line < keys) > 0) { sub(/^# /, "", line); sub(/ *=.*/, "", line); known[line] = 1 } }
		/^  --/ {
			name = substr($1, 3)
			if (keys != "" && !(name in known))
				next
			text = $0
			sub(/^  --[^ ]+ /, "", text)
			arg = ""
			if (text !~ /^ /) {
				arg = text
				sub(/ .*/, "", arg)
				sub(/^[^ ]+/, "", text)
			}
			sub(/^ +/, "", text)
			gsub(/\\/, "\\e", text)
			gsub(/\. /, ".\n", text)
			if (keys != "")
				print ".It Cm " name (arg != "" ? " No = Ar " arg : "")
			else
				print ".It Fl Fl " name (arg != "" ? " Ar " arg : "")
			print text "."
		}'
}

"$build/chatd" --help >"$tmp/help"
"$build/chatd" --print-config >"$tmp/keys"
items <"$tmp/help" | block man/chatd.8 options
items "$tmp/keys" <"$tmp/help" | block man/chat.conf.5 keys

"$build/chatctl" help --man | sed -e 's/ *$//' -e '/^[^.]/s/\. \([A-Z]\)/.\n\1/g' >"$tmp/man"
for section in OPTIONS COMMANDS 'EXIT STATUS' EXAMPLES; do
	awk -v section=".Sh $section" '/^\.Sh / { inside = $0 == section; next } inside { print }' "$tmp/man" | block man/chatctl.1 "$section"
done
for c in bash:chatctl.bash zsh:_chatctl fish:chatctl.fish; do
	"$build/chatctl" completion "${c%%:*}" >"$tmp/completion"
	differ "completions/${c#*:}" "$tmp/completion"
done

"$build/chatui" --man | sed -e 's/|/\\*(Ba/g' | block man/chatui.1 commands

# Every error, from its table.
# shellcheck disable=SC2016 # the backquotes are Markdown's
{
	echo '| code | status | title |'
	echo '|---|---|---|'
	sed -n 's/.*X([A-Z_0-9]*, "\([a-z-]*\)", \([0-9]*\), [0-9]*, "\([^"]*\)").*/| `\1` | \2 | \3 |/p' common/base/err.h | grep -v '^| `ok`'
} >"$tmp/errors"
awk -v lines="$tmp/errors" '
	/^## / && inside { inside = 0; print "" }
	!inside { print }
	/^## 6\. / { inside = 1; while ((getline line < lines) > 0) print line }
' doc/protocol.md >"$tmp/protocol"
differ doc/protocol.md "$tmp/protocol"
jq -e .openapi doc/openapi.json >"$tmp/openapi" || bad=1
exit "$bad"
