#!/usr/bin/python3 -B
"""kill -9 under load, N times (10): what was acked is there, once and unchanged; what was not is said again and ends up there once.

Eight senders (four sockets, four HTTP connections) send as fast as they can, each a process. Every ack goes by a pipe to an outside writer, which
syncs it to a file before it counts. After each restart the recipients resume their streams where they were, and everything acked until then must be
in what they have seen. At the end the senders say again what was never answered, and both streams are read once more from the beginning.
SEED repeats the delays."""
import array
import hashlib
import json
import multiprocessing
import os
import random
import tempfile
import time

from harness import PATIENCE, SLOW, Raw, Server, diag, eq, main, ok, request, test, upgrade, wait_for, ws_frame

CYCLES = int(os.environ.get("N") or (10 if SLOW == 1 else 3))
SEED = int(os.environ.get("SEED") or random.randrange(1, 1 << 31))
SENDERS, RECIPIENTS = 8, 2
FRAMES = 4  # in flight on a socket
context = multiprocessing.get_context("fork")


def body_of(key):
    """The body is made from the key, so that it can be said again after anything."""
    rng = key * 2654435761 % (1 << 32)
    return f"{key} " + "abcdefgh"[rng % 8] * (rng % 300) + (' "\\\n\u00e9\U0001f600' if rng % 5 == 0 else "")


def draft(key):
    return {"to": f"r{key % RECIPIENTS}", "body": body_of(key), "client_id": f"k{key}"}


def digest(message_id, body):
    """8 bytes that stand for what was acked: id and content."""
    return int.from_bytes(hashlib.blake2b(f"{message_id} {body}".encode(), digest_size=8).digest(), "big")


class Digests:
    """key -> digest, 8 bytes each; keys are dense."""

    def __init__(self):
        self.at = array.array("Q")

    def get(self, key):
        return self.at[key] if key < len(self.at) else 0

    def put(self, key, value):
        if key >= len(self.at):
            self.at.frombytes(bytes(8 * (key + 100000 - len(self.at))))
        self.at[key] = value

    def keys(self):
        return (k for k, v in enumerate(self.at) if v)

    def __len__(self):
        return len(self.at) - self.at.count(0)


class Shared:
    """What the processes tell each other."""

    def __init__(self):
        self.port = context.Value("i", 0)  # 0: hold
        self.finish = context.Value("b", 0)
        self.holding = context.Array("i", SENDERS)
        self.recorded = context.Value("q", 0)
        self.synced = context.Value("i", 0)
        self.pipe = os.pipe()


class Sender:
    """One process that sends: what it has not been answered is in pending, and is said again first on the next connection."""

    def __init__(self, shared, number, token):
        self.shared, self.number, self.token = shared, number, token
        self.pending, self.count, self.raw = {}, 0, None

    def fresh(self, n):
        if self.shared.finish.value:
            return []
        keys = [(self.count + i) * SENDERS + self.number for i in range(n)]
        self.count += n
        self.pending.update(dict.fromkeys(keys))
        return keys

    def acked(self, answers):
        lines = [f"{a['client_id'][1:]} {a['id']}\n" for a in answers]
        for a in answers:
            self.pending.pop(int(a["client_id"][1:]), None)
        for i in range(0, len(lines), 32):
            os.write(self.shared.pipe[1], "".join(lines[i : i + 32]).encode())

    def connect(self):
        server = type("Address", (), {"port": self.shared.port.value})
        self.raw = Raw(server)

    def run(self):
        random.seed(SEED + self.number)
        while True:
            self.shared.holding[self.number] = 1
            wait_for(lambda: self.shared.port.value, 1e9, 0.005)
            self.shared.holding[self.number] = 0
            try:
                self.connect()
                self.talk()
                if self.shared.finish.value and not self.pending:
                    break
            except (OSError, ConnectionError, ValueError, TypeError):
                pass
            if self.raw:
                self.raw.close()
            wait_for(lambda: not self.shared.port.value or self.shared.finish.value, 0.05, 0.005)
        self.shared.holding[self.number] = 2


