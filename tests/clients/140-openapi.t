#!/usr/bin/python3 -B
"""doc/openapi.json is well formed, and says of the running server nothing but the truth: every operation is called, every answer checked."""
import json
import re

from harness import PASSWORD, Admin, Raw, Rest, Server, Ws, eq, main, ok, skip, test, upgrade

with open("doc/openapi.json", encoding="utf-8") as f:
    RAW = f.read()
DOC = json.loads(RAW)
METHODS = {"get", "put", "post", "delete", "patch", "head", "options", "trace"}


def resolve(node):
    while isinstance(node, dict) and "$ref" in node:
        target = DOC
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = {**target, **{k: v for k, v in node.items() if k != "$ref"}}
    return node


def operations():
    for path, item in DOC["paths"].items():
        for method in METHODS & set(item):
            yield method.upper(), path, item[method], item.get("parameters", []) + item[method].get("parameters", [])


# ---- a validator for the part of JSON Schema that the document uses ----

TYPES = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
}
NOTES = {"description", "title", "format", "example", "examples", "default", "$ref"}


def check_type(v, want, at, schema):
    kinds = want if isinstance(want, list) else [want]
    return [] if any(TYPES[k](v) for k in kinds) else [f"{at}: no {want}: {v!r}"]


def check_many(v, subs, at, enough):
    good = sum(not faults(v, s, at) for s in subs)
    return [] if enough(good) else [f"{at}: fits {good} of the alternatives: {str(v)[:200]}"]


def check_properties(v, props, at, schema):
    return [f for k, s in props.items() if isinstance(v, dict) and k in v for f in faults(v[k], s, f"{at}.{k}")]


def check_additional(v, sub, at, schema):
    extra = [k for k in v if k not in schema.get("properties", {})]
    return [f for k in extra for f in faults(v[k], sub, f"{at}.{k}")]


def holds(condition, at, what):
    return [] if condition else [f"{at}: {what}"]


CHECKS = {
    "type": check_type,
    "const": lambda v, c, at, s: holds(v == c, at, f"is not {c!r}"),
    "enum": lambda v, e, at, s: holds(v in e, at, f"not one of {e}: {v!r}"),
    "required": lambda v, r, at, s: [f"{at}: no {k}" for k in r if isinstance(v, dict) and k not in v],
    "properties": check_properties,
    "additionalProperties": check_additional,
    "items": lambda v, s, at, _: [f for i, e in enumerate(v if isinstance(v, list) else []) for f in faults(e, s, f"{at}[{i}]")],
    "pattern": lambda v, p, at, s: holds(not isinstance(v, str) or re.search(p, v), at, f"{v!r} is not like {p}"),
    "minLength": lambda v, n, at, s: holds(not isinstance(v, str) or len(v) >= n, at, "too short"),
    "maxLength": lambda v, n, at, s: holds(not isinstance(v, str) or len(v) <= n, at, "too long"),
    "minimum": lambda v, n, at, s: holds(not TYPES["number"](v) or v >= n, at, f"{v} < {n}"),
    "maximum": lambda v, n, at, s: holds(not TYPES["number"](v) or v <= n, at, f"{v} > {n}"),
    "minItems": lambda v, n, at, s: holds(not isinstance(v, list) or len(v) >= n, at, "too few"),
    "maxItems": lambda v, n, at, s: holds(not isinstance(v, list) or len(v) <= n, at, "too many"),
    "oneOf": lambda v, subs, at, s: check_many(v, subs, at, lambda n: n == 1),
    "anyOf": lambda v, subs, at, s: check_many(v, subs, at, lambda n: n >= 1),
}


def faults(value, schema, at="$"):
    schema = resolve(schema)
    got = []
    for word, arg in schema.items():
        if word not in NOTES:
            got += CHECKS[word](value, arg, at, schema)
    return got


# ---- the document itself ----


def walk(node, at="#"):
    yield at, node
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for k, v in items:
        yield from walk(v, f"{at}/{k}")


def schemas_in(node, at, found):
    """Every schema of the document, by where schemas stand."""
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        here = f"{at}/{key}"
        if key == "schema" or at.endswith("/components/schemas"):
            nested_schemas(value, here, found)
        elif isinstance(value, dict):
            schemas_in(value, here, found)
        elif isinstance(value, list):
            for i, one in enumerate(value):
                schemas_in(one, f"{here}/{i}", found)


