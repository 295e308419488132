#!/usr/bin/python3 -B
"""The operators' interface: who reaches it and who does not, what it says of the server, what its listeners do after a crash."""
import json
import os
import re
import signal
import socket
import stat

import requests
from harness import Admin, Rest, Server, eq, main, ok, refused, test, wait_for

with open("doc/openapi.json", encoding="utf-8") as f:
    DOC = json.load(f)
OPERATIONS = [(m.upper(), p, "admin" in o["tags"], o.get("security", DOC["security"])) for p, item in DOC["paths"].items() for m, o in item.items() if m in ("get", "put", "post", "patch", "delete")]
BOTH = ("/healthz", "/readyz", "/metrics")

server = Server(flags=["--admin-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]).start()
ada = server.user("ada")
op = Admin(server)


def body_for(method):
    return {} if method in ("POST", "PUT", "PATCH") else None


def filled(path):
    return re.sub(r"{\w+}", "x", path)


@test
def files():
    for name in ("admin.token", "admin.sock"):
        mode = os.stat(os.path.join(server.data, name)).st_mode
        eq(stat.S_IMODE(mode), 0o600, f"{name} is for its owner alone")
    ok(re.search(r"admin-token file=\S+admin\.token", server.said(1 << 20)), "the first start says where the token is")
    ok(op.token not in server.said(1 << 20), "and not what it is")


@test
def the_wall():
    """Nobody's token is good on the other side, for no route."""
    nobody, user = Admin(server, ""), Admin(server, ada.token)
    almost = Admin(server, op.token[:-1] + ("A" if op.token[-1] != "A" else "B"))
    outside = Rest(server, op.token)
    for method, path, admin, security in OPERATIONS:
        p = filled(path)
        wrong = []
        for who, name in ((nobody, "nobody"), (user, "a user"), (almost, "almost the token")):
            if who.call(method, p, body_for(method)).status_code != 401:
                wrong.append(f"{name} on the admin socket")
        if not admin and path not in BOTH and op.call(method, p, body_for(method)).status_code != 404:
            wrong.append("a public route on the admin socket")
        if security and outside.call(method, p, body_for(method)).status_code != 401:
            wrong.append("the admin token on the public port")
        if admin and ada.call(method, p, body_for(method)).status_code != 404:
            wrong.append("an admin route on the public port")
        ok(not wrong, f"{method} {path} stays on its side", wrong)
    for p in BOTH:
        eq(op.get(p).status_code, 200, f"{p} is on the admin socket, too")
    eq(ada.call("DELETE", "/admin/info").status_code, 404, "no method of an admin path is known outside")


@test
def listeners():
    listen = op.get("/admin/info").json()["listen"]
    eq(len(listen), 4, "info lists the public port and three others")
    by_port = requests.get(f"{listen[2]}/admin/info", headers={"Authorization": f"Bearer {op.token}"}, timeout=30)
    eq(by_port.json()["pid"], server.process.pid, "admin-listen serves the same")
    eq(requests.get(f"{listen[2]}/admin/info", timeout=30).status_code, 401, "with the same token alone")
    eq(requests.get(f"{listen[3]}/metrics", timeout=30).status_code, 200, "metrics-listen serves metrics without a token")
    for p in ("/admin/info", "/messages", "/", "/nothing"):
        answer = requests.get(f"{listen[3]}{p}", headers={"Authorization": f"Bearer {op.token}"}, timeout=30)
        eq(answer.status_code, 404, f"and not {p}")
    eq(ada.get("/metrics").status_code, 404, "and then the public port does not serve them")


@test
def what_it_says():
    info = op.get("/admin/info").json()
    eq((info["state"], info["pid"], info["users"], info["sessions"]), ("serving", server.process.pid, 1, 1), "info: state, pid, users, sessions")
    bob = server.user("bob")
    ws = bob.ws()
    ws.live()
    for i in range(3):
        ada.send("bob", f"m{i}")
        ws.until("message")
    eq(op.get("/admin/info").json()["messages"], 3, "it counts messages")
    config = op.get("/admin/config").json()
    eq((config["login-rate"], config["data"], config["registration"]), ("100000", server.data, "open"), "config: what is in force")
    stats = wait_for(lambda: (s := op.get("/admin/stats").json())["gauges"]["connections_live"] == 1 and s)
    ok(stats, "stats: one live socket")
    eq(stats["counters"]["chat_messages_total"], 3, "stats: messages")
    for name in ("chat_queue_seconds", "chat_commit_seconds", "chat_push_seconds"):
        t = stats["times"][name]
        ok(t["count"] >= 3 and 0 <= t["p50_us"] <= t["p90_us"] <= t["p99_us"] <= t["p999_us"] <= t["max_us"] <= t["sum_us"], f"stats: {name} in order", t)
    eq(stats["gauges"]["queue_depth"], 0, "stats: nothing waits")
    bob.send("nobody", "x")
    eq(op.get("/admin/stats").json()["counters"]["chat_refusals_total{code=unknown-recipient}"], 1, "stats: refusals by code")
    ws.close()


@test
def prometheus():
    text = op.get("/metrics").text
    samples, types = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE"):
            _, _, name, kind = line.split(" ")
            ok(name not in types, f"{name} has one TYPE") if name in types else None
            types[name] = kind
        elif not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            samples[name] = float(value)
    bad = [s for s in samples if re.sub(r"(_bucket|_sum|_count)?(\{.*)?$", "", s) not in types]
    ok(len(samples) > 60 and not bad, f"{len(samples)} samples, each with its TYPE", bad)
    for name, kind in types.items():
        if kind != "histogram":
            continue
        buckets = [(float(m.group(1)), v) for s, v in samples.items() if (m := re.match(name + r'_bucket\{le="(.+)"\}', s))]
        ok(buckets == sorted(buckets) and [v for _, v in buckets] == sorted(v for _, v in buckets) and buckets[-1] == (float("inf"), samples[name + "_count"]), f"{name} is cumulative and ends in its count")


@test
def reload():
    path = os.path.join(server.dir, "chatd.conf")
    with open(path, "a") as f:
        f.write("presence = contacts\nlog-level = debug\nthreads = 3\n")
    said = op.call("POST", "/admin/reload").json()
    eq(said, {"changed": ["presence", "log-level"], "needs_restart": ["threads"]}, "reload says what it took and what it did not")
    ws = server.login("bob").ws()
    eq(ada.get("/users/bob").json()["online"], False, "presence = contacts is in force")
    eq(op.get("/admin/config").json()["presence"], "contacts", "and config says so")
    ws.close()
    with open(path, "a") as f:
        f.write("no such line\n")
    answer = op.call("POST", "/admin/reload")
    refused(answer, 400, "bad-request", "a broken file is refused")
    ok("chatd.conf:" in answer.json()["detail"], "and where it is broken is said", answer.text)
    eq(op.get("/admin/config").json()["presence"], "contacts", "nothing changes then")


@test
def the_socket_after_a_crash():
    one = Server().start()
    one.process.send_signal(signal.SIGKILL)
    one.wait()
    path = os.path.join(one.data, "admin.sock")
    ok(os.path.exists(path), "kill -9 leaves the socket")
    one.start()
    eq(Admin(one).get("/admin/info").status_code, 200, "the next start takes its place")
    two = Server(flags=["--admin-socket", path])
    try:
        two.start()
        ok(False, "a living server's socket is not taken")
    except RuntimeError:
        ok("cannot listen" in two.said(), "a living server's socket is not taken", two.said())
        two.kill()
    eq(Admin(one).get("/admin/info").status_code, 200, "and it still answers")
    one.stop()
    ok(not os.path.exists(path), "an orderly end removes it")
    keep = os.path.join(one.dir, "keep")
    with open(keep, "w") as f:
        f.write("precious")
    three = Server(flags=["--admin-socket", keep])
    try:
        three.start()
        ok(False, "what is no socket is not replaced")
    except RuntimeError:
        ok(os.path.getsize(keep) == 8, "what is no socket is not replaced")
        three.kill()
    four = Server(flags=["--admin-socket", "none"]).start()
    ok(not os.path.exists(os.path.join(four.data, "admin.sock")), "none is none")
    four.stop()


@test
def drain():
    eq(op.call("POST", "/admin/drain").status_code, 202, "drain: 202")
    eq(server.wait(), 0, "and the server ends")


main()
