#!/usr/bin/python3 -B
"""The WebSocket protocol, by a client that is not ours."""
import concurrent.futures
import re
import time

from harness import KEY, PATIENCE, Raw, Rest, Server, Ws, eq, main, ok, test, upgrade, wait_for, ws_frame

server = Server().start()
ada, bob, eve = (server.user(n) for n in ("ada", "bob", "eve"))
names = iter(f"user{i}" for i in range(1000))
OPAQUE = re.compile(r"[A-Za-z0-9_-]{1,64}")


def fresh():
    return server.user(next(names))


def live(user, cursor=None):
    ws = user.ws(cursor)
    ws.live()
    return ws


@test
def hello():
    u = fresh()
    ws = u.ws()
    w = ws.welcome
    ok({"ev", "user", "device", "cursor", "recovered", "ping_ms", "limits"} <= set(w), "welcome has its members", w)
    eq((w["user"], w["device"], w["recovered"]), (u.name, u.device, False), "user, device; nothing recovered without a cursor")
    ok(OPAQUE.fullmatch(w["cursor"]), "the cursor is opaque", w)
    ok(isinstance(w["ping_ms"], int) and w["ping_ms"] > 0 and isinstance(w["limits"], dict), "ping_ms and limits", w)
    event = ws.recv()
    eq((event["ev"], event["cursor"]), ("live", w["cursor"]), "then live")
    ws.send({"op": "ping", "ref": 4711})
    eq(ws.recv(), {"ev": "pong", "ref": 4711, "cursor": w["cursor"]}, "ping is answered by pong, with ref and cursor")
    ws.send({"op": "ping"})
    said = ws.recv()
    ok(said["ev"] == "pong" and "ref" not in said, "and without ref", said)
    ws.send({"op": "hello"})
    eq(ws.recv()["ev"], "welcome", "hello may be said again")
    eq(ws.recv()["ev"], "live", "and is live again")
    ws.close()
    for name, first in (("a send", {"op": "send", "ref": 1, "to": "bob", "body": "x"}), ("a ping", {"op": "ping"}), ("an unknown op", {"op": "what"}), ("no op", {})):
        ws = u.ws(hello=False)
        ws.send(first)
        eq(ws.close_code(), 4400, f"{name} before hello closes with 4400")
    ws = u.ws(hello=False)
    ws.send_text("no JSON")
    ws.send({"op": "ping"})
    eq(ws.close_code(), 4400, "a frame that is no JSON is no hello either")
    eq(ada.send(u.name, "x").status_code, 200, "and the server goes on")


@test
def sending():
    u, v = fresh(), fresh()
    one, other, peer = live(u), live(u), live(v)
    before = one.welcome["cursor"]
    one.send({"op": "send", "ref": 9, "to": v.name, "body": "hi \U0001f600", "client_id": "c-1"})
    sent = one.recv()
    ok({"ev", "ref", "id", "client_id", "sent_at", "cursor", "prev"} <= set(sent), "sent has its members", sent)
    eq((sent["ev"], sent["ref"], sent["client_id"], sent["prev"]), ("sent", 9, "c-1", before), "ref and client_id come back, prev is the cursor before")
    m = peer.recv()
    eq((m["ev"], m["message"]["id"], m["message"]["body"], m["message"]["from"], m["prev"]), ("message", sent["id"], "hi \U0001f600", u.name, peer.welcome["cursor"]), "the other side gets the message")
    eq(set(m["message"]), {"id", "client_id", "from", "to", "kind", "body", "sent_at", "delivered_at", "read_at"}, "as a whole message object")
    mine = other.recv()
    eq((mine["ev"], mine["message"]["id"], mine["cursor"], mine["prev"]), ("message", sent["id"], sent["cursor"], before), "my other socket gets it, with the same cursor")
    eq(one.sync(), [], "the sending socket does not get it again")
    eq(u.get("/messages/" + sent["id"]).json()["body"], "hi \U0001f600", "HTTP has it too")
    one.sync(), other.sync()
    peer.send({"op": "ack", "cursor": m["cursor"]})
    receipts = [s.until("receipt") for s in (one, other)]
    eq(receipts[0], receipts[1], "a receipt reaches every socket of the sender")
    r = receipts[0]
    ok(r["with"] == v.name and r["state"] == "delivered" and r.get("up_to", r.get("id")) == sent["id"] and r["at"], "delivered, with, up_to, at", r)
    one.send({"op": "send", "ref": 10, "to": v.name, "body": "hi \U0001f600", "client_id": "c-1"})
    again = one.answer()
    eq((again["ev"], again["ref"], again["id"], again.get("replayed")), ("sent", 10, sent["id"], True), "a repeated client_id: the first answer, replayed")
    ok("cursor" not in again and "prev" not in again, "bare", again)
    one.send({"op": "send", "ref": 11, "to": v.name, "body": "other", "client_id": "c-1"})
    e = one.answer()
    eq((e["ev"], e.get("ref"), e["code"]), ("error", 11, "client-id-reused"), "other content: error client-id-reused")
    u.send(v.name, "over HTTP")
    eq([s.until("message")["message"]["body"] for s in (one, other, peer)], ["over HTTP"] * 3, "what HTTP sends reaches every socket of both")
    one.send({"op": "send", "ref": 12, "to": u.name, "body": "self"})
    s = one.answer()
    ok(s["ev"] == "sent" and s.get("cursor"), "a message to oneself", s)
    eq(other.until("message")["message"]["body"], "self", "is pushed to the other socket")
    eq([e for s in (one, other) for e in s.sync() if e["ev"] == "message"], [], "once")
    for s in (one, other, peer):
        s.close()


