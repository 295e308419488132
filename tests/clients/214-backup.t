#!/usr/bin/python3 -B
"""A copy taken while messages are written is a whole one: it starts, knows every message that was acknowledged before it was asked for, and every user of every message."""
import os
import stat
import threading

from harness import Admin, Rest, Server, eq, main, ok, refused, test

server = Server(conf={"segment-bytes": "16384"}).start()
op = Admin(server)
ada, bob = server.user("ada"), server.user("bob")


def history(user, peer):
    got, before = [], ""
    while True:
        page = user.get(f"/conversations/{peer}/messages?limit=500{before}").json()
        got += [m["id"] for m in page]
        if len(page) < 500:
            return got[::-1]
        before = f"&before={page[-1]['id']}"


@test
def under_load():
    acked, stop = [], threading.Event()
    sender = Rest(server, ada.token)

    def send():
        while not stop.is_set():
            acked.append(sender.send("bob", "x" * 200).json()["id"])

    first = [ada.send("bob", f"{i}" * 50).json()["id"] for i in range(200)]
    thread = threading.Thread(target=send)
    thread.start()
    to = os.path.join(server.dir, "copy")
    before = len(acked)
    answer = op.call("POST", "/admin/backup", {"to": to})
    stop.set()
    thread.join()
    eq(answer.status_code, 200, "a backup")
    said = answer.json()
    files = [os.path.join(d, f) for d, _, fs in os.walk(to) for f in fs]
    eq((said["files"], said["bytes"]), (len(files), sum(os.path.getsize(f) for f in files)), "says how many files and bytes")
    ok(said["files"] > 4, f"several segments: {said}")
    eq({stat.S_IMODE(os.stat(f).st_mode) for f in files}, {0o600}, "all of them for their owner alone")
    everything = history(bob, "ada")
    copy = Server(data=to).start()
    kept = history(Rest(copy, bob.token), "ada")
    ok(kept == everything[: len(kept)] and len(kept) >= 200 + before, f"the copy has a prefix of the history, {len(kept)} of {len(everything)}, and all that was acked before")
    eq(kept[:200], first, "with the same ids")
    eq(Rest(copy, ada.token).send("bob", "on").status_code, 200, "and goes on")
    eq(copy.stop(), 0, "and ends")
    eq(history(bob, "ada"), everything, "the server has lost nothing")


@test
def refusals():
    for to, why in (("copy", "absolute"), (os.path.join(server.dir, "copy"), "not empty"), ("/proc/nothing/here", "No such file")):
        answer = op.call("POST", "/admin/backup", {"to": to})
        refused(answer, 400, "bad-request", f"to {why}: refused")
        ok(why in answer.json()["detail"], "with the reason", answer.text)
    refused(op.call("POST", "/admin/backup", {}), 400, "bad-field", "to is needed")


main()
