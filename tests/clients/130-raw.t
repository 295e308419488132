#!/usr/bin/python3 -B
"""Requests that no library would send: the answer is right, nothing is stored twice, and the server goes on serving."""
import json
import time

from harness import PATIENCE, Raw, Server, eq, main, ok, request, test, upgrade, wait_for

server = Server().start()
ada, bob = server.user("ada"), server.user("bob")
names = iter(f"user{i}" for i in range(1000))


def post(to, body, client_id=None, headers=()):
    return request("POST", "/messages", ada.token, {"to": to, "body": body, **({"client_id": client_id} if client_id else {})}, headers)


def get(path="/healthz"):
    return request("GET", path, ada.token)


def serving(name):
    began = time.monotonic()
    eq(ada.get("/healthz").status_code, 200, f"still serving after: {name}")
    ok(time.monotonic() - began < PATIENCE / 2, "at once")


def exchange(data, most=8):
    """All answers until the server closes, or as many as are wanted."""
    raw = Raw(server, data)
    got = raw.answers(most)
    ok(not raw.hung, "answered without a hang")
    raw.close()
    return got


@test
def pipelined():
    for name, build, wanted, stored in (
        ("GET+POST", lambda u: get() + post(u, "a"), [200, 200], ["a"]),
        ("POST+GET", lambda u: post(u, "a") + get(), [200, 200], ["a"]),
        ("POST+POST", lambda u: post(u, "a") + post(u, "b"), [200, 200], ["a", "b"]),
        ("POST+GET+POST+POST", lambda u: post(u, "a") + get() + post(u, "b") + post(u, "c"), [200] * 4, ["a", "b", "c"]),
        ("POST+PATCH of another type", lambda u: post(u, "a") + request("PATCH", "/messages/x", ada.token, {"read": True}), [200, 404], ["a"]),
        ("a bad POST+POST", lambda u: request("POST", "/messages", ada.token, b"{") + post(u, "b"), [400, 200], ["b"]),
        ("the same POST twice", lambda u: post(u, "a", "pipe-" + u) * 2, [200, 200], ["a"]),
    ):
        u = server.user(next(names))
        got = exchange(build(u.name), len(wanted))
        eq([a[0] for a in got], wanted, f"{name} in one segment")
        answer = u.get("/messages")
        eq([m["body"] for m in answer.json()] if answer.status_code == 200 else [], stored, f"{name}: stored once each, in order")
        serving(name)
    u = server.user(next(names))
    raw = Raw(server)
    for byte in post(u.name, "slowly"):
        raw.send(bytes([byte]))
    eq(raw.answer()[0], 200, "a request byte by byte")
    data = post(u.name, "head and body apart")
    cut = data.index(b"\r\n\r\n") + 4
    raw.send(data[:cut])
    raw.send(data[cut:])
    eq(raw.answer()[0], 200, "head and body apart, on the same connection")
    raw.send(b"".join(post(u.name, str(i)) for i in range(100)))
    eq([a[0] for a in raw.answers(100)], [200] * 100, "100 POST in one go")
    eq([m["body"] for m in u.get("/messages?limit=500").json()][2:], [str(i) for i in range(100)], "in order")
    raw.close()


def with_length(lines, body=b'{"to":"bob","body":"length"}'):
    return request("POST", "/messages", ada.token, headers=("Content-Type: application/json", *lines)) + body


