"""The table of connections, and one-line summaries."""

from __future__ import annotations

import pytest
from rich.console import Console

from trixter.cli.tables import groups_of, listing_of, outcome, outlook, rates_between
from trixter.control import ALL, ConnectionInfo
from trixter.faults import NO_FAULTS, Direction, Faults, Latency, Throttle
from trixter.settings import Defaults

LATE = Faults(Latency(delay_s=0.25, jitter_s=0.05), Throttle(rate_bytes_per_s=65536))


def state(
    number: int, *, upstream: str = "127.0.0.1:8181", faults: Faults = NO_FAULTS, held: int = 512
) -> ConnectionInfo:
    return ConnectionInfo(
        id=f"a6e39e-{number}",
        client=f"127.0.0.1:4182{number}",
        upstream=upstream,
        age_s=12.34,
        faults=dict.fromkeys(Direction, faults),
        forwarded_bytes={Direction.UPSTREAM: 78, Direction.DOWNSTREAM: 200 * 1024},
        held_bytes=dict.fromkeys(Direction, held),
    )


def shown(width: int, *states: ConnectionInfo) -> list[str]:
    console = Console(width=width, color_system=None)
    table, below = listing_of(states, width)
    with console.capture() as captured:
        console.print(table)
    return [*(line.rstrip() for line in captured.get().splitlines()), below]


def test_each_connection_is_a_row() -> None:
    assert shown(120, state(1), state(2, faults=LATE)) == [
        "id        client           upstream           age    up       down     held  faults",
        "a6e39e-1  127.0.0.1:41821  127.0.0.1:8181  12.3 s  78 B  200.0 KiB  1.0 KiB  none",
        "a6e39e-2  127.0.0.1:41822  127.0.0.1:8181  12.3 s  78 B  200.0 KiB  1.0 KiB  "
        "throttle 64 KiB/s, latency 250 ± 50 ms",
        "2 connections",
    ]


def test_in_80_columns_a_common_upstream_stands_below_and_only_faults_fold() -> None:
    assert shown(80, state(1, faults=LATE), state(2, held=0)) == [
        "id        client              age    up       down  faults",
        "a6e39e-1  127.0.0.1:41821  12.3 s  78 B  200.0 KiB  throttle 64 KiB/s,",
        "                                                      latency 250 ± 50 ms",
        "                                                    holds 1.0 KiB",
        "a6e39e-2  127.0.0.1:41822  12.3 s  78 B  200.0 KiB  none",
        "2 connections to 127.0.0.1:8181",
    ]


def test_upstreams_that_differ_stand_below_their_clients_there() -> None:
    assert shown(80, state(1, held=0), state(2, held=0, upstream="db:5432"))[1:] == [
        "a6e39e-1  127.0.0.1:41821   12.3 s  78 B  200.0 KiB  none",
        "          → 127.0.0.1:8181",
        "a6e39e-2  127.0.0.1:41822   12.3 s  78 B  200.0 KiB  none",
        "          → db:5432",
        "2 connections",
    ]


def test_what_others_have_named_is_no_markup_and_moves_no_cursor() -> None:
    row = shown(120, state(1, upstream="[bold]x\x1b[2J:1"))[1]
    assert "[bold]x\\x1b[2J:1" in row


@pytest.mark.parametrize(
    ("target", "states", "text"),
    [
        ("a6e39e-1", [state(1, faults=LATE), state(2)], "a6e39e-1: throttle 64 KiB/s, latency 250 ± 50 ms"),
        ("a6e39e-3", [state(1)], "a6e39e-3 ended in the meantime"),
        (ALL, [state(1), state(2)], "2 connections: no faults"),
        (ALL, [state(1), state(2, faults=LATE)], "2 connections changed"),
        (ALL, [], "no connections; `trixter defaults` changes what new ones start with"),
    ],
)
def test_a_change_is_told_by_what_has_become(target: str, states: list[ConnectionInfo], text: str) -> None:
    assert outcome(target, states) == text


def test_defaults_are_faults_and_an_end() -> None:
    assert outlook(Defaults()) == "none"
    assert outlook(Defaults(upstream=LATE, connection_duration_s=60)) == (
        "up: throttle 64 KiB/s, latency 250 ± 50 ms; reset after 60 s"
    )


def test_connections_that_are_alike_share_a_row() -> None:
    console = Console(width=80, color_system=None)
    alike = [state(number, held=0) for number in range(3)]
    table, below = listing_of([*alike, state(4, held=0, faults=LATE)], 80, is_each=False)
    with console.capture() as captured:
        console.print(table)
    assert [line.rstrip() for line in captured.get().splitlines()] == [
        "id             client              age     up       down  faults",
        "3 connections  127.0.0.1        12.3 s  234 B  600.0 KiB  none",
        "a6e39e-4       127.0.0.1:41824  12.3 s   78 B  200.0 KiB  throttle 64 KiB/s,",
        "                                                            latency 250 ± 50 ms",
    ]
    assert below == "4 connections to 127.0.0.1:8181; `--each` lists them one by one"


def test_two_that_are_alike_and_those_that_differ_have_rows_of_their_own() -> None:
    others = [state(1), state(2), state(3, upstream="db:5432"), state(4, faults=LATE)]
    assert groups_of(others) == [[each] for each in others]


def test_rates_stand_in_place_of_totals() -> None:
    now = [state(1, held=0), state(2, held=0)]
    rates = rates_between(now[:1], now, 2.0)
    assert rates == {"a6e39e-1": (0.0, 0.0), "a6e39e-2": (39.0, 102400.0)}
    console = Console(width=80, color_system=None)
    with console.capture() as captured:
        console.print(listing_of(now, 80, rates=rates)[0])
    assert [line.split()[3:] for line in captured.get().splitlines()[1:]] == [
        ["s", "0", "B/s", "0", "B/s", "none"],
        ["s", "39", "B/s", "100.0", "KiB/s", "none"],
    ]