def nested_schemas(schema, at, found):
    found[at] = schema
    for key in ("properties",):
        for k, v in schema.get(key, {}).items():
            nested_schemas(v, f"{at}/{key}/{k}", found)
    for key in ("oneOf", "anyOf"):
        for i, v in enumerate(schema.get(key, [])):
            nested_schemas(v, f"{at}/{key}/{i}", found)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            nested_schemas(schema[key], f"{at}/{key}", found)


@test
def structure():
    ok(re.fullmatch(r"3\.1\.\d", DOC["openapi"]), "OpenAPI 3.1")
    ok({"title", "version"} <= set(DOC["info"]), "info has title and version")
    refs = [(at, node["$ref"]) for at, node in walk(DOC) if isinstance(node, dict) and isinstance(node.get("$ref"), str)]
    bad = []
    for at, target in refs:
        try:
            resolve({"$ref": target})
        except (KeyError, TypeError):
            bad.append((at, target))
    ok(not bad, f"all {len(refs)} references lead somewhere", bad)
    used = {r for _, r in refs}
    idle = [f"#/components/{kind}/{n}" for kind in ("schemas", "responses", "headers") for n in DOC["components"][kind]]
    idle = [i for i in idle if i not in used and i not in ("#/components/schemas/Op", "#/components/schemas/Event")]
    ok(not idle, "and every component is used", idle)
    ops = list(operations())
    ids = [o.get("operationId") for _, _, o, _ in ops]
    ok(all(ids) and len(set(ids)) == len(ids), "operationId is there and unique", ids)
    for method, path, o, parameters in ops:
        wrong = []
        holes = set(re.findall(r"{(\w+)}", path))
        parameters = [resolve(p) for p in parameters]
        if {p["name"] for p in parameters if p["in"] == "path"} != holes:
            wrong.append("path parameters")
        if any(p["in"] == "path" and p.get("required") is not True for p in parameters):
            wrong.append("a path parameter is required")
        if not all(re.fullmatch(r"[1-5]\d\d", s) for s in o["responses"]) or not any(s[0] in "12" for s in o["responses"]):
            wrong.append("responses")
        if any("description" not in resolve(r) for r in o["responses"].values()):
            wrong.append("a response has no description")
        if o.get("security", DOC["security"]) and "401" not in o["responses"]:
            wrong.append("needs a token, knows no 401")
        for s, r in o["responses"].items():
            media = resolve(r).get("content", {})
            if s[0] in "45" and set(media) != {"application/problem+json"}:
                wrong.append(f"{s} is no problem object")
        if not set(o["tags"]) <= {t["name"] for t in DOC["tags"]}:
            wrong.append("tags")
        ok(not wrong, f"{method} {path} is described well", wrong)
    found = {}
    schemas_in(DOC["paths"], "#/paths", found)
    schemas_in(DOC["components"], "#/components", found)
    bad = {at: set(s) - NOTES - set(CHECKS) for at, s in found.items() if set(s) - NOTES - set(CHECKS)}
    ok(len(found) > 50 and not bad, f"{len(found)} schemas use words that are checked here", bad)
    bad = [at for at, s in found.items() if not set(s.get("required", [])) <= set(s.get("properties", {})) and "properties" in s]
    ok(not bad, "what is required is a property", bad)
    for method, path, o, _ in ops:
        for kind, media in resolve(o.get("requestBody", {})).get("content", {}).items():
            got = faults(media["example"], media["schema"])
            ok(not got, f"the example of {method} {path} fits its schema", got)
    ok(not re.search(r"\t|[ ]+$", RAW, re.M), "no tabs, no trailing white space")


@test
def by_a_second_validator():
    try:
        from openapi_spec_validator import OpenAPIV31SpecValidator
    except ImportError:
        skip("openapi-spec-validator agrees", "it is not installed")
        return
    errors = [str(e)[:300] for e in OpenAPIV31SpecValidator(DOC).iter_errors()]
    ok(not errors, "openapi-spec-validator agrees", errors)


# ---- the document and the server ----

server = None
called = set()


def documented(method, path):
    """The operation that a concrete path belongs to; literal ones before those with holes."""
    path = path.split("?")[0]
    for pattern in sorted(DOC["paths"], key=lambda p: "{" in p):
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", pattern), path):
            return pattern, DOC["paths"][pattern].get(method.lower())
    return None, None


