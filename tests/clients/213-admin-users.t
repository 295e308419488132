#!/usr/bin/python3 -B
"""Operators and accounts: locks, limits, passwords, removal that leaves the other side its messages, invites, connections."""
import time

from harness import PASSWORD, Admin, Closed, Rest, Server, eq, main, ok, refused, test, wait_for

server = Server(flags=["--threads", "2"]).start()
op = Admin(server)


def closed_with(ws):
    try:
        while True:
            ws.recv()
    except Closed as e:
        return e.code


def login(name, password=PASSWORD):
    return Rest(server).call("POST", "/sessions", {"user": name, "password": password})


@test
def locks():
    lou, pal = server.user("lou"), server.user("pal")
    ws = lou.ws()
    eq(op.call("PUT", "/admin/users/lou/lock", {"locked": True}).status_code, 204, "locked")
    eq(closed_with(ws), 4403, "her socket closes with 4403")
    refused(lou.get("/messages"), 403, "locked", "her token is answered with locked")
    refused(login("lou"), 403, "locked", "so is a login")
    refused(login("lou", "a wrong password"), 401, "bad-login", "but not with a wrong password")
    eq(pal.send("lou", "x").status_code, 200, "mail for her is taken")
    server.kill()
    server.start()
    refused(lou.get("/messages"), 403, "locked", "a lock survives kill -9")
    op.call("PUT", "/admin/users/lou/lock", {"locked": False})
    eq(len(lou.get("/messages").json()), 1, "unlocked: the old token is good again, and the mail is there")


@test
def limits():
    fast, _ = server.user("fast"), server.user("sink")
    eq(op.call("PUT", "/admin/users/fast/limits", {"sends_per_s": 1, "burst": 3}).json(), {"sends_per_s": 1, "burst": 3, "own": True}, "limits of her own")
    codes = [fast.send("sink", str(i)).status_code for i in range(5)]
    eq(codes[:3] + codes[4:], [200, 200, 200, 429], "the burst, then 429")
    ok(wait_for(lambda: fast.send("sink", "later").status_code == 200, every=0.1), "and later it goes on")
    eq(op.call("PUT", "/admin/users/fast/limits", {"sends_per_s": None, "burst": None}).json()["own"], False, "null: the configuration's")
    eq([fast.send("sink", str(i)).status_code for i in range(20)], [200] * 20, "which has none")


@test
def passwords():
    pam = server.user("pam")
    ws = pam.ws()
    eq(op.call("PUT", "/admin/users/pam/password", {"password": "set by an operator"}).status_code, 204, "a password is set")
    eq(closed_with(ws), 4401, "her sockets end")
    eq(pam.get("/messages").status_code, 401, "and her sessions")
    refused(login("pam"), 401, "bad-login", "the old password is no good")
    eq(login("pam", "set by an operator").status_code, 200, "the new one is")
    made = op.call("POST", "/admin/bench", {"prefix": "pw-", "count": 1}).json()
    refused(op.call("PUT", f"/admin/users/{made['users'][0][0]}/password", {"password": PASSWORD}), 403, "forbidden", "an account for load tests takes none")


@test
def removal():
    rob, sue = server.user("rob", display_name="Rob"), server.user("sue")
    sue.call("PUT", "/contacts/rob", {"alias": "R"})
    sue.call("PUT", "/blocks/rob")
    sue.call("DELETE", "/blocks/rob")
    rob.call("PUT", "/blocks/pal")
    rob.call("PUT", "/keys", {"bundle": "AAEC"})
    sent = rob.send("sue", "keep this").json()["id"]
    sue.send("rob", "and this")
    ws = rob.ws()
    eq(op.call("DELETE", "/admin/users/rob").status_code, 204, "removed")
    eq(closed_with(ws), 4401, "his socket closes")
    eq(rob.get("/messages").status_code, 401, "his token is void")

    def gone(when):
        refused(login("rob"), 401, "bad-login", f"no login {when}")
        eq(sue.get("/users/rob").status_code, 404, f"no profile {when}")
        eq(sue.get("/keys/rob").status_code, 404, f"no keys {when}")
        eq(sue.get("/contacts").json(), [], f"nobody's contact {when}")
        refused(sue.send("rob", "x"), 404, "unknown-recipient", f"takes no mail {when}")
        refused(Rest(server).call("POST", "/users", {"user": "rob", "password": PASSWORD}), 409, "user-taken", f"the name is not given out again {when}")
        refused(op.call("POST", "/admin/users", {"user": "rob", "password": PASSWORD}), 409, "user-taken", f"not by an operator either {when}")
        history = sue.get("/conversations/rob/messages").json()
        eq([(m["from"], m["body"]) for m in history], [("sue", "and this"), ("rob", "keep this")], f"her messages are there {when}")
        eq(sue.get("/messages/" + sent).json()["from"], "rob", f"each by its id {when}")
        ok("rob" not in [u["user"] for u in op.get("/admin/users?limit=1000").json()], f"and no list has him {when}")

    gone("at once")
    eq(sue.call("PUT", "/conversations/rob/read", {"up_to": sent}).status_code, 200, "they can be marked")
    server.kill()
    server.start()
    gone("after kill -9")
    new = server.user("rob2")
    eq(new.get("/messages").status_code, 204, "the next account has a mailbox of its own")