@test
def lengths():
    n = len(b'{"to":"bob","body":"length"}')
    for name, lines, wanted in (
        ("none", (), {411}),
        ("-5", ("Content-Length: -5",), {400}),
        ("+28", (f"Content-Length: +{n}",), {400}),
        ("28x", (f"Content-Length: {n}x",), {400}),
        ("0x1c", ("Content-Length: 0x1c",), {400}),
        ("1e20", ("Content-Length: 1e20",), {400}),
        ("100000000000000000000", ("Content-Length: 100000000000000000000",), {400, 413}),
        ("2^64 and 28", (f"Content-Length: {2**64 + n}",), {400, 413}),
        ("empty", ("Content-Length:",), {400}),
        ("a list", (f"Content-Length: {n}, {n}",), {400}),
        ("twice the same", (f"Content-Length: {n}",) * 2, {400}),
        ("twice", (f"Content-Length: {n}", "Content-Length: 3"), {400}),
        ("more than 1 MiB", ("Content-Length: 1048577",), {413}),
        ("chunked", ("Transfer-Encoding: chunked",), {501}),
        ("chunked and a length", ("Transfer-Encoding: chunked", f"Content-Length: {n}"), {400, 501}),
        ("identity", ("Transfer-Encoding: identity", f"Content-Length: {n}"), {400, 501}),
        ("xchunked", ("Transfer-Encoding: xchunked",), {400, 501}),
        ("chunked behind white space", (f"Content-Length: {n}", "Transfer-Encoding : chunked"), {400}),
        ("Expect", (f"Content-Length: {n}", "Expect: 100-continue"), {417}),
    ):
        got = exchange(with_length(lines) + get())
        ok(len(got) == 1 and got[0][0] in wanted, f"Content-Length {name}: {sorted(wanted)}, then it closes", [a[0] for a in got])
        ok(got and got[0][1].get("content-type", "").startswith("application/problem+json"), "as a problem object", got)
    eq(bob.get("/messages").status_code, 204, "none of them was stored")
    got = exchange(with_length((f"Content-Length: {n}",)) + get(), 2)
    eq([a[0] for a in got], [200, 200], "the right one is taken, and the next request too")
    got = exchange(request("GET", "/healthz", headers=("Content-Length: 0",)) + request("DELETE", "/sessions/x", ada.token, headers=("Content-Length: 0",)), 2)
    eq([a[0] for a in got], [200, 404], "Content-Length: 0 on GET and DELETE")
    got = exchange(request("GET", "/healthz", headers=("Content-Length: 5",)) + b"hello")
    eq([a[0] for a in got], [400], "a body on GET: 400")
    got = exchange(request("POST", "/messages", ada.token, headers=("Content-Type: application/json", "Content-Length: 0")), 1)
    eq([a[0] for a in got], [400], "POST with an empty body: 400")
    raw = Raw(server, with_length(("Content-Length: 500",)))
    raw.sock.shutdown(1)
    ok(raw.ended(), "a body that never comes")
    ok(not raw.got or raw.got.split()[1] in (b"400", b"408"), "stores nothing", raw.got[:60])
    raw.close()
    eq(len(bob.get("/messages").json()), 1, "one message in all")
    serving("lengths")


