"""`trixter watch`: events, the table at a terminal, and the lines elsewhere."""

from __future__ import annotations

import pytest
from rich.console import Console

from tests.cli.test_connection_table import LATE, state
from trixter.cli.watch import Event, Kind, Snapshot, diff, line_of, picture_of
from trixter.control import ConnectionInfo, ProxyInfo, Stats
from trixter.settings import Availability, Defaults

STATS = Stats(
    connections_accepted=1234, connections_open=2, bytes_upstream=78, bytes_downstream=2**20, ended={}
)


def proxy(availability: Availability = Availability.UP) -> ProxyInfo:
    listen = ("127.0.0.1:8080", "[::1]:8080")
    return ProxyInfo(listen=listen, upstream="127.0.0.1:8181", availability=availability, stats=STATS)


def shown(
    *connections: ConnectionInfo, availability: Availability = Availability.UP, height: int = 24
) -> list[str]:
    console = Console(width=80, height=height, color_system=None)
    with console.capture() as captured:
        console.print(picture_of(proxy(availability), Defaults(upstream=LATE), list(connections), console))
    return [line.rstrip() for line in captured.get().splitlines()]


def test_above_the_table_stands_the_proxy_as_a_whole() -> None:
    assert shown(state(1, held=0)) == [
        "127.0.0.1:8080, [::1]:8080 → 127.0.0.1:8181",
        "new connections: up: throttle 64 KiB/s, latency 250 ± 50 ms",
        "so far: 1,234 accepted, 78 B up, 1.0 MiB down",
        "",
        "id        client              age    up       down  faults",
        "a6e39e-1  127.0.0.1:41821  12.3 s  78 B  200.0 KiB  calm",
        "",
        "1 connection to 127.0.0.1:8181",
    ]


def test_without_connections_there_is_no_table() -> None:
    assert shown()[3:] == ["", "no connections"]


def test_an_availability_other_than_up_is_shown() -> None:
    assert shown(availability=Availability.REFUSING)[0].endswith("127.0.0.1:8181  (refusing)")


def test_a_table_that_is_too_high_shows_the_youngest() -> None:
    lines = shown(*(state(number, held=0) for number in range(9)), height=12)
    assert len(lines) < 12
    assert lines[-1] == "the youngest 4 of 9 connections"
    assert lines[-3].startswith("a6e39e-8 ")


ONE = state(1, faults=LATE)


@pytest.mark.parametrize(
    ("kind", "what", "line"),
    [
        (Kind.DEFAULTS, Defaults(connection_duration_s=5), "defaults calm; reset after 5 s"),
        (
            Kind.OPENED,
            ONE,
            "opened   a6e39e-1: 127.0.0.1:41821 → 127.0.0.1:8181, throttle 64 KiB/s, latency 250 ± 50 ms",
        ),
        (Kind.CHANGED, ONE, "changed  a6e39e-1: throttle 64 KiB/s, latency 250 ± 50 ms"),
        (
            Kind.ENDED,
            ONE,
            "ended    a6e39e-1: 127.0.0.1:41821 → 127.0.0.1:8181, 78 B up, 200.0 KiB down, 12.3 s",
        ),
    ],
)
def test_a_line_says_what_happened(kind: Kind, what: ConnectionInfo | Defaults, line: str) -> None:
    assert line_of(Event(kind, what)) == line


Names = Snapshot[str, str]


def snapshot(*ids: str, faults: str = "", defaults: str = "calm") -> Names:
    return Snapshot({id: f"{id}{faults}" for id in ids}, dict.fromkeys(ids, faults), defaults)


def seen(before: Names | None, now: Names) -> list[tuple[str, str]]:
    return [(each.kind.value, each.subject) for each in diff(before, now)]


def test_at_first_everything_is_new() -> None:
    assert seen(None, snapshot("1", "2")) == [("defaults", "calm"), ("opened", "1"), ("opened", "2")]


def test_where_nothing_happened_nothing_is_told() -> None:
    assert seen(snapshot("1"), snapshot("1")) == []


def test_connections_come_and_go() -> None:
    assert seen(snapshot("1", "2"), snapshot("2", "3")) == [("ended", "1"), ("opened", "3")]


def test_other_faults_are_a_change() -> None:
    assert seen(snapshot("1"), snapshot("1", faults=" slow")) == [("changed", "1 slow")]


def test_other_defaults_are_told_once() -> None:
    assert seen(snapshot(), snapshot(defaults="slow")) == [("defaults", "slow")]
    assert seen(snapshot(defaults="slow"), snapshot(defaults="slow")) == []
