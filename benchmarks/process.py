"""A program under measurement: its start and its end, and its CPU and memory from /proc."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

NS_PER_S = 1e9

# A peer that does not accept within this time has failed.
MOST_SECONDS_TO_START = 15.0

MOST_SECONDS_TO_END = 5.0

# The resolution of the start-up: more frequent checks would take CPU from the program that starts.
ASK_EVERY_S = 0.001


class Failed(Exception):
    """A trial failed; the message says why."""


@contextmanager
def apart() -> Iterator[None]:
    """Keep programs started meanwhile off the last core, for a load generator that never sleeps."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[:-1] or cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


@contextmanager
def running(
    command: Sequence[str], *, env: dict[str, str] | None = None, is_heard: bool = False
) -> Iterator[subprocess.Popen[str]]:
    """Start a program, and end it with the context, also after an error.

    It has a session of its own: Ctrl-C reaches the benchmark alone, which then ends the program by its id.

    Args:
        command: What to run.
        env: Added to the environment.
        is_heard: Whether its standard streams are pipes to the caller; else they are ``/dev/null``.
    """
    stream = subprocess.PIPE if is_heard else subprocess.DEVNULL
    with subprocess.Popen(
        command,
        stdin=stream,
        stdout=stream,
        stderr=stream,
        env=os.environ | (env or {}),
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(MOST_SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                process.kill()


class Program:
    """A running relay, with its CPU time and its memory."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid

    def wait_until_it_accepts(self, port: int) -> None:
        """Return as soon as a program listens on a loopback port.

        Raises:
            Failed: If the program ends, or the time is over.
        """
        give_up_at = time.monotonic() + MOST_SECONDS_TO_START
        while port not in listening_ports():
            if self._process.poll() is not None:
                raise Failed(f"it ended with status {self._process.returncode} before it accepted")
            if time.monotonic() > give_up_at:
                raise Failed(f"it did not accept within {MOST_SECONDS_TO_START:g} s")
            select.select([], [], [], ASK_EVERY_S)

    def cpu_s(self) -> float:
        """Return the CPU time that it has used, user and system, in seconds.

        From ``schedstat`` of each thread: ``stat`` counts in ticks of 10 ms. A thread that has ended
        is missing; the relays here keep theirs.
        """
        used_ns = 0
        for task in Path(f"/proc/{self.pid}/task").glob("*/schedstat"):
            with suppress(OSError):  # ended since
                used_ns += int(task.read_text().split()[0])
        return used_ns / NS_PER_S

    def resident_bytes(self) -> int:
        """Return its resident memory."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise Failed("it has no VmRSS in /proc: it ended")


def listening_ports() -> set[int]:
    """Return the ports with a listener, without connecting: the relay would forward that connection."""
    ports: set[int] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(FileNotFoundError), open(table) as lines:
            ports |= listeners(lines)
    return ports


def listeners(lines: Iterable[str]) -> set[int]:
    """Return the listening ports in a table of the kernel.

    The kernel lists them first, so nothing after them is read: thousands of closed connections may follow.
    """
    ports = set()
    for fields in (line.split() for line in lines):
        if fields[1] == "local_address":
            continue
        if fields[3] != "0A":  # TCP_LISTEN
            break
        ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports
