"""The API, signals and other connections, while senders push through slices of one byte."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from tests.e2e.conftest import Start
from tests.e2e.measuring import receive_exactly, wait_until
from tests.e2e.trixter_process import Trixter
from tests.e2e.upstreams import running

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timing]

SENDERS = 20

# Of the proxy's own time on a processor: how long a call waits for that depends on who else has the machine.
# Without a bound of what one callback does, each of these took seconds.
MOST_FOR_AN_ANSWER_S = 0.100
MOST_FOR_A_ROUND_TRIP_S = 0.020
MOST_FOR_A_SHUTDOWN_S = 0.5

# This is real time, for a process that has ended has no other.
MOST_TO_STOP_S = 0.5

CALLS = 30
ROUND_TRIPS = 100

# A machine that is busy may be late, and is not always: the best of some counts.
TRIES = 3

PUSH = """
import asyncio, sys

async def push(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async def discard():
        while await reader.read(65536):
            pass
    reading = asyncio.create_task(discard())
    while True:
        writer.write(bytes(65536))
        await writer.drain()

async def main(port, count):
    await asyncio.gather(*(push(port) for _ in range(count)), return_exceptions=True)

asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
"""


@contextmanager
def pushing_through_tiny_slices(trixter: Trixter) -> Iterator[None]:
    """Have senders push, each as fast as it can; connections to come are calm."""
    trixter.change_defaults(slice={"size_bytes": 1}, delay={"delay_ms": 10})
    command = [sys.executable, "-c", PUSH, str(trixter.port), str(SENDERS)]
    with running(command):
        wait_until(lambda: _are_pushed(trixter), "as many senders")
        trixter.change_defaults(slice={"size_bytes": 0}, delay={"delay_ms": 0})
        yield


def _are_pushed(trixter: Trixter) -> bool:
    shown = trixter.connections()
    return len(shown) == SENDERS and all(each["bytes"]["downstream"] for each in shown)


class Taken(NamedTuple):
    """How long something takes, and how long the proxy runs meanwhile."""

    real_s: float
    running_s: float

    def __str__(self) -> str:
        return f"{1000 * self.real_s:.1f} ms, of which it runs {1000 * self.running_s:.1f} ms"


def take(do: Callable[[], object], trixter: Trixter) -> Taken:
    """Do it, and measure."""
    real_s, running_s = time.monotonic(), trixter.running_s()
    do()
    return Taken(time.monotonic() - real_s, trixter.running_s() - running_s)


def longest(taken: Iterable[Taken]) -> Taken:
    """Return the one for which the proxy runs longest."""
    return max(taken, key=lambda each: each.running_s)


def test_the_api_answers(start: Start, echo_port: int, capsys: pytest.CaptureFixture[str]) -> None:
    trixter = start(f"--upstream=127.0.0.1:{echo_port}")
    with pushing_through_tiny_slices(trixter):
        answers = [take(lambda: trixter.api.get("/health").raise_for_status(), trixter) for _ in range(CALLS)]
    with capsys.disabled():
        print(f"\n/health: {longest(answers)}", end="")
    assert longest(answers).running_s <= MOST_FOR_AN_ANSWER_S


def test_a_calm_connection_goes_on(start: Start, echo_port: int, capsys: pytest.CaptureFixture[str]) -> None:
    trixter = start(f"--upstream=127.0.0.1:{echo_port}")
    with pushing_through_tiny_slices(trixter), trixter.connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def ping() -> None:
            client.sendall(b"ping")
            receive_exactly(client, 4)

        taken = [take(ping, trixter) for _ in range(ROUND_TRIPS)]
    round_trips = sorted(taken, key=lambda each: each.running_s)
    # The kernel does the work of other programs in our time, too: on a busy machine, one of 100 may be late.
    middle, late = (round_trips[ROUND_TRIPS * percent // 100] for percent in (50, 99))
    with capsys.disabled():
        print(f"\na round trip: {middle}; 99 of 100: {late}", end="")
    assert middle.running_s <= MOST_FOR_A_ROUND_TRIP_S


def test_a_shutdown_of_all_takes_a_moment(
    start: Start, echo_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    trixter = start(f"--upstream=127.0.0.1:{echo_port}")
    with pushing_through_tiny_slices(trixter):
        taken = take(lambda: trixter.shut_down("_all", "enough"), trixter)
        assert trixter.connections() == []
    with capsys.disabled():
        print(f"\n_all/shutdown: {taken}", end="")
    assert taken.running_s <= MOST_FOR_A_SHUTDOWN_S


def test_sigterm_ends_it_in_a_moment(
    start: Start, echo_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    taken_s = []
    for _ in range(TRIES):
        trixter = start(f"--upstream=127.0.0.1:{echo_port}")
        with pushing_through_tiny_slices(trixter):
            began = time.monotonic()
            trixter.stop()
            taken_s.append(time.monotonic() - began)
        if taken_s[-1] <= MOST_TO_STOP_S:
            break
    with capsys.disabled():
        print(f"\nSIGTERM: {min(taken_s):.3f} s", end="")
    assert min(taken_s) <= MOST_TO_STOP_S
