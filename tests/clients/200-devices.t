#!/usr/bin/python3 -B
"""Three devices of one account over common/client/sync.h, behind lines that break at random, one of them killed now and then: when all is quiet they have
the same messages, in the same order, with the same read state, and that is REST's. SECONDS=120 for longer. Then a program that is killed while it sends,
KILLS times: what it said was queued arrives once."""
import json
import os
import random
import select
import socket
import sqlite3
import struct
import subprocess
import threading
import time

from harness import BUILD, PATIENCE, SLOW, Server, diag, eq, main, ok, test, wait_for

SECONDS = int(os.environ.get("SECONDS") or 15)
KILLS = int(os.environ.get("KILLS") or 20)
SEED = int(os.environ.get("SEED") or random.randrange(1, 1 << 31))
server = Server().start()
rng = random.Random(SEED)
diag(f"SEED={SEED}")
people = {name: server.user(name) for name in ("ada", "bob", "carol", "dan")}
config = os.path.join(server.dir, "config")
os.makedirs(os.path.join(config, "contexts"), 0o700)


class Line:
    """A TCP proxy whose connections can be cut; down: it takes none."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open, self.down, self.lock = set(), False, threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self.listener.accept()
            if self.down:
                client.close()
                continue
            try:
                there = socket.create_connection(("127.0.0.1", server.port))
            except OSError:
                client.close()
                continue
            pair = (client, there)
            with self.lock:
                self.open.add(pair)
            threading.Thread(target=self._pump, args=(pair,), daemon=True).start()

    def _pump(self, pair):
        try:
            while True:
                for s in select.select(pair, [], [])[0]:
                    data = s.recv(65536)
                    if not data:
                        return
                    # Part of what was said is lost with the line.
                    pair[s is pair[0]].sendall(data)
        except (OSError, ValueError):
            pass
        finally:
            with self.lock:
                self.open.discard(pair)
            for s in pair:
                s.close()

    def cut(self, all_of_them=False):
        with self.lock:
            pairs = list(self.open)
        for pair in pairs if all_of_them else rng.sample(pairs, min(1, len(pairs))):
            for s in pair:
                try:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


class Device:
    """The test program, restarted at will over the same profile."""

    def __init__(self, name, user, port):
        self.name, self.events, self.at, self.process = name, [], 0, None
        login = server.login(user)
        self.user = user
        with open(os.open(os.path.join(config, "contexts", name), os.O_CREAT | os.O_WRONLY, 0o600), "w") as f:
            f.write(f"url = http://127.0.0.1:{port}\nuser = {user}\ntoken = {login.token}\ndevice = {login.device}\n")
        self.start()

    def start(self):
        program = os.path.join(BUILD, "tests/clients/device")
        env = {**os.environ, "CHAT_CONFIG_DIR": config}
        self.process = subprocess.Popen([program, self.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, text=True)
        self.reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self.reader.start()

    def _read(self, process):
        for line in process.stdout:
            try:
                self.events.append(json.loads(line))
            except ValueError:
                self.events.append({"what": "torn"})  # by a kill

    def say(self, *words):
        try:
            self.process.stdin.write(" ".join(words) + "\n")
            self.process.stdin.flush()
        except (BrokenPipeError, ValueError):
            pass

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()

    def forget_place(self):
        """As after a month away: the server does not know its cursor any more."""
        db = sqlite3.connect(os.path.join(config, "state", self.name + ".db"))
        db.execute("UPDATE accounts SET cursor = 'cUNKNOWN'")
        db.commit()
        db.close()

    def end(self):
        self.process.stdin.close()
        status = self.process.wait(20 * SLOW)
        self.reader.join()
        return status

    def wait(self, seconds=PATIENCE, **members):
        """The first event with these members behind the one that was waited for last."""

        def found():
            for i in range(self.at, len(self.events)):
                if all(self.events[i].get(k) == v for k, v in members.items()):
                    self.at = i + 1
                    return self.events[i]
            return None

        return wait_for(found, seconds)

    def dump(self):
        start = len(self.events)
        self.say("dump")
        return wait_for(lambda: next((e for e in self.events[start:] if e["what"] == "dump"), None), PATIENCE)

    def queued(self):
        return {e["client_id"] for e in self.events if e["what"] == "entry" and e["entry"] in ("waiting", "sending", "sent")}


def state_of(m, me):
    if m["from"] != me:
        return "received"
    return "read" if m["read_at"] else "delivered" if m["delivered_at"] else "sent"


def history(rest, peer):
    """All of a conversation, the oldest first."""
    got, before = [], ""
    while True:
        answer = rest.get(f"/conversations/{peer}/messages?limit=500{before}")
        page = answer.json()
        got += page
        if 'rel="next"' not in answer.headers.get("Link", "") or not page:
            return got[::-1]
        before = "&before=" + page[-1]["id"]


def truth(rest):
    """What REST says: each chat, its unread count and its lines, the latest chat first."""
    chats = rest.get("/conversations?limit=500").json()
    return [(c["with"], c["unread"], [(m["id"], m["body"], state_of(m, rest.name)) for m in history(rest, c["with"])]) for c in chats]


def view(device):
    """The same as a device has it, with all older pages loaded; None while it still loads or sends."""
    said = device.dump()
    if said is None or "why" in said:
        return None
    chats = [c for c in said["chats"] if "last" in c]
    loading = [c["with"] for c in chats if not c["complete"]]
    for peer in loading:
        device.say("older", peer, "200")
    if loading or any(c["queued"] for c in chats):
        return None
    return [(c["with"], c["unread"], [(x["id"], x["body"], x["state"]) for x in c["lines"]]) for c in chats]


def difference(got, wanted):
    if got is None:
        return "still loading"
    for g, w in zip(got, wanted):
        if g[:2] != w[:2]:
            return f"{g[:2]} for {w[:2]}"
        if g[2] != w[2]:
            at = next((i for i, (a, b) in enumerate(zip(g[2], w[2])) if a != b), min(len(g[2]), len(w[2])))
            return f"{g[0]}: {len(g[2])} lines for {len(w[2])}; at {at}: {g[2][at:at + 2]} for {w[2][at:at + 2]}"
    return f"{len(got)} chats for {len(wanted)}"


def somebody_acts(devices, i):
    """One thing that people do: on the account's devices, or the others'."""
    other = people[rng.choice(("bob", "carol", "dan"))]
    device = rng.choice(devices)
    what = rng.random()
    if what < 0.35:
        other.send("ada", f"{other.name} {i}")
    elif what < 0.65:
        device.say("send", other.name, f"{device.name}-{i}", f"{device.name} {i}")
    elif what < 0.75:
        device.say("read", other.name)
    elif what < 0.80:
        device.say("older", other.name, "30")
    elif what < 0.90:
        unread = other.get("/messages?from=ada&limit=5")
        if unread.status_code == 200:
            other.call("PATCH", "/messages/" + rng.choice(unread.json())["id"], {"read": True})
    else:
        page = other.get("/conversations/ada/messages?limit=10").json()
        to_me = [m["id"] for m in page if m["to"] == other.name]
        if to_me:
            other.call("PUT", "/conversations/ada/read", {"up_to": rng.choice(to_me)})


@test
def three_devices():
    lines = [Line() for _ in range(3)]
    devices = [Device(f"device{i}", "ada", line.port) for i, line in enumerate(lines)]
    for d in devices:
        wait_for(lambda d=d: any(e.get("state") == "live" for e in d.events))
    until, i, cuts, kills, up_again = time.monotonic() + SECONDS, 0, 0, 0, {}
    while time.monotonic() < until:
        i += 1
        somebody_acts(devices, i)
        now, n = time.monotonic(), rng.randrange(3)
        if rng.random() < 0.08:
            lines[n].cut(rng.random() < 0.5)
            cuts += 1
        if rng.random() < 0.01:
            lines[n].down, up_again[n] = True, now + rng.random() * 2
            lines[n].cut(True)
        if rng.random() < 0.01:
            devices[n].kill()
            if kills % 3 == 1:
                devices[n].forget_place()
            devices[n].start()
            kills += 1
        for k in [k for k, at in up_again.items() if at < now]:
            lines[k].down = False
            del up_again[k]
        select.select([], [], [], 0.01)
    for line in lines:
        line.down = False
    for d in devices:
        d.say("reconnect")
    diag(f"{i} acts, {cuts} cuts, {kills} kills")
    ada = people["ada"]
    for d in devices:
        wanted, got = None, None

        def same(d=d):
            nonlocal wanted, got
            got = view(d)
            if got is None:
                return False
            wanted = truth(ada)
            return got == wanted

        done = wait_for(same, 40 * SLOW, 0.3)
        ok(done, f"{d.name} has what REST has: messages, order, read state, unread", difference(got, wanted or truth(ada)))
    client_ids = [m["client_id"] for peer in ("bob", "carol", "dan") for m in history(ada, peer) if m["from"] == "ada"]
    queued = set().union(*(d.queued() for d in devices))
    eq(sorted(queued - set(client_ids)), [], f"each of {len(queued)} lines that was said to be queued has arrived")
    eq(len(client_ids), len(set(client_ids)), "and once")
    for d in devices:
        eq(d.end(), 0, f"{d.name} ends with 0")


@test
def killed_while_sending():
    line = Line()
    d = Device("killed", "bob", line.port)
    bob = people["bob"]
    for i in range(KILLS):
        for k in range(30):
            d.say("send", rng.choice(("ada", "carol")), f"k{i}-{k}", f"line {i} {k}")
        seen = len(d.events)
        wanted = rng.randrange(30)
        wait_for(lambda: len(d.events) > seen + wanted, 2 * SLOW, 0.002)
        if i % 3 == 0:
            line.cut(True)
        d.kill()
        d.start()
    waiting = wait_for(lambda: view(d) is not None, 60 * SLOW, 0.2)
    ok(waiting, f"after {KILLS} kills nothing waits")
    arrived = [m["client_id"] for peer in ("ada", "carol") for m in history(bob, peer) if m["from"] == "bob" and m["client_id"].startswith("k")]
    queued = {c for c in d.queued() if c.startswith("k")}
    eq(sorted(queued - set(arrived)), [], f"each of {len(queued)} lines that was said to be queued has arrived")
    eq(len(arrived), len(set(arrived)), "and once")
    ok(len(queued) > KILLS, "many were queued between the kills", len(queued))
    eq(d.end(), 0, "it ends with 0")


@test
def two_programs_and_a_rest_line():
    """What chatctl appends to the outbox of a running program, is noticed; what it lists is known; jobs answer."""
    line = Line()
    d = Device("shared", "carol", line.port)
    d.wait(state="live")
    env = {**os.environ, "CHAT_CONFIG_DIR": config}

    def ctl(*words):
        return subprocess.run([os.path.join(BUILD, "chatctl"), "-c", "shared", *words], env=env, capture_output=True, text=True, timeout=60)

    line.down = True
    line.cut(True)
    ok(d.wait(state="offline"), "offline is told")
    eq(ctl("send", "--queue", "dan", "by chatctl", "--id", "from-ctl", "--timeout", "1s").returncode, 9, "chatctl queues")
    ok(d.wait(what="entry", client_id="from-ctl", entry="waiting"), "a running program notices it")
    line.down = False
    d.say("reconnect")
    ok(wait_for(lambda: any(m["client_id"] == "from-ctl" for m in history(people["carol"], "dan"))), "and sends it")
    d.say("send", "nobody-of-that-name", "nobody-1", "hello?")
    ok(d.wait(what="entry", client_id="nobody-1", entry="unsent"), "a refusal is told")
    d.say("drop", "nobody-1")
    ok(d.wait(what="entry", client_id="nobody-1", entry="dropped"), "and dropped")
    d.say("contact", "dan", "Dan", "the", "Man")
    got = wait_for(lambda: next((c for c in d.dump()["chats"] if c["with"] == "dan" and c.get("alias") == "Dan the Man"), None))
    ok(got, "a contact has its alias")
    eq(people["carol"].get("/contacts").json(), [{"user": "dan", "alias": "Dan the Man"}], "on the server too")
    d.say("presence", "dan")
    socket_of_dan = people["dan"].ws()
    ok(d.wait(what="online", on=True), "presence is told")
    socket_of_dan.send({"op": "typing", "to": "carol"})
    ok(d.wait(what="types"), "and typing")
    socket_of_dan.close()
    d.say("draft", "dan", "half a sentence")
    d.wait(what="done")
    d.kill()
    d.start()
    eq(next(c for c in d.dump()["chats"] if c["with"] == "dan").get("draft"), "half a sentence", "a draft survives")
    d.wait(state="live")
    people["carol"].call("DELETE", "/sessions/" + next(s["device"] for s in people["carol"].get("/sessions").json() if not s["current"]))
    ok(d.wait(state="login"), "a login that was ended is told")
    eq(d.end(), 0, "it ends with 0")


@test
def a_restart_and_a_database_that_is_held():
    line = Line()
    d = Device("restarted", "dan", line.port)
    d.wait(state="live")
    server.stop()
    ok(d.wait(state="draining"), "a server that is about to restart is told as draining")
    d.say("send", "bob", "meanwhile-1", "said while the server was away")
    ok(wait_for(lambda: "meanwhile-1" in d.queued()), "what is said meanwhile is queued")
    server.start()
    d.say("reconnect")
    dan = people["dan"]
    ok(wait_for(lambda: [m["client_id"] for m in history(dan, "bob") if m["client_id"] == "meanwhile-1"] == ["meanwhile-1"]), "and sent when it is back")
    ok(wait_for(lambda: view(d) == truth(dan), 20 * SLOW, 0.2), "all is as REST has it", difference(view(d), truth(dan)))

    # Somebody else keeps the database from being written: nothing is acknowledged that is not on disk, and later it is there.
    db = sqlite3.connect(os.path.join(config, "state", "restarted.db"), isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    sent = people["bob"].send("dan", "while it is held").json()["id"]
    ok(d.wait(20 * SLOW, state="broken"), "a database that cannot be written is told")
    eq(dan.get("/messages?from=bob").json()[-1]["id"], sent, "the message is unread on the server")
    db.execute("ROLLBACK")
    db.close()
    ok(d.wait(what="message", id=sent), "when it is free again the message is there")
    ok(wait_for(lambda: view(d) == truth(dan), 20 * SLOW, 0.2), "and all is as REST has it", difference(view(d), truth(dan)))
    eq(d.end(), 0, "it ends with 0")


main()
