#!/usr/bin/python3 -B
"""Public keys: bundles, one-time keys that go out once, limits, devices."""
import base64
import threading

from harness import Rest, Server, eq, main, ok, refused, test

server = Server(conf={"threads": "2"}).start()
ada, bob = server.user("ada"), server.user("bob")


def b64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def one_time(*ids):
    return [{"id": i, "key": b64(i.to_bytes(4, "big") * 8)} for i in ids]


BUNDLE = b64(b"\x00\xff" * 100)


@test
def putting():
    refused(ada.get("/keys"), 404, "not-found", "GET /keys: 404 without any")
    refused(bob.get("/keys/ada"), 404, "not-found", "GET /keys/ada, too")
    a = ada.call("PUT", "/keys", {"bundle": BUNDLE})
    eq((a.status_code, a.json()), (200, {"one_time_left": 0}), "a bundle alone")
    a = ada.call("PUT", "/keys", {"bundle": BUNDLE, "one_time": one_time(5, 0, 4294967295)})
    eq((a.status_code, a.json()), (200, {"one_time_left": 3}), "with one-time keys")
    eq(ada.get("/keys").json(), {"bundle": BUNDLE, "one_time_left": 3}, "GET /keys")
    eq(ada.call("PUT", "/keys", {"bundle": BUNDLE, "one_time": one_time(5)}).json(), {"one_time_left": 3}, "the same id with the same key: 200")
    other = [{"id": 6, "key": b64(b"6" * 32)}, {"id": 5, "key": b64(b"x" * 32)}]
    refused(ada.call("PUT", "/keys", {"bundle": BUNDLE, "one_time": other}), 409, "key-id-reused", "with another key: 409")
    eq(ada.get("/keys").json()["one_time_left"], 3, "and nothing of it was taken")
    for n in (1, 1024):
        eq(ada.call("PUT", "/keys", {"bundle": b64(b"b" * n)}).status_code, 200, f"a bundle of {n} bytes")
    for name, body in (
        ("no bundle", {"one_time": []}),
        ("an empty one", {"bundle": ""}),
        ("one of 1,025 bytes", {"bundle": b64(b"b" * 1025)}),
        ("a number", {"bundle": 5}),
        ("padding", {"bundle": "YQ=="}),
        ("trailing bits", {"bundle": "YR"}),
        ("not base64url", {"bundle": "a+b/"}),
        ("white space", {"bundle": "YQ YQ"}),
        ("beyond ASCII", {"bundle": "\u00e9\u00e9\u00e9\u00e9"}),
        ("one_time no array", {"bundle": BUNDLE, "one_time": {}}),
        ("an element that is no object", {"bundle": BUNDLE, "one_time": [5]}),
        ("a key of 31 bytes", {"bundle": BUNDLE, "one_time": [{"id": 90, "key": b64(b"k" * 31)}]}),
        ("a key of 33 bytes", {"bundle": BUNDLE, "one_time": [{"id": 90, "key": b64(b"k" * 33)}]}),
        ("no key", {"bundle": BUNDLE, "one_time": [{"id": 90}]}),
        ("no id", {"bundle": BUNDLE, "one_time": [{"key": b64(b"k" * 32)}]}),
        ("id -1", {"bundle": BUNDLE, "one_time": [{"id": -1, "key": b64(b"k" * 32)}]}),
        ("id 2^32", {"bundle": BUNDLE, "one_time": [{"id": 4294967296, "key": b64(b"k" * 32)}]}),
        ("id a string", {"bundle": BUNDLE, "one_time": [{"id": "90", "key": b64(b"k" * 32)}]}),
        ("201 keys", {"bundle": BUNDLE, "one_time": one_time(*range(100, 301))}),
        ("more than 200 with those that are there", {"bundle": BUNDLE, "one_time": one_time(*range(100, 298))}),
    ):
        refused(ada.call("PUT", "/keys", body), 400, "bad-field", f"400: {name}")
    refused(ada.call("PUT", "/keys", raw=b""), 400, None, "no body: 400")
    eq(ada.get("/keys").json()["one_time_left"], 3, "nothing of all this was taken")
    eq(ada.call("PUT", "/keys", {"bundle": BUNDLE, "one_time": one_time(*range(100, 297))}).json(), {"one_time_left": 200}, "200 are taken")


