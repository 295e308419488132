#!/usr/bin/python3 -B
"""The four end points for messages, as HTTP clients see them."""
import concurrent.futures
import re
import time

from harness import PATIENCE, Rest, Server, eq, is_problem, main, ok, problem_faults, refused, test, wait_for

server = Server().start()
ada, bob, eve = (server.user(n) for n in ("ada", "bob", "eve"))
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
OPAQUE = re.compile(r"[A-Za-z0-9_-]{1,64}")
MEMBERS = {"id", "client_id", "from", "to", "kind", "body", "sent_at", "delivered_at", "read_at"}
names = iter(f"user{i}" for i in range(1000))


def fresh():
    return server.user(next(names))


def unread(user, query=""):
    answer = user.get("/messages" + query)
    return answer.json() if answer.status_code == 200 else []


@test
def post():
    a = ada.send("bob", "hello", "first-1")
    said = a.json()
    eq(a.status_code, 200, "POST is answered 200")
    eq(a.headers["Content-Type"].split(";")[0], "application/json", "as application/json")
    ok({"id", "client_id", "sent_at"} <= set(said), "with id, client_id, sent_at", said)
    eq(said["client_id"], "first-1", "client_id comes back")
    ok(OPAQUE.fullmatch(said["id"]), "id is a short URL-safe string", said)
    ok(TIME.fullmatch(said["sent_at"]), "sent_at is RFC 3339 in UTC with milliseconds", said)
    ok("Idempotency-Replayed" not in a.headers, "a first answer is not called a replay")
    m = bob.get("/messages/" + said["id"]).json()
    eq(set(m), MEMBERS, "a message has its nine members")
    wanted = {"id": said["id"], "client_id": "first-1", "from": "ada", "to": "bob", "kind": "text", "body": "hello", "sent_at": said["sent_at"]}
    eq({k: m[k] for k in wanted}, wanted, "and they are what was sent")
    eq(m["read_at"], None, "not read yet")
    mine = ada.get("/messages/" + said["id"]).json()
    eq({k: mine[k] for k in wanted}, wanted, "the sender sees the same")
    a = ada.send("bob", "no name")
    ok(re.fullmatch(r"[A-Za-z0-9._-]{1,64}", a.json()["client_id"]), "without a client_id the server makes one")
    b = ada.send("bob", "no name")
    ok(a.json()["id"] != b.json()["id"], "and the same text twice is two messages")


@test
def bodies():
    u = fresh()
    for name, body in (
        ("one byte", "x"),
        ("16,384 bytes", "y" * 16384),
        ("16,384 bytes of four-byte characters", "\U0001f600" * 4096),
        ("quotes, backslashes and controls", '"\\/\b\f\n\r\t\x01\x1f\x7f\u2028\ufeff\uffff'),
        ("markup and escapes", "<b>&amp;\x1b[31m</b> \\u0041 %41"),
        ("looks like JSON", '{"a":[1,2,{"b":"c"}]}'),
    ):
        a = ada.send(u.name, body)
        eq(a.status_code, 200, f"body: {name}")
        eq(u.get("/messages/" + a.json()["id"]).json()["body"], body, f"and it comes back as it was: {name}")
    for name, body in (("16,385 bytes", "y" * 16385), ("16,386 bytes of two-byte characters", "\u00e9" * 8193), ("far too long", "z" * 500000)):
        refused(ada.send(u.name, body), 413, "too-large", f"413: {name}")
    for kind in ("text", "ce2e.v1"):
        a = ada.send(u.name, "c29tZXRoaW5n", kind=kind)
        eq((a.status_code, u.get("/messages/" + a.json()["id"]).json()["kind"]), (200, kind), f"kind {kind}")


@test
def bad_members():
    for name, body in (
        ("no to", {"body": "x"}),
        ("no body", {"to": "bob"}),
        ("to a number", {"to": 1, "body": "x"}),
        ("to null", {"to": None, "body": "x"}),
        ("body a number", {"to": "bob", "body": 1}),
        ("body an object", {"to": "bob", "body": {}}),
        ("body empty", {"to": "bob", "body": ""}),
        ("body null", {"to": "bob", "body": None}),
        ("client_id empty", {"to": "bob", "body": "x", "client_id": ""}),
        ("client_id of 65", {"to": "bob", "body": "x", "client_id": "a" * 65}),
        ("client_id with a space", {"to": "bob", "body": "x", "client_id": "a b"}),
        ("client_id not ASCII", {"to": "bob", "body": "x", "client_id": "\u00e9"}),
        ("client_id a number", {"to": "bob", "body": "x", "client_id": 7}),
        ("kind unknown", {"to": "bob", "body": "x", "kind": "image"}),
        ("kind a number", {"to": "bob", "body": "x", "kind": 0}),
    ):
        a = ada.post("/messages", body)
        field = name.split()[1] if name.startswith("no ") else name.split()[0]
        refused(a, 400, None, f"400: {name}")
        eq(a.json().get("field"), field, f"and the field is named: {name}")
    eq(ada.post("/messages", {"to": "bob", "body": "x", "client_id": "aZ09._-" + "a" * 57}).status_code, 200, "client_id of 64, every kind of character")
    eq(ada.post("/messages", {"to": "bob", "body": "x", "later": {"a": [1]}, "": None}).status_code, 200, "unknown members are ignored")
    for to in ("nobody", "b", "Bob", "bob ", "b" * 33, "../bob", "", "b\u00f6b"):
        a = ada.send(to, "x")
        ok(is_problem(a, a.status_code) and a.status_code in (400, 404), f"not a user: {to!r}", a.status_code)
        ok(not to or len(to) < 4 or to == "nobody" or to not in a.text, f"input is not echoed: {to!r}", a.text)
    refused(ada.send("nobody", "x"), 404, "unknown-recipient", "404 unknown-recipient")


@test
def content_type():
    for given, wanted in (
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("APPLICATION/JSON;charset=UTF-8", 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/jsonx", 415),
        (None, 415),
    ):
        a = ada.post("/messages", {"to": "bob", "body": "x"}, content_type=given)
        ok(a.status_code == wanted and (wanted == 200 or is_problem(a, 415)), f"Content-Type {given}: {wanted}", a.status_code)


@test
def replay():
    u = fresh()
    first = ada.send(u.name, "once", "r-1")
    again = ada.send(u.name, "once", "r-1")
    eq((again.status_code, again.json()), (200, first.json()), "the same again: the first answer again")
    eq(again.headers.get("Idempotency-Replayed"), "true", "with Idempotency-Replayed: true")
    refused(ada.send(u.name, "twice", "r-1"), 409, "client-id-reused", "other body: 409")
    refused(ada.send("bob", "once", "r-1"), 409, "client-id-reused", "other recipient: 409")
    refused(ada.send(u.name, "once", "r-1", kind="ce2e.v1"), 409, "client-id-reused", "other kind: 409")
    eq(ada.send(u.name, "once", "r-1", kind="text").headers.get("Idempotency-Replayed"), "true", "the default kind said aloud is the same content")
    other = bob.send(u.name, "once", "r-1")
    ok(other.status_code == 200 and other.json()["id"] != first.json()["id"], "another sender's client_id is another message")
    eq([m["body"] for m in unread(u)], ["once", "once"], "and nothing was stored twice")
    u.call("PATCH", "/messages/" + first.json()["id"], {"read": True})
    eq(ada.send(u.name, "once", "r-1").json(), first.json(), "a replay after it was read says the same")


@test
def same_client_id_at_once():
    u = fresh()
    senders = [Rest(server, ada.token, "ada") for _ in range(50)]
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda s: s.send(u.name, "stampede", "storm-1"), senders))
    eq({a.status_code for a in answers}, {200}, "50 at once with one client_id are all answered 200")
    eq(len({a.json()["id"] for a in answers}), 1, "with one id")
    eq(sum("Idempotency-Replayed" not in a.headers for a in answers), 1, "of which one is the first")
    eq(len(unread(u)), 1, "and there is one message")
    u = fresh()
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda p: p[1].send(u.name, f"text {p[0] % 2}", "storm-2"), enumerate(senders)))
    good = [a for a in answers if a.status_code == 200]
    bad = [a for a in answers if a.status_code == 409]
    eq((len(good), len(bad), len({a.json()["id"] for a in good})), (25, 25, 1), "of two contents under one client_id one wins, the other is 409")


