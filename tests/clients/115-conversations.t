#!/usr/bin/python3 -B
"""GET /conversations, the history of one, and marking up to a message over REST."""
import re

from harness import PATIENCE, Server, eq, main, ok, refused, test, wait_for

server = Server(conf={"segment-bytes": "8192"}).start()
ada, bob, eve, zoe = (server.user(n) for n in ("ada", "bob", "eve", "zoe"))
MEMBERS = {"with", "last", "unread", "read_up_to", "peer_read_up_to", "peer_delivered_up_to"}


def bodies(answer):
    return [m["body"] for m in answer.json()]


def next_of(answer):
    found = re.fullmatch(r'<([^>]+)>; rel="next"', answer.headers.get("Link", ""))
    return found.group(1) if found else None


def walk(user, path):
    got = []
    while path:
        a = user.get(path)
        got += a.json()
        path = next_of(a)
    return got


def listed(user):
    return {c["with"]: c for c in user.get("/conversations").json()}


@test
def the_list():
    a = zoe.get("/conversations")
    eq((a.status_code, a.json()), (200, []), "no conversations: an empty array")
    for i in range(3):
        bob.send("ada", f"b{i}")
    eve.send("ada", "e0")
    m = ada.send("bob", "a0").json()
    a = ada.get("/conversations")
    got = a.json()
    eq([c["with"] for c in got], ["bob", "eve"], "that of the newest message comes first")
    ok(all(set(c) >= MEMBERS for c in got), "with all members", got)
    eq((got[0]["last"]["id"], got[0]["last"]["from"], got[0]["last"]["body"]), (m["id"], "ada", "a0"), "last is the newest message, of whichever side")
    eq((got[0]["unread"], got[1]["unread"]), (3, 1), "unread counts what came to me")
    eq((got[0]["read_up_to"], got[0]["peer_read_up_to"]), (None, None), "nothing is read yet")
    ok("Link" not in a.headers and "Chat-Next-Cursor" not in a.headers, "one page has no next")
    mail = [x["id"] for x in ada.get("/messages?from=bob").json()]
    ada.call("PATCH", "/messages/" + mail[0], {"read": True})
    eq((listed(ada)["bob"]["read_up_to"], listed(ada)["bob"]["unread"]), (mail[0], 2), "read_up_to and unread follow a mark")
    ada.call("PATCH", "/messages/" + mail[2], {"read": True})
    eq((listed(ada)["bob"]["read_up_to"], listed(ada)["bob"]["unread"]), (mail[0], 1), "read_up_to stays while an older one is unread")
    eq(listed(bob)["ada"]["peer_read_up_to"], mail[0], "the other side sees it as peer_read_up_to")
    ok(wait_for(lambda: listed(bob)["ada"]["peer_delivered_up_to"] == mail[2]), "and what was fetched as peer_delivered_up_to")
    ada.call("PATCH", "/messages/" + mail[1], {"read": True})
    eq((listed(ada)["bob"]["read_up_to"], listed(bob)["ada"]["peer_read_up_to"]), (mail[2], mail[2]), "the gap is closed: both move on")
    eve.send("ada", "e1")
    eq([c["with"] for c in ada.get("/conversations").json()], ["eve", "bob"], "a new message brings its conversation to the front")
    ada.send("ada", "note")
    notes = ada.get("/conversations").json()[0]
    eq((notes["with"], notes["last"]["body"]), ("ada", "note"), "notes to oneself are a conversation, too")


@test
def pages_of_the_list():
    hub = server.user("hub")
    names = [f"peer{i:02d}" for i in range(23)]
    for n in names:
        server.user(n).send("hub", "hello " + n)
    everybody = [c["with"] for c in walk(hub, "/conversations?limit=500")]
    eq(everybody, names[::-1], "23 conversations, latest first")
    for limit in (1, 5, 23):
        eq([c["with"] for c in walk(hub, f"/conversations?limit={limit}")], everybody, f"the same in pages of {limit}")
    a = hub.get("/conversations?limit=5")
    eq(next_of(a), f"/conversations?limit=5&after={a.headers['Chat-Next-Cursor']}", "Link and Chat-Next-Cursor agree")
    hub.send("peer10", "to the front")
    rest = walk(hub, next_of(a))
    eq([c["with"] for c in rest], [n for n in everybody[5:] if n != "peer10"], "what moved to the front meanwhile is not on a later page")
    for limit in ("0", "501", "x", "-1", "1.5", ""):
        refused(hub.get("/conversations?limit=" + limit), 400, "bad-query", f"limit={limit}: 400")
    other = ada.get("/conversations?limit=1").headers["Chat-Next-Cursor"]
    for after in ("x", "", other, hub.get("/conversations").json()[0]["last"]["id"]):
        refused(hub.get("/conversations?after=" + after), 400, "bad-cursor", f"after={after[:3]}: 400")
    refused(hub.get("/conversations?limit=1&limit=1"), 400, "bad-query", "a parameter that stands twice: 400")
    server.stop()
    server.start()
    eq([c["with"] for c in walk(hub, "/conversations?limit=4")], ["peer10"] + [n for n in everybody if n != "peer10"], "a restart keeps the order")


