"""The controller: commands on a real proxy, and what is in force on its connections."""

from __future__ import annotations

import gc
import sys
from collections.abc import AsyncIterator, Callable
from types import FrameType
from typing import Any

import pytest

from tests.api.api_harness import ApiHarness, new_harness
from tests.api.one_loop import anyio_backend as anyio_backend
from trixter.control import Override, ReplaceFaults
from trixter.control import controller as controller_module
from trixter.control.commands import (
    Apply,
    Command,
    EndConnections,
    GetConnection,
    GetDefaults,
    GetProxy,
    ListConnections,
    ListOverrides,
    Renew,
    Revert,
)
from trixter.control.controller import RETRY_S, Controller
from trixter.control.overrides import ALL, LIVE, NEW
from trixter.errors import BindError, ConnectionNotFound, OverrideNotFound, SettingError
from trixter.faults import NO_FAULTS, Direction, Faults, Latency, Throttle
from trixter.monotonic import TURN_S
from trixter.proxy import Availability, Connection, Defaults, EndReason, Proxy
from trixter.proxy.clock import Timer
from trixter.testing import ManualClock

UP, DOWN = Direction.UPSTREAM, Direction.DOWNSTREAM
SLOW, SLOWER, SLOWEST = (Faults(Latency(delay_s=delay_s)) for delay_s in (0.1, 0.2, 0.3))


def latency(delay_s: float, **others: Any) -> Override:
    one = ReplaceFaults.one(Latency(delay_s=delay_s))
    return Override(upstream=one, downstream=one, **others)


@pytest.fixture
async def harness(anyio_backend: object) -> AsyncIterator[ApiHarness]:
    async with new_harness() as harness:
        yield harness


def both(faults: Faults) -> tuple[Faults, Faults]:
    return (faults, faults)


def faults_on(connection: Connection) -> tuple[Faults, Faults]:
    return (connection.pipe(UP).faults, connection.pipe(DOWN).faults)


async def test_an_override_is_for_live_connections_and_new_ones(harness: ApiHarness) -> None:
    execute = harness.controller.execute
    old = await harness.connect()
    first = execute(Apply(override=latency(0.1)))
    new = await harness.connect()
    assert faults_on(old) == faults_on(new) == both(SLOW)
    second = execute(Apply(override=latency(0.2)))
    execute(Revert(first))
    assert harness.faults() == [both(SLOWER)] * 3
    execute(Revert(second))
    assert harness.faults() == [both(NO_FAULTS)] * 3


async def test_what_a_connection_had_of_its_own_comes_back_to_it(harness: ApiHarness) -> None:
    execute = harness.controller.execute
    odd, other = await harness.connect(), await harness.connect()
    execute(Apply(override=latency(0.3, target=odd.id), permanent=True))
    override = execute(Apply(override=latency(0.1)))
    assert harness.faults() == [both(SLOW)] * 3
    execute(Revert(override))
    assert (faults_on(odd), faults_on(other)) == (both(SLOWEST), both(NO_FAULTS))


async def test_overrides_of_one_connection_and_of_all_overlap(harness: ApiHarness) -> None:
    execute = harness.controller.execute
    this, other = await harness.connect(), await harness.connect()
    own = execute(Apply(override=latency(0.2, target=this.id)))
    every = execute(Apply(override=Override(upstream=ReplaceFaults.everything())))
    assert faults_on(this) == (NO_FAULTS, SLOWER)
    execute(Revert(own))
    assert faults_on(this) == faults_on(other) == both(NO_FAULTS)
    execute(Revert(every))
    assert harness.faults() == [both(NO_FAULTS)] * 3


async def test_permanent_changes_are_for_open_connections_or_new_ones(harness: ApiHarness) -> None:
    execute = harness.controller.execute
    old = await harness.connect()
    execute(Apply(override=latency(0.1, target=LIVE), permanent=True))
    execute(Apply(override=latency(0.2, target=NEW, connection_duration_s=60), permanent=True))
    new = await harness.connect()
    assert (faults_on(old), faults_on(new)) == (both(SLOW), both(SLOWER))
    assert execute(GetDefaults()) == Defaults(upstream=SLOWER, downstream=SLOWER, connection_duration_s=60)
    assert execute(ListOverrides()) == []


async def test_a_permanent_change_within_an_override_stays(harness: ApiHarness) -> None:
    execute = harness.controller.execute
    connection = await harness.connect()
    override = execute(Apply(override=latency(0.1)))
    execute(Apply(override=latency(0.2, target=connection.id), permanent=True))
    execute(Revert(override))
    assert harness.faults() == [both(SLOWER), both(NO_FAULTS)]


async def test_an_override_goes_with_its_connection(harness: ApiHarness) -> None:
    connection = await harness.connect()
    override = harness.controller.execute(Apply(override=latency(0.1, target=connection.id)))
    connection.close("over")
    assert harness.controller.execute(ListOverrides()) == []
    with pytest.raises(OverrideNotFound):
        harness.controller.execute(Revert(override))


async def test_an_assignment_to_the_defaults_is_a_permanent_change(harness: ApiHarness) -> None:
    override = harness.controller.execute(Apply(override=latency(0.1)))
    harness.proxy.defaults = Defaults(upstream=Throttle(rate_bytes_per_s=1000))
    harness.controller.execute(Revert(override))
    assert harness.proxy.defaults == Defaults(upstream=Throttle(rate_bytes_per_s=1000))


async def test_the_newest_availability_counts_and_is_told_first(harness: ApiHarness) -> None:
    told: list[tuple[Availability, int]] = []

    def tell(availability: Availability) -> None:
        told.append((availability, len(harness.proxy.registry)))

    controller = Controller(harness.proxy, on_availability=tell)
    await harness.connect()
    refusing = controller.execute(Apply(override=Override(availability=Availability.REFUSING)))
    down = controller.execute(Apply(override=Override(availability=Availability.DOWN)))
    controller.execute(Revert(refusing))
    assert harness.proxy.availability is Availability.DOWN
    controller.execute(Revert(down))
    assert told == [(Availability.REFUSING, 1), (Availability.DOWN, 1), (Availability.UP, 0)]