@test
def lists():
    for i in range(5):
        op.call("POST", "/admin/users", {"user": f"page{i}", "password": PASSWORD, "display_name": f"P{i}"})
    names, after = [], ""
    while True:
        answer = op.get(f"/admin/users?prefix=page&limit=2&after={after}")
        names += [u["user"] for u in answer.json()]
        after = answer.headers.get("Chat-Next-Cursor")
        if not after:
            break
    eq(names, [f"page{i}" for i in range(5)], "pages by name, with a prefix")
    ws = server.login("page3").ws()
    row = op.get("/admin/users?prefix=page3").json()[0]
    eq((row["display_name"], row["online"], row["sessions"], row["locked"], row["bench"]), ("P3", True, 1, False, False), "a row says how it stands")
    ws.close()


@test
def invites():
    inv = Server(flags=["--registration", "invite"]).start()
    boss = Admin(inv)
    made = boss.call("POST", "/admin/invites", {"uses": 2, "expires_s": 3600}).json()
    listed = boss.get("/admin/invites").json()
    eq([(i["id"], i["uses_left"]) for i in listed], [(made["id"], 2)], "listed, without its code")

    def register(name, code):
        return Rest(inv).call("POST", "/users", {"user": name, "password": PASSWORD, "invite": code})

    eq([register(f"i{n}", made["invite"]).status_code for n in (1, 2, 3)], [201, 201, 403], "two uses, then none")
    other = boss.call("POST", "/admin/invites").json()
    eq(boss.call("DELETE", f"/admin/invites/{other['id']}").status_code, 204, "revoked")
    refused(register("i4", other["invite"]), 403, "invite-required", "and then it opens nothing")
    short = boss.call("POST", "/admin/invites", {"expires_s": 1}).json()
    began = time.monotonic()
    ok(wait_for(lambda: time.monotonic() - began > 1.1) and register("i5", short["invite"]).status_code == 403, "an expired one neither")


@test
def connections():
    cat, dog = server.user("cat"), server.user("dog")
    sockets = [cat.ws() for _ in range(4)] + [dog.ws()]
    for s in sockets:
        s.live()
    cat.send("dog", "x")
    sockets[-1].until("message")
    rows = op.get("/admin/conns?user=cat&sort=age").json()
    eq((len([r for r in rows if r["kind"] == "ws"]), {r["state"] for r in rows}), (4, {"live"}), "all her sockets, of every thread")
    row = [r for r in op.get("/admin/conns?user=dog").json() if r["kind"] == "ws"][0]
    ok(row["device"] == dog.device and row["address"] == "127.0.0.1" and row["received"] >= 1 and row["pushed"] == 1 and row["idle_ms"] < 60000, "a row says who, from where, how much", row)
    eq(op.get("/admin/conns?user=nobody").json(), [], "nobody has none")
    eq(len(op.get("/admin/conns?limit=2").json()), 2, "limit")
    eq(op.call("DELETE", f"/admin/conns/{row['id']}").status_code, 204, "one is closed")
    eq(closed_with(sockets[-1]), 1012, "with 1012")
    eq(op.call("DELETE", f"/admin/conns/{row['id']}").status_code, 404, "it is gone then")
    closed = op.call("DELETE", "/admin/users/cat/conns").json()["closed"]
    ok(closed >= 4, f"all of a user: {closed}")
    eq([closed_with(s) for s in sockets[:4]], [1012] * 4, "each with 1012")
    eq(cat.get("/messages").status_code, 204, "she may come back")


main()