@test
def history():
    sent = []
    for i in range(60):
        who, to = (eve, "zoe") if i % 3 else (zoe, "eve")
        sent.append(who.send(to, f"h{i}").json()["id"])
    texts = [f"h{i}" for i in range(60)]
    a = eve.get("/conversations/zoe/messages")
    eq((a.status_code, bodies(a)), (200, texts[:9:-1]), "50 by default, newest first")
    eq(bodies(zoe.get("/conversations/eve/messages?limit=500")), texts[::-1], "the other side sees the same")
    for limit in (1, 7, 60):
        eq([m["body"] for m in walk(eve, f"/conversations/zoe/messages?limit={limit}")], texts[::-1], f"backward in pages of {limit}")
        eq([m["body"] for m in walk(eve, f"/conversations/zoe/messages?after={sent[0]}&limit={limit}")], texts[1:], f"forward in pages of {limit}, oldest first")
    eq(bodies(eve.get(f"/conversations/zoe/messages?before={sent[5]}")), texts[4::-1], "before a message")
    eq(bodies(eve.get(f"/conversations/zoe/messages?before={sent[0]}")), [], "before the first one: none")
    eq(bodies(eve.get(f"/conversations/zoe/messages?after={sent[59]}")), [], "after the last one: none")
    eq(eve.get("/conversations/bob/messages").json(), [], "nothing was ever said: an empty array")
    refused(eve.get("/conversations/nobody/messages"), 404, "not-found", "no such user: 404")
    refused(eve.get(f"/conversations/zoe/messages?before={sent[1]}&after={sent[2]}"), 400, "bad-query", "before and after: 400")
    foreign = eve.send("bob", "elsewhere").json()["id"]
    between = ada.send("bob", "not hers").json()["id"]
    for name in ("before", "after"):
        for what, id in (("another conversation", foreign), ("others", between), ("nonsense", "x"), ("nothing", ""), ("a cut id", sent[0][:-1])):
            refused(eve.get(f"/conversations/zoe/messages?{name}={id}"), 400, "bad-cursor", f"{name}= of {what}: 400")
    refused(eve.get("/conversations/zoe/messages?limit=501"), 400, "bad-query", "limit=501: 400")
    ok(wait_for(lambda: all(m["delivered_at"] for m in eve.get("/conversations/zoe/messages?limit=500").json())), "fetching marks as delivered")
    ok(not any(m["read_at"] for m in eve.get("/conversations/zoe/messages?limit=500").json()), "and nothing as read")


@test
def a_page_ends_at_a_mebibyte():
    for i in range(70):
        ada.send("zoe", f"{i:02d}" + "x" * 16382)
    a = zoe.get("/conversations/ada/messages?limit=500")
    ok(len(a.json()) < 70 and next_of(a), "a page of long bodies is cut", len(a.json()))
    eq([m["body"][:2] for m in walk(zoe, "/conversations/ada/messages?limit=500")], [f"{i:02d}" for i in range(69, -1, -1)], "and goes on without a gap")


@test
def reading():
    x, y = server.user("xena"), server.user("yves")
    ids = [x.send("yves", f"r{i}").json()["id"] for i in range(5)]
    mine = y.send("xena", "mine").json()["id"]
    one, two = x.ws(), y.ws()
    one.live(), two.live()
    a = y.call("PUT", "/conversations/xena/read", {"up_to": ids[2]})
    eq((a.status_code, a.json()), (200, {"unread": 2}), "PUT …/read says how many are left")
    got = two.until("read", PATIENCE)
    eq((got["with"], got["up_to"], got["unread"]), ("xena", ids[2], 2), "my sockets are told")
    got = one.until("receipt", PATIENCE, state="read")
    eq((got["with"], got["up_to"]), ("yves", ids[2]), "and the sender")
    eq([m["id"] for m in y.get("/messages").json()], ids[3:], "the rest stays unread")
    eq(y.call("PUT", "/conversations/xena/read", {"up_to": ids[0]}).json(), {"unread": 2}, "an older one changes nothing")
    eq(y.call("PUT", "/conversations/xena/read", {"up_to": ids[4]}).json(), {"unread": 0}, "up to the last")
    refused(y.call("PUT", "/conversations/xena/read", {"up_to": mine}), 403, "not-recipient", "one of mine: 403")
    note = y.send("yves", "note").json()["id"]
    eq(y.call("PUT", "/conversations/yves/read", {"up_to": note}).json(), {"unread": 0}, "notes to oneself can be read")
    refused(y.call("PUT", "/conversations/yves/read", {"up_to": ids[4]}), 404, "not-found", "a message of another conversation: 404")
    refused(y.call("PUT", "/conversations/ada/read", {"up_to": ids[4]}), 404, "not-found", "nor with another peer")
    refused(ada.call("PUT", "/conversations/xena/read", {"up_to": ids[4]}), 404, "not-found", "a message of others: 404")
    refused(y.call("PUT", "/conversations/nobody/read", {"up_to": ids[4]}), 404, "not-found", "no such user: 404")
    refused(y.call("PUT", "/conversations/xena/read", {"up_to": "nonsense"}), 404, "not-found", "no such message: 404")
    for body in ({}, {"up_to": 5}, {"up_to": None}, [], {"upto": ids[0]}):
        ok(y.call("PUT", "/conversations/xena/read", body).status_code == 400, f"{body}: 400")
    refused(y.call("DELETE", "/conversations/xena/read"), 405, "method-not-allowed", "405 for another method")
    one.close(), two.close()


main()
