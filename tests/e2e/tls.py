#!/usr/bin/python3 -B
"""tls.py TARGET-PORT DIR CERT KEY: TLS in front of a port on loopback. Writes its own port to DIR/tls.port and each connection's bytes to the target
to DIR/tls.log."""
import os
import socket
import ssl
import sys
import threading

target, folder, cert, key = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)


def pump(a, b, log=None):
    try:
        while data := a.recv(65536):
            if log:
                log.write(data)
                log.flush()
            b.sendall(data)
    except (OSError, ssl.SSLError):
        pass
    for s in (a, b):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(raw):
    try:
        client = context.wrap_socket(raw, server_side=True)
    except (OSError, ssl.SSLError):
        raw.close()
        return
    server = socket.create_connection(("127.0.0.1", target))
    with open(os.path.join(folder, "tls.log"), "ab") as log:
        threading.Thread(target=pump, args=(server, client), daemon=True).start()
        pump(client, server, log)


listener = socket.create_server(("127.0.0.1", 0))
with open(os.path.join(folder, "tls.tmp"), "w") as f:
    f.write(str(listener.getsockname()[1]))
os.rename(os.path.join(folder, "tls.tmp"), os.path.join(folder, "tls.port"))
while True:
    connection, _ = listener.accept()
    threading.Thread(target=serve, args=(connection,), daemon=True).start()
