"""Limits of the API: its connections, in virtual time, and lines in the log."""

from __future__ import annotations

import asyncio
import logging

import pytest

from tests.api.virtual_time import run
from trixter.api.limits import CROWDED_S, INTERVAL_S, ConnectionLimit, RefusalLog


class FakeConnection:
    def __init__(self, limit: ConnectionLimit, waiting_since: float | None) -> None:
        self._limit = limit
        self.waiting_since = waiting_since
        self.given_up_at: float | None = None
        limit.add(self)

    def give_up(self) -> None:
        loop = asyncio.get_running_loop()
        self.given_up_at = loop.time()
        self.waiting_since = None
        loop.call_soon(self._limit.discard, self)


def test_below_the_limit_there_is_room_at_once() -> None:
    async def main() -> None:
        limit = ConnectionLimit(most=2)
        FakeConnection(limit, 0.0)
        await limit.wait_for_room()
        assert asyncio.get_running_loop().time() == 0.0

    run(main())


def test_at_the_limit_the_one_that_waited_longest_makes_room() -> None:
    async def main() -> None:
        limit = ConnectionLimit(most=3)
        later, sooner, busy = (FakeConnection(limit, since) for since in (0.5, 0.25, None))
        await limit.wait_for_room()
        assert (later.given_up_at, sooner.given_up_at, busy.given_up_at) == (None, 0.25 + CROWDED_S, None)

    run(main())


def test_a_connection_that_ends_makes_room_and_spares_the_others() -> None:
    async def main() -> None:
        limit = ConnectionLimit(most=2)
        waiting, ending = FakeConnection(limit, 0.0), FakeConnection(limit, None)
        asyncio.get_running_loop().call_later(CROWDED_S / 2, limit.discard, ending)
        await limit.wait_for_room()
        assert asyncio.get_running_loop().time() == CROWDED_S / 2
        assert waiting.given_up_at is None

    run(main())


def test_those_that_answer_are_never_given_up() -> None:
    async def main() -> None:
        limit = ConnectionLimit(most=1)
        answering = FakeConnection(limit, None)

        def answered() -> None:
            answering.waiting_since = asyncio.get_running_loop().time()
            limit.on_waiting()

        asyncio.get_running_loop().call_later(3600, answered)
        await limit.wait_for_room()
        assert answering.given_up_at == 3600 + CROWDED_S

    run(main())


def test_a_thousand_half_open_ones_pass_the_limit_in_groups() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        limit = ConnectionLimit(most=64)
        for _ in range(1000):
            await limit.wait_for_room()
            FakeConnection(limit, loop.time())
        await limit.wait_for_room()
        assert loop.time() == 1000 // 64 * CROWDED_S

    run(main())


def test_two_listeners_share_the_limit() -> None:
    async def main() -> None:
        limit = ConnectionLimit(most=1)
        first = FakeConnection(limit, 0.0)

        async def take_room() -> FakeConnection:
            await limit.wait_for_room()
            return FakeConnection(limit, asyncio.get_running_loop().time())

        taken = await asyncio.gather(take_room(), take_room())
        assert first.given_up_at == CROWDED_S
        assert sorted(each.given_up_at or 0.0 for each in taken) == [0.0, 2 * CROWDED_S]

    run(main())


def test_one_line_an_interval_tells_of_all(caplog: pytest.LogCaptureFixture) -> None:
    now = 100.0
    refusals = RefusalLog(logging.getLogger("trixter.api"), clock=lambda: now)

    assert refusals.warn("refused %s", "a")
    assert [refusals.warn("refused %s", each) for each in "bcd"] == [False] * 3
    now += INTERVAL_S
    assert refusals.warn("refused %s", "e")
    now += INTERVAL_S
    assert refusals.warn("refused %s", "f")

    assert [record.getMessage() for record in caplog.records] == [
        "refused a",
        "refused e (3 more were refused since the last such line)",
        "refused f",
    ]
