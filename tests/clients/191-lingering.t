#!/usr/bin/python3 -B
"""A socket that is closed, but whose connection the peer keeps open, is told nothing more, whatever comes for its user."""
from harness import Raw, Server, eq, main, ok, test, upgrade, ws_frame

server = Server().start()
amy, ben = server.user("amy"), server.user("ben")


def closed_but_there():
    raw = Raw(server, upgrade(ben.token))
    raw.answer()
    raw.send(ws_frame('{"op":"hello"}'))
    while b"live" not in raw.frame()[1]:
        pass
    raw.send(ws_frame(b"\x03\xe8", opcode=8))
    eq(raw.close_code(), 1000, "the close is answered")
    return raw


@test
def a_message_for_one_who_closed():
    raws = [closed_but_there() for _ in range(3)]
    for i in range(20):
        eq(amy.send("ben", f"text {i}").status_code, 200, "a message is taken")
    answer = ben.get("/messages?limit=20")
    eq(len(answer.json()), 20, "and is there")
    ids = [m["id"] for m in answer.json()]
    for i in ids[:5]:
        eq(ben.call("PATCH", f"/messages/{i}", {"read": True}).status_code, 200, "a mark is taken")
    ok(server.alive(), "the server is there")
    for raw in raws:
        raw.close()


main()