def judge(method, path, answer, wanted):
    pattern, o = documented(method, path)
    name = f"{method} {path.split('?')[0] if '{' not in pattern else pattern}: {wanted}"
    if not eq(answer.status_code, wanted, name):
        return
    if wanted < 400:
        called.add((method, pattern))
    r = resolve(o["responses"].get(str(wanted)))
    wrong = [] if r else ["this status is not documented"]
    for h, spec in (r or {}).get("headers", {}).items():
        spec = resolve(spec)
        if h in answer.headers:
            wrong += faults(answer.headers[h], spec["schema"], h)
        elif spec.get("required"):
            wrong.append(f"no {h}")
    kind = answer.headers.get("Content-Type", "").split(";")[0]
    content = (r or {}).get("content", {})
    if content and kind not in content:
        wrong.append(f"content type {kind!r}")
    elif kind.endswith("json"):
        wrong += faults(answer.json(), content[kind]["schema"])
    elif not content and answer.content:
        wrong.append("a body that is not documented")
    ok(not wrong, f"{name} is as documented", wrong[:5], answer.text[:300])


def run(user, method, path, wanted, body=None, **more):
    answer = user.call(method, path, body, **more)
    judge(method, path, answer, wanted)
    return answer


@test
def truth():
    global server
    server = Server().start()
    guest = Rest(server)
    run(guest, "POST", "/users", 201, {"user": "ada", "password": PASSWORD, "display_name": "Ada"})
    run(guest, "POST", "/users", 409, {"user": "ada", "password": PASSWORD})
    run(guest, "POST", "/users", 400, {"user": "A", "password": PASSWORD})
    run(guest, "POST", "/users", 415, {"user": "x1", "password": PASSWORD}, content_type="text/plain")
    run(guest, "POST", "/users", 413, {"user": "x1", "password": "p" * 2000000})
    run(guest, "POST", "/sessions", 200, {"user": "ada", "password": PASSWORD, "device_name": "d"})
    run(guest, "POST", "/sessions", 401, {"user": "ada", "password": "wrong password"})
    run(guest, "POST", "/sessions", 400, {"user": "ada"})
    ada, bob = server.login("ada"), server.user("bob")
    eve = server.user("eve")
    run(bob, "GET", "/messages", 204)
    m = run(ada, "POST", "/messages", 200, {"to": "bob", "body": "one", "client_id": "c1"}).json()
    run(ada, "POST", "/messages", 200, {"to": "bob", "body": "one", "client_id": "c1"})
    run(ada, "POST", "/messages", 200, [{"to": "bob", "body": "two"}, {"to": "nobody", "body": "x"}, 7, {"to": "bob", "body": "one", "client_id": "c1"}])
    run(ada, "POST", "/messages", 409, {"to": "bob", "body": "other", "client_id": "c1"})
    run(ada, "POST", "/messages", 404, {"to": "nobody", "body": "x"})
    run(ada, "POST", "/messages", 400, [])
    run(ada, "POST", "/messages", 413, {"to": "bob", "body": "x" * 16385})
    run(ada, "POST", "/messages", 415, {"to": "bob", "body": "x"}, content_type="text/plain")
    run(guest, "POST", "/messages", 401, {"to": "bob", "body": "x"})
    run(bob, "GET", "/messages", 200)
    run(bob, "GET", "/messages?limit=1&from=ada&wait=0", 200)
    run(bob, "GET", "/messages?limit=0", 400)
    run(guest, "GET", "/messages", 401)
    run(ada, "GET", "/messages/" + m["id"], 200)
    run(eve, "GET", "/messages/" + m["id"], 404)
    run(bob, "PATCH", "/messages/" + m["id"], 200, {"read": True})
    run(bob, "PUT", "/messages/" + m["id"], 200, {"read": True})
    run(ada, "PATCH", "/messages/" + m["id"], 403, {"read": True})
    run(bob, "PATCH", "/messages/" + m["id"], 400, {"read": 1})
    run(eve, "PUT", "/messages/" + m["id"], 404, {"read": True})
    run(bob, "GET", "/messages/" + m["id"], 200)
    run(ada, "GET", "/conversations", 200)
    run(bob, "GET", "/conversations?limit=1", 200)
    run(bob, "GET", "/conversations?after=x", 400)
    run(bob, "GET", "/conversations/ada/messages?limit=1", 200)
    run(bob, "GET", f"/conversations/ada/messages?after={m['id']}", 200)
    run(bob, "GET", "/conversations/ada/messages?before=x", 400)
    run(bob, "GET", "/conversations/nobody/messages", 404)
    run(bob, "PUT", "/conversations/ada/read", 200, {"up_to": m["id"]})
    run(bob, "PUT", "/conversations/ada/read", 400, {"up_to": 1})
    run(ada, "PUT", "/conversations/bob/read", 403, {"up_to": m["id"]})
    run(eve, "PUT", "/conversations/ada/read", 404, {"up_to": m["id"]})
    run(ada, "GET", "/keys", 404)
    key = "A" * 43
    run(ada, "PUT", "/keys", 200, {"bundle": "AAEC", "one_time": [{"id": 1, "key": key}]})
    run(ada, "PUT", "/keys", 409, {"bundle": "AAEC", "one_time": [{"id": 1, "key": "B" + key[1:]}]})
    run(ada, "PUT", "/keys", 400, {"bundle": ""})
    run(ada, "PUT", "/keys", 415, {"bundle": "AAEC"}, content_type="text/plain")
    run(ada, "PUT", "/keys", 413, {"bundle": "AAEC", "pad": "x" * 70000})
    run(ada, "GET", "/keys", 200)
    run(bob, "GET", "/keys/ada", 200)
    run(bob, "GET", "/keys/ada", 200)
    run(bob, "GET", "/keys/ada?one_time=x", 400)
    run(bob, "GET", "/keys/eve", 404)
    for _ in range(8):
        bob.get("/keys/ada?one_time=0")
    run(bob, "GET", "/keys/ada", 429)
    run(ada, "GET", "/contacts", 200)
    run(ada, "PUT", "/contacts/bob", 200)
    run(ada, "PUT", "/contacts/bob", 200, {"alias": "Bob"})
    run(ada, "PUT", "/contacts/bob", 400, {"alias": 1})
    run(ada, "PUT", "/contacts/nobody", 404)
    run(ada, "GET", "/contacts", 200)
    run(ada, "DELETE", "/contacts/bob", 204)
    run(ada, "DELETE", "/contacts/nobody", 404)
    run(ada, "PUT", "/blocks/eve", 200)
    run(ada, "PUT", "/blocks/ada", 400)
    run(ada, "GET", "/blocks", 200)
    run(eve, "POST", "/messages", 403, {"to": "ada", "body": "x"})
    run(ada, "DELETE", "/blocks/eve", 204)
    run(ada, "DELETE", "/blocks/nobody", 404)
    run(guest, "GET", "/blocks", 401)
    run(ada, "GET", "/users/bob", 200)
    run(ada, "GET", "/users/nobody", 404)
    run(bob, "GET", "/sessions", 200)
    run(bob, "PUT", "/users/me/password", 403, {"old": "wrong password", "new": "another password"})
    run(bob, "PUT", "/users/me/password", 204, {"old": PASSWORD, "new": "another password"})
    run(bob, "DELETE", "/sessions/unknown", 404)
    run(bob, "DELETE", "/sessions/current", 204)
    run(bob, "GET", "/sessions", 401)
    for path in ("/", "/healthz", "/readyz", "/metrics", "/openapi.json"):
        run(guest, "GET", path, 200)
    run(ada, "GET", "/ws", 426)
    the_operators()
    eq(guest.get("/openapi.json").json(), DOC, "GET /openapi.json is this document")


