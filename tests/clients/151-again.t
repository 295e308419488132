#!/usr/bin/python3 -B
"""Each message is sent one to five times, the connection cut before or after the answer: it is there once, and every answer names the same id.

SENDS changes the number, SEED repeats a run."""
import concurrent.futures
import json
import os
import random
import threading

from harness import Raw, SLOW, Server, diag, eq, main, request, test, upgrade, ws_frame

SENDS = int(os.environ.get("SENDS") or 4000) // SLOW
SEED = int(os.environ.get("SEED") or random.randrange(1, 1 << 31))
server = Server().start()
ada, bob = server.user("ada"), server.user("bob")
lock = threading.Lock()
answers, other = {}, []


def said(client_id, answer):
    with lock:
        if "id" in answer:
            answers.setdefault(client_id, set()).add(answer["id"])
        else:
            other.append(answer)


def over_http(rng, n):
    c = f"again-{n}"
    data = request("POST", "/messages", ada.token, {"to": "bob", "body": f"body {n}", "client_id": c})
    raw = Raw(server)
    cut = rng.random()
    if cut < 0.2:
        raw.send(data[: rng.randrange(len(data))])
    elif cut < 0.5:
        raw.send(data)
    else:
        raw.send(data)
        got = raw.answer()
        if got:
            said(c, json.loads(got[2]))
    raw.close()


def over_ws(rng, n):
    c = f"again-{n}"
    op = {"op": "send", "ref": n, "to": "bob", "body": f"body {n}", "client_id": c}
    data = upgrade(ada.token) + ws_frame('{"op":"hello"}') + ws_frame(json.dumps([op] * rng.choice((1, 1, 3))))
    raw = Raw(server)
    if rng.random() < 0.3:
        raw.send(data[: len(data) - rng.randrange(200)])
    else:
        raw.send(data)
        raw.answer()
        while rng.random() < 0.8:
            f = raw.frame()
            if f is None:
                break
            events = json.loads(f[1])
            events = [e for e in (events if isinstance(events, list) else [events]) if e["ev"] in ("sent", "error")]
            for e in events:
                said(c, e)
            if events:
                break
    raw.close()


def one(n):
    rng = random.Random(SEED + n)
    for _ in range(rng.randrange(0, 5)):
        rng.choice((over_http, over_ws))(rng, n)
    raw = Raw(server, request("POST", "/messages", ada.token, {"to": "bob", "body": f"body {n}", "client_id": f"again-{n}"}))
    said(f"again-{n}", json.loads(raw.answer()[2]))
    raw.close()


@test
def again():
    diag(f"SEED={SEED}")
    start = bob.ws()
    cursor = start.welcome["cursor"]
    start.close()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(SENDS)))
    eq(other[:3], [], "no answer but the message's own")
    eq(len(answers), SENDS, f"{SENDS} messages")
    eq([c for c, ids in answers.items() if len(ids) != 1][:3], [], "every answer to one client_id names the same id")
    ws = bob.ws(cursor)
    got = [(e["message"]["client_id"], e["message"]["id"]) for e in ws.live() if e["ev"] == "message"]
    eq(len(got), SENDS, "each is there once")
    eq({c: {i} for c, i in got} == answers, True, "under that id")
    ws.close()


main()
