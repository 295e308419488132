#!/usr/bin/python3 -B
"""on_tty.py [-i TEXT] [-e WORD] [-k] COMMAND...: runs COMMAND on a terminal of its own, prints what it showed, ends as it did.

-e WORD waits until WORD was shown, -i TEXT is then typed with a newline; -k presses Ctrl-C then. At the end prints "echo is on" or "echo is off": how
COMMAND left the terminal."""
import getopt
import os
import select
import sys
import termios
import time

options, command = getopt.getopt(sys.argv[1:], "i:e:k")
options = dict(options)
master, slave = os.openpty()
pid = os.fork()
if pid == 0:
    os.close(master)
    os.login_tty(slave)
    os.execvp(command[0], command)

shown, typed, deadline = b"", False, time.monotonic() + 30


def echo():
    return bool(termios.tcgetattr(slave)[3] & termios.ECHO)


def read():
    global shown
    ready, _, _ = select.select([master], [], [], 0.05)
    if ready:
        shown += os.read(master, 65536)
    return bool(ready)


status = None
while status is None and time.monotonic() < deadline:
    read()
    asked = options["-e"].encode() in shown and not echo() if "-e" in options else True
    if not typed and asked and ("-i" in options or "-k" in options):
        os.write(master, b"\x03" if "-k" in options else options["-i"].encode() + b"\n")
        typed = True
    done, code = os.waitpid(pid, os.WNOHANG)
    if done:
        status = code
while read():
    pass
sys.stdout.buffer.write(shown.replace(b"\r\n", b"\n"))
print("\necho is " + ("on" if echo() else "off"))
if status is None:
    os.kill(pid, 9)
    sys.exit(99)
sys.exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