@test
def reading():
    u, v = fresh(), fresh()
    sender, reader, reader2 = live(u), live(v), live(v)
    ids = [u.send(v.name, f"r{i}").json()["id"] for i in range(4)]
    for s in (reader, reader2):
        for _ in ids:
            s.until("message")
    sender.sync()
    reader.send({"op": "read", "ref": 3, "id": ids[0]})
    got = [reader.recv(), reader.recv()]
    kinds = {e["ev"]: e for e in got}
    ok(set(kinds) == {"ok", "read"}, "read by id is answered ok, and is an event", got)
    eq(kinds["ok"], {"ev": "ok", "ref": 3}, "ok has the ref")
    eq((kinds["read"]["with"], kinds["read"].get("up_to", kinds["read"].get("id")), kinds["read"]["unread"]), (u.name, ids[0], 3), "read has with, what, unread")
    eq(reader2.until("read"), kinds["read"], "every socket of the reader gets it")
    r = sender.until("receipt", state="read")
    eq((r["with"], r.get("up_to", r.get("id"))), (v.name, ids[0]), "and the sender a receipt")
    reader.send({"op": "read", "ref": 4, "id": ids[2]})
    e = reader.until("read")
    eq((e.get("id"), "up_to" in e, e["unread"]), (ids[2], False, 2), "out of order: the event names just that one")
    r = sender.until("receipt", state="read")
    eq((r.get("id"), "up_to" in r), (ids[2], False), "as does the receipt")
    reader.send({"op": "read", "with": u.name, "up_to": ids[3]})
    e = reader.until("read")
    eq((e.get("up_to"), e["unread"]), (ids[3], 0), "read with up_to marks all")
    eq(sender.until("receipt", state="read").get("up_to"), ids[3], "and the receipt says up_to")
    eq(v.get("/messages").status_code, 204, "nothing is unread over HTTP")
    ok(all(e["ev"] == "ok" and "ref" not in e for e in reader.sync()), "without a ref there is none in ok")
    reader.send({"op": "read", "ref": 5, "id": ids[1]})
    eq(reader.recv(), {"ev": "ok", "ref": 5}, "again: ok")
    eq([e for s in (reader, sender) for e in s.sync()], [], "and no event, for nothing moved")
    i = u.send(v.name, "by PATCH").json()["id"]
    reader.until("message")
    v.call("PATCH", "/messages/" + i, {"read": True})
    eq(reader.until("read")["unread"], 0, "what HTTP marks is an event too")
    eq(sender.until("receipt", state="read").get("up_to"), i, "and a receipt")
    for name, op, code in (
        ("an unknown id", {"id": "AAAA"}, "not-found"),
        ("the sender's own message", None, "not-recipient"),
        ("no id", {}, None),
        ("an unknown user", {"with": "nobody", "up_to": i}, None),
        ("an unknown up_to", {"with": u.name, "up_to": "AAAA"}, None),
    ):
        ws = sender if op is None else reader
        ws.send({"op": "read", "ref": 6, **({"id": i} if op is None else op)})
        e = ws.answer()
        ok(e["ev"] == "error" and e.get("ref") == 6 and (code is None or e["code"] == code), f"error: read of {name}", e)
    spy = live(eve)
    spy.send({"op": "read", "ref": 7, "id": i})
    theirs = spy.answer()
    spy.send({"op": "read", "ref": 7, "id": "AAAA"})
    eq(theirs, spy.answer(), "a message of others is as one that does not exist")
    for s in (sender, reader, reader2, spy):
        s.close()


