#!/usr/bin/python3 -B
"""Limits are configurable, announced and kept; so are registration and origins."""
import subprocess

from harness import PASSWORD, Raw, Rest, Server, eq, main, ok, refused, test, upgrade

FEW = {"request-bytes": "4096", "body-bytes": "100", "batch-messages": "3", "page-messages": "60", "origins": "https://chat.example"}


@test
def smaller():
    server = Server(conf=FEW).start()
    ada, bob = server.user("ada"), server.user("bob")
    said = ada.get("/").json()["limits"]
    eq([said[k] for k in ("request_bytes", "body_bytes", "batch_messages", "page_messages")], [4096, 100, 3, 60], "GET / announces what is configured")
    ws = ada.ws()
    ws.live()
    ok({4096, 100, 3} <= set(ws.welcome["limits"].values()), "welcome too", ws.welcome)
    eq(ada.send("bob", "x" * 100).status_code, 200, "a body of 100 bytes")
    a = ada.send("bob", "x" * 101)
    refused(a, 413, "too-large", "one of 101")
    eq(a.json().get("limit"), 100, "and the limit is told")
    eq(ada.post("/messages", [{"to": "bob", "body": "x"}] * 3).status_code, 200, "3 in an array")
    refused(ada.post("/messages", [{"to": "bob", "body": "x"}] * 4), 413, "too-large", "4")
    refused(ada.call("POST", "/messages", raw=b" " * 4097), 413, "too-large", "a request of 4,097 bytes")
    eq(bob.get("/messages?limit=60").status_code, 200, "limit=60")
    refused(bob.get("/messages?limit=61"), 400, "bad-query", "limit=61")
    ws.send({"op": "send", "ref": 1, "to": "bob", "body": "x" * 101})
    eq(ws.answer().get("code"), "too-large", "a body of 101 bytes on a socket")
    ws.send(*[{"op": "ping"}] * 4)
    eq(ws.until("error")["code"], "too-large", "4 in a frame")
    ws.send_text(" " * 4097)
    eq(ws.close_code(), 1009, "a frame of 4,097 bytes closes with 1009")
    for origin, wanted in (("https://chat.example", 101), ("https://chat.example.evil.example", 403), ("http://chat.example", 403), ("https://CHAT.example", 403)):
        raw = Raw(server, upgrade(ada.token, ("Sec-WebSocket-Protocol: chat.v1", f"Origin: {origin}")))
        eq(raw.answer()[0], wanted, f"Origin {origin}: {wanted}")
        raw.close()
    server.stop()


@test
def registration():
    server = Server(flags=["--registration", "closed"]).start()
    guest = Rest(server)
    eq(guest.get("/").json()["registration"], "closed", "GET / says: closed")
    refused(guest.post("/users", {"user": "ada", "password": PASSWORD}), 403, "registration-closed", "403 registration-closed")
    server.stop()
    server = Server(flags=["--registration", "invite"]).start()
    guest = Rest(server)
    refused(guest.post("/users", {"user": "ada", "password": PASSWORD}), 403, "invite-required", "403 invite-required without one")
    refused(guest.post("/users", {"user": "ada", "password": PASSWORD, "invite": "A" * 22}), 403, "invite-required", "or with a made-up one")
    server.stop()
    made = subprocess.run([server.program, "invite", "--data", server.data], capture_output=True, text=True, check=False)
    invite = (made.stdout.split() or [""])[-1]
    ok(made.returncode == 0 and len(invite) >= 16, "chatd invite makes one", made)
    server.start()
    eq(guest.post("/users", {"user": "ada", "password": PASSWORD, "invite": invite}).status_code, 201, "with it one may register")
    refused(guest.post("/users", {"user": "bob", "password": PASSWORD, "invite": invite}), 403, "invite-required", "once")
    server.stop()


main()
