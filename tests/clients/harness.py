"""What the tests by independent clients share: TAP, a chatd of their own, REST by requests, WebSocket by websockets.

Nothing here shares code with chatd. Works with websockets 10 (Debian 12) and 15 (Debian 13). BUILD names the build directory; a test runs in the
root of the tree. A test file is a list of functions under @test; each check in them is one TAP line; main() runs them all."""
import asyncio
import atexit
import http.client
import json
import os
import queue
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import requests

try:
    from websockets.asyncio.client import connect as ws_connect

    WS_OPTIONS = {"proxy": None}
    WS_HEADERS = "additional_headers"
except ImportError:
    from websockets.client import connect as ws_connect

    WS_OPTIONS = {}
    WS_HEADERS = "extra_headers"
from websockets.exceptions import ConnectionClosed

PASSWORD = "correct horse battery"
BUILD = os.environ.get("BUILD", "build")
SLOW = 4 if "san" in os.path.basename(BUILD) else 1  # sanitizers take their time
PATIENCE = 10 * SLOW  # seconds until something that must come has not come


# ---- TAP ----

_count = 0
_failed = 0
_tests = []


def diag(*words):
    for line in " ".join(str(w) for w in words).splitlines():
        print("#", line, file=sys.stderr, flush=True)


def ok(good, name, *why):
    global _count, _failed
    _count += 1
    if not good:
        _failed += 1
    print(f"{'ok' if good else 'not ok'} {_count} - {name.replace('#', '')}", flush=True)
    if not good and why:
        diag(*(w if isinstance(w, str) else repr(w)[:800] for w in why))
    return bool(good)


def eq(got, wanted, name):
    return ok(got == wanted, name, f"got {str(got)[:800]!r}, wanted {str(wanted)[:800]!r}")


def skip(name, why):
    global _count
    _count += 1
    print(f"ok {_count} - {name} # SKIP {why}", flush=True)


