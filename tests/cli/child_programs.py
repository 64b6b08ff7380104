"""Programs for the child of ``trixter run``."""

from __future__ import annotations

import sys

# A child that talks to the proxy, and prints what comes back.
TALK = (
    "import os, socket; e = os.environ;"
    "s = socket.create_connection((e['TRIXTER_PROXY_HOST'], int(e['TRIXTER_PROXY_PORT'])));"
    "s.sendall(b'ping'); print(s.recv(100).decode())"
)

# For a child that waits for signals. Not signal.pause(), which misses one that comes right before it.
CAN_WAIT = """
import contextlib, os, signal
readable, writable = os.pipe()
os.set_blocking(writable, False)
signal.set_wakeup_fd(writable)
wait = lambda: os.read(readable, 1)
"""

# A child that says when it is ready for signals, and what it got.
LISTEN_FOR = (
    f"{CAN_WAIT}import sys;"
    "signal.signal({number}, lambda number, frame: sys.exit(number + 30));"
    "print('ready', file=sys.stderr, flush=True); wait()"
)

# A child that counts its interrupts, and ends with their number when it is asked to.
# It is ready when the proxy has dropped a connection to nowhere: then the loop turns, and passes signals on.
# It writes without a buffer: a handler that prints while a print is interrupted is an error.
COUNT = f"""{CAN_WAIT}
import socket, sys
got = []
signal.signal(signal.SIGINT, lambda *_: (got.append(1), os.write(1, b"interrupted\\n")))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(len(got) + 40))
with contextlib.suppress(OSError), socket.create_connection((sys.argv[1], int(sys.argv[2]))) as client:
    client.recv(1)
os.write(1, b"ready\\n")
while True:
    wait()
"""


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)