async def test_a_port_that_cannot_be_opened_changes_nothing(
    harness: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute = harness.controller.execute
    down = execute(Apply(override=Override(availability=Availability.DOWN)))
    set_availability = Proxy.set_availability

    def fail(proxy: Proxy, availability: Availability) -> None:
        raise BindError("127.0.0.1:8080", "address already in use")

    monkeypatch.setattr(Proxy, "set_availability", fail)
    commands: list[Command[Any]] = [
        Revert(down),
        Apply(override=Override(availability=Availability.UP)),
        Apply(override=Override(availability=Availability.UP), permanent=True),
    ]
    for command in commands:
        with pytest.raises(BindError):
            execute(command)
    assert [info.id for info in execute(ListOverrides())] == [down]
    monkeypatch.setattr(Proxy, "set_availability", set_availability)
    execute(Revert(down))
    assert harness.proxy.availability is Availability.UP


async def test_an_override_that_is_not_renewed_is_reverted(harness: ApiHarness) -> None:
    clock = ManualClock()
    controller = Controller(harness.proxy, clock=clock)
    connection = await harness.connect()
    id = controller.execute(Apply(override=latency(0.1, ttl_s=60, name="slow")))
    clock.advance(50)
    (info,) = controller.execute(ListOverrides())
    assert (info.id, info.override.name, info.expires_in_s) == (id, "slow", 10)
    controller.execute(Renew(id, 60))
    clock.advance(59)
    assert faults_on(connection) == both(SLOW)
    clock.advance(1)
    assert harness.faults() == [both(NO_FAULTS)] * 2
    assert clock.next_at is None
    with pytest.raises(OverrideNotFound):
        controller.execute(Renew(id, 60))


class SlowClock(ManualClock):
    """A clock of a slow machine: from one look to the next, half a turn passes."""

    def __init__(self) -> None:
        super().__init__()
        self.timers = 0

    def time(self) -> float:
        self._now += TURN_S / 2
        return self._now

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        self.timers += 1
        return super().call_at(when, callback)


async def test_an_override_that_expires_lets_traffic_flow_between_many_connections(
    harness: ApiHarness,
) -> None:
    clock = SlowClock()
    controller = Controller(harness.proxy, clock=clock)
    for _ in range(6):
        await harness.connect()
    controller.execute(Apply(override=latency(0.1, ttl_s=60)))
    clock.advance(61)
    assert harness.faults() == [both(NO_FAULTS)] * 7
    assert clock.timers == 1 + 6 // 2


async def test_the_collector_sees_what_each_turn_of_an_expiry_has_made(harness: ApiHarness) -> None:
    clock = SlowClock()
    controller = Controller(harness.proxy, clock=clock)
    for _ in range(6):
        await harness.connect()
    controller.execute(Apply(override=latency(0.1, ttl_s=60)))
    before = young_collections()
    clock.advance(61)
    assert young_collections() - before >= 6 // 2


def test_a_long_job_collects_nothing_where_the_program_has_switched_that_off() -> None:
    gc.disable()
    try:
        before = young_collections()
        controller_module.collect_young_objects()
        assert young_collections() == before
    finally:
        gc.enable()


def young_collections() -> int:
    collections: int = gc.get_stats()[1]["collections"]
    return collections


# With 10,000 connections, each of these calls of Python functions is some 5 ms of CPU.
@pytest.mark.parametrize(("change", "most_calls"), [("first", 65), ("again", 44), ("revert", 38)])
async def test_a_change_of_a_direction_takes_few_calls(
    harness: ApiHarness, change: str, most_calls: int
) -> None:
    apply = Apply(override=latency(0.1))
    command: Command[Any] = apply
    connections = 10
    for _ in range(connections):
        await harness.connect()
    if change != "first":
        id = harness.controller.execute(apply)
        command = Revert(id)
    if change == "again":
        harness.controller.execute(command)
        command = apply
    work = harness.controller.begin(command)
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        for connection in work.connections:
            work.do(connection)
    finally:
        sys.setprofile(None)
    assert calls <= most_calls * 2 * connections


async def test_an_override_that_is_reverted_does_not_expire_any_more(harness: ApiHarness) -> None:
    clock = ManualClock()
    controller = Controller(harness.proxy, clock=clock)
    connection = await harness.connect()
    controller.execute(Revert(controller.execute(Apply(override=latency(0.1, ttl_s=60)))))
    controller.execute(Apply(override=latency(0.1, target=connection.id, ttl_s=60)))
    connection.close("over")
    controller.execute(ListOverrides())
    assert clock.next_at is None


async def test_an_expiry_that_fails_is_tried_again(
    harness: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock()
    controller = Controller(harness.proxy, clock=clock)
    controller.execute(Apply(override=Override(availability=Availability.DOWN, ttl_s=60)))
    set_availability = Proxy.set_availability

    def fail(proxy: Proxy, availability: Availability) -> None:
        raise BindError("127.0.0.1:8080", "address already in use")

    monkeypatch.setattr(Proxy, "set_availability", fail)
    clock.advance(60)
    assert [harness.proxy.availability] == [Availability.DOWN]
    monkeypatch.setattr(Proxy, "set_availability", set_availability)
    clock.advance(RETRY_S)
    assert [harness.proxy.availability] == [Availability.UP]


async def test_time_passes_by_the_proxy_s_own_clock_while_the_proxy_runs(harness: ApiHarness) -> None:
    execute = harness.controller.execute
    execute(Apply(override=latency(0.1, ttl_s=3600)))
    (info,) = execute(ListOverrides())
    assert info.expires_in_s is not None
    assert 0 < info.expires_in_s <= 3600
    harness.proxy.stop()
    (info,) = execute(ListOverrides())
    assert info.expires_in_s is None
    with pytest.raises(SettingError, match="ttl_s must be None while the proxy does not run, not 60"):
        execute(Apply(override=latency(0.2, ttl_s=60)))
    assert len(execute(ListOverrides())) == 1


async def test_a_script_that_reverts_nothing_may_run_for_ever(
    harness: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controller_module, "MOST_OVERRIDES", 3)
    controller = Controller(harness.proxy, clock=ManualClock())
    timed = controller.execute(Apply(override=latency(0.1, ttl_s=60)))
    ids = [controller.execute(Apply(override=latency(number / 1000))) for number in range(1, 10)]
    assert [info.id for info in controller.execute(ListOverrides())] == [timed, *ids[-2:]]
    for id in (timed, *ids[-2:]):
        controller.execute(Revert(id))
    assert harness.proxy.defaults.upstream == Faults(Latency(delay_s=0.007))


async def test_what_is_refused_makes_no_older_override_permanent(
    harness: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controller_module, "MOST_OVERRIDES", 2)
    execute = harness.controller.execute
    ids = [execute(Apply(override=latency(0.1))), execute(Apply(override=latency(0.2)))]
    with pytest.raises(SettingError, match="id must be an id that no other override has"):
        execute(Apply(override=latency(0.3), id=ids[0]))
    assert [info.id for info in execute(ListOverrides())] == ids
    assert harness.proxy.defaults.upstream == SLOWER


async def test_an_id_of_the_proxy_is_none_that_a_caller_chose(harness: ApiHarness) -> None:
    execute = harness.controller.execute
    prefix, _, number = execute(Apply(override=latency(0.1))).partition("-")
    execute(Apply(override=latency(0.2), id=f"{prefix}-{int(number) + 1}"))
    execute(Apply(override=latency(0.3)))
    assert len(execute(ListOverrides())) == 3


async def test_more_overrides_with_a_time_than_can_be_kept_are_refused(
    harness: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controller_module, "MOST_OVERRIDES", 1)
    controller = Controller(harness.proxy, clock=ManualClock())
    controller.execute(Apply(override=latency(0.1, ttl_s=60)))
    with pytest.raises(SettingError, match="overrides must be at most 1 with a time to live"):
        controller.execute(Apply(override=latency(0.2)))
    assert harness.proxy.defaults.upstream == SLOW


async def test_quiet_suspends_all_that_was_set_and_all_that_is_set_meanwhile(harness: ApiHarness) -> None:
    execute = harness.controller.execute
    odd = await harness.connect()
    execute(Apply(override=latency(0.3, target=odd.id), permanent=True))
    slow = execute(Apply(override=latency(0.1, connection_duration_s=60)))
    first, second = (execute(Apply(override=Override(is_quiet=True))) for _ in range(2))
    execute(Apply(override=latency(0.2, target=odd.id)))
    execute(Apply(override=latency(0.3), permanent=True))
    execute(Revert(slow))
    await harness.connect()
    assert harness.faults() == [both(NO_FAULTS)] * 3
    assert execute(GetDefaults()) == Defaults()
    execute(Revert(first))
    assert harness.faults() == [both(NO_FAULTS)] * 3
    execute(Revert(second))
    assert harness.faults() == [both(SLOWEST)] * 3


@pytest.mark.parametrize("bad", [Availability.DOWN, Availability.REFUSING])
async def test_quiet_accepts_connections_of_a_proxy_that_refuses_them(
    harness: ApiHarness, bad: Availability
) -> None:
    execute, refused = harness.controller.execute, Override(availability=bad)
    before = execute(Apply(override=refused))
    quiet = execute(Apply(override=Override(is_quiet=True)))
    connection = await harness.connect()
    meanwhile = execute(Apply(override=refused))
    execute(Apply(override=Override(target=NEW, availability=bad), permanent=True))
    execute(Revert(before))
    assert (harness.proxy.availability, connection.end_reason) == (Availability.UP, None)
    execute(Revert(quiet))
    assert harness.proxy.availability is bad
    assert (connection.end_reason is None) is (bad is Availability.REFUSING)
    execute(Revert(meanwhile))
    assert harness.proxy.availability is bad


async def test_quiet_spares_connections_that_reach_their_age_until_it_is_over(harness: ApiHarness) -> None:
    execute = harness.controller.execute
    connection = await harness.connect()
    quiet = execute(Apply(override=Override(is_quiet=True)))
    harness.proxy.on_duration(connection)
    assert connection.end_reason is None
    execute(Revert(quiet))
    assert connection.end_reason == EndReason("duration", reset=True)


async def test_quiet_is_not_made_permanent_by_many_changes(
    harness: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controller_module, "MOST_OVERRIDES", 2)
    execute = harness.controller.execute
    quiet = execute(Apply(override=Override(is_quiet=True)))
    ids = [execute(Apply(override=latency(number))) for number in (0.1, 0.2, 0.3)]
    assert [info.id for info in execute(ListOverrides())] == [quiet, ids[-1]]
    execute(Revert(quiet))
    assert harness.faults()[-1] == both(SLOWEST)


async def test_a_snapshot_brings_everything_back(harness: ApiHarness) -> None:
    clock = ManualClock()
    controller = Controller(harness.proxy, clock=clock)
    execute = controller.execute
    old = await harness.connect()
    execute(Apply(override=latency(0.3, target=old.id), permanent=True))
    kept = execute(Apply(override=latency(0.1)))
    snapshot = controller.snapshot()
    execute(Revert(kept))
    execute(Apply(override=latency(0.2, ttl_s=60)))
    execute(Apply(override=Override(availability=Availability.REFUSING)))
    harness.proxy.defaults = Defaults(connection_duration_s=1)
    controller.restore(snapshot)
    assert harness.proxy.availability is Availability.UP
    assert clock.next_at is None
    late = await harness.connect()
    assert harness.faults() == [both(SLOW)] * 3
    execute(Revert(kept))
    assert (faults_on(old), faults_on(late)) == (both(SLOWEST), both(NO_FAULTS))
    assert harness.proxy.defaults == Defaults()


async def test_what_can_be_read_is_read(harness: ApiHarness) -> None:
    execute = harness.controller.execute
    connection, dialling = await harness.connect(), await harness.dial_in_vain()
    info = execute(GetProxy())
    assert (info.listen, info.upstream) == (
        tuple(harness.proxy.listen_addresses),
        str(harness.proxy.upstream),
    )
    assert (info.availability, info.stats.connections_open, info.stats.connections_dialling) == (
        Availability.UP,
        1,
        1,
    )
    assert [each.id for each in execute(ListConnections())] == [connection.id]
    assert [each.id for each in execute(ListConnections("dialling"))] == [dialling.id]
    assert execute(GetConnection(dialling.id)).state == "dialling"
    execute(EndConnections(target=dialling.id, reason="enough", reset=True))
    execute(EndConnections(target=ALL, reason="enough", reset=False))
    assert harness.proxy.registry.ended == {"reset": 1, "shutdown": 1}


@pytest.mark.parametrize(
    "command",
    [
        GetConnection("a1-7"),
        Apply(override=latency(1, target="a1-7")),
        Apply(override=latency(1, target="a1-7"), permanent=True),
        EndConnections(target="a1-7", reason="", reset=False),
    ],
)
async def test_a_connection_that_is_over_is_an_error(harness: ApiHarness, command: Command[Any]) -> None:
    with pytest.raises(ConnectionNotFound) as caught:
        harness.controller.execute(command)
    assert caught.value.id == "a1-7"


async def test_an_unknown_command_is_a_mistake_of_ours(harness: ApiHarness) -> None:
    with pytest.raises(TypeError, match="no controller can do this"):
        harness.controller.execute(Command())