@test
def batches():
    u, v = fresh(), fresh()
    ws, peer = live(u), live(v)
    ws.send(*[{"op": "send", "ref": i, "to": v.name, "body": f"b{i}"} for i in range(500)])
    sent = [ws.answer() for _ in range(500)]
    eq([e.get("ref") for e in sent], list(range(500)), "500 in one frame are answered in order")
    got = [peer.until("message") for _ in range(500)]
    eq([e["message"]["body"] for e in got], [f"b{i}" for i in range(500)], "and arrive in order")
    ok(peer.frames < 400, "many events share a frame", peer.frames)
    ws.send({"op": "ping", "ref": 1}, {"op": "what", "ref": 2}, {"op": "send", "ref": 3, "to": "nobody", "body": "x"}, {"op": "ping", "ref": 4})
    got = sorted((ws.answer() for _ in range(4)), key=lambda e: e["ref"])
    eq([e["ev"] for e in got], ["pong", "error", "error", "pong"], "one bad op does not spoil a batch")
    ws.send_text("[]")
    ws.send_text("[7]")
    ws.send_text('[{"op":"ping","ref":8},null]')
    got = [e for e in ws.sync()]
    ok(all(e["ev"] in ("error", "pong") for e in got), "odd batches", got)
    ws.send(*[{"op": "send", "ref": i, "to": v.name, "body": "x"} for i in range(1001)])
    e = ws.answer()
    ok(e["ev"] == "error" and e["code"] == "too-large", "1,001 in one frame are refused", e)
    eq(ws.sync(), [], "as one")
    ws.close(), peer.close()


@test
def errors():
    ws = live(ada)
    for name, op, code in (
        ("an unknown op", {"op": "dance"}, "bad-op"),
        ("op a number", {"op": 5}, None),
        ("no op", {"ref": 1}, None),
        ("no to", {"op": "send", "ref": 1, "body": "x"}, "bad-field"),
        ("an empty body", {"op": "send", "ref": 1, "to": "bob", "body": ""}, "bad-field"),
        ("a body too long", {"op": "send", "ref": 1, "to": "bob", "body": "x" * 16385}, "too-large"),
        ("an unknown recipient", {"op": "send", "ref": 1, "to": "nobody", "body": "x"}, "unknown-recipient"),
        ("a bad client_id", {"op": "send", "ref": 1, "to": "bob", "body": "x", "client_id": "a b"}, "bad-field"),
        ("a bad kind", {"op": "send", "ref": 1, "to": "bob", "body": "x", "kind": "gif"}, "bad-field"),
        ("send without ref", {"op": "send", "to": "bob", "body": "x"}, None),
        ("ref a text", {"op": "send", "ref": "1", "to": "bob", "body": "x"}, None),
        ("ack of an unknown cursor", {"op": "ack", "cursor": "AAAAAAAA"}, "bad-cursor"),
        ("ack without a cursor", {"op": "ack"}, None),
        ("ack with a number", {"op": "ack", "cursor": 5}, None),
        ("hello with a number", {"op": "hello", "cursor": 5}, None),
    ):
        ws.send(op)
        e = ws.answer()
        ok(e["ev"] == "error" and {"code", "title", "detail"} <= set(e) and (code is None or e["code"] == code), f"error: {name}", e)
        ok("nobody" not in str(e) and "dance" not in str(e), "which echoes nothing", e)
    for name, text in (("no JSON", "hello"), ("cut JSON", '{"op":"ping"'), ("a number", "7"), ("a string", '"ping"'), ("null", "null")):
        ws.send_text(text)
        e = ws.answer()
        ok(e["ev"] == "error" and "ref" not in e, f"error: {name}", e)
    theirs = fresh().send(ws.welcome["user"], "unread").json()["id"]
    ws.until("message")
    ws.send_text('[{"op":"read","ref":9,"id":"%s"},{"op":"ack","cursor":"%s"},' % (theirs, ws.welcome["cursor"]))
    e = ws.answer()
    ok(e["ev"] == "error" and "ref" not in e, "error: cut batch", e)
    ws.send({"op": "read", "ref": 10, "id": theirs})
    e = ws.answer()
    eq((e["ev"], e.get("ref")), ("ok", 10), "of which nothing was done")
    ok(all(e["ev"] == "read" for e in ws.sync()), "the connection stays")
    ws.close()


