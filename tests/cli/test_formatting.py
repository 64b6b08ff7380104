"""Numbers and faults as people read them."""

from __future__ import annotations

import pytest

from trixter.cli import formatting
from trixter.faults import (
    CATALOGUE,
    NO_FAULTS,
    Corrupt,
    CorruptMode,
    Direction,
    Fault,
    Faults,
    Freeze,
    Latency,
    Slice,
    Terminate,
    Throttle,
)
from trixter.faults.entry import Entry


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (2**20 - 1, "1.0 MiB"),
        (5 * 2**30, "5.0 GiB"),
        (2**64, "16.0 EiB"),
        (2**80, "1048576.0 EiB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert formatting.size(count) == text


@pytest.mark.parametrize(
    ("bytes_per_s", "text"),
    [
        (65536, "64 KiB/s"),
        (30_000, "30 kB/s"),
        (1_500_000, "1.5 MB/s"),
        (625_000, "625 kB/s"),
        (96_000, "96 kB/s"),
        (2**20, "1 MiB/s"),
        (1024 * 1024 + 256 * 1024, "1.25 MiB/s"),
        (12_345, "12,345 B/s"),
        (100, "100 B/s"),
        (0.5, "0.5 B/s"),
        (2**64 - 1, "18,446,744,073,709,551,615 B/s"),
    ],
)
def test_rates_are_not_rounded(bytes_per_s: float, text: str) -> None:
    assert formatting.rate(bytes_per_s) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.0 ms"),
        (0.00999, "9.9 ms"),
        (0.9999, "999 ms"),
        (1.0, "1.0 s"),
        (59.99, "59.9 s"),
        (60, "1m00s"),
        (3599.9, "59m59s"),
        (3600, "1h00m"),
        (86_399, "23h59m"),
        (90_000, "1d01h"),
    ],
)
def test_ages(seconds: float, text: str) -> None:
    assert formatting.age(seconds) == text


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (Latency(delay_s=0.25), "latency 250 ms"),
        (Latency(delay_s=0.29), "latency 290 ms"),
        (Latency(delay_s=0.0005), "latency 0.5 ms"),
        (Latency(delay_s=1.3), "latency 1.3 s"),
        (Latency(delay_s="1h"), "latency 3600 s"),
        (Latency(delay_s=0.25, jitter_s=0.05), "latency 250 ± 50 ms"),
        (Throttle(rate_bytes_per_s=65536), "throttle 64 KiB/s"),
        (Slice(size_bytes=1400), "slice 1,400 B"),
        (Slice(size_bytes=16, variation_bytes=4, gap_s=0.005), "slice 12 to 16 B every 5 ms"),
        (Corrupt(probability=0.02), "corrupt 2 %"),
        (Corrupt(probability=0.0001, mode=CorruptMode.FLIP), "corrupt 0.01 % by flips"),
        (Terminate(probability=1), "terminate 100 %"),
        (Latency(delay_s=0.25, name="spike"), "latency 250 ms (spike)"),
        (Freeze(is_on=True, name="\x1b[2J"), "freeze (\\x1b[2J)"),
    ],
)
def test_faults_with_their_numbers(fault: Fault, text: str) -> None:
    assert formatting.fault(fault) == text


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.name)
def test_every_fault_is_called_by_its_name(entry: Entry) -> None:
    assert formatting.fault(entry.kind()).startswith(entry.name)


LATE, SLOW = Latency(delay_s=0.1), Throttle(rate_bytes_per_s=1000)


@pytest.mark.parametrize(
    ("up", "down", "text"),
    [
        (NO_FAULTS, NO_FAULTS, "none"),
        (Faults(LATE, SLOW), Faults(LATE, SLOW), "throttle 1 kB/s, latency 100 ms"),
        (Faults(LATE), NO_FAULTS, "up: latency 100 ms"),
        (Faults(LATE), Faults(LATE, SLOW), "latency 100 ms; down: throttle 1 kB/s"),
        (Faults(LATE), Faults(SLOW), "up: latency 100 ms; down: throttle 1 kB/s"),
    ],
)
def test_what_the_directions_share_is_said_once(up: Faults, down: Faults, text: str) -> None:
    assert formatting.faults({Direction.UPSTREAM: up, Direction.DOWNSTREAM: down}) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "no connections"), (1, "1 connection"), (2000, "2,000 connections")]
)
def test_connections_are_counted(count: int, text: str) -> None:
    assert formatting.counted(count) == text


def test_counters_are_a_list_with_the_largest_first() -> None:
    assert (
        formatting.tally({"closed": 2, "reset": 3000, "duration": 2}) == "3,000 reset, 2 closed, 2 duration"
    )
    assert formatting.traffic(234, 1434) == "↑ 234 B ↓ 1.4 KiB"
