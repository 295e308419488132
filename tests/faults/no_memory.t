#!/usr/bin/python3 -B
"""Allocations fail while users write and read: each failure is a 503 or a close and that alone. Nothing that was acknowledged is lost, no stream has a
gap, nothing hangs, no answer is half written. N: seconds a round (3, at most 30). Not for builds with sanitizers, which have allocators of their own."""
import json
import mmap
import os
import random
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../clients"))
from harness import BUILD, SLOW, Raw, Rest, Server, eq, main, ok, request, skip_all, test, upgrade, ws_frame  # noqa: E402

if SLOW != 1:
    skip_all("a sanitizer's allocator cannot be replaced")
SECONDS = min(int(os.environ.get("N") or 3), 30)
USERS = 4
PATIENCE = 10


class Faults:
    """The two words that no_memory.c reads."""

    def __init__(self, server):
        self.path = os.path.join(server.dir, "faults")
        self.library = os.path.join(server.dir, "no_memory.so")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "no_memory.c")
        subprocess.run(["cc", "-O1", "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", self.library, source], check=True)
        with open(self.path, "w+b") as f:
            f.write(bytes(8))
            f.flush()
            self.map = mmap.mmap(f.fileno(), 8)

    def every(self, n):
        self.map[:4] = struct.pack("I", n)

    @property
    def failed(self):
        return struct.unpack("I", self.map[4:])[0]


class Writer(threading.Thread):
    """One user at one connection after the other until the time is over; wrong holds what must not be."""

    def __init__(self, users, number, wrong, until):
        super().__init__(daemon=True)
        self.users, self.me, self.number, self.wrong, self.until = users, users[number % USERS], number, wrong, until
        self.rng, self.acked, self.count, self.cursor = random.Random(number), {}, 0, None

    def draft(self, length):
        self.count += 1
        return {"to": self.rng.choice(self.users).name, "body": "b" * self.rng.randrange(1, length), "client_id": f"{self.number}-{self.count}"}

    def run(self):
        while time.monotonic() < self.until:
            raw = None
            try:
                raw = Raw(self.me.server)
                raw.sock.settimeout(PATIENCE)
                self.talk(raw)
            except OSError:
                pass
            except (ValueError, KeyError) as e:
                self.wrong.append(repr(e))
            if raw:
                if raw.hung:
                    self.wrong.append("no answer")
                raw.close()

    def note(self, answers):
        self.acked.update((a["client_id"], a["id"]) for a in answers if "id" in a)


class HttpWriter(Writer):
    def talk(self, raw):
        while time.monotonic() < self.until:
            kind = self.rng.random()
            if kind < 0.5:
                text = request("POST", "/messages", self.me.token, self.draft(3000))
            elif kind < 0.6:
                text = request("POST", "/messages", self.me.token, [self.draft(20) for _ in range(50)])
            else:
                text = request("GET", "/messages?limit=100", self.me.token)
            raw.send(text)
            answer = raw.answer()
            if answer is None:
                return
            if answer[0] not in (200, 204, 503):
                self.wrong.append(f"{answer[0]} {answer[2][:200]}")
            said = json.loads(answer[2]) if answer[0] != 204 else []
            if text.startswith(b"POST") and answer[0] == 200:
                self.note(said if isinstance(said, list) else [said])


class SocketWriter(Writer):
    def talk(self, raw):
        hello = {"op": "hello", **({"cursor": self.cursor} if self.cursor else {})}
        raw.send(upgrade(self.me.token) + ws_frame(json.dumps(hello)))
        answer = raw.answer()
        waiting = 0
        while answer and answer[0] == 101 and time.monotonic() < self.until:
            if waiting == 0:
                ops = [{"op": "send", "ref": i, **self.draft(500)} for i in range(self.rng.choice((1, 20)))]
                raw.send(ws_frame(json.dumps(ops)))
                waiting = len(ops)
            frame = raw.frame()
            if frame is None or frame[0] == 8:
                return
            events = json.loads(frame[1])
            for e in events:
                if "prev" in e and e["prev"] != self.cursor:
                    self.wrong.append(f"a gap before {e}")
                self.cursor = e["cursor"] if "prev" in e or e["ev"] == "welcome" else self.cursor
                waiting -= e["ev"] in ("sent", "error")
            self.note([e for e in events if e["ev"] == "sent"])


def unread(user):
    """The ids of all unread messages."""
    got, after = [], ""
    while True:
        answer = user.get("/messages?limit=500" + after)
        if answer.status_code == 204:
            return got
        got += [m["id"] for m in answer.json()]
        if "Chat-Next-Cursor" not in answer.headers:
            return got
        after = "&after=" + answer.headers["Chat-Next-Cursor"]


@test
def rounds():
    server = Server(conf={"segment-bytes": "65536"})
    faults = Faults(server)
    os.environ.update(LD_PRELOAD=faults.library, NO_MEMORY=faults.path)
    server.start()
    del os.environ["LD_PRELOAD"], os.environ["NO_MEMORY"]
    users = [server.user(f"u{i}") for i in range(USERS)]
    acked, wrong = {}, []
    for every in (1000, 100, 13):
        before = faults.failed
        faults.every(every)
        until = time.monotonic() + SECONDS
        writers = [(SocketWriter if i % 2 else HttpWriter)(users, every * 100 + i, wrong, until) for i in range(2 * USERS)]
        for w in writers:
            w.start()
        for w in writers:
            w.join(SECONDS + 3 * PATIENCE)
            acked.update(w.acked)
        faults.every(0)
        ok(server.alive(), f"chatd lives where one allocation in {every} fails", server.said())
        ok(faults.failed > before, "and they did", faults.failed)
    eq(wrong[:5], [], "no wrong answer, no gap, no wait")
    eq(server.stop(), 0, "chatd ends with 0")
    server.start()
    seen = [i for u in users for i in unread(Rest(server, u.token))]
    eq(len(seen), len(set(seen)), "each message is there once")
    lost = set(acked.values()) - set(seen)
    ok(not lost, f"what was acknowledged is there: {len(acked)}", list(lost)[:5])
    eq(server.stop(), 0, "chatd ends with 0 again")


main()
