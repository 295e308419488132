#!/bin/sh
# Names and words that others choose, on a terminal: display names, aliases, devices, what a server says that is none of ours. Not one control byte.
# shellcheck disable=SC2119,SC2317 # start_chatd takes flags, or none; functions are called by ok and wait_for
# shellcheck source=tests/e2e/ctl.sh
. tests/e2e/ctl.sh
start_chatd || exit 1
people alice
CHAT_CONTEXT=alice
export CHAT_CONTEXT

cat >"$TEST_DIR/hostile.py" <<'END'
# hostile.py PORT-FILE: a server that answers every question well-formed, and puts into every text what a terminal would obey.
import http.server
import json
import sys

words = [
    "\x1b]52;c;cm0gLXJmIH4K\x07", "\x1b[2J\x1b[H", "\x9b31mred", "\x90+q\x9c", "over\rforged", "fine\n2026-11-24 10:00 [error] forged log line",
    "fine\n" + "mAAAAAAA  2026-01-01 00:00  boss: forged", "\u202egpj.exe", "\u2066x\u2069", "a" + "\u0301" * 1000, "\x08\x08\x08", "\x07" * 9, "\x7f\x00"[:1],
    "\u200b\ufeffhidden", "\x1bc", "\x1b]0;title\x1b\\",
]
served = 0


def word():
    global served
    served += 1
    return words[served % len(words)]


def message(n):
    return {"id": word()[:40], "client_id": word(), "from": "bob" if n % 2 else word(), "to": word(), "kind": "text", "body": word(), "sent_at": word(),
            "delivered_at": word(), "read_at": None}


class Hostile(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, doc):
        body = json.dumps(doc).encode()
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if length := int(self.headers.get("Content-Length") or 0):
            self.rfile.read(length)
        path = self.path.split("?")[0]
        if path == "/":
            self.answer(200, {"name": "chatd", "version": word(), "api_version": 1})
        elif path == "/messages":
            self.answer(200, [message(n) for n in range(32)])
        elif path.startswith("/messages/"):
            self.answer(200, message(0))
        elif path == "/conversations":
            self.answer(200, [{"with": word() if n else "bob", "unread": 1, "last": message(n), "read_up_to": word()} for n in range(16)])
        elif path.startswith("/conversations/"):
            self.answer(200, [message(n) for n in range(32)])
        elif path == "/sessions":
            self.answer(200, [{"device": word(), "device_name": word(), "current": False, "created_at": word(), "seen_at": word()} for _ in words])
        elif path in ("/contacts", "/blocks"):
            self.answer(200, [{"user": word(), "alias": word()} for _ in words])
        elif path.startswith("/users/"):
            self.answer(200, {"user": word(), "display_name": word(), "online": True, "last_seen": word()})
        else:
            self.answer(418, {"title": word(), "code": word(), "detail": word(), "field": word(), "status": 418})

    do_POST = do_PUT = do_PATCH = do_DELETE = lambda self: self.do_GET() if self.path != "/messages" else self.answer(
        400, {"title": word(), "code": word(), "detail": word(), "field": word(), "status": 400})

    def finish(self):
        try:
            super().finish()
        except OSError:
            pass

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
server.handle_error = lambda *_: None
with open(sys.argv[1] + ".tmp", "w") as f:
    f.write(str(server.server_port))
import os
os.rename(sys.argv[1] + ".tmp", sys.argv[1])
server.serve_forever()
END
cat >"$TEST_DIR/judge.py" <<'END'
import re
import sys

with open(sys.argv[1], "rb") as f:
    data = f.read()
text = data.decode("utf-8")
bad = re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]", text)
if bad:
    sys.exit(f"raw: {sorted(set(bad))!r}")
if "lines" in sys.argv[2:]:
    if re.search("\u0301{9}", text):
        sys.exit("too many marks")
    if re.search("^(2026-11-24 10:00|mAAAAAAA  2026)", text, re.M):
        sys.exit("a forged line")
    if len(text) < 30:
        sys.exit(f"nothing was shown: {text!r}")
END
python3 "$TEST_DIR/hostile.py" "$TEST_DIR/port" &
PROXY_PID=$!
wait_for test -s "$TEST_DIR/port"
printf 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n' >"$TEST_DIR/token"
chatctl context add hostile --url "http://127.0.0.1:$(cat "$TEST_DIR/port")" --user alice --token-file "$TEST_DIR/token"
CHAT_CONTEXT=hostile

while read -r words; do
	case $words in
	api* | mark* | check* | send*) forms=_ ;;
	*) forms='_ -o_json -o_jsonl -o_tsv -o_csv' ;;
	esac
	for form in $forms; do
		case "$form $words" in
		"_ read m"* | "_ api"*) lines= ;;
		_* | -o_tsv*) lines=lines ;; # what peers wrote is on one line, whatever is in it
		*) lines= ;;
		esac
		# shellcheck disable=SC2046,SC2086 # words
		on_tty "$BUILD/chatctl" $words $(echo "$form" | tr _ ' ') --timeout 5s >"$TEST_DIR/tty"
		ok "$words $form: nothing raw" python3 "$TEST_DIR/judge.py" "$TEST_DIR/tty" $lines
	done
done <<'END'
ls
ls --all
read mAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
read --with bob --last 20
conv ls
conv show bob
conv export bob
contact ls
contact ls --blocked
device ls
whoami
send bob x
mark mAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
search forged
doctor
check conn
api GET /nowhere
END
chatctl ls -o json >"$TEST_DIR/json"
ok "in a pipe JSON is exact" jq -e 'map(.body) | any(test("\u001b]52;c;cm0gLXJmIH4K\u0007"))' "$TEST_DIR/json"
done_testing