@test
def array():
    u = fresh()
    batch = [
        {"to": u.name, "body": "one", "client_id": "arr-1"},
        {"to": "nobody", "body": "two"},
        {"to": u.name, "body": ""},
        7,
        None,
        [],
        {"to": u.name, "body": "x" * 16385},
        {"to": u.name, "body": "three", "client_id": "arr-1"},
        {"to": u.name, "body": "one", "client_id": "arr-1"},
        {"to": u.name, "body": "four"},
    ]
    a = ada.post("/messages", batch)
    said = a.json()
    eq((a.status_code, len(said)), (200, len(batch)), "an array is answered 200 with as many elements")
    ok("id" in said[0] and said[0]["client_id"] == "arr-1", "a good element has its id", said[0])
    for i, status, code in ((1, 404, "unknown-recipient"), (2, 400, None), (3, 400, None), (4, 400, None), (5, 400, None), (6, 413, "too-large"), (7, 409, "client-id-reused")):
        faults = problem_faults(said[i], status, code)
        ok(not faults, f"element {i} is a problem object {status}", faults, said[i])
    eq(said[8].get("id"), said[0]["id"], "a repeated client_id within the array has the first id")
    ok("id" in said[9], "what stands behind failures is taken")
    eq([m["body"] for m in unread(u)], ["one", "four"], "the good ones are there, in order, once")
    refused(ada.post("/messages", []), 400, None, "an empty array is 400")
    many = ada.post("/messages", [{"to": u.name, "body": str(i)} for i in range(1000)])
    eq((many.status_code, len(many.json()), all("id" in e for e in many.json())), (200, 1000, True), "1,000 at once")
    order = unread(u, "?limit=500")
    eq([m["body"] for m in order[2:]], [str(i) for i in range(498)], "and they keep their order")
    refused(ada.post("/messages", [{"to": u.name, "body": "x"}] * 1001), 413, "too-large", "1,001 are 413")
    for body in (7, "text", None, True):
        refused(ada.call("POST", "/messages", raw=str(body if body != "text" else '"text"').replace("None", "null").replace("True", "true").encode()), 400, None, f"{body!r} is no message")
    big = [{"to": u.name, "body": "b" * 16000} for _ in range(64)]
    eq(ada.post("/messages", big).status_code, 200, "nearly 1 MiB is taken")
    refused(ada.post("/messages", big + big[:4]), 413, "too-large", "more than 1 MiB is 413")


@test
def listing():
    u = fresh()
    a = u.get("/messages")
    eq((a.status_code, a.content), (204, b""), "204 without unread messages")
    eq(a.headers.get("Chat-Unread-Total"), "0", "Chat-Unread-Total stands on it")
    sent = [ada.send(u.name, f"m{i}").json()["id"] for i in range(4)] + [bob.send(u.name, f"b{i}").json()["id"] for i in range(3)]
    a = u.get("/messages")
    eq((a.status_code, [m["id"] for m in a.json()]), (200, sent), "200 and all of them, oldest first")
    eq(a.headers.get("Chat-Unread-Total"), "7", "Chat-Unread-Total counts")
    ok("Chat-Next-Cursor" not in a.headers and "Link" not in a.headers, "the last page has no next")
    ok(all(set(m) == MEMBERS for m in a.json()), "whole message objects")
    a = u.get("/messages?from=bob")
    eq(([m["body"] for m in a.json()], a.headers.get("Chat-Unread-Total")), (["b0", "b1", "b2"], "7"), "from= filters, the total stays")
    a = u.get("/messages?from=eve")
    eq((a.status_code, a.headers.get("Chat-Unread-Total")), (204, "7"), "from somebody who wrote nothing: 204 with the total")
    mark = wait_for(lambda: all(m["delivered_at"] for m in unread(u)))
    ok(mark, "reading by GET marks as delivered")
    eq({m["read_at"] for m in unread(u)}, {None}, "and not as read")
    ok(all(TIME.fullmatch(m["delivered_at"]) for m in unread(u)), "delivered_at is a time")
    delivered = u.get("/messages/" + sent[0]).json()["delivered_at"]
    u.get("/messages")
    eq(ada.get("/messages/" + sent[0]).json()["delivered_at"], delivered, "which does not move, and which the sender sees")
    self_id = u.send(u.name, "note to self").json()["id"]
    ok(self_id in [m["id"] for m in unread(u)], "a message to oneself is allowed and is unread")
    eq(ada.get("/messages").status_code, 204, "the sender has none of them unread")


