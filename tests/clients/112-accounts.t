#!/usr/bin/python3 -B
"""Users, sessions, passwords, and what needs no token."""
import json
import re
import time

from harness import PASSWORD, PATIENCE, Raw, Rest, Server, eq, main, ok, refused, request, test, wait_for

server = Server().start()
nobody = Rest(server)
ada, bob = server.user("ada", display_name="Ada L."), server.user("bob")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@test
def users():
    good = ("a1", "0a", "x" * 32, "a.b-c_d", "a..", "a__", "9999")
    for name in good:
        eq(nobody.post("/users", {"user": name, "password": PASSWORD}).status_code, 201, f"a user may be called {name}")
    for name in ("a", "x" * 33, "Abc", "abC", ".ab", "-ab", "_ab", "a b", "a/b", "a@b", "\u00e4bc", "", "ab\n", "ab%"):
        a = nobody.post("/users", {"user": name, "password": PASSWORD})
        refused(a, 400, None, f"but not {name!r}")
        eq(a.json().get("field"), "user", "and the field is named")
    refused(nobody.post("/users", {"user": "ada", "password": PASSWORD}), 409, "user-taken", "a name is taken once")
    for name, body in (
        ("no password", {"user": "carl"}),
        ("password of 9 bytes", {"user": "carl", "password": "123456789"}),
        ("password of 1,025 bytes", {"user": "carl", "password": "p" * 1025}),
        ("password a number", {"user": "carl", "password": 1234567890}),
        ("display_name of 65 characters", {"user": "carl", "password": PASSWORD, "display_name": "d" * 65}),
        ("display_name a number", {"user": "carl", "password": PASSWORD, "display_name": 5}),
        ("no user", {"password": PASSWORD}),
        ("an array", [{"user": "carl", "password": PASSWORD}]),
    ):
        refused(nobody.post("/users", body), 400, None, f"400: {name}")
    eq(ada.get("/users/carl").status_code, 404, "none of which made a user")
    for name, password in (("pw10", "0123456789"), ("pw1024", "p" * 1024), ("pwu", "\u00e9\U0001f600 \u5bc6\u7801")):
        nobody.post("/users", {"user": name, "password": password, "display_name": "\U0001f600" * 64})
        eq(server.login(name, password).get("/users/" + name).json()["display_name"], "\U0001f600" * 64, f"password and a display name of 64 characters: {name}")
    refused(nobody.post("/users", {"user": "carl", "password": PASSWORD}, content_type="text/plain"), 415, None, "415 for another type")


@test
def profiles():
    a = bob.get("/users/ada")
    eq((a.status_code, set(a.json()) >= {"user", "display_name", "online", "last_seen"}), (200, True), "GET /users/ada")
    eq((a.json()["user"], a.json()["display_name"], a.json()["online"]), ("ada", "Ada L.", False), "her names; she is not online")
    ws = ada.ws()
    ok(wait_for(lambda: bob.get("/users/ada").json()["online"]), "online with a socket past its hello")
    ws.close()
    ok(wait_for(lambda: not bob.get("/users/ada").json()["online"]), "offline when it is gone")
    ok(TIME.fullmatch(bob.get("/users/ada").json()["last_seen"] or ""), "last_seen is a time then")
    shy = ada.ws(hello=False)
    eq(bob.get("/users/ada").json()["online"], False, "a socket without hello is not online")
    shy.close()
    for name in ("nobody", "ADA", "a", "x" * 33, "me"):
        refused(bob.get("/users/" + name), 404, None, f"404: {name}")


