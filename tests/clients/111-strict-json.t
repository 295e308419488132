#!/usr/bin/python3 -B
"""What is JSON and what is not, wherever a body is taken: over HTTP and on a socket."""
import json

from harness import Server, eq, main, ok, refused, test

server = Server().start()
ada, bob = server.user("ada"), server.user("bob")


def nested(levels):
    """A message whose outermost value is level 1 and whose innermost is at that level."""
    return b'{"to":"bob","body":"x","more":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


def deep_object(levels):
    return b'{"to":"bob","body":"x","more":' + b'{"a":' * (levels - 2) + b"{}" + b"}" * (levels - 2) + b"}"


GOOD = [
    ("white space", b' \t\r\n{ "to" : "bob" ,\n"body" : "x" } \r\n', "x"),
    ("escapes", b'{"\\u0074o":"bo\\u0062","body":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00"}', '"\\/\b\f\n\r\t\u00e9\U0001f600'),
    ("raw UTF-8 up to U+10FFFF", '{"to":"bob","body":"\u00e9\u20ac\ufffe\U0010ffff"}'.encode(), "\u00e9\u20ac\ufffe\U0010ffff"),
    ("DEL and C1 as they are", b'{"to":"bob","body":"\x7f\xc2\x80"}', "\x7f\x80"),
    ("numbers of every form", b'{"to":"bob","body":"x","n":[0,-0,1.5,1e9,-1.25E-7,123456789012345678901234567890]}', "x"),
    ("depth 16, arrays", nested(16), "x"),
    ("depth 16, objects", deep_object(16), "x"),
]
BAD = [
    ("empty", b""),
    ("white space only", b"  "),
    ("cut short", b'{"to":"bob","body":"x"'),
    ("cut in a string", b'{"to":"bob","body":"x'),
    ("trailing bytes", b'{"to":"bob","body":"x"}x'),
    ("a second value", b'{"to":"bob","body":"x"}{"to":"bob","body":"x"}'),
    ("a trailing comma", b'{"to":"bob","body":"x",}'),
    ("a trailing NUL", b'{"to":"bob","body":"x"}\0'),
    ("a BOM", b'\xef\xbb\xbf{"to":"bob","body":"x"}'),
    ("duplicate keys", b'{"to":"bob","body":"x","body":"y"}'),
    ("duplicate keys, one escaped", b'{"to":"bob","body":"x","b\\u006fdy":"y"}'),
    ("duplicate unknown keys", b'{"to":"bob","body":"x","z":1,"z":1}'),
    ("duplicate keys inside", b'{"to":"bob","body":"x","z":{"a":1,"a":2}}'),
    ("invalid UTF-8", b'{"to":"bob","body":"\xff"}'),
    ("a lone continuation byte", b'{"to":"bob","body":"\x80"}'),
    ("overlong UTF-8", b'{"to":"bob","body":"\xc0\xaf"}'),
    ("a surrogate in UTF-8", b'{"to":"bob","body":"\xed\xa0\x80"}'),
    ("above U+10FFFF", b'{"to":"bob","body":"\xf4\x90\x80\x80"}'),
    ("cut UTF-8", b'{"to":"bob","body":"\xe2\x82"}'),
    ("invalid UTF-8 in an unknown member", b'{"to":"bob","body":"x","z":"\xff"}'),
    ("invalid UTF-8 in a key", b'{"to":"bob","body":"x","\xff":1}'),
    ("a lone high surrogate", b'{"to":"bob","body":"\\ud83d"}'),
    ("a lone low surrogate", b'{"to":"bob","body":"\\ude00"}'),
    ("surrogates the wrong way round", b'{"to":"bob","body":"\\ude00\\ud83d"}'),
    ("a lone surrogate in an unknown member", b'{"to":"bob","body":"x","z":"\\ud800"}'),
    ("a high surrogate and a letter", b'{"to":"bob","body":"\\ud83d\\u0041"}'),
    ("\\u0000", b'{"to":"bob","body":"a\\u0000b"}'),
    ("\\u0000 in a key", b'{"to":"bob","body":"x","a\\u0000":1}'),
    ("\\u0000 in an unknown member", b'{"to":"bob","body":"x","z":"\\u0000"}'),
    ("a raw NUL", b'{"to":"bob","body":"a\0b"}'),
    ("a raw newline in a string", b'{"to":"bob","body":"a\nb"}'),
    ("a bad escape", b'{"to":"bob","body":"\\x41"}'),
    ("a short \\u", b'{"to":"bob","body":"\\u12"}'),
    ("a leading zero", b'{"to":"bob","body":"x","n":01}'),
    ("a plus sign", b'{"to":"bob","body":"x","n":+1}'),
    ("a bare point", b'{"to":"bob","body":"x","n":1.}'),
    ("a hexadecimal number", b'{"to":"bob","body":"x","n":0x1}'),
    ("NaN", b'{"to":"bob","body":"x","n":NaN}'),
    ("single quotes", b"{'to':'bob','body':'x'}"),
    ("a bare key", b'{to:"bob","body":"x"}'),
    ("a comment", b'{"to":"bob",/**/"body":"x"}'),
    ("Tru", b'{"to":"bob","body":"x","n":Tru}'),
    ("depth 17, arrays", nested(17)),
    ("depth 17, objects", deep_object(17)),
    ("depth 100,000", nested(100000)),
    ("UTF-16", '{"to":"bob","body":"x"}'.encode("utf-16")),
    ("form feed as white space", b'{"to":"bob",\x0c"body":"x"}'),
]


