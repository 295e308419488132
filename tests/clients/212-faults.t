#!/usr/bin/python3 -B
"""A server with faults on purpose does what it is told to: loses, repeats, drops. And the usual build knows nothing of it. Without build-faulty/chatd (make faulty) there is little to do."""
import os

from harness import BUILD, Server, eq, main, ok, skip, test

FAULTY = os.path.join("build-faulty", "chatd")


def faulty(fault):
    os.environ["CHAT_FAULT"] = fault
    os.environ["CHATD"] = FAULTY
    try:
        return Server().start()
    finally:
        del os.environ["CHAT_FAULT"], os.environ["CHATD"]


def pair(server):
    ada, bob = server.user("ada"), server.user("bob")
    ws = bob.ws()
    ws.live()
    return ada, bob, ws


@test
def not_here():
    os.environ["CHAT_FAULT"] = "drop-push:1"
    try:
        server = Server().start()
    finally:
        del os.environ["CHAT_FAULT"]
    ada, _, ws = pair(server)
    ada.send("bob", "x")
    ok(ws.until("message"), "the usual build drops nothing, whatever CHAT_FAULT says")
    with open(os.path.join(BUILD, "chatd"), "rb") as f:
        ok(b"drop-push" not in f.read(), "and does not hold the word")


@test
def pushes():
    if not os.path.exists(FAULTY):
        skip("faults", "make faulty builds it")
        return
    server = faulty("drop-push:3")
    ada, bob, ws = pair(server)
    sent = [ada.send("bob", f"m{i}").json()["id"] for i in range(6)]
    got = [ws.until("message")["message"]["id"] for _ in range(4)]
    eq(got, [s for i, s in enumerate(sent) if i % 3 != 2], "drop-push:3 drops each third event")
    eq([m["id"] for m in bob.get("/conversations/ada/messages").json()][::-1], sent, "which is in the history")
    server.stop()
    server = faulty("repeat-push:2,stall:1")
    ada, bob, ws = pair(server)
    sent = [ada.send("bob", f"m{i}").json()["id"] for i in range(2)]
    eq([ws.until("message")["message"]["id"] for _ in range(3)], [sent[0], sent[1], sent[1]], "repeat-push:2 repeats each second one")
    server.stop()


@test
def losses():
    if not os.path.exists(FAULTY):
        skip("faults", "make faulty builds it")
        return
    server = faulty("ack-early:300")
    ada, bob = server.user("ada"), server.user("bob")
    sent = [ada.send("bob", f"m{i}").json()["id"] for i in range(20)]
    server.kill()
    server.start()
    kept = [m["id"] for m in bob.get("/conversations/ada/messages?limit=50").json()][::-1]
    eq(kept, sent, "a healthy build finds all of them")
    server.kill()
    os.environ["CHAT_FAULT"] = "ack-early:300"
    server.program = FAULTY
    server.start()
    del os.environ["CHAT_FAULT"]
    kept = [m["id"] for m in bob.get("/conversations/ada/messages?limit=50").json()][::-1]
    ok(0 < len(kept) < 20 and kept == sent[: len(kept)], f"ack-early loses the last ones: {20 - len(kept)} of 20")
    eq(ada.send("bob", "on").status_code, 200, "and goes on")


main()