def the_operators():
    op, nobody = Admin(server), Admin(server, "")
    for path in ("/admin/info", "/admin/config", "/admin/stats"):
        run(op, "GET", path, 200)
        run(nobody, "GET", path, 401)
    run(op, "POST", "/admin/reload", 200)
    run(op, "POST", "/admin/backup", 200, {"to": server.dir + "/copy"})
    run(op, "POST", "/admin/backup", 400, {"to": server.dir + "/copy"})
    made = run(op, "POST", "/admin/bench", 200, {"prefix": "lt-", "count": 2}).json()
    run(op, "POST", "/admin/bench", 400, {"prefix": "lt-"})
    server.user("ad000001")
    run(op, "POST", "/admin/bench", 409, {"prefix": "ad", "count": 1})
    run(op, "POST", "/admin/bench", 415, {"prefix": "lt-", "count": 2}, content_type="text/plain")
    run(op, "DELETE", f"/admin/bench/{made['run']}", 200)
    run(op, "DELETE", f"/admin/bench/{made['run']}", 404)
    run(op, "DELETE", f"/admin/bench/{made['run']}?messages=drop", 400)
    run(op, "GET", "/admin/conns", 200)
    run(op, "GET", "/admin/conns?sort=x", 400)
    run(op, "DELETE", "/admin/conns/0000000000000000", 404)
    ws = server.login("ada").ws()
    one = op.get("/admin/conns?user=ada").json()[0]
    run(op, "DELETE", f"/admin/conns/{one['id']}", 204)
    run(op, "DELETE", "/admin/users/ada/conns", 200)
    run(op, "DELETE", "/admin/users/nobody/conns", 404)
    run(op, "POST", "/admin/users", 201, {"user": "zed", "password": PASSWORD})
    run(op, "POST", "/admin/users", 409, {"user": "zed", "password": PASSWORD})
    run(op, "POST", "/admin/users", 400, {"user": "zed", "password": "short"})
    run(op, "GET", "/admin/users?prefix=z", 200)
    run(op, "GET", "/admin/users?limit=1", 200)
    run(op, "GET", "/admin/users?limit=0", 400)
    run(op, "PUT", "/admin/users/zed/password", 204, {"password": "another password"})
    run(op, "PUT", "/admin/users/nobody/password", 404, {"password": "another password"})
    run(op, "PUT", "/admin/users/zed/lock", 204, {"locked": True})
    run(op, "PUT", "/admin/users/zed/lock", 400, {"locked": 1})
    run(op, "PUT", "/admin/users/zed/limits", 200, {"sends_per_s": 1, "burst": 2})
    run(op, "PUT", "/admin/users/zed/limits", 200, {"sends_per_s": None})
    run(op, "PUT", "/admin/users/zed/limits", 400, {"sends_per_s": -1})
    run(op, "DELETE", "/admin/users/zed", 204)
    run(op, "DELETE", "/admin/users/zed", 404)
    invite = run(op, "POST", "/admin/invites", 201, {"uses": 2}).json()
    run(op, "POST", "/admin/invites", 201)
    run(op, "POST", "/admin/invites", 400, {"uses": 0})
    run(op, "GET", "/admin/invites", 200)
    run(op, "DELETE", f"/admin/invites/{invite['id']}", 204)
    run(op, "DELETE", f"/admin/invites/{invite['id']}", 404)


