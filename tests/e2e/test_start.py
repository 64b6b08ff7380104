"""The start, in CPU time: from the command to the first answer of the API."""

from __future__ import annotations

import http.client
import os
import resource
import subprocess
import sys
from collections.abc import Sequence

import pytest

from benchmarks.ports import unused_ports
from tests.e2e.measuring import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timing]

# Measured: 2.4 to 3.3, which is 0.17 to 0.21 s of CPU. A larger library that creeps in adds 1.
MOST_STARTS = 4.5

ROUNDS = 5


def test_it_takes_no_more_than_a_few_starts_of_python_with_asyncio() -> None:
    # The least of several, in turns: another program on the machine makes each of them slower now and then.
    starts, bare = [], []
    for _ in range(ROUNDS):
        starts.append(_cpu_until_the_first_answer())
        bare.append(_cpu_of(["-c", "import asyncio"]))
    assert min(starts) < MOST_STARTS * min(bare)


def _cpu_until_the_first_answer() -> float:
    program = "from trixter.cli import entry_point; entry_point()"
    listen, api = unused_ports(2)
    flags = [f"--listen=127.0.0.1:{listen}", "--upstream=127.0.0.1:9", f"--api=127.0.0.1:{api}"]
    process = _started(["-c", program, *flags])
    try:
        wait_until(lambda: _answers(api), "an answer of the API")
    finally:
        process.kill()
        cpu_s = _cpu_at_the_end_of(process)
    return cpu_s


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().read() == b"ok"
    except ConnectionRefusedError:
        return False
    finally:
        connection.close()


def _cpu_of(args: Sequence[str]) -> float:
    return _cpu_at_the_end_of(_started(args))


def _started(args: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, *args], stderr=subprocess.DEVNULL)


def _cpu_at_the_end_of(process: subprocess.Popen[bytes]) -> float:
    """Wait until it has ended; return its user and system time, in seconds."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return _cpu_in(usage)


def _cpu_in(usage: resource.struct_rusage) -> float:
    return usage.ru_utime + usage.ru_stime
