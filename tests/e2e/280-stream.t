#!/usr/bin/python3 -B
"""chatctl watch against a server that does what chatd does only when something goes wrong: events that do not follow, repeats, breaks, silence."""
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "clients"))
from harness import BUILD, PATIENCE, SLOW, eq, main, ok, test, wait_for

try:
    from websockets.asyncio.server import serve
except ImportError:
    from websockets.server import serve

loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()


def message(n, id=None, prev=None):
    """Event n of the stream: the one that takes it from c{n-1} to c{n}."""
    m = {"id": id or f"m{n:033d}", "client_id": f"x{n}", "from": "bob", "to": "alice", "kind": "text", "body": f"b{n}"}
    m |= {"sent_at": "2026-01-01T00:00:00.000Z", "delivered_at": None, "read_at": None}
    return {"ev": "message", "cursor": f"c{n}", "prev": prev or f"c{n - 1}", "message": m}


def welcome(cursor, recovered=False, ping_ms=25000):
    return {"ev": "welcome", "user": "alice", "device": "d", "cursor": cursor, "recovered": recovered, "ping_ms": ping_ms, "limits": {}}


class Fake:
    """Plays scripts: the n-th connection runs the n-th function (the last one again from then on) with a Peer."""

    def __init__(self, *scripts):
        self.scripts, self.ops, self.times, self.peers = scripts, [], [], 0
        self.server = asyncio.run_coroutine_threadsafe(self.start(), loop).result(PATIENCE)
        self.port = self.server.sockets[0].getsockname()[1]

    async def start(self):
        return await serve(self.handle, "127.0.0.1", 0, subprotocols=["chat.v1"], ping_interval=None, compression=None)

    async def handle(self, socket, *_):
        script = self.scripts[min(self.peers, len(self.scripts) - 1)]
        self.peers += 1
        self.times.append(time.monotonic())
        try:
            await script(Peer(self, socket))
            await Peer(self, socket).serve()
        except Exception:
            pass

    def said(self, op):
        return [o for o in self.ops if o["op"] == op]


class Peer:
    def __init__(self, fake, socket):
        self.fake, self.socket = fake, socket

    async def hear(self, op):
        while True:
            got = json.loads(await self.socket.recv())
            self.fake.ops.append(got)
            if got["op"] == op:
                return got

    async def say(self, *events):
        for e in events:
            await self.socket.send(json.dumps(e))

    async def begin(self, cursor, recovered=False, **more):
        hello = await self.hear("hello")
        await self.say(welcome(cursor, recovered, **more))
        return hello

    async def serve(self):
        """Answers pings until the other side goes."""
        while True:
            got = await self.hear("ping")
            await self.say({"ev": "pong", "ref": got.get("ref"), "cursor": "c0"})


class Watch:
    def __init__(self, fake, *arguments):
        self.dir = tempfile.TemporaryDirectory()
        os.mkdir(os.path.join(self.dir.name, "contexts"))
        path = os.path.join(self.dir.name, "contexts", "default")
        with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w") as f:
            f.write(f"url = http://127.0.0.1:{fake.port}\nuser = alice\ntoken = t\ndevice = d\n")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("CHAT_")} | {"CHAT_CONFIG_DIR": self.dir.name}
        command = [os.path.join(BUILD, "chatctl"), "watch", "--format", "%b", *arguments]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )

    def end(self, seconds=30 * SLOW):
        try:
            out, err = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, err = self.process.communicate()
        return self.process.returncode, out.split(), err


@test
def a_gap_is_noticed():
    async def script(p):
        await p.begin("c0")
        await p.say({"ev": "live", "cursor": "c0"}, message(1), message(3))
        again = await p.hear("hello")
        p.fake.ops.append({"op": "again", "cursor": again.get("cursor")})
        await p.say(message(4), welcome("c1", True), message(2), message(3), message(4), {"ev": "live", "cursor": "c4"})

    fake = Fake(script)
    code, out, err = Watch(fake, "--count", "4", "--timeout", "20s").end()
    eq((code, out), (0, ["b1", "b2", "b3", "b4"]), "an event that does not follow: what was missed is asked for, all of it comes once and in order")
    eq(fake.said("again"), [{"op": "again", "cursor": "c1"}], "by the cursor of the last one that followed")
    eq(fake.peers, 1, "on the same connection")


@test
def repeats_and_batches():
    async def script(p):
        await p.begin("c0")
        await p.say([{"ev": "live", "cursor": "c0"}, message(1), message(2)], message(3, id=message(1)["message"]["id"]))
        await p.say({"ev": "receipt", "cursor": "c4", "prev": "c3", "with": "bob", "state": "read", "up_to": "m", "at": "x"})
        await p.say({"ev": "unheard-of", "x": [1, {}]}, [], message(5))

    code, out, _ = Watch(Fake(script), "--count", "3", "--timeout", "20s").end()
    eq((code, out), (0, ["b1", "b2", "b5"]), "batches are taken apart, a message that comes twice is shown once, other events are passed over")


@test
def a_break_is_gone_on_from():
    async def first(p):
        await p.begin("c0")
        await p.say({"ev": "live", "cursor": "c0"}, message(1))
        await p.hear("ack")
        await p.socket.close(1012)

    async def second(p):
        hello = await p.begin("c1", True)
        p.fake.ops.append({"op": "second", "cursor": hello.get("cursor")})
        await p.say(message(1 + 1), {"ev": "live", "cursor": "c2"})

    fake = Fake(first, second)
    code, out, err = Watch(fake, "--count", "2", "--timeout", "20s").end()
    eq((code, out), (0, ["b1", "b2"]), "after a close 1012 it goes on")
    eq(fake.said("hello")[0], {"op": "hello"}, "the first hello has no cursor")
    eq(fake.said("second"), [{"op": "second", "cursor": "c1"}], "the second one that of the last event")
    eq(fake.said("ack")[-1]["cursor"], "c2", "what was printed is acknowledged, the last one too, before it ends")
    ok(fake.said("ping"), "and that it arrived is asked for")