@test
def paging():
    u = fresh()
    ada.post("/messages", [{"to": u.name, "body": str(i)} for i in range(120)])
    a = u.get("/messages")
    eq(len(a.json()), 50, "a page is 50 without limit")
    for limit in (1, 7, 500):
        eq(len(u.get(f"/messages?limit={limit}").json()), min(limit, 120), f"limit={limit}")
    got, path, pages = [], "/messages?limit=50", 0
    while path:
        a = u.get(path)
        if a.status_code == 204:
            break
        got += [m["body"] for m in a.json()]
        pages += 1
        cursor = a.headers.get("Chat-Next-Cursor")
        link = re.fullmatch(r'<([^>]+)>; rel="next"', a.headers.get("Link", ""))
        if pages == 1:
            ok(cursor and OPAQUE.fullmatch(cursor), "Chat-Next-Cursor is opaque and short", cursor)
            ok(link, "Link has rel=next", a.headers.get("Link"))
        path = re.sub(r"^https?://[^/]+", "", link.group(1)) if link else None
    eq((got, pages), ([str(i) for i in range(120)], 3), "following Link gives everything once, in order")
    got, cursor = [], ""
    while True:
        a = u.get("/messages?limit=10" + (f"&after={cursor}" if cursor else ""))
        if a.status_code == 204:
            break
        page = a.json()
        got += [m["body"] for m in page]
        for m in page[::2] + page[1::3]:
            u.call("PATCH", "/messages/" + m["id"], {"read": True})
        ada.send(u.name, "while paging") if len(got) == 50 else None
        cursor = a.headers.get("Chat-Next-Cursor")
        if not cursor:
            break
    eq(got[:120], [str(i) for i in range(120)], "marking while paging skips nothing and repeats nothing")
    eq(got[120:], ["while paging"], "what came meanwhile is at the end")
    v = fresh()
    ada.post("/messages", [{"to": v.name, "body": "f" * 16000} for _ in range(60)])
    ada.post("/messages", [{"to": v.name, "body": "f" * 16000} for _ in range(60)])
    sizes, cursor = [], ""
    while True:
        a = v.get("/messages?limit=500" + (f"&after={cursor}" if cursor else ""))
        sizes.append(sum(len(m["body"]) for m in a.json()) if a.status_code == 200 else 0)
        cursor = a.headers.get("Chat-Next-Cursor")
        if not cursor:
            break
    ok(len(sizes) > 1 and max(sizes) < (1 << 20) + 16384 and sum(sizes) == 120 * 16000, "a page also ends at 1 MiB of bodies, the list does not", sizes)
    w = fresh()
    for i in range(3):
        ada.send(w.name, f"a{i}")
        bob.send(w.name, f"b{i}")
    got, cursor = [], ""
    while True:
        a = w.get("/messages?limit=1&from=bob" + (f"&after={cursor}" if cursor else ""))
        got += [m["body"] for m in a.json()] if a.status_code == 200 else []
        cursor = a.headers.get("Chat-Next-Cursor")
        if not cursor:
            break
    eq(got, ["b0", "b1", "b2"], "paging with from=")


@test
def bad_queries():
    for query in ("limit=0", "limit=501", "limit=-1", "limit=x", "limit=", "limit=1.5", "limit=99999999999999999999", "limit=0x10", "limit=%2010", "wait=61", "wait=-1", "wait=x", "wait=", "from=", "from=A", "limit=1&limit=2"):
        a = ada.get("/messages?" + query)
        refused(a, 400, None, f"400: ?{query}")
    for cursor in ("garbage", "A" * 64, "a" * 65, "..", "%00"):
        a = ada.get("/messages?after=" + cursor)
        refused(a, 400, None if "%" in cursor or len(cursor) > 64 or "." in cursor else "bad-cursor", f"400: after={cursor[:16]}")
    for cursor in ("", "%20"):
        refused(ada.get("/messages?after=" + cursor), 400, None, f"400: after={cursor!r}")
    u = fresh()
    ada.post("/messages", [{"to": u.name, "body": str(i)} for i in range(3)])
    cursor = u.get("/messages?limit=1").headers["Chat-Next-Cursor"]
    a = bob.get("/messages?after=" + cursor)
    ok(a.status_code == 204 or is_problem(a, 400, "bad-cursor"), "another user's cursor opens nothing", a.status_code, a.text[:200])
    eq(ada.get("/messages?color=blue").status_code, 204, "an unknown parameter is ignored")


@test
def waiting():
    u, w = fresh(), Rest(server)
    began = time.monotonic()
    eq(u.get("/messages?wait=1").status_code, 204, "wait=1 without a message: 204")
    ok(0.8 <= time.monotonic() - began < 1 + PATIENCE / 2, "after a second", time.monotonic() - began)
    w.token = u.token
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        answer = pool.submit(w.get, "/messages?wait=30")
        sent = wait_for(lambda: ada.send(u.name, "there you are"))
        got = answer.result(PATIENCE * 3)
    eq((got.status_code, [m["id"] for m in got.json()]), (200, [sent.json()["id"]]), "a message that comes ends the wait")
    ok(time.monotonic() - began < PATIENCE, "at once")
    began = time.monotonic()
    eq(u.get("/messages?wait=30").status_code, 200, "what is unread already is answered without waiting")
    eq(u.get("/messages?wait=0").status_code, 200, "wait=0")
    v = fresh()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(Rest(server, v.token).get, "/messages?wait=30&from=bob")
        ada.send(v.name, "not bob")
        bob.send(v.name, "bob")
        eq([m["body"] for m in answer.result(PATIENCE * 3).json()], ["bob"], "wait with from= waits for that one")


