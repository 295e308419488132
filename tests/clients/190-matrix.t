#!/usr/bin/python3 -B
"""Every route, asked by one who has no business there: without a token, and by another user. Nothing of what is others' is told, a thing of others' is
answered like one that does not exist, and nothing of theirs changes. A route that the table here does not know fails the test."""
import base64
import json
import re

from harness import PASSWORD, Rest, Server, eq, main, ok, test

with open("doc/openapi.json", encoding="utf-8") as f:
    DOC = json.load(f)
OPERATIONS = [(m.upper(), p, o) for p, item in DOC["paths"].items() for m, o in item.items() if m in ("get", "put", "post", "patch", "delete") and "admin" not in o["tags"]]

server = Server(conf={"segment-bytes": "8192"}).start()
CANARY = "canary-5d1f"
KEY = base64.urlsafe_b64encode(b"k" * 32).decode().rstrip("=")
ada, bob, eve = (server.user(n) for n in ("ada", "bob", "eve"))
shut = server.user("shut")  # blocks eve, and is online
shut_ws = shut.ws()
server.user("other")
phone = server.login("ada", device_name=CANARY)
sent = [ada.send("bob", f"{CANARY} {i}", f"{CANARY}-{i}").json()["id"] for i in range(5)]
sent.append(bob.send("ada", CANARY).json()["id"])
sent.append(ada.send("ada", CANARY).json()["id"])
ID = sent[0]
MISSING = ID[:5] + ("A" if ID[5] != "A" else "B") + ID[6:]
bob.call("PATCH", "/messages/" + ID, {"read": True})
ada.call("PUT", "/contacts/bob", {"alias": CANARY})
ada.call("PUT", "/blocks/other")
shut.call("PUT", "/blocks/eve")
for u in (ada, shut):
    u.call("PUT", "/keys", {"bundle": base64.urlsafe_b64encode(CANARY.encode()).decode().rstrip("="), "one_time": [{"id": 1, "key": KEY}]})
ws = ada.ws()
CURSOR = ws.welcome["cursor"]
ws.close()
SECRETS = [CANARY, phone.device, ada.device, ada.token, phone.token, CURSOR, *sent]


def state_of(user):
    """All that is hers, as she sees it; times of last use move."""
    paths = ["/contacts", "/blocks", "/conversations/bob/messages?limit=500", "/conversations/ada/messages?limit=500", "/conversations", "/keys"]
    got = {p: user.get(p).json() for p in paths}
    got["/sessions"] = sorted(d["device"] for d in user.get("/sessions").json())
    got["unread"] = user.get("/messages").headers.get("Chat-Unread-Total")
    return got


def said(answer):
    """What can be told of an answer, its time aside."""
    return answer.status_code, sorted((k, v) for k, v in answer.headers.items() if k != "Date"), answer.content


# By operation: requests that reach for what is another's, each with the one that does the same to what does not exist (None: there is none such).
# A request: path, body.
READ = {"read": True}
TABLE = {
    ("POST", "/messages"): [(("/messages", {"to": "ada", "body": "x", "client_id": f"{CANARY}-0"}), None)],
    ("GET", "/messages"): [(("/messages", None), None), (("/messages?from=ada", None), ("/messages?from=nobody", None)), ((f"/messages?after={CURSOR}", None), ("/messages?after=x", None))],
    ("GET", "/messages/{id}"): [((f"/messages/{i}", None), (f"/messages/{MISSING}", None)) for i in sent],
    ("PATCH", "/messages/{id}"): [((f"/messages/{i}", READ), (f"/messages/{MISSING}", READ)) for i in sent],
    ("PUT", "/messages/{id}"): [((f"/messages/{i}", READ), (f"/messages/{MISSING}", READ)) for i in sent],
    ("GET", "/conversations"): [(("/conversations", None), None), ((f"/conversations?after={CURSOR}", None), ("/conversations?after=x", None))],
    ("GET", "/conversations/{user}/messages"): [(("/conversations/bob/messages", None), None)]
    + [((f"/conversations/{u}/messages?{w}={i}", None), (f"/conversations/{u}/messages?{w}={MISSING}", None)) for u in ("ada", "bob", "eve") for w in ("before", "after") for i in (sent[0], sent[5], sent[6])],
    ("PUT", "/conversations/{user}/read"): [((f"/conversations/{u}/read", {"up_to": i}), (f"/conversations/{u}/read", {"up_to": MISSING})) for u in ("ada", "bob", "eve") for i in sent],
    ("GET", "/contacts"): [(("/contacts", None), None)],
    ("PUT", "/contacts/{user}"): [(("/contacts/bob", {"alias": "mine"}), None)],
    ("DELETE", "/contacts/{user}"): [(("/contacts/bob", None), None)],
    ("GET", "/blocks"): [(("/blocks", None), None)],
    ("PUT", "/blocks/{user}"): [(("/blocks/other", None), None)],
    ("DELETE", "/blocks/{user}"): [(("/blocks/other", None), None)],
    ("GET", "/keys"): [(("/keys", None), None)],
    ("PUT", "/keys"): [(("/keys", {"bundle": "AAEC", "one_time": [{"id": 1, "key": KEY}]}), None)],
    ("GET", "/keys/{user}"): [(("/keys/shut", None), ("/keys/other", None)), (("/keys/shut?one_time=0", None), ("/keys/other?one_time=0", None))],
    ("GET", "/users/{user}"): [(("/users/shut", None), None)],
    ("POST", "/users"): [(("/users", {"user": "ada", "password": PASSWORD}), None)],
    ("POST", "/sessions"): [(("/sessions", {"user": "ada", "password": "a wrong password"}), ("/sessions", {"user": "nobody", "password": "a wrong password"}))],
    ("GET", "/sessions"): [(("/sessions", None), None)],
    ("DELETE", "/sessions/{device}"): [((f"/sessions/{d}", None), ("/sessions/AAAAAAAAAAAAAAAA", None)) for d in (ada.device, phone.device)],
    ("PUT", "/users/me/password"): [(("/users/me/password", {"old": "a wrong password", "new": "a new password"}), None)],
    ("GET", "/ws"): [(("/ws", None), None)],
    **{("GET", p): [((p, None), None)] for p in ("/", "/healthz", "/readyz", "/metrics", "/openapi.json")},
}
before = {u.name: state_of(u) for u in (ada, bob, shut)}


