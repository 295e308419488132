#!/bin/sh
# Sixty bodies that want to do something to a terminal. Not one control byte of theirs reaches it, whatever the command and the format; JSON gives them
# back byte by byte, on a terminal and in a pipe.
# shellcheck disable=SC2119,SC2317 # start_chatd takes flags, or none; functions are called by ok and wait_for
# shellcheck source=tests/e2e/ctl.sh
. tests/e2e/ctl.sh
start_chatd || exit 1
people alice bob

cat >"$TEST_DIR/bodies.py" <<'END'
import json
import sys

C1 = [0x84, 0x85, 0x88, 0x8D, 0x90, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F]
BIDI = [0x061C, 0x200E, 0x200F, 0x202A, 0x202B, 0x202C, 0x202D, 0x202E, 0x2066, 0x2067, 0x2068, 0x2069]
HIDDEN = [0x00AD, 0x180E, 0x200B, 0x2028, 0x2029, 0x2060, 0xFEFF, 0xFFF9, 0x1D173, 0xE0041]
bodies = [
    "\x1b[31mred",
    "\x1b[2J\x1b[H",
    "\x1b]0;title\x07",
    "\x1b]2;title\x1b\\",
    "\x1b]52;c;cm0gLXJmIH4K\x07",
    "\x1b]8;;http://evil.example\x07click\x1b]8;;\x07",
    "\x1bP+q544e\x1b\\",
    "\x1b_application\x1b\\",
    "\x1b^privacy\x1b\\",
    "\x1b[5n\x1b[6n\x1b[c",
    "\x1b[?1049h",
    "\x1b[?2004l",
    "\x1bc",
    "\x1b(0lqk",
    "\x1b[8m hidden \x1b[0m",
    "\x1b]1337;File=inline=1:AAAA\x07",
    "\x07\x07\x07",
    "over\b\b\b\bwritten",
    "all right\rforged",
    "\x0bdown\x0cpage",
    "\x0eshift\x0f",
    "\x7f\x7f",
    "\x01\x02\x03\x04",
    "\x11\x13",
    "a" + "\u0301" * 1000,
    "fine\nm0000000  2026-01-01 00:00  boss: send me the keys",
    "fine\r\nboss: forged",
]
bodies += [f"c1 {chr(c)}31mx" for c in C1]
bodies += [f"bidi {chr(c)}gpj.exe" for c in BIDI]
bodies += [f"hidden {chr(c)} text" for c in HIDDEN]
bodies += ['quote " and \\ and \x1b', "tab\tand\x1b"]
bodies = bodies[: int(sys.argv[1])]
with open(sys.argv[2], "w") as f:
    for body in bodies:
        f.write(json.dumps({"to": "bob", "body": body}) + "\n")
END
cat >"$TEST_DIR/judge.py" <<'END'
# judge.py raw FILE: no byte that a terminal obeys, no character that hides or turns. judge.py same SENT SHOWN: the same bodies, as JSON.
import json
import re
import sys

if sys.argv[1] == "raw":
    with open(sys.argv[2], "rb") as f:
        text = f.read().decode("utf-8")
    bad = re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e007f]", text)
    marks = re.search("\u0301{9}", text) and "-json" not in sys.argv
    if bad or marks:
        sys.exit(f"raw: {sorted(set(bad))!r} {'too many marks' if marks else ''}")
else:
    with open(sys.argv[2]) as f:
        sent = [json.loads(line)["body"] for line in f]
    with open(sys.argv[3]) as f:
        text = f.read().split("\necho is o")[0]
    shown = json.loads(text) if text.lstrip().startswith("[") else [json.loads(line) for line in text.split("\n") if line]
    if [m["body"] for m in shown] != sent:
        sys.exit("not the same: " + "; ".join(f"{a!r} for {b['body']!r}" for a, b in zip(sent, shown) if a != b["body"])[:2000])
END
judge()
{
	python3 "$TEST_DIR/judge.py" "$@"
}

python3 "$TEST_DIR/bodies.py" 60 "$TEST_DIR/sent"
is "sixty bodies" "$(wc -l <"$TEST_DIR/sent")" 60
# watched FILE [ARGUMENT...]: what a watch of bob's shows on a terminal while the sixty come. They are marked, so that the next one begins with none.
watched()
{
	_file=$1
	shift
	wait_for offline bob
	chatctl -q -c bob mark --all
	on_tty "$BUILD/chatctl" -c bob watch --count 60 --timeout 60s "$@" >"$_file" &
	_pid=$!
	WATCH_PIDS=$_pid
	wait_for online alice bob
	run -c alice send --batch "$TEST_DIR/sent" --id "${_file##*/}"
	ends "they are sent" 0 '60 sent'
	wait "$_pid"
	is "watch $* ends" $? 0
}
offline()
{
	! online alice "$1"
}
watched "$TEST_DIR/watch"
ok "nothing raw" judge raw "$TEST_DIR/watch"
is "a line each" "$(grep -c '  alice: ' "$TEST_DIR/watch")" 60
watched "$TEST_DIR/watch-json" -o json
ok "nothing raw" judge raw "$TEST_DIR/watch-json" -json
grep '^{' "$TEST_DIR/watch-json" >"$TEST_DIR/lines"
ok "exact" judge same "$TEST_DIR/sent" "$TEST_DIR/lines"

for form in 'ls' 'ls -o tsv' 'ls -o csv' 'ls --format %b' 'ls --format %f:%b'; do
	# shellcheck disable=SC2086 # words
	on_tty "$BUILD/chatctl" -c bob $form --limit 500 >"$TEST_DIR/tty"
	ok "$form: nothing raw" judge raw "$TEST_DIR/tty"
done
is "ls: sixty lines, none of them forged" "$(chatctl -c bob ls --limit 500 | wc -l)" 60
for form in 'ls -o json' 'ls -o jsonl' 'api GET /messages?limit=500'; do
	# shellcheck disable=SC2086 # words
	on_tty "$BUILD/chatctl" -c bob $form --limit 500 >"$TEST_DIR/tty" 2>&1 || on_tty "$BUILD/chatctl" -c bob $form >"$TEST_DIR/tty"
	ok "$form on a terminal: nothing raw" judge raw "$TEST_DIR/tty" -json
	ok "$form on a terminal: exact" judge same "$TEST_DIR/sent" "$TEST_DIR/tty"
done
for form in 'ls -o json' 'ls -o jsonl'; do
	# shellcheck disable=SC2086 # words
	chatctl -c bob $form --limit 500 >"$TEST_DIR/pipe"
	ok "$form in a pipe: exact" judge same "$TEST_DIR/sent" "$TEST_DIR/pipe"
done
bad=
for id in $(chatctl -c bob ls --limit 500 --format %i); do
	on_tty "$BUILD/chatctl" -c bob read "$id" >"$TEST_DIR/tty"
	said=$(judge raw "$TEST_DIR/tty" 2>&1) || bad="$bad $id: $said"
done
is "read, each of them: nothing raw" "$bad" ""

# What is typed may come from a peer too.
esc=$(printf '\033]0;title\007')
for form in "read $esc" "send $esc x" "ls --with $esc" "error $esc" "help $esc" "$esc" "ls --after $esc" "ls --$esc" "-c $esc whoami"; do
	# shellcheck disable=SC2086 # words
	on_tty "$BUILD/chatctl" -c bob $form >"$TEST_DIR/tty"
	ok "said of what is wrong: nothing raw" judge raw "$TEST_DIR/tty"
done
done_testing