@test
def marking():
    u = fresh()
    ids = [ada.send(u.name, f"k{i}").json()["id"] for i in range(5)]
    a = u.call("PATCH", "/messages/" + ids[2], {"read": True})
    eq((a.status_code, set(a.json()), a.json()["id"]), (200, MEMBERS, ids[2]), "PATCH answers 200 with the message")
    read_at = a.json()["read_at"]
    ok(TIME.fullmatch(read_at or ""), "read_at is a time", read_at)
    ok(a.json()["delivered_at"], "what is read is delivered")
    eq([m["id"] for m in unread(u)], ids[:2] + ids[3:], "that one and no other")
    eq(u.get("/messages").headers["Chat-Unread-Total"], "4", "and the total")
    eq(ada.get("/messages/" + ids[2]).json()["read_at"], read_at, "the sender sees it")
    for method in ("PATCH", "PUT"):
        a = u.call(method, "/messages/" + ids[2], {"read": True})
        eq((a.status_code, a.json()["read_at"]), (200, read_at), f"{method} again: 200, read_at does not move")
    eq(u.call("PUT", "/messages/" + ids[0], {"read": True, "more": 1}).status_code, 200, "PUT marks too")
    eq([m["id"] for m in unread(u)], [ids[1], ids[3], ids[4]], "out of order as well")
    for name, body in (("false", {"read": False}), ("null", {"read": None}), ("1", {"read": 1}), ("text", {"read": "true"}), ("nothing", {}), ("an array", [{"read": True}])):
        refused(u.call("PATCH", "/messages/" + ids[1], body), 400, None, f"400: read {name}")
    refused(ada.call("PATCH", "/messages/" + ids[1], {"read": True}), 403, "not-recipient", "403 not-recipient for the sender")
    eq(len(unread(u)), 3, "none of which marked anything")
    mine = u.send(u.name, "self").json()["id"]
    eq(u.call("PATCH", "/messages/" + mine, {"read": True}).status_code, 200, "a message to oneself can be marked")
    refused(u.call("PATCH", "/messages/" + ids[1], {"read": True}, content_type="text/plain"), 415, None, "415 for another type")


@test
def nothing_leaks():
    m = ada.send("bob", "secret").json()["id"]
    last = m[:-1] + ("A" if m[-1] != "A" else "B")
    first = ("A" if m[0] != "A" else "B") + m[1:]
    wrong = [last, first, m + "A", m[:-1], "A" * len(m), "A" * 64, "x", "current", "-", "_"]

    def bare(answer):
        return answer.status_code, answer.json(), {k: v for k, v in answer.headers.items() if k not in ("Date",)}

    for method, body in (("GET", None), ("PATCH", {"read": True}), ("PUT", {"read": True})):
        his = bare(eve.call(method, "/messages/" + m, body))
        eq((his[0], his[1]["code"]), (404, "not-found"), f"{method}: 404 for a message of others")
        eq([bare(eve.call(method, "/messages/" + i, body)) == his for i in wrong], [True] * len(wrong), f"{method}: the same as for one that does not exist")
        eq([bare(bob.call(method, "/messages/" + i, body))[0] for i in wrong], [404] * len(wrong), f"{method}: forged ids are unknown to the recipient too")
    refused(eve.call("PATCH", "/messages/" + m, {"read": False}), 400, None, "a bad body is 400 for anybody")
    refused(bob.get("/messages/" + "a" * 65), 404, None, "an id that is too long is unknown")
    eq(bob.get("/messages/" + m).json()["read_at"], None, "and nothing was marked")


@test
def order():
    u = fresh()
    sessions = [server.login("ada") for _ in range(4)]

    def run(k):
        for i in range(50):
            sessions[k].send(u.name, f"{k} {i}")

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(4)))
    got = [m["body"].split() for m in unread(u, "?limit=500")]
    eq(len(got), 200, "four connections sent 200")
    for k in range(4):
        eq([int(i) for s, i in got if int(s) == k], list(range(50)), f"connection {k}'s order is kept")


main()
