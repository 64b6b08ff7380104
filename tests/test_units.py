"""Times and rates as text: what each unit stands for, and that a number that is written is read again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trixter.units import format_rate, format_seconds, parse_rate, parse_seconds

numbers = st.floats(0, allow_infinity=False, allow_nan=False) | st.integers(0, 2**53)


@given(numbers)
def test_a_time_that_is_written_is_read_as_the_same_number(seconds: float) -> None:
    assert parse_seconds(format_seconds(seconds)) == seconds


@given(numbers)
def test_a_rate_that_is_written_is_read_as_the_same_number(rate_bytes_per_s: float) -> None:
    assert parse_rate(format_rate(rate_bytes_per_s)) == rate_bytes_per_s


@given(st.integers(0, 2**53))
def test_milliseconds_are_the_seconds_that_the_api_makes_of_them(delay_ms: int) -> None:
    assert parse_seconds(f"{delay_ms}ms") == delay_ms / 1000


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("290ms", 0.29),
        ("20us", 0.00002),
        ("1.5s", 1.5),
        (".5 s", 0.5),
        ("2min", 120),
        ("1h", 3600),
        (" 1e-3 s ", 0.001),
        ("-1s", -1),
    ],
)
def test_a_time_has_one_of_these_units(text: str, seconds: float) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "rate_bytes_per_s"),
    [
        ("8bit", 1),
        ("1mbit", 125_000),
        ("1Mbit/s", 125_000),
        ("512kbit", 64_000),
        ("1gbit", 125_000_000),
        ("100B/s", 100),
        ("500kB/s", 500_000),
        ("2MB/s", 2_000_000),
        ("64KiB/s", 65_536),
        ("1.5 MiB/s", 1_572_864),
    ],
)
def test_a_rate_has_one_of_these_units(text: str, rate_bytes_per_s: float) -> None:
    assert parse_rate(text) == rate_bytes_per_s


@pytest.mark.parametrize(
    "text", ["", "250", "ms", "250m", "250MS", "1:30", "1m30s", "1,5s", "nans", "infs", "\u0663s"]
)
def test_any_other_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^no (number with a )?unit"):
        parse_seconds(text)


@pytest.mark.parametrize(
    "text",
    # tc reads kbps as bytes, and all others as bits; b is a bit or a byte, K is 1000 or 1024; per what?
    ["1mbps", "1Mbps", "56kbps", "1bps", "1Mb/s", "1mb/s", "1KB/s", "64KiB", "5MB", "1m", "1k", "100", ""],
)
def test_a_rate_that_is_read_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^no (number with a )?unit"):
        parse_rate(text)
