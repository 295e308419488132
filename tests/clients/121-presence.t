#!/usr/bin/python3 -B
"""Presence and typing over WebSocket, over several network threads."""
import random
import re
import threading

from harness import PASSWORD, Rest, Server, eq, main, ok, test, wait_for

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
server = Server(conf={"threads": "3"}).start()
ada, bob, eve = (server.user(n) for n in ("ada", "bob", "eve"))


def opened(user, **more):
    ws = user.ws(**more)
    ws.live()
    return ws


def presence(ws, n=1):
    """The next n presence events: user -> online."""
    got = [ws.until("presence") for _ in range(n)]
    return {e["user"]: e["online"] for e in got}


@test
def now_and_at_each_change():
    ws = opened(ada)
    ws.send({"op": "watch", "users": ["bob", "eve", "ada", "bob"]})
    eq(presence(ws, 3), {"bob": False, "eve": False, "ada": True}, "how they stand now, each once, and oneself, too")
    eq(ws.sync(), [], "and no more")
    for i in range(4):  # on whatever thread it lands
        one = opened(bob)
        e = ws.until("presence")
        eq((e["user"], e["online"]), ("bob", True), f"bob comes, time {i}")
        two = opened(bob)
        two.close()
        ok(wait_for(lambda: bob.get("/users/bob").json()["online"]), "a second socket that goes")
        one.close()
        e = ws.until("presence")
        eq((e["user"], e["online"]), ("bob", False), "is no change, the last one is")
        ok(TIME.fullmatch(e["last_seen"] or ""), "and says when", e)
        eq(e["last_seen"], ada.get("/users/bob").json()["last_seen"], "as GET does")
    shy = bob.ws(hello=False)
    eq(ws.sync(), [], "a socket that has not said hello is nobody's presence")
    shy.close()
    ws.send({"op": "watch", "users": ["eve"]})
    eq(presence(ws), {"eve": False}, "another watch takes the place of the first")
    one, two = opened(bob), opened(eve)
    eq(presence(ws), {"eve": True}, "who is not watched any more is not told")
    ws.send({"op": "watch", "users": []})
    ws.sync()
    two.close()
    ok(wait_for(lambda: not ada.get("/users/eve").json()["online"]), "eve is gone")
    eq(ws.sync(), [], "an empty list watches nobody")
    ws.close(), one.close()


@test
def again_after_hello():
    ws, one = opened(ada), opened(bob)
    ws.send({"op": "watch", "users": ["bob"]})
    eq(presence(ws), {"bob": True}, "bob is online")
    for cursor in (ws.welcome["cursor"], None):
        ws.hello(cursor)
        eq(presence(ws), {"bob": True}, "a hello on the open socket: told once more, after the welcome")
    one.close()
    eq(presence(ws), {"bob": False}, "and changes as before")
    ws.close()


@test
def refused():
    ws = opened(ada)
    for name, users, code in (
        ("no list", None, "bad-field"),
        ("a string", "bob", "bad-field"),
        ("a number in it", ["bob", 5], "bad-field"),
        ("no user", ["bob", "nobody"], "not-found"),
        ("a name that cannot be", ["B" * 2000], "not-found"),
        ("501", ["bob"] * 501, "bad-field"),
    ):
        ws.send({"op": "watch", "ref": 7, **({"users": users} if users is not None else {})})
        e = ws.until("error")
        eq((e["ref"], e["code"], e["field"]), (7, code, "users"), f"watch: {name}")
    eq(ws.sync(), [], "nothing of it was taken")
    ws.send({"op": "watch", "users": ["bob"] * 500})
    eq(presence(ws), {"bob": False}, "500 are taken")
    ws.close()
    early = ada.ws(hello=False)
    early.send({"op": "watch", "users": ["bob"]})
    eq(early.close_code(), 4400, "before hello: 4400")


@test
def many():
    names = [f"m{i:03d}" for i in range(300)]
    for n in names:
        Rest(server).post("/users", {"user": n, "password": PASSWORD})
    ws = opened(ada)
    ws.send({"op": "watch", "users": names})
    eq(presence(ws, 300), dict.fromkeys(names, False), "300 at once")
    ws.send(*[{"op": "watch", "users": names}] * 60)
    got = ws.sync()
    last = {e["user"] for e in got[-1000:]}
    ok(len(got) >= 300 and last == set(names), "60 lists in one frame: how things stand, no more than the socket takes", len(got), got[:1])
    one = opened(server.login("m123"))
    ok(ws.until("presence", user="m123", online=True), "and changes are told")
    one.close(), ws.close()


