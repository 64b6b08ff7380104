"""What the API cannot be told is refused before anything is sent, and nothing that it can is left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from tests.api.world import World
from trixter import AsyncClient
from trixter.api.answers import CONNECTION_NOT_FOUND
from trixter.client import answers
from trixter.client.answers import Answer
from trixter.client.calls import Call, calls_of
from trixter.control import ALL, AsyncChange, Step, Swap
from trixter.control.plans import run
from trixter.control.steps import EndConnections, ReadConnection, SetFaults, WaitForNews
from trixter.errors import ConnectionNotFound, SettingError
from trixter.faults import CALM, Direction, Latency, Slice, StageOrder, Throttle


def test_the_words_of_a_connection_that_is_over_are_the_apis() -> None:
    assert answers.CONNECTION_NOT_FOUND == CONNECTION_NOT_FOUND


@dataclass(frozen=True, slots=True, kw_only=True)
class Slower(Latency):
    """A kind of fault that the API has never heard of."""

    order: ClassVar[StageOrder] = StageOrder.DELAY


REFUSED: dict[str, tuple[Callable[[AsyncClient], AsyncChange], str]] = {
    "a fraction of a millisecond": (
        lambda on: on.latency(0.0005),
        r"^delay_s must be a whole number of milliseconds, over the API, not 0\.0005$",
    ),
    "a fraction of a byte": (
        lambda on: on.throttle(0.5),
        r"^rate_bytes_per_s must be a whole number of bytes per second, over the API, not 0\.5$",
    ),
    "a fraction of a duration": (
        lambda on: on.duration(0.0005),
        "^duration_s must be a whole number of milliseconds, over the API",
    ),
    "two of a kind and name": (
        lambda on: on.faults(Slice(size_bytes=1), Latency(delay_s=1), Latency(delay_s=2)),
        "^faults must be told apart by name, those of one kind, over the API",
    ),
    "a fault of one's own": (
        lambda on: on.faults(Slower(delay_s=1)),
        "^faults must be of Latency, Throttle, .*, over the API, not 'Slower'$",
    ),
}


async def test_several_of_a_kind_are_told_apart_by_name(world: World, client: AsyncClient) -> None:
    await world.connect()
    await client.latency(7)
    spike, far, base = (Latency(delay_s=1, name="spike"), Latency(delay_s=2, name="far"), Latency(delay_s=3))
    for faults in ((spike, far), (spike, base), (far, Throttle(rate_bytes_per_s=9, name="slow"), base)):
        await client.faults(*faults)
        assert [set(each) for both in world.faults() for each in both] == [set(faults)] * 4
        [connection] = await client.connections()
        assert set(connection.state.faults[Direction.UPSTREAM]) == set(faults)
    await client.calm()
    assert world.faults() == [(CALM, CALM)] * 2


def change(id: str) -> Step[None]:
    return SetFaults(id, tuple(Direction), Swap.one(Throttle(rate_bytes_per_s=1)))


def end(id: str) -> Step[None]:
    return EndConnections(target=id, reason="", reset=False)


def nobody(call: Call) -> Answer:
    raise AssertionError(f"{call} was sent")


@pytest.mark.parametrize(("tell", "text"), REFUSED.values(), ids=REFUSED)
async def test_what_the_api_cannot_be_told_is_refused_and_changes_nothing(
    world: World, client: AsyncClient, tell: Callable[[AsyncClient], AsyncChange], text: str
) -> None:
    await world.connect()
    await client.faults(Throttle(rate_bytes_per_s=1000), direction="upstream")
    before = world.faults()
    with pytest.raises(SettingError, match=text):
        await tell(client)
    assert world.faults() == before


@pytest.mark.parametrize("id", ["", ".", "..", "a1-1/delay", "../proxy"])
@pytest.mark.parametrize("ask", [ReadConnection, change, end])
def test_what_can_be_no_id_is_a_connection_that_never_was(ask: Callable[[str], Step[Any]], id: str) -> None:
    with pytest.raises(ConnectionNotFound, match="it is over, or never was"):
        run(calls_of(ask(id)), nobody)


async def test_all_of_them_are_no_single_connection(client: AsyncClient) -> None:
    with pytest.raises(ConnectionNotFound):
        await client.connection(ALL)


def test_a_rate_that_is_whole_may_be_written_with_a_point() -> None:
    plan = calls_of(SetFaults(ALL, tuple(Direction), Swap.one(Throttle(rate_bytes_per_s=1000.0))))
    assert next(plan).body == {"rate_bytes": 1000}


def test_a_step_that_is_no_call_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError, match="no call for WaitForNews"):
        calls_of(WaitForNews())