@test
def fetching():
    a = bob.get("/keys/ada?one_time=0")
    eq((a.status_code, a.json()), (200, {"bundle": BUNDLE, "one_time": None}), "one_time=0 spends none")
    eq(ada.get("/keys").json()["one_time_left"], 200, "indeed")
    a = bob.get("/keys/ada?one_time=1").json()
    eq((a["bundle"], a["one_time"]), (BUNDLE, one_time(0)[0]), "else one goes out")
    eq(bob.get("/keys/ada").json()["one_time"], one_time(5)[0], "then the next one")
    server.kill()
    server.start()
    eq(ada.get("/keys").json()["one_time_left"], 198, "kill -9 brings none back")
    eq(ada.call("PUT", "/keys", {"bundle": BUNDLE, "one_time": one_time(0, 5)}).json(), {"one_time_left": 198}, "nor does putting it again")
    for q in ("2", "x", "", "-1", "0&one_time=0"):
        refused(bob.get("/keys/ada?one_time=" + q), 400, "bad-query", f"one_time={q}: 400")
    refused(bob.get("/keys/nobody"), 404, "not-found", "no such user: 404")
    refused(Rest(server).get("/keys/ada"), 401, "unauthenticated", "without a token: 401")


@test
def once_each():
    many = [server.user(f"asks{i}") for i in range(5)]
    got, lock = [], threading.Lock()

    def ask(user, n):
        asker = Rest(server, user.token)
        for _ in range(n):
            a = asker.get("/keys/ada")
            with lock:
                got.append(a.json()["one_time"]["id"])

    threads = [threading.Thread(target=ask, args=(u, 5)) for u in many for _ in (1, 2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    eq((len(got), len(set(got))), (50, 50), "50 parallel fetches see 50 keys")


@test
def limits():
    greedy = server.user("greedy")
    statuses = [greedy.get("/keys/ada").status_code for _ in range(12)]
    eq(statuses, [200] * 10 + [429] * 2, "10 an hour for a pair")
    a = greedy.get("/keys/ada?one_time=0")
    refused(a, 429, "rate-limited", "of whatever kind")
    ok(300 < int(a.headers["Retry-After"]) <= 360, "Retry-After says when there is one again", a.headers)
    left = ada.get("/keys").json()["one_time_left"]
    greedy.get("/keys/ada")
    eq(ada.get("/keys").json()["one_time_left"], left, "a refused fetch spends none")
    eq(greedy.get("/keys/bob").status_code, 404, "another user is another pair")
    others = [server.user(f"t{i}").name for i in range(10)]
    statuses = [greedy.get("/keys/" + n).status_code for n in others for _ in range(9)]
    eq(statuses.count(404), 89, "100 an hour for one who asks")
    eq(statuses[-1], 429, "then 429")
    eq(bob.get("/keys/ada").status_code, 200, "others are not held up")


@test
def devices():
    first = server.user("dora")
    first.call("PUT", "/keys", {"bundle": b64(b"first"), "one_time": one_time(1, 2, 3)})
    second = server.login("dora")
    eq(second.get("/keys").json(), {"bundle": b64(b"first"), "one_time_left": 3}, "all devices see what there is")
    eq(second.call("PUT", "/keys", {"bundle": b64(b"second"), "one_time": one_time(1)}).json(), {"one_time_left": 1}, "a bundle from another device drops the keys of the first")
    a = bob.get("/keys/dora").json()
    eq((a["bundle"], a["one_time"]), (b64(b"second"), one_time(1)[0]), "its own go out")
    eq(bob.get("/keys/dora").json()["one_time"], None, "and no others")
    eq(first.call("PUT", "/keys", {"bundle": b64(b"first"), "one_time": one_time(2)}).json(), {"one_time_left": 0}, "what was dropped does not come back")


@test
def blocked():
    ada.call("PUT", "/blocks/bob")
    none = server.user("keyless")
    hidden, missing = bob.get("/keys/ada"), bob.get("/keys/" + none.name)
    eq((hidden.status_code, hidden.content), (404, missing.content), "one who is blocked sees no keys, as if there were none")
    eq(bob.get("/keys/ada?one_time=0").status_code, 404, "nor the bundle alone")
    ada.call("DELETE", "/blocks/bob")
    eq(bob.get("/keys/ada?one_time=0").status_code, 200, "until the block is gone")


main()
