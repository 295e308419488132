#!/usr/bin/python3 -B
"""A client that writes as fast as its connection takes it and never waits for an answer: the server reads on as it answers, and cuts nothing off."""
import json
import threading

from harness import PATIENCE, SLOW, Raw, Server, eq, main, test, upgrade, ws_frame

server = Server().start()
ada, bob = server.user("ada"), server.user("bob")


def blast(ops, each):
    """Sends each op in a frame of its own while the answers are read: how many answers came to each."""
    raw = Raw(server, upgrade(ada.token) + ws_frame('{"op":"hello"}'))
    raw.sock.settimeout(PATIENCE * 3)
    raw.answer()
    writer = threading.Thread(target=lambda: raw.send(b"".join(ws_frame(json.dumps(op)) for op in ops) + ws_frame('{"op":"ping","ref":9}')))
    writer.start()
    got = 0
    while True:
        frame = raw.frame()
        if frame is None or frame[0] == 8:
            return f"ended after {got}: {frame}"
        events = json.loads(frame[1])
        got += sum(e["ev"] in each for e in events)
        if any(e["ev"] == "pong" for e in events):
            writer.join()
            raw.close()
            return got


@test
def sends():
    n = 60000 // SLOW
    ops = [{"op": "send", "ref": i, "to": "bob", "body": "x"} for i in range(n)]
    answered = blast(ops + [{"op": "read", "id": "none"}], ("sent",))
    eq(answered if isinstance(answered, str) else answered >= n - 2048, True, "sends, one a frame, are read as they are answered")


@test
def frames_with_long_answers():
    eq(blast([[{"op": "hello"}] * 1000] * 200, ("live",)), 200 * 1000 + 1, "frames whose answers are longer than they")


main()
