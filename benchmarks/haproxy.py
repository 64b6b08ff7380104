"""HAProxy in TCP mode: what a userspace relay without faults can do."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.network import Network
from benchmarks.peers import HAPROXY, Peer, Relay
from benchmarks.ports import unused_ports
from benchmarks.process import Program, running

CONFIG = """\
defaults
 mode tcp
 timeout connect 5s
 timeout client 1m
 timeout server 1m
 maxconn 19000
listen bench
 bind 127.0.0.1:{port}
 server s 127.0.0.1:{upstream}
"""


class HAProxy(Peer):
    """One listener, one server."""

    name = HAPROXY

    def version(self) -> str | None:
        if shutil.which("haproxy") is None:
            return None
        answer = subprocess.run(["haproxy", "-v"], capture_output=True, text=True, check=False)
        found = re.search(r"version (\S+)", answer.stdout)
        return found[1] if found else "unknown"

    @contextmanager
    def relay(self, upstream: int, network: Network) -> Iterator[Relay]:
        (port,) = unused_ports(1)
        with TemporaryDirectory(prefix="bench-haproxy-") as folder:
            config = Path(folder) / "haproxy.cfg"
            config.write_text(CONFIG.format(port=port, upstream=upstream))
            with running(["haproxy", "-db", "-f", str(config)]) as process:
                program = Program(process)
                program.wait_until_it_accepts(port)
                yield Relay(port, program)