def skip_all(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


def test(fn):
    _tests.append(fn)
    return fn


def main():
    only = sys.argv[1:]
    for fn in _tests:
        if only and fn.__name__ not in only:
            continue
        try:
            fn()
        except Exception:
            ok(False, fn.__name__, traceback.format_exc())
    _good_end()
    print(f"1..{_count}", flush=True)
    sys.exit(1 if _failed else 0)


def wait_for(fn, seconds=PATIENCE, every=0.02):
    """Polls fn until it gives something true, which is returned; None when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        got = fn()
        if got:
            return got
        if time.monotonic() > deadline:
            return None
        time.sleep(every)


# ---- chatd ----

_servers = set()
_places, _complaints = [], []
COMPLAINTS = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|Assertion")


def _good_end():
    """No test passes whose chatd ends badly or with a sanitizer's report."""
    for server in list(_servers):
        status = server.stop()
        ok(status == 0, "chatd ends with 0", f"status {status}", server.said())
    if _complaints:
        ok(False, "no sanitizer complains", *_complaints)


def _end_servers():
    for server in list(_servers):
        server.kill()
    for place in _places:
        shutil.rmtree(place, True)


atexit.register(_end_servers)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


class Server:
    """One chatd. flags: more command line; conf: lines of its configuration file, beside those that make tests fast; nofile: its descriptors."""

    def __init__(self, flags=(), conf=(), data=None, nofile=None):
        self.dir = tempfile.mkdtemp(prefix="chat-test.")
        _places.append(self.dir)
        self.data = data or os.path.join(self.dir, "data")
        self.flags = list(flags)
        self.conf = {"login-rate": "100000", "argon-memory": "8192", **dict(conf)}
        self.log = os.path.join(self.dir, "chatd.log")
        self.program = os.environ.get("CHATD", os.path.join(BUILD, "chatd"))
        self.limit = (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (nofile, nofile))) if nofile else None
        self.process = None
        self.port = 0

    def start(self):
        ready = os.path.join(self.dir, "ready")
        if os.path.exists(ready):
            os.unlink(ready)
        config = os.path.join(self.dir, "chatd.conf")
        with open(config, "w") as f:
            f.writelines(f"{k} = {v}\n" for k, v in self.conf.items())
        command = [self.program, "--data", self.data, "--listen", "127.0.0.1:0"]
        command += ["--ready-file", ready, "--registration", "open", "--config", config, *self.flags]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=self.limit)
        _servers.add(self)
        said = wait_for(lambda: self.process.poll() is not None or self._read(ready), 60 * SLOW)
        if not isinstance(said, str):
            raise RuntimeError(f"chatd did not start: {self.said()}")
        self.port = int(re.findall(r"\d+", said)[-1])
        return self

    @staticmethod
    def _read(path):
        try:
            with open(path) as f:
                text = f.read()
            return text if text.endswith("\n") or re.search(r"\d$", text) else None
        except FileNotFoundError:
            return None

    def said(self, tail=4000):
        with open(self.log, "rb") as f:
            return f.read()[-tail:].decode("utf-8", "replace")

    @property
    def base(self):
        return f"http://127.0.0.1:{self.port}"

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def rss_kib(self):
        with open(f"/proc/{self.process.pid}/status") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self, seconds=20 * SLOW):
        """The exit status; None when it did not end in time (it is killed then)."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return None
        finally:
            _servers.discard(self)
            said = self.said(1 << 20)
            found = COMPLAINTS.search(said)
            if found:
                _complaints.append(said[found.start() :][:8000])

    def stop(self):
        self.terminate()
        return self.wait()

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        _servers.discard(self)

    def user(self, name, **more):
        """Registers and logs in."""
        answer = Rest(self).call("POST", "/users", {"user": name, "password": PASSWORD, **more})
        if answer.status_code != 201:
            raise RuntimeError(f"no user {name}: {answer.status_code} {answer.text}")
        return self.login(name)

    def login(self, name, password=PASSWORD, **more):
        answer = Rest(self).call("POST", "/sessions", {"user": name, "password": password, **more})
        if answer.status_code != 200:
            raise RuntimeError(f"no session for {name}: {answer.status_code} {answer.text}")
        said = answer.json()
        return Rest(self, said["token"], name, said["device"])


class Rest:
    """A user over HTTP (or nobody, without a token). Keeps one connection open."""

    def __init__(self, server, token=None, name=None, device=None):
        self.server, self.token, self.name, self.device = server, token, name, device
        self.session = requests.Session()
        self.session.trust_env = False

    def call(self, method, path, body=None, raw=None, headers=None, timeout=30 * SLOW, content_type="application/json"):
        """body: an object that becomes JSON; raw: bytes as they are. A kept connection that the server closed meanwhile is opened anew."""
        h = {}
        if self.token:
            h["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            raw = json.dumps(body).encode()
        if raw is not None and content_type:
            h["Content-Type"] = content_type
        h.update(headers or {})
        for attempt in (1, 2):
            try:
                return self.session.request(method, self.server.base + path, data=raw, headers=h, timeout=timeout, allow_redirects=False)
            except requests.ConnectionError:
                if attempt == 2:
                    raise
        return None

    def get(self, path, **more):
        return self.call("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.call("POST", path, body, **more)

    def send(self, to, body, client_id=None, **more):
        m = {"to": to, "body": body, **more}
        if client_id is not None:
            m["client_id"] = client_id
        return self.call("POST", "/messages", m)

    def ws(self, cursor=None, hello=True, **more):
        return Ws(self.server, self.token, **more).hello(cursor) if hello else Ws(self.server, self.token, **more)


class _UnixConnection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.host)


class _Answer:
    """Looks like one of requests'."""

    def __init__(self, status, headers, content):
        self.status_code, self.content, self.text = status, content, content.decode("utf-8", "replace")
        self.headers = requests.structures.CaseInsensitiveDict(headers)

    def json(self):
        return json.loads(self.content)