@test
def a_place_that_is_not_known_any_more():
    async def first(p):
        await p.begin("c0")
        await p.say({"ev": "live", "cursor": "c0"}, message(1))
        await p.hear("ack")

    async def second(p):
        await p.begin("c7", False)
        await p.say({"ev": "live", "cursor": "c7"}, message(8))

    async def broken(p):
        await first(p)
        await p.socket.close(1001)

    code, out, err = Watch(Fake(broken, second), "--count", "2", "--timeout", "20s").end()
    eq((code, out), (0, ["b1", "b8"]), "recovered:false: it goes on from there")
    ok("something may be missing" in err, "and says so", err)


@test
def bye_says_when():
    async def first(p):
        await p.begin("c0")
        await p.say({"ev": "live", "cursor": "c0"}, {"ev": "bye", "code": 1012, "reconnect_after_ms": 700})
        await p.socket.close(1012)

    async def second(p):
        await p.begin("c0", True)
        await p.say(message(1))

    fake = Fake(first, second)
    code, out, _ = Watch(fake, "--count", "1", "--timeout", "20s").end()
    eq((code, out), (0, ["b1"]), "after a bye it comes back")
    took = fake.times[1] - fake.times[0]
    ok(took >= 0.65, f"not before it was asked to ({took:.2f} s)")


@test
def final_closes():
    for close, expected in ((4400, 1), (4401, 4), (4403, 4), (4409, 5), (4426, 1)):

        async def script(p):
            await p.begin("c0")
            await p.socket.close(close, "because")

        fake = Fake(script)
        code, _, err = Watch(fake, "--timeout", "20s").end()
        eq((code, fake.peers), (expected, 1), f"close {close} ends it")
        ok(str(close) in err and "because" in err, "and is said, with its reason", err)
    for close in (1001, 1011, 4008, 4011, 4029):

        async def broken(p):
            await p.begin("c0")
            await p.say({"ev": "live", "cursor": "c0"})
            await p.socket.close(close)

        async def good(p):
            await p.begin("c0", True)
            await p.say(message(1))

        code, out, _ = Watch(Fake(broken, good), "--count", "1", "--timeout", "20s").end()
        eq((code, out), (0, ["b1"]), f"close {close} does not")


@test
def nonsense_does_not_make_it_spin():
    async def script(p):
        while True:
            await p.begin("c0")
            await p.say({"ev": "live", "cursor": "c0"}, message(1, prev="elsewhere"))

    fake = Fake(script)
    w = Watch(fake, "--timeout", "2s")
    code, out, _ = w.end()
    eq((code, out), (124, []), "a stream that never fits together")
    ok(len(fake.said("hello")) < 60, f"is asked for again, but not without end ({len(fake.said('hello'))} times)")

    async def junk(p):
        await p.begin("c0")
        for text in ("", "{", "[]", "null", "7", '"x"', "[[[[]]]]", '{"ev":7}', '{"ev":"message"}', '{"ev":"message","message":7}'):
            await p.socket.send(text)
        await p.socket.send(b"\x00\xff")
        await p.say(message(1))

    code, out, _ = Watch(Fake(junk), "--count", "1", "--timeout", "20s").end()
    eq((code, out), (0, ["b1"]), "junk between events is passed over")


@test
def long_frames():
    async def script(p):
        await p.begin("c0")
        many = [message(n) for n in range(1, 3001)]
        text = json.dumps(many)

        async def pieces():
            for at in range(0, len(text), 100000):
                yield text[at : at + 100000]

        await p.socket.send(pieces())

    code, out, _ = Watch(Fake(script), "--count", "3000", "--timeout", "60s").end()
    eq((code, len(out), out[-1:]), (0, 3000, ["b3000"]), "a batch of a megabyte in several frames")


@test
def silence():
    """Three at once, for each takes its ten seconds."""

    async def no_welcome(p):
        await p.hear("hello")
        await asyncio.sleep(60)

    async def no_pong(p):
        await p.begin("c0", ping_ms=1000)
        await p.hear("ping")
        await asyncio.sleep(60)

    async def quiet(p):
        await p.begin("c0", ping_ms=1000)

    async def good(p):
        await p.begin("c0", True)
        await p.say(message(1))

    mute, deaf, calm = Fake(no_welcome, good), Fake(no_pong, good), Fake(quiet)
    watches = [Watch(mute, "--count", "1", "--timeout", "40s"), Watch(deaf, "--count", "1", "--timeout", "40s")]
    idle = Watch(calm, "--timeout", f"{4 * SLOW}s")
    wait_for(lambda: len(calm.said("ping")) >= 2, 20 * SLOW)
    with open(f"/proc/{idle.process.pid}/stat") as f:
        ticks = sum(int(x) for x in f.read().rsplit(")", 1)[1].split()[11:13])
    ok(ticks / os.sysconf("SC_CLK_TCK") < 0.5 * SLOW, f"a quiet watch costs next to nothing ({ticks} ticks)")
    eq(idle.end()[0], 124, "it is kept up by pings")
    eq(calm.peers, 1, "on one connection")
    for w, what in zip(watches, ("no welcome", "no pong")):
        code, out, err = w.end(60 * SLOW)
        eq((code, out), (0, ["b1"]), f"{what} for ten seconds: it connects anew")
        ok("silent" in err, "and says why", err)


main()
