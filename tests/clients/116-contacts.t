#!/usr/bin/python3 -B
"""Contacts and blocks over REST, and what a block refuses and hides."""
from harness import Server, eq, main, ok, refused, test

server = Server().start()
ada, bob, eve = (server.user(n) for n in ("ada", "bob", "eve"))


def read_state(user, id):
    m = user.get("/messages/" + id).json()
    return m["delivered_at"] is not None, m["read_at"] is not None


@test
def contacts():
    eq((ada.get("/contacts").status_code, ada.get("/contacts").json()), (200, []), "no contacts: an empty array")
    a = ada.call("PUT", "/contacts/eve")
    eq((a.status_code, a.json()), (200, {"user": "eve", "alias": None}), "PUT without a body")
    a = ada.call("PUT", "/contacts/bob", {"alias": "B\u00f6b \U0001f600"})
    eq((a.status_code, a.json()), (200, {"user": "bob", "alias": "B\u00f6b \U0001f600"}), "PUT with an alias")
    eq(ada.get("/contacts").json(), [{"user": "bob", "alias": "B\u00f6b \U0001f600"}, {"user": "eve", "alias": None}], "both are listed, by name")
    eq(bob.get("/contacts").json(), [], "and nobody else's")
    eq(ada.call("PUT", "/contacts/bob", {"alias": "x" * 64}).json()["alias"], "x" * 64, "an alias of 64 characters")
    a = ada.call("PUT", "/contacts/bob", {"alias": "x" * 65})
    refused(a, 400, "bad-field", "one of 65: 400")
    eq((a.json().get("field"), a.json().get("limit")), ("alias", 64), "with field and limit")
    for body in ({"alias": 5}, {"alias": None}, {"alias": ["x"]}, []):
        ok(ada.call("PUT", "/contacts/bob", body).status_code == 400, f"{body}: 400")
    eq(ada.call("PUT", "/contacts/bob", headers={"Content-Length": "0"}).json()["alias"], None, "PUT without an alias takes it away")
    for name in ("nobody", "ADA", "x"):
        for method in ("PUT", "DELETE"):
            refused(ada.call(method, "/contacts/" + name), 404, "not-found", f"{method} /contacts/{name}: 404")
            refused(ada.call(method, "/blocks/" + name), 404, "not-found", f"{method} /blocks/{name}: 404")
    eq(ada.call("DELETE", "/contacts/bob").status_code, 204, "DELETE: 204")
    eq(ada.call("DELETE", "/contacts/bob").status_code, 204, "again: 204")
    eq(ada.get("/contacts").json(), [{"user": "eve", "alias": None}], "it is gone")
    refused(ada.post("/contacts", {}), 405, "method-not-allowed", "405 for another method")


@test
def blocked_senders():
    server.user("mallory")
    mallory = server.login("mallory")
    ws = mallory.ws()
    ws.live()
    first = mallory.send("ada", "before", "first")
    eq(ada.get("/blocks").json(), [], "no blocks: an empty array")
    for i in (1, 2):
        a = ada.call("PUT", "/blocks/mallory")
        eq((a.status_code, a.json()), (200, {"user": "mallory"}), f"PUT /blocks, time {i}")
    eq(ada.get("/blocks").json(), [{"user": "mallory"}], "it is listed")
    eq(mallory.get("/blocks").json(), [], "for her alone")
    refused(ada.call("PUT", "/blocks/ada"), 400, "bad-request", "nobody blocks herself")
    refused(mallory.send("ada", "x"), 403, "blocked", "a message to one who blocks: 403")
    refused(mallory.send("ada", "x", "with-id"), 403, "blocked", "with a client_id, too")
    a = mallory.post("/messages", [{"to": "bob", "body": "y"}, {"to": "ada", "body": "y"}, {"to": "bob", "body": "z"}])
    eq([x.get("code") for x in a.json()], [None, "blocked", None], "in an array only that one")
    ws.send({"op": "send", "ref": 9, "to": "ada", "body": "x"})
    got = ws.until("error")
    eq((got["ref"], got["code"]), (9, "blocked"), "on a socket: an error with its ref")
    again = mallory.send("ada", "before", "first")
    eq((again.status_code, again.json()), (200, first.json()), "the repeat of one that was accepted before is answered as then")
    eq([m["body"] for m in ada.get("/messages?from=mallory").json()], ["before"], "nothing came through")
    eq(ada.send("mallory", "the other way").status_code, 200, "the other way is open")
    eq(ada.call("DELETE", "/blocks/mallory").status_code, 204, "DELETE /blocks: 204")
    eq(ada.call("DELETE", "/blocks/mallory").status_code, 204, "again: 204")
    eq(mallory.send("ada", "x", "with-id").status_code, 200, "then messages come through again, under the same client_id")
    ws.close()