@test
def resume():
    u, v = fresh(), fresh()
    ws = live(v)
    start = ws.welcome["cursor"]
    ids = [u.send(v.name, f"s{i}").json()["id"] for i in range(30)]
    seen = [ws.until("message") for _ in ids]
    ws.abort()
    for i in (0, 10, 28):
        again = v.ws(seen[i]["cursor"])
        eq((again.welcome["recovered"], again.welcome["cursor"]), (True, seen[i]["cursor"]), f"resumed after event {i}: recovered, from that cursor")
        got = again.live()
        eq([e["message"]["id"] for e in got if e["ev"] == "message"], ids[i + 1 :], "everything after it, in order")
        ok(all(a["cursor"] == b["prev"] for a, b in zip([seen[i]] + got, got)), "the prev chain is whole")
        u.send(v.name, f"live {i}")
        ids.append(again.until("message")["message"]["id"])
        again.close()
    whole = v.ws(start)
    got = [e for e in whole.live() if e["ev"] == "message"]
    eq([e["message"]["id"] for e in got], ids, "from the beginning: everything")
    whole.send({"op": "ack", "cursor": got[-1]["cursor"]})
    whole.sync()
    whole.send({"op": "hello", "cursor": start})
    eq(whole.until("welcome")["recovered"], True, "whatever was acked, the cursor decides")
    eq([e["message"]["id"] for e in whole.live() if e["ev"] == "message"], ids, "on the same socket too")
    whole.close()
    head = v.ws(got[-1]["cursor"])
    eq(head.welcome["recovered"], True, "the last cursor")
    ok(all(e["ev"] != "message" for e in head.live()), "leaves nothing")
    head.close()
    cursor = got[5]["cursor"]
    flipped = [cursor[:k] + ("A" if cursor[k] != "A" else "B") + cursor[k + 1 :] for k in range(len(cursor))]
    wrong = ["AAAA", "A" * 64, cursor + "A", cursor[:-1], cursor.swapcase(), *flipped, u.ws().welcome["cursor"], live(eve).welcome["cursor"]]
    ws = v.ws()
    head = ws.welcome["cursor"]
    ws.live()
    bad = []
    for c in wrong:
        if c == cursor:
            continue
        ws.send({"op": "hello", "cursor": c})
        w = ws.until("welcome")
        if w["recovered"] or w["cursor"] != head or [e for e in ws.live()]:
            bad.append((c, w))
    ok(not bad, f"{len(wrong)} forged and foreign cursors: recovered false, nothing replayed", bad[:3])
    ws.send({"op": "hello", "cursor": ""})
    said = ws.recv()
    ok(said["ev"] == "error" or not said.get("recovered"), "an empty cursor", said)
    ws.close()


@test
def mixed_client_id():
    v = fresh()
    sockets = [live(ada) for _ in range(10)]
    rest = [Rest(server, ada.token, "ada") for _ in range(40)]

    def over_ws(ws):
        ws.send({"op": "send", "ref": 1, "to": v.name, "body": "one", "client_id": "mix-1"})
        return ws.answer()["id"]

    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        jobs = [pool.submit(over_ws, s) for s in sockets] + [pool.submit(lambda r=r: r.send(v.name, "one", "mix-1").json()["id"]) for r in rest]
        ids = {j.result() for j in jobs}
    eq(len(ids), 1, "50 at once over HTTP and sockets with one client_id: one id")
    eq(len(v.get("/messages").json()), 1, "one message")
    for s in sockets:
        s.close()


