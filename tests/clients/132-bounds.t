#!/usr/bin/python3 -B
"""What a peer does costs a bounded amount: memory under hostile requests and stopped readers, and a server that runs out of descriptors."""
import time

from harness import PATIENCE, SLOW, Raw, Rest, Server, eq, main, ok, request, test, upgrade, wait_for, ws_frame


@test
def hostile_requests():
    server = Server().start()
    ada = server.user("ada")
    bad = [
        request("POST", "/messages", ada.token, b'{"to":"bob","body":' + b"[" * 5000),
        request("POST", "/messages", ada.token, b'{"a":"' + b"\\u0000" * 3000 + b'"}'),
        request("POST", "/sessions", None, b'{"user":"ada"}'),
        request("GET", "/messages?after=" + "A" * 64, ada.token),
        request("GET", "/users/" + "b" * 100, ada.token),
        request("DELETE", "/messages", ada.token),
        request("GET", "/nothing"),
        request("PATCH", "/messages/" + "A" * 30, ada.token, {"read": True}),
    ]

    def volley(rounds):
        for _ in range(rounds):
            raw = Raw(server, b"".join(bad * 10))
            codes = [a[0] for a in raw.answers(80)]
            raw.close()
            if len(codes) != 80 or min(codes) < 400:
                return codes
            Raw(server, upgrade(ada.token) + ws_frame('{"op":"hello","cursor":"A"}') + ws_frame("]") * 50).close()
            Raw(server, b"\x16\x03\x01" * 1000).close()
        return None

    eq(volley(30), None, "2,400 bad requests, each refused")
    before = server.rss_kib()
    eq(volley(250 // SLOW), None, "20,000 more")
    grown = server.rss_kib() - before
    ok(grown < (2048 if SLOW == 1 else 1 << 20), "leave no memory behind", f"{grown} KiB")
    eq(ada.get("/healthz").status_code, 200, "and the server serves")
    eq(server.stop(), 0, "and ends with 0")


@test
def stopped_readers():
    server = Server().start()
    ada, bob, good = server.user("ada"), server.user("bob"), server.user("good")
    before = server.rss_kib()
    stopped = []
    for _ in range(16):
        raw = Raw(server, upgrade(bob.token), rcvbuf=4096)
        raw.answer()
        raw.send(ws_frame('{"op":"hello"}'))
        raw.frame()
        stopped.append(raw)
    ws = good.ws()
    ws.live()
    sender = server.login("ada")
    slowest = 0
    for i in range(20):
        sender.post("/messages", [{"to": "bob", "body": f"{k} " + "z" * 15000} for k in range(60)])
        began = time.monotonic()
        ada.send("good", str(i))
        ws.until("message")
        slowest = max(slowest, time.monotonic() - began)
    grown = server.rss_kib() - before
    ok(slowest < 1 * SLOW, "16 stopped readers with 18 MB waiting hold up nobody", slowest)
    ok(grown < 64 * 1024 * SLOW, "and cost a cursor, not memory", f"{grown} KiB")
    for raw in stopped:
        raw.close()
    eq(server.stop(), 0, "chatd ends with 0")


@test
def no_descriptors_left():
    server = Server(nofile=64).start()
    ada = server.user("ada")
    held = []
    for _ in range(200):
        raw = Raw(server)
        held.append(raw)
    used = server.cpu_seconds()
    began = time.monotonic()
    wait_for(lambda: False, 1)
    busy = (server.cpu_seconds() - used) / (time.monotonic() - began)
    ok(server.alive(), "200 connections with 64 descriptors: it lives")
    ok(busy < 0.3 * SLOW, "and does not spin", f"{busy:.2f} of a processor")
    for raw in held:
        raw.close()
    ok(wait_for(lambda: Rest(server).get("/healthz").status_code == 200), "it recovers when they go")
    eq(ada.send("ada", "after").status_code, 200, "and takes messages")
    eq(server.stop(), 0, "and ends with 0")


main()