@test
def blocked_receipts():
    kim, lee = server.user("kim"), server.user("lee")
    shown = kim.send("lee", "m0").json()["id"]
    lee.call("PATCH", "/messages/" + shown, {"read": True})
    ids = [kim.send("lee", f"m{i}").json()["id"] for i in range(1, 6)]
    ws, own = kim.ws(), lee.ws()
    ws.live(), own.live()
    start = ws.welcome["cursor"]
    lee.call("PUT", "/blocks/kim")
    lee.call("PATCH", "/messages/" + ids[3], {"read": True})
    lee.call("PUT", "/conversations/kim/read", {"up_to": ids[1]})
    lee.get("/messages")
    own.send({"op": "ack", "cursor": own.welcome["cursor"]})
    eq([e.get("up_to", e.get("id")) for e in (own.until("read"), own.until("read"))], [ids[3], ids[1]], "the one who blocks sees her own marks")
    lee.send("kim", "still writing")
    eq([e["ev"] for e in ws.sync()], ["message"], "the one who is blocked gets no receipt, and her next message without a gap")
    eq(ws.sync(), [], "no more of it")
    again = kim.ws(start)
    eq((again.welcome["recovered"], [e["ev"] for e in again.live()]), (True, ["message"]), "nor when she resumes")
    again.close()
    eq([read_state(kim, i) for i in ids], [(False, False)] * 5, "nor by GET")
    eq(read_state(kim, shown), (True, True), "what was shown before the block stays")
    eq({(m["delivered_at"], m["read_at"]) for m in kim.get("/conversations/lee/messages?limit=6").json() if m["id"] in ids}, {(None, None)}, "nor in the history")
    got = kim.get("/conversations").json()[0]
    eq((got["peer_read_up_to"], got["peer_delivered_up_to"]), (None, None), "nor in the list of conversations")
    eq([read_state(lee, i)[1] for i in ids], [True, True, False, True, False], "she who blocks sees what she read")
    back = kim.get("/messages").json()[0]["id"]
    kim.call("PATCH", "/messages/" + back, {"read": True})
    eq(own.until("receipt", state="read").get("with"), "kim", "receipts the other way are not hidden")
    lee.call("DELETE", "/blocks/kim")
    lee.call("PUT", "/conversations/kim/read", {"up_to": ids[4]})
    got = ws.until("receipt", state="read")
    eq((got["with"], got["up_to"]), ("lee", ids[4]), "after the block receipts come again")
    eq([read_state(kim, i) for i in ids], [(True, True)] * 5, "and all is shown")
    server.stop()
    server.start()
    again = kim.ws(start)
    eq(again.welcome["recovered"], True, "a restart keeps the chain")
    eq([e["ev"] for e in again.live()], ["message", "read", "receipt"], "and what is in the stream")
    again.close(), ws.close(), own.close()


@test
def blocked_presence():
    ws = ada.ws()
    eq(bob.get("/users/ada").json()["online"], True, "online")
    ada.call("PUT", "/blocks/bob")
    seen = bob.get("/users/ada").json()
    eq((seen["online"], seen["last_seen"]), (False, None), "not for one who is blocked")
    eq(eve.get("/users/ada").json()["online"], True, "but for others")
    eq(ada.get("/users/bob").json()["online"], False, "and no harm the other way")
    ada.call("DELETE", "/blocks/bob")
    eq(bob.get("/users/ada").json()["online"], True, "until the block is taken away")
    ws.close()


@test
def presence_for_contacts():
    closed = Server(conf={"presence": "contacts"}).start()
    una, vic, wes = (closed.user(n) for n in ("una", "vic", "wes"))
    una.call("PUT", "/contacts/vic")
    ws, other = una.ws(), vic.ws()
    eq(una.get("/users/una").json()["online"], True, "presence = contacts: she sees herself")
    eq(vic.get("/users/una").json()["online"], True, "one of her contacts sees her")
    seen = wes.get("/users/una").json()
    eq((seen["online"], seen["last_seen"]), (False, None), "another does not")
    eq(una.get("/users/vic").json()["online"], False, "having somebody as a contact shows her nothing of him")
    una.call("PUT", "/blocks/vic")
    eq(vic.get("/users/una").json()["online"], False, "a block counts more than a contact")
    ws.close(), other.close()
    closed.stop()


@test
def kept():
    ada.call("PUT", "/contacts/bob", {"alias": "b"})
    ada.call("PUT", "/blocks/eve")
    server.kill()
    server.start()
    eq(ada.get("/contacts").json()[0], {"user": "bob", "alias": "b"}, "contacts survive kill -9")
    eq(ada.get("/blocks").json(), [{"user": "eve"}], "blocks, too")
    refused(eve.send("ada", "x"), 403, "blocked", "and are in force")


main()