@test
def the_socket():
    ada, bob = server.login("ada"), server.user("bill")
    raw = Raw(server, upgrade(ada.token))
    eq(raw.answer()[0], 101, "GET /ws: 101")
    called.add(("GET", "/ws"))
    raw.close()
    one, two = ada.ws(), bob.ws()
    start = two.welcome["cursor"]
    two.live()
    events = [one.welcome, two.welcome]

    def say(ws, op):
        got = faults(op, {"$ref": "#/components/schemas/Op"})
        ok(not got, f"op {op['op']} is as documented", got)
        ws.send(op)

    say(one, {"op": "send", "ref": 1, "to": "bill", "body": "x", "client_id": "ws-1"})
    events.append(one.until("sent"))
    say(one, {"op": "send", "ref": 2, "to": "bill", "body": "x", "client_id": "ws-1"})
    events.append(one.until("sent"))
    m = two.until("message")
    events.append(m)
    say(two, {"op": "ack", "cursor": m["cursor"]})
    events.append(one.until("receipt"))
    say(two, {"op": "read", "ref": 3, "id": m["message"]["id"]})
    events += [two.recv(), two.recv(), one.until("receipt")]
    say(two, {"op": "read", "ref": 3, "with": "ada", "up_to": m["message"]["id"]})
    say(two, {"op": "ping", "ref": 4})
    events += [two.recv(), two.recv()]
    say(two, {"op": "watch", "users": ["ada"]})
    events.append(two.until("presence"))
    say(one, {"op": "typing", "to": "bill"})
    events.append(two.until("typing"))
    two.send({"op": "what"})
    events.append(two.recv())
    say(two, {"op": "hello", "cursor": start})
    events += [two.recv(), *two.live()]
    run(Admin(server), "POST", "/admin/drain", 202)
    events.append(two.until("bye"))
    for event in events:
        got = faults(event, {"$ref": "#/components/schemas/Event"})
        ok(not got, f"event {event['ev']} is as documented", got, event)
    missing = {n["$ref"] for n in DOC["components"]["schemas"]["Event"]["oneOf"]}
    missing = {resolve({"$ref": n})["properties"]["ev"]["const"] for n in missing} - {e["ev"] for e in events} - {"live"}
    eq(missing, set(), "every documented event was seen")
    server.wait()


@test
def complete():
    missing = [f"{method} {path}" for method, path, _, _ in operations() if (method, path) not in called]
    eq(missing, [], "every documented operation was called with success")


main()