@test
def hidden():
    ws, one = opened(bob), opened(ada)
    ws.send({"op": "watch", "users": ["ada"]})
    eq(presence(ws), {"ada": True}, "online")
    ada.call("PUT", "/blocks/bob")
    e = ws.until("presence")
    eq((e["online"], e["last_seen"]), (False, None), "a block: offline at once, and no time")
    one.close()
    ok(wait_for(lambda: not eve.get("/users/ada").json()["online"]), "she goes")
    one = opened(ada)
    eq(ws.sync(), [], "comings and goings are hidden")
    ada.call("DELETE", "/blocks/bob")
    eq(presence(ws), {"ada": True}, "no block: told at once")
    ada.call("PUT", "/blocks/bob")
    eq(presence(ws), {"ada": False}, "blocked again")
    fresh = opened(bob)
    fresh.send({"op": "watch", "users": ["ada"]})
    e = fresh.until("presence")
    eq((e["online"], e["last_seen"]), (False, None), "a new watch sees nothing either")
    ada.call("DELETE", "/blocks/bob")
    ws.close(), one.close(), fresh.close()


@test
def for_contacts_only():
    closed = Server(conf={"presence": "contacts", "threads": "2"}).start()
    una, vic = closed.user("una"), closed.user("vic")
    ws, one = opened(vic), opened(una)
    ws.send({"op": "watch", "users": ["una"]})
    eq(presence(ws), {"una": False}, "presence = contacts: hidden")
    una.call("PUT", "/contacts/vic", {"alias": "V"})
    eq(presence(ws), {"una": True}, "told when he becomes a contact")
    una.call("DELETE", "/contacts/vic")
    eq(presence(ws), {"una": False}, "and when he is none any more")
    eq(one.sync(), [], "una was told nothing")
    ws.close(), one.close()
    closed.stop()


@test
def typing():
    ws, one, two = opened(ada), opened(bob), opened(bob)
    ws.send({"op": "typing", "to": "bob"})
    eq([w.until("typing") for w in (one, two)], [{"ev": "typing", "from": "ada"}] * 2, "all sockets of the other side are told")
    eq(ws.sync(), [], "the one who types gets nothing")
    for _ in range(50):
        ws.send({"op": "typing", "to": "bob"})
    ws.sync()
    n = len([e for e in one.sync() if e["ev"] == "typing"])
    ok(n < 15, "too many are dropped", n)
    for name, body, code in (("no to", {}, "bad-field"), ("a number", {"to": 5}, "bad-field"), ("nobody", {"to": "nobody"}, "unknown-recipient")):
        ws.send({"op": "typing", "ref": 3, **body})
        e = ws.until("error")
        eq((e["ref"], e["code"]), (3, code), f"typing: {name}")
    cursor = one.sync() or one.pong["cursor"]
    eq(cursor, one.welcome["cursor"], "typing is not in the stream")
    ws.close()
    for blocker, blocked in ((bob, "ada"), (ada, "bob")):
        ws = opened(ada)  # with an allowance of its own
        blocker.call("PUT", "/blocks/" + blocked)
        ws.send({"op": "typing", "to": "bob"})
        ws.sync()
        one.sync()
        eq([e for e in one.sync() if e["ev"] == "typing"], [], f"{blocker.name} blocks {blocked}: nothing")
        blocker.call("DELETE", "/blocks/" + blocked)
        ws.send({"op": "typing", "to": "bob"})
        ok(one.until("typing"), "without the block it comes")
        ws.close()
    one.close(), two.close()


@test
def the_last_word_is_right():
    users = [server.user(f"c{i}") for i in range(6)]
    names = [u.name for u in users]
    watchers = [opened(u) for u in users[:3]]
    said = [{} for _ in watchers]
    for w in watchers:
        w.send({"op": "watch", "users": names})

    def churn(user, seed):
        draw, mine = random.Random(seed), []
        for _ in range(40):
            what = draw.random()
            if what < 0.4 and len(mine) < 4:
                mine.append(user.ws())
            elif what < 0.7 and mine:
                (mine[-1].abort if draw.random() < 0.5 else mine[-1].close)()
                mine.pop()
            elif what < 0.8:
                user.call(draw.choice(["PUT", "DELETE"]), "/blocks/" + draw.choice([n for n in names if n != user.name]))
            elif mine:
                mine[0].send({"op": "watch", "users": draw.sample(names, 3)}, {"op": "typing", "to": draw.choice(names)}, {"op": "hello"})
        return mine

    def agree():
        wrong = 0
        for w, known, user in zip(watchers, said, users):
            known.update((e["user"], e["online"]) for e in w.sync() if e["ev"] == "presence")
            wrong += sum(known.get(n) != user.get("/users/" + n).json()["online"] for n in names)
        return wrong == 0

    kept = []
    threads = [threading.Thread(target=lambda u=u, i=i: kept.append(churn(u, i))) for i, u in enumerate(users)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    eq(len(kept), len(users), "sockets come and go, are watched, block, type and say hello again, all at once")
    ok(wait_for(agree), "then each who watches knows of each how things stand", said)
    for w in (*watchers, *(w for mine in kept for w in mine)):
        w.close()


@test
def the_server_is_well():
    ok(server.alive(), "it lives")
    eq(server.stop(), 0, "and ends with 0")


main()