def leaks(answer):
    text = answer.text + json.dumps(dict(answer.headers))
    return [s for s in SECRETS if s in text]


@test
def the_table_is_whole():
    eq(sorted(set((m, p) for m, p, _ in OPERATIONS) ^ set(TABLE)), [], "each documented operation is in the table, and no other")


@test
def without_a_token():
    guest = Rest(server)
    for method, path, o in OPERATIONS:
        wrong = []
        for reach, missing in TABLE[method, path]:
            a = guest.call(method, reach[0], reach[1])
            if o.get("security", DOC["security"]) and (a.status_code != 401 or a.headers.get("WWW-Authenticate") != "Bearer"):
                wrong.append((reach, a.status_code))
            if missing and said(a) != said(guest.call(method, missing[0], missing[1])):
                wrong.append((reach, "differs from what does not exist"))
            if leaks(a):
                wrong.append((reach, leaks(a)))
        ok(not wrong, f"nobody: {method} {path}", wrong)
    for m in ("GET", "PUT", "DELETE"):
        a, b = (guest.call(m, f"/contacts/{n}") for n in ("ada", "nobody"))
        eq(said(a), said(b), f"nobody: {m} of a user and of no user are answered alike")


@test
def by_another_user():
    for method, path, _ in OPERATIONS:
        wrong = []
        for reach, missing in TABLE[method, path]:
            a = eve.call(method, reach[0], reach[1])
            if a.status_code >= 500:
                wrong.append((reach, a.status_code))
            # What eve sent herself she may see again.
            if [s for s in leaks(a) if s != CANARY or path not in ("/messages", "/conversations")]:
                wrong.append((reach, leaks(a)))
            if missing and said(a) != said(eve.call(method, missing[0], missing[1])):
                wrong.append((reach, "differs from what does not exist"))
        ok(not wrong, f"another user: {method} {path}", wrong)
    seen = eve.get("/users/shut").json()
    eq((seen["online"], seen["last_seen"]), (False, None), "presence of one who blocks her looks like that of one who never came")
    eq(ada.get("/users/shut").json()["online"], True, "which others see")


@test
def by_another_users_socket():
    one, hers = eve.ws(), ada.ws()
    one.live(), hers.live()

    def answer(op):
        one.send({"ref": 1, **op})
        return [{k: v for k, v in e.items() if k not in ("cursor",)} for e in one.sync()]

    for name, reach, missing in [
        *((f"read {i[:6]}", {"op": "read", "id": i}, {"op": "read", "id": MISSING}) for i in sent),
        *((f"read up to, with {u}", {"op": "read", "with": u, "up_to": i}, {"op": "read", "with": u, "up_to": MISSING}) for u in ("ada", "bob", "eve") for i in (sent[0], sent[5], sent[6])),
        ("ack of another's cursor", {"op": "ack", "cursor": CURSOR}, {"op": "ack", "cursor": "x"}),
        ("watch one who blocks", {"op": "watch", "users": ["shut"]}, {"op": "watch", "users": ["other"]}),
    ]:
        a, b = answer(reach), answer(missing)
        eq(json.dumps(a).replace("shut", "other"), json.dumps(b), f"{name}: like what does not exist")
    one.hello(CURSOR)
    eq((one.welcome["recovered"], [e for e in one.sync() if e["ev"] not in ("live", "presence")]), (False, []), "hello with another's cursor: unknown, nothing is replayed")
    eq(one.welcome["user"], "eve", "and she is who she is")
    bob.send("ada", "not for eve")
    ada.call("PATCH", "/messages/" + hers.until("message")["message"]["id"], {"read": True})
    hers.until("read")
    eq([e for e in one.sync() if e["ev"] in ("message", "receipt", "read")], [], "what others say to each other is not pushed to her")
    one.close(), hers.close()


@test
def nothing_changed():
    for u in (ada, bob, shut):
        after, was = state_of(u), before[u.name]
        # eve's one message to ada, and the one that bob sent since, are new; nothing else is.
        for s in (after, was):
            s["/conversations"] = [c["with"] for c in s["/conversations"] if c["with"] not in ("eve",)]
            for path in list(s):
                if path.endswith("limit=500"):
                    s[path] = [(m["id"], m["body"], bool(m["read_at"])) for m in s[path] if m["id"] in sent]
            s["/conversations"].sort()
            s.pop("unread")
        eq(after, was, f"all that is {u.name}'s is as it was")
    eq(server.login("ada").name, "ada", "her password, too")
    eq(phone.get("/contacts").status_code, 200, "and her other session")
    ok(not re.search(CANARY, server.said(100000)), "the log has nothing of what was said")


main()
