#!/usr/bin/python3 -B
"""A full disk: senders get 507, reading goes on, and it heals by itself."""
import atexit
import os
import subprocess
import tempfile

from harness import PATIENCE, Server, eq, is_problem, main, ok, skip_all, test, wait_for

place = tempfile.mkdtemp(prefix="chat-test-full.")
if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", place], capture_output=True).returncode != 0:
    os.rmdir(place)
    skip_all("needs to mount a tmpfs")


def leave():
    if server:
        server.kill()
    subprocess.run(["umount", place], capture_output=True)
    os.rmdir(place)


server = None
atexit.register(leave)
server = Server(data=os.path.join(place, "data")).start()
ada, bob = server.user("ada"), server.user("bob")
ballast = os.path.join(place, "ballast")


def fill():
    """Takes all the space that is left but a little."""
    with open(ballast, "ab", 0) as f:
        for size in (65536, 4096):
            while True:
                try:
                    f.write(b"\0" * size)
                except OSError:
                    break


def acked(to_send):
    return [(a["id"], m["body"]) for a, m in zip(ada.post("/messages", to_send).json(), to_send) if "id" in a]


@test
def full():
    start = bob.ws()
    cursor = start.welcome["cursor"]
    start.live()
    kept = acked([{"to": "bob", "body": f"before {i}"} for i in range(100)])
    eq(len(kept), 100, "there is room at first")
    sender = ada.ws()
    sender.live()
    for healed in range(3):
        fill()
        refused = None
        for i in range(3000):
            body = f"{healed} {i} " + "f" * 8000
            answer = ada.send("bob", body)
            if answer.status_code != 200:
                refused = answer
                break
            kept.append((answer.json()["id"], body))
        ok(refused is not None and is_problem(refused, 507, "insufficient-storage"), f"round {healed}: a full disk is 507 insufficient-storage")
        ok(server.alive(), "the server lives")
        sender.send({"op": "send", "ref": 1, "to": "bob", "body": "x" * 9000, "client_id": f"ws-{healed}"})
        said = sender.answer()
        eq((said["ev"], said.get("code")), ("error", "insufficient-storage"), "on a socket: error insufficient-storage")
        elements = ada.post("/messages", [{"to": "bob", "body": "y" * 9000}] * 3).json()
        eq([e.get("code") for e in elements] if isinstance(elements, list) else elements["code"], ["insufficient-storage"] * 3, "in an array too")
        answer = bob.get("/messages?limit=500")
        eq((answer.status_code, answer.json()[0]["id"]), (200, kept[0][0]), "reading goes on")
        eq(bob.get("/messages/" + kept[-1][0]).json()["body"], kept[-1][1], "by id as well")
        eq(bob.get("/readyz").status_code, 503, "readyz says 503")
        eq(bob.get("/healthz").status_code, 200, "healthz 200")
        os.unlink(ballast)
        ok(wait_for(lambda: bob.get("/readyz").status_code == 200, PATIENCE), "with space again it heals by itself")
        answer = ada.send("bob", f"healed {healed}")
        eq(answer.status_code, 200, "and takes messages")
        kept.append((answer.json()["id"], f"healed {healed}"))
        sender.send({"op": "send", "ref": 2, "to": "bob", "body": f"again {healed}", "client_id": f"ws-{healed}"})
        said = sender.answer()
        eq(said["ev"], "sent", "a refused client_id is free for other content: nothing was stored under it")
        kept.append((said.get("id"), f"again {healed}"))
    got = [(e["message"]["id"], e["message"]["body"]) for e in start.sync() if e["ev"] == "message"]
    eq(got == kept, True, "the recipient got exactly what was acked, in order")
    eq(server.stop(), 0, "it ends with 0")
    server.start()
    ws = bob.ws(cursor)
    got = [(e["message"]["id"], e["message"]["body"]) for e in ws.live() if e["ev"] == "message"]
    eq(got == kept, True, "and so it is after a restart")
    ws.close()


@test
def full_at_start():
    server.stop()
    fill()
    try:
        server.start()
        eq(bob.get("/messages?limit=1").status_code, 200, "started on a full disk it lets read")
        os.unlink(ballast)
        ok(wait_for(lambda: ada.send("bob", "after").status_code == 200), "and heals")
    except RuntimeError as e:
        ok(server.process.poll() not in (0, None) and "pace" in str(e), "started on a full disk it says so and ends", str(e))
        os.unlink(ballast)
        server.start()
        eq(ada.send("bob", "after").status_code, 200, "with space it starts")


main()
