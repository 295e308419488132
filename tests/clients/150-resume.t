#!/usr/bin/python3 -B
"""A client that is cut off 1,000 times at random points while messages flow loses nothing and sees nothing twice.

SEED repeats a run; CUTS changes the number."""
import asyncio
import json
import os
import random
import threading
import time

from harness import PATIENCE, SLOW, STREAM, WS_HEADERS, WS_OPTIONS, Server, diag, eq, main, ok, test, ws_connect
from websockets.exceptions import ConnectionClosed

CUTS = int(os.environ.get("CUTS", "1000")) // SLOW
SEED = int(os.environ.get("SEED", "0")) or random.randrange(1, 1 << 31)
server = Server().start()
ada, bob = server.user("ada"), server.user("bob")


class Follower:
    """Follows one user's stream with a cursor of its own, as a client should."""

    def __init__(self, user, cursor):
        self.user, self.cursor, self.rng = user, cursor, random.Random(SEED)
        self.ids, self.seen, self.repeats = [], set(), 0
        self.events, self.breaks, self.unrecovered, self.cuts = 0, [], 0, 0
        self.stop_at = None

    def take(self, event):
        ev = event["ev"]
        if ev == "welcome":
            self.unrecovered += not event["recovered"]
            if event["cursor"] != self.cursor:
                self.breaks.append(("welcome", event["cursor"], self.cursor))
        elif ev in STREAM:
            if event["prev"] != self.cursor:
                self.breaks.append((ev, event["prev"], self.cursor))
            self.cursor = event["cursor"]
            self.events += 1
            if ev == "message":
                self.message(event["message"])

    def message(self, m):
        if m["id"] in self.seen:
            self.repeats += 1
            return
        self.seen.add(m["id"])
        self.ids.append((m["id"], m["body"]))

    async def connect_once(self):
        headers = {WS_HEADERS: {"Authorization": f"Bearer {self.user.token}"}}
        uri = f"ws://127.0.0.1:{server.port}/ws"
        ws = await ws_connect(uri, subprotocols=["chat.v1"], compression=None, ping_interval=None, max_size=None, **headers, **WS_OPTIONS)
        await ws.send(json.dumps({"op": "hello", "cursor": self.cursor}))
        budget = self.rng.choice((0, 1, 1, 2, 3, 5, 8, 20, 100))
        try:
            while budget >= 0:
                frame = json.loads(await asyncio.wait_for(ws.recv(), PATIENCE))
                for event in frame if isinstance(frame, list) else [frame]:
                    self.take(event)
                    budget -= 1
                    if budget < 0 and self.rng.random() < 0.7:
                        break
                if budget < 0 and self.rng.random() < 0.1:
                    await ws.send(json.dumps({"op": "ack", "cursor": self.cursor}))
        except ConnectionClosed as e:
            self.breaks.append(("closed", str(e), self.cursor))
        self.cuts += 1
        ws.transport.abort()

    async def run(self):
        while self.cuts < CUTS:
            await self.connect_once()


def flow(stop, sent):
    """Messages to bob, from ada and from bob's own other device, in odd sizes, singly and in arrays; bob reads some."""
    rng = random.Random(SEED + 1)
    while not stop.is_set():
        who = rng.choice((ada, ada, ada, bob))
        n = rng.choice((1, 1, 2, 10))
        batch = [{"to": "bob" if who is ada else rng.choice(("ada", "bob")), "body": f"{len(sent) + i} " + "x" * rng.randrange(300)} for i in range(n)]
        answer = who.post("/messages", batch)
        sent += [(a["id"], m["body"]) for a, m in zip(answer.json(), batch)]
        if rng.random() < 0.2:
            mine = [i for (i, _), m in zip(sent[-n:], batch) if m["to"] == "bob"]
            if mine:
                bob.call("PATCH", "/messages/" + mine[-1], {"read": True})
        stop.wait(rng.random() * 0.004)


@test
def cut_off():
    diag(f"SEED={SEED}")
    start = bob.ws()
    first = start.welcome["cursor"]
    start.close()
    sent, stop = [], threading.Event()
    sender = threading.Thread(target=flow, args=(stop, sent))
    sender.start()
    f = Follower(bob, first)
    began = time.monotonic()
    try:
        asyncio.run(f.run())
    finally:
        stop.set()
        sender.join()
    diag(f"{f.cuts} cuts in {time.monotonic() - began:.1f} s, {f.events} events, {len(f.ids)} messages, {f.repeats} repeats, {len(sent)} sent")
    last = bob.ws(f.cursor)
    for event in [last.welcome, *last.live()]:
        f.take(event)
    last.close()
    eq(f.cuts, CUTS, f"{CUTS} cuts")
    eq(f.breaks[:3], [], "the prev chain is whole over all of them")
    eq(f.unrecovered, 0, "every one was recovered")
    eq(f.repeats, 0, "a cursor taken event by event repeats nothing")
    eq(len(f.ids), len(sent), "as many messages as were sent")
    eq(f.ids == sent, True, "the same, in the same order, with the same bodies")
    whole = bob.ws(first)
    again = [(e["message"]["id"], e["message"]["body"]) for e in whole.live() if e["ev"] == "message"]
    eq(again == sent, True, "and so is the stream in one piece")
    whole.close()


@test
def random_cursors():
    ws = bob.ws()
    start = ws.welcome["cursor"]
    ws.live()
    rng = random.Random(SEED + 2)
    for i in range(300):
        m = (ada if i % 3 else bob).send("bob" if i % 2 else "ada", f"random {i}").json()["id"]
        if i % 5 == 0:
            (bob if i % 2 else ada).call("PATCH", "/messages/" + m, {"read": True})
    ws.send({"op": "hello", "cursor": start})
    ws.until("welcome")
    stream = [(e["cursor"], e["prev"], e["ev"], json.dumps(e)) for e in ws.live()]
    bad = []
    for i in [0, len(stream) - 1] + [rng.randrange(len(stream)) for _ in range(300)]:
        ws.send({"op": "hello", "cursor": stream[i][0]})
        if not ws.until("welcome")["recovered"] or [(e["cursor"], e["prev"], e["ev"]) for e in ws.live()] != [x[:3] for x in stream[i + 1 :]]:
            bad.append(i)
    eq(bad, [], f"from 300 random places of {len(stream)} events: what is replayed is always the same rest of the stream")
    ws.close()


@test
def across_a_restart():
    ws = bob.ws()
    cursor = ws.welcome["cursor"]
    ws.close()
    ids = [ada.send("bob", f"before {i}").json()["id"] for i in range(20)]
    eq(server.stop(), 0, "chatd ends with 0")
    server.start()
    after = bob.ws(cursor)
    eq(after.welcome["recovered"], True, "a cursor is good after a restart")
    eq([e["message"]["id"] for e in after.live() if e["ev"] == "message"], ids, "and nothing is lost")
    after.close()
    server.kill()
    server.start()
    after = bob.ws(cursor)
    eq([e["message"]["id"] for e in after.live() if e["ev"] == "message"], ids, "nor by a kill -9")
    after.close()


main()
