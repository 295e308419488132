#!/usr/bin/python3 -B
"""lossy.py TARGET-PORT DIR: a TCP proxy on loopback that loses what it is told to lose.

Writes its port to DIR/lossy.port. What happens to a connection says the first line of DIR/lossy.script, which is then taken away; without one it
passes everything:
  pass    hand everything on
  eat     hand the request on, wait for the answer, keep it, and break off: the server has done it and the client cannot know
  drop    read the request and break off: the server has seen nothing
  hang    read, and never answer
  STATUS  answer with this status and a problem object without asking the server
Every request that came in is appended to DIR/lossy.log. SIGUSR1 breaks all open connections off."""
import os
import signal
import socket
import struct
import sys
import threading

target, folder = int(sys.argv[1]), sys.argv[2]
lock = threading.Lock()
open_sockets = set()


def path(name):
    return os.path.join(folder, "lossy." + name)


def next_line():
    with lock:
        try:
            with open(path("script")) as f:
                lines = f.read().splitlines()
        except FileNotFoundError:
            lines = []
        with open(path("script"), "w") as f:
            f.write("".join(line + "\n" for line in lines[1:]))
    return lines[0] if lines else "pass"


def note(data):
    with lock, open(path("log"), "ab") as f:
        f.write(data + b"\n")


def read_http(s):
    """One request or answer with a Content-Length, or none."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = s.recv(65536)
        if not more:
            return data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        more = s.recv(65536)
        if not more:
            break
        body += more
        data += more
    return data


def pump(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
    except OSError:
        pass
    for s in (a, b):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(client):
    plan = next_line()
    server = None
    try:
        request = read_http(client)
        note(request)
        if plan == "hang":
            client.recv(1)
        elif plan.isdigit():
            body = b'{"title":"said by the proxy","status":%s}' % plan.encode()
            client.sendall(
                b"HTTP/1.1 %s No\r\nContent-Type: application/problem+json\r\nRetry-After: 0\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
                % (plan.encode(), len(body), body)
            )
        elif plan != "drop":
            server = socket.create_connection(("127.0.0.1", target))
            open_sockets.add(server)
            server.sendall(request)
            if plan == "eat":
                read_http(server)
            else:
                threading.Thread(target=pump, args=(client, server), daemon=True).start()
                pump(server, client)
        if plan in ("eat", "drop"):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass
    finally:
        for s in (client, server):
            open_sockets.discard(s)
            if s:
                s.close()


def cut(*_):
    for s in list(open_sockets):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


signal.signal(signal.SIGUSR1, cut)
listener = socket.create_server(("127.0.0.1", 0))
with open(path("port.tmp"), "w") as f:
    f.write(str(listener.getsockname()[1]))
os.rename(path("port.tmp"), path("port"))
while True:
    connection, _ = listener.accept()
    open_sockets.add(connection)
    threading.Thread(target=serve, args=(connection,), daemon=True).start()