@test
def login():
    a = nobody.post("/sessions", {"user": "ada", "password": PASSWORD, "device_name": "a phone"})
    said = a.json()
    eq((a.status_code, set(said) >= {"token", "device", "user", "expires_at"}), (200, True), "POST /sessions")
    eq(said["user"], "ada", "says who it is")
    ok(TIME.fullmatch(said["expires_at"]), "and until when", said["expires_at"])
    ok(len(said["token"]) >= 43 and re.fullmatch(r"[A-Za-z0-9._~+/-]+=*", said["token"]), "the token is long and fits a header")
    ok(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", said["device"]), "the device is opaque")
    wrong = nobody.post("/sessions", {"user": "ada", "password": "not her password"})
    unknown = nobody.post("/sessions", {"user": "nobody", "password": "not her password"})
    odd = nobody.post("/sessions", {"user": "No Body", "password": "not her password"})
    refused(wrong, 401, None, "401 for a wrong password")
    eq(wrong.headers.get("WWW-Authenticate", "").split(" ")[0], "Bearer", "with WWW-Authenticate: Bearer")
    same = [{k: v for k, v in x.headers.items() if k != "Date"} for x in (wrong, unknown)]
    eq((unknown.status_code, unknown.content, same[1]), (wrong.status_code, wrong.content, same[0]), "an unknown user is answered alike, to the byte")
    ok(odd.status_code in (400, 401), "a name that cannot be", odd.status_code)
    for name, body in (("no password", {"user": "ada"}), ("no user", {"password": PASSWORD}), ("a number", {"user": "ada", "password": 1}), ("an array", [])):
        refused(nobody.post("/sessions", body), 400, None, f"400: {name}")


@test
def login_times():
    def took(name):
        began = time.monotonic()
        nobody.post("/sessions", {"user": name, "password": "not her password"})
        return time.monotonic() - began

    for i in range(3):
        server.user(f"victim{i}")
    # Taken in turns, and the quickest of each: what else the machine does only adds.
    pairs = [(took(f"victim{i % 3}"), took(f"ghost{i % 3}")) for i in range(24)]
    a, b = min(p[0] for p in pairs), min(p[1] for p in pairs)
    ok(max(a, b) < 2 * min(a, b), "no user takes as long as a wrong password", f"{a:.4f} s and {b:.4f} s at the least")


@test
def tokens():
    a = ada.send("bob", "x")
    for name, header in (
        ("none", {"Authorization": None}),
        ("empty", {"Authorization": ""}),
        ("Bearer alone", {"Authorization": "Bearer"}),
        ("another scheme", {"Authorization": "Basic " + ada.token}),
        ("cut", {"Authorization": "Bearer " + ada.token[:-1]}),
        ("longer", {"Authorization": "Bearer " + ada.token + "A"}),
        ("one character off", {"Authorization": "Bearer " + ada.token[:-2] + ("A" if ada.token[-2] != "A" else "B") + ada.token[-1]}),
        ("made up", {"Authorization": "Bearer " + "A" * 43}),
        ("a kilobyte", {"Authorization": "Bearer " + "A" * 1000}),
    ):
        a = Rest(server).get("/messages", headers={k: v for k, v in header.items() if v is not None})
        refused(a, 401, None, f"401: token {name}")
        eq(a.headers.get("WWW-Authenticate", "").split(" ")[0], "Bearer", "with WWW-Authenticate: Bearer")
    for query in ("token", "access_token", "authorization"):
        refused(nobody.get(f"/messages?{query}={ada.token}"), 401, None, f"a token in the URL is not accepted: {query}")
    for method, path in (
        ("GET", "/messages"),
        ("POST", "/messages"),
        ("GET", "/messages/x"),
        ("PATCH", "/messages/x"),
        ("PUT", "/messages/x"),
        ("GET", "/users/ada"),
        ("GET", "/users/nobody"),
        ("PUT", "/users/me/password"),
        ("GET", "/sessions"),
        ("DELETE", "/sessions/current"),
        ("GET", "/ws"),
    ):
        body = {} if method in ("POST", "PUT", "PATCH") else None
        a = nobody.call(method, path, body)
        refused(a, 401, None, f"401 without a token: {method} {path}")


@test
def sessions():
    one = server.login("bob", device_name="laptop \U0001f4bb")
    a = one.get("/sessions")
    eq(a.status_code, 200, "GET /sessions")
    mine = {s["device"]: s for s in a.json()}
    ok(one.device in mine and bob.device in mine, "lists my devices", list(mine))
    ok("token" not in a.text, "and no token")
    refused(ada.call("DELETE", "/sessions/" + one.device), 404, None, "another user's device is 404")
    refused(ada.call("DELETE", "/sessions/unknown"), 404, None, "as is an unknown one")
    eq(one.get("/sessions").status_code, 200, "and lives on")
    a = bob.call("DELETE", "/sessions/" + one.device)
    eq((a.status_code, a.content), (204, b""), "DELETE /sessions/{device}")
    refused(one.get("/messages"), 401, None, "its token is refused then")
    refused(bob.call("DELETE", "/sessions/" + one.device), 404, None, "once")
    two = server.login("bob")
    eq(two.call("DELETE", "/sessions/current").status_code, 204, "DELETE /sessions/current")
    refused(two.get("/sessions"), 401, None, "ends the one that says it")
    eq(bob.get("/sessions").status_code, 200, "and no other")
    eq(len(bob.get("/sessions").json()), 1, "one is left")


@test
def revoked_sockets():
    one, two = server.login("bob"), server.login("bob")
    ws, other = one.ws(), two.ws()
    began = time.monotonic()
    eq(bob.call("DELETE", "/sessions/" + one.device).status_code, 204, "a session with an open socket is deleted")
    eq(ws.close_code(), 4401, "its socket closes with 4401")
    ok(time.monotonic() - began <= 2.5, "within 2 s", time.monotonic() - began)
    ok(other.sync() is not None, "another session's socket stays")
    other.close()
    three = server.login("bob")
    with_wait = Raw(server, request("GET", "/messages?wait=30", three.token))
    bob.call("DELETE", "/sessions/" + three.device)
    three.token = bob.token
    with_wait.close()


@test
def password():
    server.user("pat")
    one, two = server.login("pat"), server.login("pat")
    ws, mine = two.ws(), one.ws()
    for name, body in (("too short", {"old": PASSWORD, "new": "short"}), ("too long", {"old": PASSWORD, "new": "n" * 1025}), ("no old", {"new": "another password"}), ("no new", {"old": PASSWORD}), ("a number", {"old": PASSWORD, "new": 12345678901})):
        refused(one.call("PUT", "/users/me/password", body), 400, None, f"400: {name}")
    refused(one.call("PUT", "/users/me/password", {"old": "wrong password", "new": "another password"}), 403, "wrong-password", "403 wrong-password")
    a = one.call("PUT", "/users/me/password", {"old": PASSWORD, "new": "another password"})
    eq((a.status_code, a.content), (204, b""), "PUT /users/me/password")
    refused(two.get("/messages"), 401, None, "other sessions end")
    eq(ws.close_code(), 4401, "their sockets with 4401")
    eq(one.get("/messages").status_code, 204, "this one lives")
    ok(mine.sync() is not None, "with its socket")
    mine.close()
    refused(nobody.post("/sessions", {"user": "pat", "password": PASSWORD}), 401, None, "the old password is dead")
    eq(nobody.post("/sessions", {"user": "pat", "password": "another password"}).status_code, 200, "the new one works")


@test
def public():
    a = nobody.get("/")
    said = a.json()
    eq(a.status_code, 200, "GET /")
    ok({"name", "version", "limits"} <= set(said), "name, version, limits", said)
    eq(sorted({v for v in said["limits"].values() if isinstance(v, int) and v in (1 << 20, 16384, 1000, 500, 64)}), [64, 500, 1000, 16384, 1 << 20], "every limit of the contract is announced")
    ok("open" in a.text, "the registration policy")
    eq(nobody.get("/healthz").status_code, 200, "GET /healthz")
    eq(nobody.get("/readyz").status_code, 200, "GET /readyz")
    a = nobody.get("/metrics")
    eq((a.status_code, a.headers["Content-Type"].split(";")[0]), (200, "text/plain"), "GET /metrics is text")
    bad = [line for line in a.text.splitlines() if not re.fullmatch(r"#.*|[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})? [-+0-9.eEinfNa]+( \d+)?", line)]
    ok(not bad and "# TYPE" in a.text, "in the Prometheus format", bad[:3])
    a = nobody.get("/openapi.json")
    with open("doc/openapi.json", "rb") as f:
        eq(a.json(), json.loads(f.read()), "GET /openapi.json is doc/openapi.json")


@test
def routes():
    for method, path, allow in (
        ("DELETE", "/messages", {"GET", "POST"}),
        ("PUT", "/messages", {"GET", "POST"}),
        ("POST", "/messages/x", {"GET", "PATCH", "PUT"}),
        ("DELETE", "/messages/x", {"GET", "PATCH", "PUT"}),
        ("GET", "/users", {"POST"}),
        ("PATCH", "/sessions", {"GET", "POST"}),
        ("POST", "/", {"GET"}),
        ("POST", "/healthz", {"GET"}),
        ("DELETE", "/users/me/password", {"PUT"}),
        ("POST", "/ws", {"GET"}),
    ):
        a = ada.call(method, path, {} if method in ("POST", "PUT", "PATCH") else None)
        refused(a, 405, "method-not-allowed", f"405: {method} {path}")
        eq({m.strip() for m in a.headers.get("Allow", "").split(",")} - {"HEAD", "OPTIONS"}, allow, "and Allow")
    for path in ("/nothing", "/messages/", "/messages/a/b", "/users/a/b/c", "/Messages", "/admin", "/messages.json"):
        a = ada.get(path)
        ok(a.status_code == 404, f"404: {path}", a.status_code, a.text[:200])
    a = ada.get("/ws")
    ok(a.status_code in (400, 426), "GET /ws without an upgrade", a.status_code)


@test
def rates():
    strict = Server(conf={"login-rate": "5"}).start()
    guest = Rest(strict)
    codes = [guest.post("/sessions", {"user": "nobody", "password": PASSWORD}) for _ in range(8)]
    late = [a for a in codes if a.status_code == 429]
    eq([a.status_code for a in codes[:5]], [401] * 5, "five logins a minute")
    ok(late, "then 429", [a.status_code for a in codes])
    if late:
        refused(late[0], 429, "rate-limited", "as a problem object")
        ok(int(late[0].headers.get("Retry-After", "0")) >= 1, "with Retry-After", dict(late[0].headers))
    eq(guest.get("/healthz").status_code, 200, "other routes go on")
    strict.stop()


main()