class SocketSender(Sender):
    def talk(self):
        self.raw.send(upgrade(self.token) + ws_frame('{"op":"hello"}'))
        if self.raw.answer()[0] != 101:
            raise ConnectionError
        again, flight = list(self.pending), 0
        size = random.choice((1, 4, 16, 64))
        while True:
            while flight < size * FRAMES:
                keys, again = (again[:size], again[size:]) if again else (self.fresh(size), [])
                if not keys:
                    break
                self.raw.send(ws_frame(json.dumps([{"op": "send", "ref": k, **draft(k)} for k in keys]), mask=b"\0\0\0\0"))
                flight += len(keys)
            if not flight:
                return
            frame = self.raw.frame()
            if frame is None:
                raise ConnectionError
            if frame[0] == 1:
                events = json.loads(frame[1])
                events = events if isinstance(events, list) else [events]
                self.acked([e for e in events if e["ev"] == "sent"])
                flight -= sum(e["ev"] in ("sent", "error") for e in events)


class HttpSender(Sender):
    def talk(self):
        again = list(self.pending)
        while True:
            n = random.choice((1, 1, 1, 20))
            keys, again = (again[:n], again[n:]) if again else (self.fresh(n), [])
            if not keys:
                return
            body = [draft(k) for k in keys]
            self.raw.send(request("POST", "/messages", self.token, body[0] if n == 1 else body))
            answer = self.raw.answer()
            if answer is None:
                raise ConnectionError
            if answer[0] == 200:
                said = json.loads(answer[2])
                self.acked([a for a in (said if isinstance(said, list) else [said]) if "id" in a])


def record(shared, path):
    """The outside writer: an ack counts once it is synced."""
    os.close(shared.pipe[1])
    rest = b""
    with open(path, "ab", 0) as f:
        while True:
            got = os.read(shared.pipe[0], 1 << 16)
            if not got:
                return
            *lines, rest = (rest + got).split(b"\n")
            acks = [x for x in lines if not x.startswith(b"sync")]
            f.write(b"".join(x + b"\n" for x in acks))
            os.fsync(f.fileno())
            shared.recorded.value += len(acks)
            for x in lines:
                if x.startswith(b"sync"):
                    shared.synced.value = int(x[4:])


class Follower:
    """A recipient's stream, and what was in it."""

    def __init__(self, user):
        self.user, self.seen, self.doubled, self.broken, self.odd = user, Digests(), 0, 0, 0
        ws = user.ws()
        self.cursor = self.first = ws.welcome["cursor"]
        ws.close()

    def take(self, event):
        if event["prev"] != self.cursor:
            self.broken += 1
        self.cursor = event["cursor"]
        if event["ev"] != "message":
            return
        m = event["message"]
        key = int(m["client_id"][1:])
        self.doubled += self.seen.get(key) != 0
        self.odd += m["body"] != body_of(key)
        self.seen.put(key, digest(m["id"], m["body"]))

    def follow(self):
        """Everything up to live. False when the cursor was not good."""
        raw = Raw(self.user.server, upgrade(self.user.token) + ws_frame(json.dumps({"op": "hello", "cursor": self.cursor})))
        raw.sock.settimeout(PATIENCE * 6)
        raw.answer()
        good = True
        while True:
            frame = raw.frame()
            if frame is None:
                raise ConnectionError("the stream ended early")
            if frame[0] != 1:
                continue
            events = json.loads(frame[1])
            for event in events if isinstance(events, list) else [events]:
                if event["ev"] == "welcome":
                    good = event["recovered"]
                elif event["ev"] == "live":
                    raw.close()
                    return good
                elif "prev" in event:
                    self.take(event)


