#!/usr/bin/python3 -B
"""Accounts for load tests: many at once, no passwords, and never a person's name."""
import time

from harness import SLOW, Admin, Rest, Server, eq, main, ok, refused, test

server = Server().start()
op = Admin(server)


def make(prefix, count, **more):
    return op.call("POST", "/admin/bench", {"prefix": prefix, "count": count, **more})


@test
def many():
    began = time.monotonic()
    made = make("lt-", 10000).json()
    took = time.monotonic() - began
    ok(took < 2 * SLOW, f"10,000 accounts in {took:.2f} s")
    eq((made["count"], len(made["users"]), made["users"][0][0], made["users"][-1][0]), (10000, 10000, "lt-000001", "lt-010000"), "all of them, by number")
    eq(len({t for _, t in made["users"]}), 10000, "each has a token of its own")
    (a, ta), (b, tb) = made["users"][0], made["users"][9999]
    one, two = Rest(server, ta, a), Rest(server, tb, b)
    ws = two.ws()
    ws.live()
    eq(one.send(b, "hello").status_code, 200, "they send")
    eq(ws.until("message")["message"]["from"], a, "and receive")
    server.kill()
    server.start()
    eq(one.send(b, "again").status_code, 200, "they survive kill -9")
    refused(Rest(server).call("POST", "/sessions", {"user": a, "password": ""}), 401, "bad-login", "nobody logs in to one")
    refused(Rest(server).call("POST", "/sessions", {"user": a, "password": "of a user who is not there"}), 401, "bad-login", "with no password")
    refused(one.call("PUT", "/users/me/password", {"old": "of a user who is not there", "new": "another password"}), 403, "wrong-password", "nor gives it one")
    answer = op.call("DELETE", f"/admin/bench/{made['run']}?messages=keep")
    eq((answer.status_code, answer.json()), (200, {"removed": 10000}), "removed again")
    eq(one.get("/messages").status_code, 401, "their tokens are void")
    refused(Rest(server).call("POST", "/users", {"user": a, "password": "correct horse battery"}), 409, "user-taken", "no person takes the name")
    eq(op.get("/admin/info").json()["users"], 0, "no user is left")


@test
def again():
    made = make("lt-", 3).json()
    user = Rest(server, made["users"][0][1])
    eq(user.get("/messages").status_code, 204, "a later load test takes the name, and finds no mail of the one before")
    more = make("lt-", 3).json()
    eq(user.get("/messages").status_code, 401, "one that is there is taken over: its old token is void")
    eq(Rest(server, more["users"][0][1]).get("/messages").status_code, 204, "the new one is good")
    refused(op.call("DELETE", f"/admin/bench/{made['run']}"), 404, "not-found", "the old run has nothing left")
    server.stop()
    server.start()
    eq(Rest(server, more["users"][2][1]).get("/messages").status_code, 204, "all of it is there after a restart")
    eq(op.call("DELETE", f"/admin/bench/{more['run']}").json()["removed"], 3, "and can be removed")


@test
def people():
    ada = server.user("pp-000050")
    refused(make("pp-", 100), 409, "user-taken", "a name that is a person's: refused")
    refused(ada.send("pp-000001", "x"), 404, "unknown-recipient", "and nothing was made")
    eq(ada.get("/sessions").status_code, 200, "she has lost nothing")


@test
def bad_requests():
    for body, field in (({"count": 1}, "prefix"), ({"prefix": "lt-", "count": 0}, "count"), ({"prefix": "lt-", "count": 1000001}, "count"), ({"prefix": "LT", "count": 1}, "prefix"), ({"prefix": "x" * 25, "count": 1}, "prefix"), ({"prefix": "lt-", "count": 1, "first": -1}, "first")):
        answer = op.call("POST", "/admin/bench", body)
        refused(answer, 400, "bad-field", f"{body}")
        eq(answer.json()["field"], field, "says which member")


main()
