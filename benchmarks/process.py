"""A program under measurement: started, accounted for by the operating system, and ended by its id."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

NS_PER_S = 1e9

# A peer that does not accept by then never will.
MOST_SECONDS_TO_START = 15.0


class Program:
    """One running relay.

    Args:
        command: What to run.
        port: Where it will accept; known to accept when the constructor returns.
        env: Added to the environment.

    Raises:
        RuntimeError: If it ends, or does not accept in time.
    """

    def __init__(self, command: Sequence[str], port: int, env: dict[str, str] | None = None) -> None:
        started = time.perf_counter()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | (env or {}),
        )
        self.pid = self._process.pid
        while not accepts(port):
            if self._process.poll() is not None:
                raise RuntimeError(f"{command[0]} ended with status {self._process.returncode}")
            if time.perf_counter() - started > MOST_SECONDS_TO_START:
                self.end()
                raise RuntimeError(f"{command[0]} does not accept on port {port}")
            select.select([], [], [], 0.001)
        self.start_up_s = time.perf_counter() - started

    def cpu_s(self) -> float:
        """Return the seconds of CPU it has used, user and system, to the nanosecond.

        From ``schedstat`` of each thread: ``stat`` counts in ticks of 10 ms. A thread that ended is not in
        it any more; the relays here keep theirs.
        """
        tasks = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / NS_PER_S

    def resident_bytes(self) -> int:
        """Return the memory it has in RAM now."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("no VmRSS in /proc: this is not Linux")

    def end(self) -> None:
        """End it, and wait until it has."""
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def accepts(port: int) -> bool:
    """Say whether somebody listens on that loopback port, without connecting to it."""
    # A connection would be one for the relay to dial, and to log. /proc/net/tcp lists listeners as state 0A.
    wanted = f":{port:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError), open(table) as lines:
            for line in lines:
                fields = line.split()
                if fields[1].endswith(wanted) and fields[3] == "0A":
                    return True
    return False


def free_ports(count: int) -> list[int]:
    """Return ports that nobody uses now."""
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [sock.getsockname()[1] for sock in socks]


@contextlib.contextmanager
def ended(program: Program | None) -> Iterator[Program | None]:
    """End the program on the way out."""
    try:
        yield program
    finally:
        if program is not None:
            program.end()