class Admin:
    """An operator, over the Unix socket in the data directory; token: another one than the server's, "" for none."""

    def __init__(self, server, token=None):
        self.path = os.path.join(server.data, "admin.sock")
        self.token = token
        if token is None:
            with open(os.path.join(server.data, "admin.token")) as f:
                self.token = f.read().strip()

    def call(self, method, path, body=None, raw=None, timeout=60 * SLOW, content_type="application/json"):
        h = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        h["Host"] = "localhost"
        if body is not None:
            raw = json.dumps(body)
        if raw is not None:
            h["Content-Type"] = content_type
        connection = _UnixConnection(self.path, timeout=timeout)
        try:
            connection.request(method, path, raw, h)
            answer = connection.getresponse()
            return _Answer(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()

    def get(self, path, **more):
        return self.call("GET", path, **more)


def is_problem(answer, status, code=None):
    """True when the answer is a problem object (RFC 9457) of that status (and code); says what is wrong otherwise."""
    wrong = []
    if answer.status_code != status:
        wrong.append(f"status {answer.status_code}, wanted {status}")
    if answer.headers.get("Content-Type", "").split(";")[0].strip() != "application/problem+json":
        wrong.append(f"content type {answer.headers.get('Content-Type')}")
    try:
        wrong += problem_faults(answer.json(), status, code)
    except ValueError:
        wrong.append(f"no JSON: {answer.text[:200]!r}")
    if wrong:
        diag("; ".join(wrong), answer.text[:300])
    return not wrong


def problem_faults(p, status, code=None):
    if not isinstance(p, dict):
        return [f"no object: {p!r}"]
    wrong = [f"no {k}" for k in ("type", "title", "status", "detail", "code") if k not in p]
    if p.get("status") != status:
        wrong.append(f"status member {p.get('status')}, wanted {status}")
    if code and p.get("code") != code:
        wrong.append(f"code {p.get('code')}, wanted {code}")
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", str(p.get("code"))):
        wrong.append("code is no kebab-case word")
    return wrong


def refused(answer, status, code, name):
    return ok(is_problem(answer, status, code), name)


# ---- WebSocket ----

STREAM = ("message", "receipt", "read")  # a `sent` with a cursor belongs to it too

_loop = asyncio.new_event_loop()
threading.Thread(target=_loop.run_forever, daemon=True).start()


def _await(coroutine, seconds=PATIENCE):
    return asyncio.run_coroutine_threadsafe(coroutine, _loop).result(seconds)


class Closed(Exception):
    """code: what the server gave in its close frame; 1006 without one."""

    def __init__(self, code, reason=""):
        super().__init__(f"closed {code} {reason}")
        self.code = code


class Ws:
    """One socket, read in the background. recv() gives one event at a time, batches taken apart."""

    def __init__(self, server, token, **options):
        self.events = queue.Queue()
        self.closed = None
        self.welcome = None
        self.frames = 0
        options = {"subprotocols": ["chat.v1"], "compression": None, "ping_interval": None, "max_size": None, **WS_OPTIONS, **options}
        options[WS_HEADERS] = {"Authorization": f"Bearer {token}"}
        uri = f"ws://127.0.0.1:{server.port}/ws"

        async def opening():
            return await ws_connect(uri, **options)

        self.socket = _await(opening())
        asyncio.run_coroutine_threadsafe(self._reader(), _loop)

    async def _reader(self):
        try:
            while True:
                said = await self.socket.recv()
                self.frames += 1
                said = json.loads(said)
                for event in said if isinstance(said, list) else [said]:
                    self.events.put(event)
        except ConnectionClosed as e:
            self.closed = Closed(e.rcvd.code if e.rcvd else 1006, e.rcvd.reason if e.rcvd else "")
        except Exception as e:
            self.closed = Closed(0, repr(e))
        self.events.put(self.closed)

    def send(self, *ops):
        """One op as an object, several as one batch."""
        self.send_text(json.dumps(ops[0] if len(ops) == 1 else ops))

    def send_text(self, text):
        _await(self.socket.send(text))

    def recv(self, seconds=PATIENCE):
        """The next event. Raises Closed when the socket has ended, TimeoutError when nothing comes."""
        try:
            event = self.events.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError("nothing came") from None
        if isinstance(event, Closed):
            self.events.put(event)
            raise event
        return event

    def answer(self):
        """The next event that is not of the stream: what the server answers to this socket."""
        while True:
            event = self.recv()
            if event["ev"] not in STREAM:
                return event

    def until(self, ev, seconds=PATIENCE, **members):
        """The next event of that kind (and with these members); what comes before it is passed over."""
        deadline = time.monotonic() + seconds
        while True:
            event = self.recv(max(0.001, deadline - time.monotonic()))
            if event.get("ev") == ev and all(event.get(k) == v for k, v in members.items()):
                return event

    def hello(self, cursor=None):
        self.send({"op": "hello", **({"cursor": cursor} if cursor is not None else {})})
        self.welcome = self.until("welcome")
        return self

    def live(self):
        """All that is replayed, up to `live`."""
        got = []
        while True:
            event = self.recv()
            if event["ev"] == "live":
                return got
            got.append(event)

    def sync(self):
        """Everything that the server had to say before a pong that is asked for now."""
        mark = int(time.monotonic() * 1e6)
        self.send({"op": "ping", "ref": mark})
        got = []
        while True:
            event = self.recv()
            if event["ev"] == "pong" and event.get("ref") == mark:
                self.pong = event
                return got
            got.append(event)

    def close_code(self, seconds=PATIENCE):
        """Waits for the end: its code, or None when it stays open."""
        deadline = time.monotonic() + seconds
        try:
            while True:
                self.recv(max(0.001, deadline - time.monotonic()))
        except Closed as c:
            return c.code
        except TimeoutError:
            return None

    def close(self):
        try:
            _await(self.socket.close())
        except Exception:
            pass

    def abort(self):
        """Goes without a word, as a cut line does."""
        transport = self.socket.transport
        _loop.call_soon_threadsafe(transport.abort)


# ---- raw sockets ----


class Raw:
    """A TCP connection that says exactly what it is told to."""

    def __init__(self, server, data=b"", rcvbuf=None):
        self.sock = socket.socket()
        if rcvbuf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(("127.0.0.1", server.port))
        self.got = bytearray()
        self.hung = False
        if data:
            self.send(data)

    def send(self, data):
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def _more(self):
        try:
            part = self.sock.recv(65536)
        except socket.timeout:
            self.hung, part = True, b""
        except (ConnectionResetError, BrokenPipeError):
            part = b""
        self.got += part
        return bool(part)

    def answer(self):
        """The next HTTP answer: (status, headers with lower-case names, body); None when the connection ended before one."""
        while b"\r\n\r\n" not in self.got:
            if not self._more():
                return None
        head, rest = self.got.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        headers = {k.strip().lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:])}
        status = int(lines[0].split(" ")[1])
        size = int(headers.get("content-length", "0")) if status >= 200 and status != 204 else 0
        self.got = rest
        while len(self.got) < size:
            if not self._more():
                return None
        body, self.got = self.got[:size], self.got[size:]
        return status, headers, body

    def answers(self, most=8):
        """All answers until the connection ends."""
        got = []
        while len(got) < most:
            one = self.answer()
            if one is None:
                break
            got.append(one)
        return got

    def ended(self):
        """True when the server closes (what comes before that is kept in got)."""
        while self._more():
            pass
        return not self.hung

    def frame(self):
        """The next WebSocket frame: (opcode, payload); None at the end. Pings are answered on the way."""
        while True:
            f = self._frame()
            if f is None or f[0] != 9:
                return f
            self.send(ws_frame(f[1], opcode=10))

    def _frame(self):

        def need(n):
            while len(self.got) < n:
                if not self._more():
                    return False
            return True

        if not need(2):
            return None
        opcode, size, at = self.got[0] & 15, self.got[1] & 127, 2
        if size >= 126:
            wide = 2 if size == 126 else 8
            if not need(2 + wide):
                return None
            size, at = int.from_bytes(self.got[2 : 2 + wide], "big"), 2 + wide
        if not need(at + size):
            return None
        payload = bytes(self.got[at : at + size])
        del self.got[: at + size]
        return opcode, payload

    def close_code(self):
        """The code of the close frame; 1006 when the connection ends without one."""
        while True:
            f = self.frame()
            if f is None:
                return 1006
            if f[0] == 8:
                return int.from_bytes(f[1][:2], "big") if len(f[1]) >= 2 else 1005

    def close(self):
        self.sock.close()