@test
def handshake():
    def answer(data):
        raw = Raw(server, data)
        got = raw.answer()
        raw.close()
        return got

    got = answer(upgrade(ada.token))
    eq(got[0], 101, "an upgrade as it should be")
    eq((got[1].get("sec-websocket-accept"), got[1].get("sec-websocket-protocol"), got[1].get("sec-websocket-extensions")), ("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "chat.v1", None), "accept, protocol, no extension")
    eq(answer(upgrade(ada.token, ("Sec-WebSocket-Protocol: chat.v0, chat.v1", "Sec-WebSocket-Extensions: permessage-deflate")))[1].get("sec-websocket-extensions"), None, "no extension is agreed to")
    eq(answer(upgrade(ada.token, ("Sec-WebSocket-Protocol: chat.v1", "Origin: https://evil.example")))[0], 403, "a foreign Origin: 403")
    eq(answer(upgrade(ada.token, ("Sec-WebSocket-Protocol: chat.v1", "Origin: null")))[0], 403, "Origin null: 403")
    eq(answer(upgrade(ada.token, ()))[0], 400, "no subprotocol: 400")
    eq(answer(upgrade(ada.token, ("Sec-WebSocket-Protocol: chat.v2, xchat.v1",)))[0], 400, "other subprotocols: 400")
    eq(answer(upgrade(None))[0], 401, "no token: 401")
    eq(answer(upgrade("A" * 43))[0], 401, "a bad token: 401")
    eq(answer(upgrade(None, ("Sec-WebSocket-Protocol: chat.v1",), "/ws?token=" + ada.token))[0], 401, "a token in the URL: 401")
    base = {"c": "Connection: Upgrade", "u": "Upgrade: websocket", "k": "Sec-WebSocket-Key: " + KEY, "v": "Sec-WebSocket-Version: 13"}
    for name, change in (("version 8", {"v": "Sec-WebSocket-Version: 8"}), ("no version", {"v": None}), ("no key", {"k": None}), ("a short key", {"k": "Sec-WebSocket-Key: AAAA"}), ("no Connection", {"c": None}), ("another upgrade", {"u": "Upgrade: h2c"})):
        got = answer(upgrade(ada.token, lines=[x for x in {**base, **change}.values() if x]))
        ok(got and got[0] in (400, 426), f"{name}: 400 or 426", got)
    eq(ada.get("/healthz").status_code, 200, "and the server goes on")


def socket(user, *frames):
    raw = Raw(server, upgrade(user.token))
    raw.answer()
    raw.send(b"".join(frames))
    return raw


HELLO = ws_frame('{"op":"hello"}')


@test
def framing():
    for name, wanted, frames in (
        ("an unmasked frame", 1002, [ws_frame('{"op":"hello"}', mask=None)]),
        ("an unmasked frame later", 1002, [HELLO, ws_frame('{"op":"ping"}', mask=None)]),
        ("a reserved bit", 1002, [ws_frame('{"op":"hello"}', rsv=4)]),
        ("a reserved opcode", 1002, [ws_frame("x", opcode=3)]),
        ("a reserved control opcode", 1002, [ws_frame("x", opcode=11)]),
        ("a continuation of nothing", 1002, [ws_frame("x", opcode=0)]),
        ("a new message within a message", 1002, [ws_frame('{"op":', fin=False), ws_frame('"hello"}')]),
        ("a fragmented ping", 1002, [ws_frame("x", opcode=9, fin=False)]),
        ("a ping of 126 bytes", 1002, [ws_frame("p" * 126, opcode=9)]),
        ("a length that is not minimal", 1002, [b"\x81\xfe\x00\x05\0\0\0\0hello"]),
        ("a length with the top bit", 1002, [b"\x81\xff\x80\0\0\0\0\0\0\x05\0\0\0\0"]),
        ("a close of one byte", 1002, [ws_frame("x", opcode=8)]),
        ("a close with a bad code", 1002, [ws_frame(b"\x03\xed", opcode=8)]),
        ("invalid UTF-8", 1007, [ws_frame(b'{"op":"\xff"}')]),
        ("a binary frame", (1003, 1002, 4400), [ws_frame('{"op":"hello"}', opcode=2)]),
        ("a frame of 1 MiB and one byte", 1009, [HELLO, ws_frame("", size=(1 << 20) + 1)]),
        ("a frame of 2^62", 1009, [HELLO, ws_frame("", size=1 << 62)]),
        ("fragments of more than 1 MiB", 1009, [HELLO, ws_frame(" " * 600000, fin=False), ws_frame(" " * 600000, opcode=0)]),
        ("65 fragments", (1009, 1008, 1002), [HELLO, ws_frame(" ", fin=False)] + [ws_frame(" ", opcode=0, fin=False)] * 64 + [ws_frame(" ", opcode=0)]),
    ):
        raw = socket(ada, *frames)
        code = raw.close_code()
        ok(code in (wanted if isinstance(wanted, tuple) else (wanted,)), f"{name}: {wanted}", code)
        raw.close()
    raw = socket(ada, ws_frame('{"op":', fin=False), ws_frame("in between", opcode=9), ws_frame('"hel', opcode=0, fin=False), ws_frame('lo"}', opcode=0))
    frames = [raw.frame(), raw.frame()]
    eq({f[0] for f in frames}, {1, 10}, "fragments with a ping in between: pong and welcome")
    ok(any(f == (10, b"in between") for f in frames), "the pong has the ping's bytes", frames)
    raw.send(ws_frame(b"\x03\xe8bye", opcode=8))
    eq(raw.close_code(), 1000, "a close is answered by its code")
    ok(raw.ended(), "and the connection ends")
    raw.close()
    raw = socket(ada)
    for byte in HELLO:
        raw.send(bytes([byte]))
    ok(b"welcome" in raw.frame()[1], "byte by byte")
    raw.close()
    raw = Raw(server, upgrade(ada.token) + HELLO + ws_frame('{"op":"ping","ref":1}'))
    eq(raw.answer()[0], 101, "the upgrade and the first frames in one segment")
    text = b""
    while b"pong" not in text:
        text += raw.frame()[1]
    ok(b"welcome" in text, "are all answered")
    raw.close()
    ws = live(ada)
    pings = ws.sync()
    eq(pings, [], "and the server goes on")
    ws.close()


@test
def slow_reader():
    u, v = fresh(), fresh()
    slow = Raw(server, rcvbuf=4096)
    slow.send(upgrade(v.token))
    slow.answer()
    slow.send(HELLO)
    ok(wait_for(lambda: u.get("/users/" + v.name).json()["online"]), "a reader that stops reading")
    quick = live(v)
    start = quick.welcome["cursor"]
    ids = []
    for i in range(20):
        a = u.post("/messages", [{"to": v.name, "body": f"{i} {k} " + "z" * 8000} for k in range(100)])
        ids += [m["id"] for m in a.json()]
    eq([quick.until("message")["message"]["id"] for _ in ids], ids, "holds up nobody: another socket gets 16 MB at once")
    began = time.monotonic()
    eq(u.send(v.name, "still there?").status_code, 200, "and sending goes on")
    ok(time.monotonic() - began < PATIENCE / 4, "quickly")
    text, got = b"", []
    slow.sock.settimeout(PATIENCE)
    while len(got) < len(ids):
        f = slow.frame()
        if f is None or f[0] == 8:
            break
        if f[0] == 1:
            got += re.findall(rb'"message":\{"id":"([^"]+)"', f[1])
    eq([g.decode() for g in got][: len(ids)], ids, "when it reads again it gets everything, in order, once")
    slow.close()
    again = v.ws(start)
    eq([e["message"]["id"] for e in again.live() if e["ev"] == "message"][: len(ids)], ids, "as it would by its cursor")
    again.close(), quick.close()


@test
def unanswered():
    u, v = fresh(), fresh()
    ws = live(u)
    n = 5000
    for k in range(0, n, 1000):
        ws.send(*[{"op": "send", "ref": k + i, "to": v.name, "body": f"{k + i}"} for i in range(1000)])
    got = [ws.answer() for _ in range(n)]
    eq([e.get("ref") for e in got], list(range(n)), f"{n} sends without waiting for an answer are all answered, in order")
    ws.close()


main()
