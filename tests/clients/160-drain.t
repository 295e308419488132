#!/usr/bin/python3 -B
"""SIGTERM under load: goodbye is said, what was taken is answered, nothing acked is lost, and the end comes in time."""
import concurrent.futures
import os
import threading
import time

import requests
from harness import PATIENCE, SLOW, Closed, Raw, Rest, Server, diag, eq, is_problem, main, ok, request, test, wait_for

ROUNDS = int(os.environ.get("DRAINS") or 5)
DRAIN = 10


@test
def goodbye():
    server = Server().start()
    ada, bob = server.user("ada"), server.user("bob")
    ws = bob.ws()
    ws.live()
    waiting = [Raw(server, request("GET", "/messages?wait=60", bob.token)) for _ in range(2)]
    ok(wait_for(lambda: ada.get("/users/bob").json()["online"]), "a socket and two waiting requests")
    began = time.monotonic()
    server.terminate()
    bye = ws.until("bye")
    ok(isinstance(bye["code"], int) and isinstance(bye["reconnect_after_ms"], int), "bye says code and reconnect_after_ms", bye)
    try:
        ws.send({"op": "send", "ref": 1, "to": "ada", "body": "too late"})
        said = ws.recv()
        eq((said["ev"], said.get("ref"), said["code"]), ("error", 1, "draining"), "a send after bye: error draining")
    except Exception as e:
        ok("Closed" in type(e).__name__, "or the socket is closed already", repr(e))
    ok(ws.close_code() in (1012, 1001), "then it closes with 1012", ws.closed)
    answers = [w.answer() or (None, {}, b"") for w in waiting]
    eq([a[0] for a in answers], [503, 503], "every ?wait= ends with 503")
    ok(all(int(a[1].get("retry-after", "0")) >= 1 for a in answers), "and Retry-After", answers)
    eq(server.wait(), 0, "chatd ends with 0")
    ok(time.monotonic() - began < DRAIN * SLOW, "in time", time.monotonic() - began)
    server.start()
    eq(ada.get("/messages").status_code, 204, "what was refused was not stored")
    server.stop()


def over_ws(user, name, acked, stop):
    ws = user.ws()
    n = 0
    try:
        while not stop.is_set():
            ops = [{"op": "send", "ref": i, "to": "bob", "body": f"{name}-{i}", "client_id": f"{name}-{i}"} for i in range(n, n + 20)]
            n += 20
            ws.send(*ops)
            for _ in ops:
                said = ws.answer()
                if said["ev"] == "sent":
                    acked[said["client_id"]] = said["id"]
    except Exception:
        pass
    while True:
        try:
            said = ws.recv(1)
        except (Closed, TimeoutError):
            break
        if said["ev"] == "sent":
            acked[said["client_id"]] = said["id"]
    ws.close()


def over_http(user, name, acked, stop):
    n = 0
    while not stop.is_set():
        c = f"{name}-{n}"
        try:
            answer = user.session.post(
                user.server.base + "/messages", json={"to": "bob", "body": c, "client_id": c}, headers={"Authorization": f"Bearer {user.token}"}, timeout=PATIENCE
            )
        except requests.RequestException:
            break
        if answer.status_code == 200:
            acked[c] = answer.json()["id"]
        n += 1


@test
def under_load():
    server = Server().start()
    server.user("ada")
    bob = server.user("bob")
    start = bob.ws()
    cursor = start.welcome["cursor"]
    start.close()
    acked = {}
    for r in range(ROUNDS):
        stop = threading.Event()
        makers = [threading.Thread(target=over_ws if k % 2 else over_http, args=(server.login("ada"), f"{r}-{k}", acked, stop)) for k in range(4)]
        before = len(acked)
        for t in makers:
            t.start()
        ok(wait_for(lambda: len(acked) > before + 300), f"round {r}: messages flow")
        began = time.monotonic()
        server.terminate()
        status = server.wait()
        took = time.monotonic() - began
        stop.set()
        for t in makers:
            t.join()
        ok(status == 0 and took < DRAIN * SLOW, f"round {r}: ends with 0 in time", f"status {status} after {took:.1f} s", server.said(500))
        server.start()
    ws = bob.ws(cursor)
    got = {}
    doubled = 0
    for event in ws.live():
        if event["ev"] == "message":
            m = event["message"]
            doubled += m["client_id"] in got
            got[m["client_id"]] = m["id"]
    lost = [c for c, i in acked.items() if got.get(c) != i]
    diag(f"{ROUNDS} drains, {len(acked)} acked, {len(lost)} lost, {doubled} doubled")
    eq((lost[:3], doubled), ([], 0), "nothing acked is lost or doubled")
    ws.close()
    server.stop()


main()