@test
def over_http():
    for name, raw, body in GOOD:
        a = ada.call("POST", "/messages", raw=raw)
        ok(a.status_code == 200 and bob.get("/messages/" + a.json()["id"]).json()["body"] == body, f"HTTP takes: {name}", a.status_code, a.text[:300])
    for name, raw in BAD:
        refused(ada.call("POST", "/messages", raw=raw), 400, None, f"HTTP refuses: {name}")
    a = ada.call("POST", "/messages", raw=b"[" + nested(15) + b"]")
    eq((a.status_code, "id" in a.json()[0]), (200, True), "depth 16 within an array")
    refused(ada.call("POST", "/messages", raw=b"[" + nested(16) + b"]"), 400, None, "depth 17 within an array")


@test
def other_routes():
    m = ada.send("bob", "to mark").json()["id"]
    refused(bob.call("PATCH", "/messages/" + m, raw=b'{"read":true,"read":true}'), 400, None, "duplicate keys on PATCH")
    refused(bob.call("PATCH", "/messages/" + m, raw=b""), 400, None, "an empty body on PATCH")
    refused(ada.call("POST", "/sessions", raw=b'{"user":"ada","password":"\\ud800aaaaaaaaaa"}'), 400, None, "a lone surrogate in a password")
    refused(ada.call("POST", "/users", raw=b'\xef\xbb\xbf{"user":"zed","password":"0123456789"}'), 400, None, "a BOM on POST /users")
    refused(ada.call("PUT", "/users/me/password", raw=b'{"old":"a","new":"b"}}'), 400, None, "trailing bytes on PUT password")


@test
def on_a_socket():
    ws = ada.ws()
    ws.live()
    for name, raw, body in GOOD:
        text = raw.decode().strip(" \t\r\n")
        ws.send_text(' {"op":"send","ref":5,' + text[1:])
        said = ws.answer()
        ok(said["ev"] == "sent" and bob.get("/messages/" + said["id"]).json()["body"] == body, f"a socket takes: {name}", said)
    for name, raw in BAD:
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            continue
        ws.send_text(text if not text.startswith('{"to"') else '{"op":"send","ref":6,' + text[1:])
        said = ws.answer()
        ok(said["ev"] == "error" and said.get("code"), f"a socket refuses: {name}", said)
    eq([e for e in ws.sync() if e["ev"] != "receipt"], [], "and goes on, with nothing left over")
    ws.close()


@test
def what_it_says_is_json():
    tricky = "".join(chr(c) for c in range(1, 0xA1)) + "\u2028\u2029\ufeff\ufffd\uffff\U0010ffff"
    m = ada.send("bob", tricky).json()["id"]
    raw = bob.get("/messages/" + m).content
    eq(json.loads(raw.decode("utf-8"))["body"], tricky, "every character that JSON can carry comes back")
    ok(not any(b < 0x20 for b in raw), "no raw control byte in an answer", raw[:200])


main()