class Trial:
    def __init__(self):
        self.rng = random.Random(SEED)
        self.server = Server().start()
        self.shared = Shared()
        recipients = [self.server.user(f"r{i}") for i in range(RECIPIENTS)]
        self.followers = [Follower(u) for u in recipients]
        for i in range(SENDERS // 2):
            self.server.user(f"s{i}")
        senders = [(SocketSender if i % 2 else HttpSender)(self.shared, i, self.server.login(f"s{i // 2}").token) for i in range(SENDERS)]
        self.acks = tempfile.NamedTemporaryFile(prefix="acks.", dir=self.server.dir)
        self.acked, self.fresh, self.sample, self.lost, self.unrecovered = Digests(), [], [], set(), 0
        self.children = [context.Process(target=s.run, daemon=True) for s in senders]
        self.children.append(context.Process(target=record, args=(self.shared, self.acks.name), daemon=True))
        for child in self.children:
            child.start()

    def read_acks(self, number):
        """All acks that any sender got, once none of them holds one back."""
        wait_for(lambda: all(self.shared.holding), PATIENCE * 3)
        os.write(self.shared.pipe[1], f"sync{number}\n".encode())
        wait_for(lambda: self.shared.synced.value == number, PATIENCE * 3)
        for line in self.acks.read().decode().splitlines():
            key, message_id = line.split()
            key = int(key)
            value = digest(message_id, body_of(key))
            if self.acked.get(key) not in (0, value):
                self.lost.add(key)
            self.acked.put(key, value)
            self.fresh.append(key)
            if len(self.sample) < 1000 or self.rng.random() < 0.001:
                self.sample.append((key, message_id))

    def check(self, keys):
        for f in self.followers:
            self.unrecovered += not f.follow()
        for key in keys:
            if self.followers[key % RECIPIENTS].seen.get(key) != self.acked.get(key):
                self.lost.add(key)
        self.fresh = []
        for key, message_id in self.rng.sample(self.sample, min(10, len(self.sample))):
            answer = self.followers[key % RECIPIENTS].user.get("/messages/" + message_id)
            if answer.status_code != 200 or answer.json()["body"] != body_of(key):
                self.lost.add(key)

    def cycle(self, number):
        self.shared.port.value = self.server.port
        wait_for(lambda: not any(self.shared.holding), PATIENCE)
        time.sleep(self.rng.uniform(0.05, 1.5))
        self.server.process.kill()
        self.server.process.wait()
        self.shared.port.value = 0
        self.read_acks(number)
        self.server.start()
        self.check(self.fresh)

    def finish(self):
        self.shared.finish.value = 1
        self.shared.port.value = self.server.port
        done = wait_for(lambda: all(h == 2 for h in self.shared.holding), PATIENCE * 6)
        self.read_acks(1 << 30)
        for f in self.followers:
            self.unrecovered += not f.follow()
            f.cursor, f.seen = f.first, Digests()
        self.check(self.acked.keys())
        return done

    def end(self):
        for child in self.children:
            child.kill()
        self.server.stop()


@test
def kill9():
    diag(f"SEED={SEED}")
    trial = Trial()
    for i in range(1, CYCLES + 1):
        trial.cycle(i)
        if trial.lost:
            diag(f"cycle {i}: lost {len(trial.lost)}, say {sorted(trial.lost)[:3]}")
            break
    cycles = i
    done = trial.finish()
    there = sum(len(f.seen) for f in trial.followers)
    doubled = sum(f.doubled for f in trial.followers)
    diag(f"cycles {cycles}, acked {len(trial.acked)}, lost {len(trial.lost)}, doubled {doubled}")
    ok(len(trial.acked) > 100 * cycles, "messages flowed", len(trial.acked))
    ok(done, "what was not answered is answered when it is said again", list(trial.shared.holding))
    eq(len(trial.lost), 0, f"{cycles} cycles: every acked message is there, with its id and body")
    eq(doubled, 0, "and once")
    eq(sum(f.odd for f in trial.followers), 0, "no body is damaged")
    eq(there, len(trial.acked), "and nothing is there that was never acked in the end")
    eq(trial.unrecovered, 0, "every cursor was good after every restart")
    eq(sum(f.broken for f in trial.followers), 0, "the prev chains are whole")
    trial.end()


main()
