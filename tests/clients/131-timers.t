#!/usr/bin/python3 -B
"""Whoever is slow is cut off: absolute deadlines for heads, bodies and frames, for readers that take nothing, for peers that are gone."""
import time

from harness import PATIENCE, SLOW, Raw, Server, eq, main, ok, request, test, upgrade, wait_for, ws_frame

server = Server(
    conf={"header-seconds": "1", "body-seconds": "1", "frame-seconds": "1", "idle-seconds": "2", "ping-seconds": "1", "pong-seconds": "3", "stall-seconds": "2"}
).start()
ada, bob = server.user("ada"), server.user("bob")
HELLO = ws_frame('{"op":"hello"}')
POST = request("POST", "/messages", ada.token, {"to": "bob", "body": "slow"})


def dribble(raw, data, seconds=PATIENCE):
    """A byte now and then until the server ends it: after how many seconds, or None."""
    began = time.monotonic()
    raw.sock.settimeout(0.1)
    for i in range(int(seconds * 10)):
        try:
            raw.sock.sendall(data[i : i + 1] or b"x")
            part = raw.sock.recv(4096)
            raw.got += part
            if not part:
                return time.monotonic() - began
        except TimeoutError:
            continue
        except OSError:
            return time.monotonic() - began
    return None


@test
def slow_senders():
    for name, first, rest, wanted in (
        ("a head", b"", b"GET /healthz HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 100, b" 408 "),
        ("a body", POST[:-20], b"                                ", b" 408 "),
        ("a WebSocket frame", upgrade(ada.token) + HELLO, ws_frame(" " * 1000), None),
        ("fragments", upgrade(ada.token) + HELLO + ws_frame(" ", fin=False), ws_frame(" " * 10, opcode=0, fin=False) * 10, None),
    ):
        raw = Raw(server, first)
        took = dribble(raw, rest)
        ok(took is not None and 0.5 < took < 1 + 3 * SLOW, f"{name}, a byte at a time, is cut off after a second", took)
        if wanted:
            ok(wanted in bytes(raw.got[:40]), "with 408", bytes(raw.got[:60]))
        raw.close()
    raw = Raw(server)
    took = dribble_nothing(raw)
    ok(took is not None and took < 1 + 3 * SLOW, "a connection that says nothing", took)
    raw = Raw(server, request("GET", "/healthz"))
    raw.answer()
    took = dribble_nothing(raw)
    ok(took is not None and 1 < took < 2 + 3 * SLOW, "an idle kept connection", took)
    eq(bob.get("/messages").status_code, 204, "nothing was stored of it")


def dribble_nothing(raw):
    began = time.monotonic()
    raw.sock.settimeout(PATIENCE)
    return time.monotonic() - began if raw.ended() else None


@test
def gone_peers():
    raw = Raw(server, upgrade(ada.token) + HELLO)
    raw.answer()
    began = time.monotonic()
    codes = []
    while True:
        f = raw._frame()
        if f is None or f[0] == 8:
            codes.append(int.from_bytes(f[1][:2], "big") if f else None)
            break
        codes.append(f[0])
    ok(9 in codes, "the server pings", codes)
    eq(codes[-1], 4011, "a peer that does not answer is closed with 4011")
    ok(2 < time.monotonic() - began < 4 + 3 * SLOW, "in time", time.monotonic() - began)
    raw.close()
    raw = Raw(server, upgrade(ada.token) + HELLO)
    raw.answer()
    pings, until = 0, time.monotonic() + 5
    while time.monotonic() < until and (f := raw._frame()):
        if f[0] == 9:
            pings += 1
            raw.send(ws_frame(f[1], opcode=10))
    ok(pings >= 3, "one that answers stays", pings)
    raw.send(ws_frame('{"op":"ping","ref":77}'))
    text = b""
    while b"77" not in text:
        f = raw.frame()
        if f is None:
            break
        text += f[1]
    ok(b"pong" in text, "and is answered", text[-200:])
    raw.close()


@test
def stalled_reader():
    start = bob.ws()
    cursor = start.welcome["cursor"]
    start.close()
    raw = Raw(server, rcvbuf=4096)
    raw.send(upgrade(bob.token))
    raw.answer()
    raw.send(HELLO)
    raw.frame()
    ids = []
    for i in range(5):
        ids += [m["id"] for m in ada.post("/messages", [{"to": "bob", "body": f"{i} {k} " + "z" * 8000} for k in range(100)]).json()]
    began = time.monotonic()
    gone = wait_for(lambda: not ada.get("/users/bob").json()["online"], 2 + 2 * PATIENCE)
    ok(gone and time.monotonic() - began > 1, "a reader that takes nothing is closed", time.monotonic() - began)
    code = raw.close_code()
    ok(code in (4008, 1006), "with 4008, if it ever reads that", code)
    raw.close()
    ws = bob.ws(cursor)
    eq([e["message"]["id"] for e in ws.live() if e["ev"] == "message"], ids, "and loses nothing")
    ws.close()


main()
