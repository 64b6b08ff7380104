"""The client over the API: it changes a real proxy, and reads its state."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
import pytest

from tests.api.api_harness import ApiHarness
from tests.api.one_loop import anyio_backend as anyio_backend
from trixter import AsyncClient
from trixter.control import AsyncChange
from trixter.control.fault_methods import FaultMethods
from trixter.errors import ApiError, BindError, ConnectionNotFound, WaitTimeout
from trixter.faults import (
    NO_FAULTS,
    Corrupt,
    CorruptMode,
    Direction,
    Faults,
    Freeze,
    Latency,
    Slice,
    Terminate,
    Throttle,
)
from trixter.profiles import published_profiles
from trixter.proxy import Availability, Connection, Defaults, Proxy

UP, DOWN = Direction.UPSTREAM, Direction.DOWNSTREAM

SLOW, SLOWER, SLOWEST = (Latency(delay_s=delay_s) for delay_s in (0.1, 0.2, 0.3))
NARROW = Throttle(rate_bytes_per_s=1000)

Method = Callable[[FaultMethods[AsyncChange]], AsyncChange]

METHODS: dict[str, tuple[Method, Faults]] = {
    "latency": (
        lambda on: on.latency(0.29, jitter_s=0.0505),
        Faults(Latency(delay_s=0.29, jitter_s=0.0505)),
    ),
    "throttle": (lambda on: on.throttle(1000), Faults(NARROW)),
    "throttle, short": (
        lambda on: on.throttle(1000, queue_bytes=9),
        Faults(Throttle(rate_bytes_per_s=1000, queue_bytes=9)),
    ),
    "slice": (
        lambda on: on.slice(16, variation_bytes=4, gap_s=0.0015),
        Faults(Slice(size_bytes=16, variation_bytes=4, gap_s=0.0015)),
    ),
    "corrupt": (
        lambda on: on.corrupt(0.5, mode="flip"),
        Faults(Corrupt(probability=0.5, mode=CorruptMode.FLIP)),
    ),
    "terminate": (lambda on: on.terminate(0.01), Faults(Terminate(probability=0.01))),
    "freeze": (lambda on: on.freeze(), Faults(Freeze(is_on=True))),
    "faults": (lambda on: on.set_faults(SLOW, NARROW), Faults(SLOW, NARROW)),
}


def both(faults: Faults) -> tuple[Faults, Faults]:
    return (faults, faults)


def faults_on(connection: Connection) -> tuple[Faults, Faults]:
    return (connection.pipe(UP).faults, connection.pipe(DOWN).faults)


@pytest.mark.parametrize(("method", "faults"), METHODS.values(), ids=METHODS)
async def test_a_fault_method_changes_every_connection_until_it_is_reverted(
    harness: ApiHarness, client: AsyncClient, method: Method, faults: Faults
) -> None:
    await harness.connect()
    async with method(client):
        assert harness.faults() == [both(faults)] * 2
        (shown,) = await client.connections()
        assert shown.info.faults == {UP: faults, DOWN: faults}
        assert await client.defaults() == Defaults(upstream=faults, downstream=faults)
    assert harness.faults() == [both(NO_FAULTS)] * 2


@pytest.mark.parametrize(("method", "faults"), METHODS.values(), ids=METHODS)
async def test_a_fault_method_of_a_connection_changes_only_that_one(
    harness: ApiHarness, client: AsyncClient, method: Method, faults: Faults
) -> None:
    this, _ = await harness.connect(), await harness.connect()
    async with method(await client.connection(this.id)):
        assert harness.faults() == [both(faults), both(NO_FAULTS), both(NO_FAULTS)]
    assert harness.faults() == [both(NO_FAULTS)] * 3


async def test_a_direction_leaves_the_other_alone(harness: ApiHarness, client: AsyncClient) -> None:
    await harness.connect()
    await client.latency(0.1, direction="upstream")
    await client.throttle(1000, direction=DOWN)
    assert harness.faults() == [(Faults(SLOW), Faults(NARROW))] * 2


@pytest.mark.parametrize("name", published_profiles())
async def test_every_profile_can_be_set(harness: ApiHarness, client: AsyncClient, name: str) -> None:
    await harness.connect()
    await client.slice(1)
    profile = published_profiles()[name]
    async with client.profile(name):
        assert harness.faults() == [(profile.upstream, profile.downstream)] * 2
    assert harness.faults() == [both(Faults(Slice(size_bytes=1)))] * 2


async def test_changes_that_overlap_are_reverted_in_any_order(
    harness: ApiHarness, client: AsyncClient
) -> None:
    old = await harness.connect()
    first = await client.latency(0.1)
    second = await client.latency(0.2, direction="downstream")
    own = await (await client.connection(old.id)).throttle(1000)
    await first.revert()
    assert faults_on(old) == (Faults(NARROW), Faults(NARROW, SLOWER))
    await second.revert()
    assert harness.faults() == [both(Faults(NARROW)), both(NO_FAULTS)]
    await own.revert()
    assert harness.faults() == [both(NO_FAULTS)] * 2


async def test_a_profile_on_many_odd_connections_is_one_request_and_one_to_revert(
    harness: ApiHarness, client: AsyncClient
) -> None:
    connections = [await harness.connect() for _ in range(100)]
    await (await client.connection(connections[7].id)).latency(0.3)
    asked: list[tuple[str, str]] = []

    async def note(request: httpx2.Request) -> None:
        asked.append((request.method, request.url.path))

    harness.http.event_hooks = {"request": [note]}
    profile = published_profiles()["3g"]
    async with client.profile("3g") as change:
        assert harness.faults() == [(profile.upstream, profile.downstream)] * 101
    assert asked == [("POST", "/overrides"), ("DELETE", f"/overrides/{change.id}")]
    assert harness.faults() == [both(NO_FAULTS)] * 7 + [both(Faults(SLOWEST))] + [both(NO_FAULTS)] * 93


async def test_what_is_held_is_sent_when_it_is_unfrozen(harness: ApiHarness, client: AsyncClient) -> None:
    connection = await harness.connect()
    async with client.freeze():
        await harness.send_until_held(connection)
        shown = await client.connection(connection.id)
        assert shown.info.held_bytes[UP] > 0
    assert connection.pipe(UP).held_bytes == 0


async def test_a_connection_duration_is_for_new_connections(harness: ApiHarness, client: AsyncClient) -> None:
    async with client.connection_duration(2.5):
        assert harness.proxy.defaults.connection_duration_s == 2.5
        assert (await client.defaults()).connection_duration_s == 2.5
    assert harness.proxy.defaults.connection_duration_s == 0


async def test_the_availability_is_changed(harness: ApiHarness, client: AsyncClient) -> None:
    await harness.connect()
    seen = []
    async with client.refuse():
        seen.append(harness.proxy.availability)
        async with client.down():
            seen.append(harness.proxy.availability)
            await client.wait_for_no_connections(timeout_s=0)
        seen.append(harness.proxy.availability)
        await client.up()
        await harness.connect()
    assert seen == [Availability.REFUSING, Availability.DOWN, Availability.REFUSING]
    assert harness.proxy.availability is Availability.UP
    assert (await client.stats()).ended == {"proxy down": 1}


async def test_a_port_that_was_lost_is_said(
    harness: ApiHarness, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(proxy: Proxy, availability: Availability) -> None:
        raise BindError("127.0.0.1:8080", "address already in use")

    monkeypatch.setattr(Proxy, "set_availability", fail)
    with pytest.raises(
        ApiError, match=r"^cannot listen on 127\.0\.0\.1:8080: address already in use \(409\)$"
    ):
        await client.up()


async def test_connections_are_ended_in_either_way(harness: ApiHarness, client: AsyncClient) -> None:
    one, two, three, four = [await harness.connect() for _ in range(4)]
    await (await client.connection(one.id)).reset("enough")
    await (await client.connection(two.id)).close()
    assert one.end_reason is not None
    assert (one.end_reason.detail, one.end_reason.reset) == ("enough", True)
    assert two.end_reason is not None
    assert (two.end_reason.detail, two.end_reason.reset) == ("via API", False)
    await client.reset_all()
    assert three.end_reason is not None
    assert three.end_reason.reset
    assert four.end_reason is not None
    await client.close_all("no more")  # also when there is none


async def test_the_state_of_the_proxy_is_shown(harness: ApiHarness, client: AsyncClient) -> None:
    one, two = await harness.connect(), await harness.connect()
    two.close("enough")
    stats = await client.stats()
    assert (stats.connections_accepted, stats.connections_open) == (2, 1)
    assert (stats.bytes_upstream, stats.bytes_downstream) == (2, 2)
    assert stats.ended == {"shutdown": 1}
    (shown,) = await client.connections()
    assert (shown.id, shown.info.client, shown.info.upstream) == (one.id, one.client, one.upstream)
    assert shown.info.forwarded_bytes == {UP: 1, DOWN: 1}
    assert 0 <= shown.info.age_s < 60


async def test_dialling_connections_are_counted_and_can_be_ended(
    harness: ApiHarness, client: AsyncClient
) -> None:
    dialling = await harness.dial_in_vain()
    assert (await client.stats()).connections_dialling == 1
    assert await client.connections() == []
    with pytest.raises(WaitTimeout, match="1 dialling"):
        await client.wait_for_no_connections(timeout_s=0)
    shown = await client.connection(dialling.id)
    assert shown.info.state == "dialling"
    await shown.reset()
    await client.wait_for_no_connections()


async def test_where_the_proxy_listens_is_known(harness: ApiHarness, client: AsyncClient) -> None:
    (address,) = harness.proxy.listen_addresses
    assert await client.address() == address
    assert f"{await client.host()}:{await client.port()}" == address
    assert await client.url("redis", "0") == f"redis://{address}/0"


async def test_a_connection_is_waited_for(harness: ApiHarness, client: AsyncClient) -> None:
    with pytest.raises(WaitTimeout, match="for a live connection; so far: 0 connections accepted"):
        await client.wait_for_connection(timeout_s=0.01)
    connection = await harness.connect()
    assert (await client.wait_for_connection()).id == connection.id
    stats = await client.wait_for(lambda stats: stats.bytes_upstream == 1)
    assert stats.connections_open == 1


async def test_what_is_told_to_a_connection_that_is_over_is_an_error(
    harness: ApiHarness, client: AsyncClient
) -> None:
    live = await harness.connect()
    connection = await client.connection(live.id)
    change = await connection.latency(0.1)
    live.close("enough")
    await change.revert()  # is none
    for tell in (connection.throttle(1), connection.reset(), connection.refresh(), client.connection("a b")):
        with pytest.raises(ConnectionNotFound, match="not found: it has ended, or never existed"):
            await tell