@test
def request_lines():
    for name, data, wanted in (
        ("no Host", request("GET", "/healthz", host=None), {400}),
        ("two Hosts", request("GET", "/healthz", headers=("Host: other",)), {400}),
        ("an empty line first", b"\r\n" + request("GET", "/healthz"), {200, 400}),
        ("HTTP/1.0", b"GET /healthz HTTP/1.0\r\nHost: a\r\n\r\n", {400, 505}),
        ("HTTP/2.0", b"GET /healthz HTTP/2.0\r\nHost: a\r\n\r\n", {400, 505}),
        ("HTTP/9", b"GET /healthz HTTP/9\r\nHost: a\r\n\r\n", {400, 505}),
        ("HTTP/0.9", b"GET /healthz\r\n\r\n", {400, 505}),
        ("lower-case http", b"GET /healthz http/1.1\r\nHost: a\r\n\r\n", {400, 505}),
        ("the h2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", {400, 405, 505}),
        ("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64 + b"\r\n\r\n", {400}),
        ("two spaces", b"GET  /healthz HTTP/1.1\r\nHost: a\r\n\r\n", {400}),
        ("a tab", b"GET\t/healthz HTTP/1.1\r\nHost: a\r\n\r\n", {400}),
        ("an absolute target", b"GET http://a/healthz HTTP/1.1\r\nHost: a\r\n\r\n", {200, 400}),
        ("target *", b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", {400, 405}),
        ("CONNECT", b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", {400, 405, 501}),
        ("an unknown method", request("BREW", "/healthz"), {400, 405, 501}),
        ("a method in lower case", request("get", "/healthz"), {400, 405, 501}),
        ("a NUL in the path", b"GET /health\0z HTTP/1.1\r\nHost: a\r\n\r\n", {400}),
        ("a raw byte in the path", b"GET /health\xe9z HTTP/1.1\r\nHost: a\r\n\r\n", {400, 404}),
        ("a fragment", request("GET", "/healthz#x"), {400, 404}),
        ("a long path", request("GET", "/" + "a" * 1100), {414}),
        ("a very long path", request("GET", "/" + "a" * 20000), {414, 431}),
        ("a header of 40 KiB", request("GET", "/healthz", headers=("X: " + "x" * 40000,)), {431}),
        ("1,000 headers", request("GET", "/healthz", headers=[f"X-{i}: y" for i in range(1000)]), {200, 431}),
        ("a folded header", request("GET", "/healthz", headers=("X: a", " b")), {400}),
        ("a header without a colon", request("GET", "/healthz", headers=("nonsense",)), {400}),
        ("a header without a name", request("GET", "/healthz", headers=(": x",)), {400}),
        ("white space before the colon", request("GET", "/healthz", headers=("X : y",)), {400}),
        ("a NUL in a header", request("GET", "/healthz", headers=("X: a\0b",)), {400}),
        ("a bare LF", b"GET /healthz HTTP/1.1\nHost: a\n\n", {400}),
        ("a bare CR", b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", {400}),
        ("two Authorization", request("GET", "/messages", ada.token, headers=("Authorization: Bearer x",)), {400, 401}),
        ("h2c", request("GET", "/healthz", headers=("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")), {200, 400}),
        ("h2c on POST", request("POST", "/users", None, {"user": "h2", "password": "x"}, ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")), {400}),
    ):
        raw = Raw(server, data)
        got = raw.answer()
        ok(got and got[0] in wanted, f"{name}: {sorted(wanted)}", got or ("hangs" if raw.hung else "closed without an answer"))
        raw.close()
    serving("request lines")


@test
def paths():
    for path in ("/%68ealthz", "/healthz%00", "/%2e%2e/healthz", "/messages/%2e%2e/%2e%2e", "/./healthz", "/../healthz", "/a/../healthz", "//healthz", "/healthz/", "/healthz//", "/messages/%41", "/users/%61da", "/\\healthz", "/healthz;x", "/%", "/%zz"):
        got = exchange(get(path), 1)
        ok(got and got[0][0] in (400, 404), f"not a canonical path: {path}", got)
        ok(not got or path not in got[0][2].decode(), "and it is not echoed", got)
    eq(exchange(get("/healthz?x=%41%00&&=&?#"), 1)[0][0] in (200, 400), True, "an odd query")
    serving("paths")


@test
def websocket_attacks():
    u = server.user(next(names))
    got = exchange(upgrade(ada.token, ("Sec-WebSocket-Protocol: chat.v1", "Origin: http://evil.example")), 1)
    eq([a[0] for a in got], [403], "a foreign Origin: 403")
    got = exchange(upgrade(ada.token, ("Sec-WebSocket-Protocol: chat.v1", "Content-Length: 5")) + b"hello")
    eq([a[0] for a in got], [400], "an upgrade with a body: 400")
    got = exchange(get() + upgrade(ada.token), 2)
    eq([a[0] for a in got], [200, 101], "GET, then an upgrade in one segment")
    got = exchange(post(u.name, "before") + upgrade(ada.token), 2)
    eq([a[0] for a in got], [200, 101], "POST, then an upgrade in one segment")
    raw = Raw(server, upgrade(ada.token))
    raw.answer()
    raw.send(post(u.name, "smuggled"))
    eq(raw.close_code(), 1002, "HTTP on an open WebSocket closes with 1002")
    raw.close()
    eq([m["body"] for m in u.get("/messages").json()], ["before"], "and stores nothing")
    serving("WebSocket attacks")


@test
def aborted():
    u = server.user(next(names))
    data = post(u.name, "cut short")
    for cut in (1, 20, len(data) // 2, len(data) - 1):
        Raw(server, data[:cut]).close()
    for i in range(50):
        Raw(server, post(u.name, f"gone {i}", f"gone-{u.name}-{i}")).close()
        raw = Raw(server, get("/messages?wait=20"))
        raw.close()
    answers = [ada.send(u.name, f"gone {i}", f"gone-{u.name}-{i}").status_code for i in range(50)]
    eq(set(answers), {200}, "senders that do not wait for the answer, and send again")
    got = [m["body"] for m in u.get("/messages?limit=500").json()]
    eq(sorted(got), sorted(f"gone {i}" for i in range(50)), "each is stored once")
    serving("aborted requests")


@test
def many_connections():
    idle = [Raw(server) for _ in range(300)]
    half = [Raw(server, b"POST /messages HTTP/1.1\r\nHost: a\r\n") for _ in range(300)]
    serving("600 connections that say nothing")
    for raw in idle + half:
        raw.close()
    ok(wait_for(lambda: ada.get("/healthz").status_code == 200), "and when they are gone")


@test
def keep_alive():
    raw = Raw(server, request("GET", "/healthz", headers=("Connection: close",)) + get())
    eq([a[0] for a in raw.answers()], [200], "Connection: close is obeyed")
    raw.close()
    raw = Raw(server, get("/nothing") + get("/messages/x") + get())
    eq([a[0] for a in raw.answers(3)], [404, 404, 200], "an error without a body keeps the connection")
    raw.close()
    got = exchange(get(), 1)[0]
    json.loads(got[2])
    ok("date" in got[1], "Date", got[1])


main()
