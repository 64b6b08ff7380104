"""The screen of `trixter watch`: samples become rates and rows, keys become commands."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from rich.console import Console

from tests.cli.test_tables import LATE, state
from trixter.cli.screen import (
    KEPT,
    Leave,
    Rates,
    Sample,
    Sort,
    State,
    keys_of,
    picture_of,
    press,
    rows_of,
    sparkline,
)
from trixter.control import ALL, ConnectionInfo, Override, ProxyInfo, ReplaceFaults, Stats
from trixter.control.commands import Apply, EndConnections
from trixter.control.overrides import LIVE
from trixter.faults import Direction
from trixter.profiles import published_profiles
from trixter.settings import Availability, Defaults

PROFILES = {name: published_profiles()[name] for name in ("2g", "edge")}
NOTHING = State()
IDS = ["a6e39e-1", "a6e39e-2"]


def sample(
    at_s: float = 0.0,
    *connections: ConnectionInfo,
    down: int = 0,
    availability: Availability = Availability.UP,
) -> Sample:
    stats = Stats(
        connections_accepted=1234, connections_open=2, bytes_upstream=78, bytes_downstream=down, ended={}
    )
    proxy = ProxyInfo(
        listen=("127.0.0.1:8080", "[::1]:8080"),
        upstream="127.0.0.1:8181",
        availability=availability,
        stats=stats,
    )
    return Sample(at_s, proxy, Defaults(upstream=LATE), connections)


def moved(number: int, down: int) -> ConnectionInfo:
    """Return a connection through which so many bytes have come down."""
    former = state(number)
    passed = {Direction.UPSTREAM: 78, Direction.DOWNSTREAM: down}
    return ConnectionInfo(
        **{name: getattr(former, name) for name in former.__slots__} | {"forwarded_bytes": passed}
    )


def shown(
    now: Sample,
    rates: Rates,
    on: State = NOTHING,
    columns: int = 80,
    lines: int = 24,
) -> list[str]:
    console = Console(width=columns, height=lines, color_system=None)
    with console.capture() as captured:
        console.print(picture_of(now, rates, on, PROFILES, columns, lines))
    return [line.rstrip() for line in captured.get().splitlines()]


def test_a_rate_is_the_difference_of_two_samples() -> None:
    rates = Rates()
    rates.add(sample(10.0, moved(1, 1000), down=5000))
    assert rates.of("a6e39e-1") == rates.of(ALL) == (0.0, 0.0)
    rates.add(sample(12.0, moved(1, 3000), moved(2, 500), down=7500))
    assert rates.of("a6e39e-1") == (0.0, 1000.0)
    assert rates.of("a6e39e-2") == (39.0, 250.0)  # opened since: all of its bytes are new
    assert rates.of(ALL) == (0.0, 1250.0)


def test_what_ended_is_forgotten_and_a_history_is_bounded() -> None:
    rates = Rates()
    for second in range(3 * KEPT):
        rates.add(sample(float(second), moved(1, 1000 * second)))
    assert len(rates.sparkline("a6e39e-1")) == KEPT
    rates.add(sample(100.0))
    assert rates.sparkline("a6e39e-1") == ""


def test_two_samples_of_one_moment_are_no_rate() -> None:
    rates = Rates()
    rates.add(sample(1.0, moved(1, 0)))
    rates.add(sample(1.0, moved(1, 9000)))
    assert rates.of("a6e39e-1") == (0.0, 0.0)


@pytest.mark.parametrize(
    ("values", "bars"), [([], ""), ([0, 0], "  "), ([0, 1, 50, 100], " ▁▅█"), ([7, 7], "██")]
)
def test_a_sparkline_is_as_high_as_its_largest_value(values: Sequence[float], bars: str) -> None:
    assert sparkline(values) == bars


@pytest.mark.parametrize(
    ("selected", "key", "then"),
    [
        ("", "down", IDS[0]),
        ("", "up", IDS[1]),
        (IDS[0], "down", IDS[1]),
        (IDS[1], "down", IDS[1]),
        (IDS[0], "up", IDS[0]),
        ("ended", "down", IDS[0]),
        (IDS[0], "a", ALL),
        (ALL, "down", IDS[0]),
    ],
)
def test_arrows_select_a_row(selected: str, key: str, then: str) -> None:
    assert press(key, State(selected=selected), IDS, PROFILES) == (State(selected=then), None)


def test_without_rows_there_is_nothing_to_select() -> None:
    assert press("down", State(), [], PROFILES)[0].selected == ""


CLEARED = ReplaceFaults.everything()
TWO_G = {each: ReplaceFaults.everything(*PROFILES["2g"].faults(each)) for each in Direction}


@pytest.mark.parametrize(
    ("selected", "key", "command", "message"),
    [
        (IDS[0], "k", EndConnections(target=IDS[0], reason="via trixter watch", reset=False), "closed"),
        (IDS[0], "r", EndConnections(target=IDS[0], reason="via trixter watch", reset=True), "reset"),
        (ALL, "r", EndConnections(target=ALL, reason="via trixter watch", reset=True), "reset"),
        (IDS[0], "c", Override(target=IDS[0], upstream=CLEARED, downstream=CLEARED), "no faults"),
        (
            ALL,
            "1",
            Override(target=LIVE, upstream=TWO_G[Direction.UPSTREAM], downstream=TWO_G[Direction.DOWNSTREAM]),
            "2g",
        ),
    ],
)
def test_a_key_changes_what_is_selected(
    selected: str, key: str, command: EndConnections | Override, message: str
) -> None:
    after, sent = press(key, State(selected=selected), IDS, PROFILES)
    assert sent == (Apply(override=command, permanent=True) if isinstance(command, Override) else command)
    assert after.message.endswith(f": {message}")


@pytest.mark.parametrize("selected", ["", "ended"])
@pytest.mark.parametrize("key", ["k", "r", "c", "1"])
def test_a_key_without_a_selection_changes_nothing(selected: str, key: str) -> None:
    after, sent = press(key, State(selected=selected), IDS, PROFILES)
    assert sent is None
    assert after.message.startswith("select a connection first")


@pytest.mark.parametrize("key", ["9", "x", "0", "\r"])
def test_other_keys_do_nothing(key: str) -> None:
    assert press(key, State(selected=ALL), IDS, PROFILES) == (State(selected=ALL), None)


def test_p_pauses_s_sorts_and_q_leaves() -> None:
    paused, _ = press("p", State(), IDS, PROFILES)
    assert paused.is_paused
    assert not press(" ", paused, IDS, PROFILES)[0].is_paused
    sorts, now = [], State()
    for _ in Sort:
        now, _ = press("s", now, IDS, PROFILES)
        sorts.append(now.sort)
    assert sorts == [Sort.RATE, Sort.BYTES, Sort.OLDEST]
    with pytest.raises(Leave):
        press("q", State(), IDS, PROFILES)


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"k", ["k"]),
        (b"\x1b[A\x1bOB", ["up", "down"]),
        (b"K1\x1b[Bq", ["k", "1", "down", "q"]),
        (b"\x1b[5~", []),
        (b"\x1b", []),
        (b"\xff", []),
    ],
)
def test_bytes_of_a_terminal_are_keys(data: bytes, keys: list[str]) -> None:
    assert keys_of(data) == keys


def test_rows_are_sorted() -> None:
    rates = Rates()
    rates.add(sample(0.0, moved(1, 9000), moved(2, 0)))
    now = sample(1.0, moved(1, 9001), moved(2, 500))
    rates.add(now)
    assert [[each.id for each in rows_of(now, rates, sort)] for sort in Sort] == [IDS, IDS[::-1], IDS]


def test_the_screen_of_80_columns() -> None:
    rates = Rates()
    rates.add(sample(0.0, state(1, faults=LATE), moved(2, 0)))
    now = sample(1.0, state(1, faults=LATE), moved(2, 2048), down=2**20)
    rates.add(now)
    assert shown(now, rates, State(selected=IDS[0])) == [
        "127.0.0.1:8080, [::1]:8080 → 127.0.0.1:8181",
        "faults for new connections: up: throttle 64 KiB/s, latency 250 ± 50 ms",
        "1,234 connections accepted · ↑ 78 B ↓ 1.0 MiB · ↑ 0 B/s ↓ 1.0 MiB/s █",
        "id       client             age      ↑ rate      ↓ rate        faults",
        "a6e39e-1 127.0.0.1:41821 12.3 s       0 B/s       0 B/s        throttle 64 KiB/…",
        "a6e39e-2 127.0.0.1:41822 12.3 s       0 B/s   2.0 KiB/s █      none",
        "2 connections · oldest first",
        "a6e39e-1: throttle 64 KiB/s, latency 250 ± 50 ms",
        "↑↓ select  a all  k kill  r reset  c clear  1-9 profile  s sort  p pause  q quit",
        "1 2g  2 edge",
    ]


def test_a_wide_screen_has_upstreams_and_totals() -> None:
    heading, row = shown(sample(0.0, state(1)), Rates(), columns=160)[3:5]
    assert heading.split()[:4] == ["id", "client", "upstream", "age"]
    assert "127.0.0.1:8181" in row
    assert "200.0 KiB" in row


def test_a_narrow_screen_has_whole_ids_and_rates() -> None:
    rates = Rates()
    rates.add(sample(0.0, moved(1, 0)))
    now = sample(1.0, moved(1, 2048), down=2**20)
    rates.add(now)
    screen = shown(now, rates, columns=40)
    assert screen[3:5] == [
        "id            ↑ rate      ↓ rate faults",
        "a6e39e-1       0 B/s   2.0 KiB/s none",
    ]


def test_of_the_rates_of_all_the_newest_are_shown() -> None:
    rates = Rates()
    for second, down in enumerate([0] * 12 + [2**33]):
        rates.add(now := sample(second, down=down))
    totals = shown(now, rates)[2]
    assert (len(totals), totals[-1]) == (80, "█")


@pytest.mark.parametrize("lines", [10, 12, 24, 40])
@pytest.mark.parametrize("columns", [40, 80, 160])
def test_a_screen_fits_its_terminal_and_shows_the_selected_row(lines: int, columns: int) -> None:
    connections = [state(number) for number in range(100)]
    on = State(selected="a6e39e-60", is_paused=True)
    screen = shown(sample(0.0, *connections), Rates(), on, columns=columns, lines=lines)
    assert len(screen) <= lines
    assert max(map(len, screen)) <= columns
    assert any(line.startswith("a6e39e-60") for line in screen)
    assert any("of 100 connections" in line for line in screen)


def test_an_availability_other_than_up_is_shown_and_names_are_no_markup() -> None:
    now = sample(0.0, state(1, upstream="[bold]x\x1b[2J:1"), availability=Availability.REFUSING)
    screen = shown(now, Rates(), columns=160)
    assert screen[0].endswith("127.0.0.1:8181  (refusing)")
    assert "[bold]x\\x1b[2J:1" in screen[4]