def request(method, path, token=None, body=None, headers=(), host="localhost"):
    """The bytes of one HTTP request."""
    lines = [f"{method} {path} HTTP/1.1"]
    if host is not None:
        lines.append(f"Host: {host}")
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body is not None:
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += headers
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b"")


KEY = "dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = ("Connection: Upgrade", "Upgrade: websocket", f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13")


def upgrade(token, more=("Sec-WebSocket-Protocol: chat.v1",), path="/ws", lines=UPGRADE):
    return request("GET", path, token, headers=(*lines, *more))


def ws_frame(payload, opcode=1, fin=True, mask=b"\x01\x02\x03\x04", rsv=0, size=None):
    """The bytes of one frame; mask None sends it unmasked, size announces another length than it has."""
    payload = payload.encode() if isinstance(payload, str) else payload
    n = len(payload) if size is None else size
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    bit = 0x80 if mask else 0
    if n < 126:
        head += bytes([bit | n])
    elif n < 65536:
        head += bytes([bit | 126]) + n.to_bytes(2, "big")
    else:
        head += bytes([bit | 127]) + n.to_bytes(8, "big")
    if not mask:
        return head + payload
    key = int.from_bytes((mask * (len(payload) // 4 + 1))[: len(payload)], "big")
    return head + mask + (int.from_bytes(payload, "big") ^ key).to_bytes(len(payload), "big")
