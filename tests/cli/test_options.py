"""The settings of the proxy that follow from options."""

from __future__ import annotations

from contextlib import nullcontext

import click
import pytest

from trixter.cli.options import FaultFlags, Options
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
from trixter.proxy import Defaults
from trixter.proxy.tuning import Tuning


def test_without_faults_connections_are_calm() -> None:
    assert Options(listen="a:1", upstream="b:2").defaults() == Defaults()


def test_faults_hold_in_both_directions_in_seconds_and_bytes() -> None:
    options = Options(
        listen="a:1",
        upstream="b:2",
        faults=FaultFlags(
            {
                "delay_ms": 250,
                "throttle_rate_bytes": 65536,
                "slice_size_bytes": 16,
                "corrupt_probability_rate": 0.02,
                "terminate_probability_rate": 0.05,
            }
        ),
        connection_duration_ms=1500,
    )
    faults = Faults(
        Latency(delay_s=0.25),
        Throttle(rate_bytes_per_s=65536),
        Slice(size_bytes=16),
        Corrupt(probability=0.02),
        Terminate(probability=0.05),
    )
    assert options.defaults() == Defaults(upstream=faults, downstream=faults, connection_duration_s=1.5)


def test_a_setting_that_was_not_given_stays() -> None:
    former = Faults(
        Latency(delay_s=0.25, jitter_s=0.05),
        Slice(size_bytes=100, variation_bytes=50),
        Corrupt(probability=0.5, mode=CorruptMode.FLIP),
        Freeze(is_on=True),
    )
    flags = FaultFlags({"jitter_ms": 20, "slice_gap_ms": 10, "corrupt_probability_rate": 0.1})
    assert flags.over(former, Direction.UPSTREAM) == Faults(
        Latency(delay_s=0.25, jitter_s=0.02),
        Slice(size_bytes=100, variation_bytes=50, gap_s=0.01),
        Corrupt(probability=0.1, mode=CorruptMode.FLIP),
        Freeze(is_on=True),
    )


def test_a_delay_of_minutes_stays_when_the_jitter_is_set() -> None:
    before = Faults(Latency(delay_s="5min"))
    changes = FaultFlags({"jitter_ms": 5}).changes_of(before, Direction.UPSTREAM)
    assert changes == [Latency(delay_s="5min", jitter_s=0.005)]


def test_a_setting_that_contradicts_another_one_is_refused_by_the_names_of_the_flags() -> None:
    flags = FaultFlags({"slice_size_bytes": 10, "slice_variation_bytes": 10})
    with pytest.raises(click.UsageError) as caught:
        flags.over(NO_FAULTS, Direction.UPSTREAM)
    assert caught.value.message == "--slice-variation-bytes must be less than --slice-size-bytes, not 10"


SLICED = Faults(Slice(size_bytes=100))


@pytest.mark.parametrize(
    ("values", "bases", "is_in_vain"),
    [
        ({"slice_gap_ms": 5}, [NO_FAULTS, NO_FAULTS], True),
        ({"slice_gap_ms": 5}, [NO_FAULTS, SLICED], False),
        ({"slice_gap_ms": 5, "slice_size_bytes": 0}, [NO_FAULTS, NO_FAULTS], False),
        ({"slice_gap_ms": 0}, [NO_FAULTS, NO_FAULTS], False),
        ({"jitter_ms": 5}, [NO_FAULTS, NO_FAULTS], False),
    ],
    ids=["no size", "a profile's size", "switched off", "its default", "jitter alone is a fault"],
)
def test_a_setting_of_a_fault_that_stays_off_is_refused(
    values: dict[str, int], bases: list[Faults], is_in_vain: bool
) -> None:
    refused = pytest.raises(click.UsageError, match="--slice-gap-ms needs --slice-size-bytes beside it")
    with refused if is_in_vain else nullcontext():
        FaultFlags(values).require_effect(*bases)


def test_zero_switches_a_fault_off() -> None:
    flags = FaultFlags({"delay_ms": 0, "throttle_rate_bytes": 0, "freeze": False})
    former = Faults(Latency(delay_s=0.25), Throttle(rate_bytes_per_s=9), Freeze(is_on=True))
    assert flags.over(former, Direction.UPSTREAM) == NO_FAULTS


def test_flags_of_faults_are_taken_out_of_the_others() -> None:
    values = {"delay_ms": 250, "jitter_ms": None, "listen": "a:1", "freeze": False}
    assert FaultFlags.taken_from(values) == FaultFlags({"delay_ms": 250, "freeze": False})
    assert values == {"listen": "a:1"}


def test_the_largest_numbers_mean_something_too() -> None:
    most = 2**64 - 1
    flags = FaultFlags({"delay_ms": most, "throttle_rate_bytes": most, "slice_size_bytes": most})
    options = Options(listen="a:1", upstream="b:2", faults=flags)
    assert options.defaults().upstream.find(Slice) == Slice(size_bytes=most)


def test_times_are_in_seconds_behind_the_flags() -> None:
    options = Options(
        listen="a:1",
        upstream="b:2",
        connect_timeout_ms=250,
        keepalive_ms=2500,
        idle_timeout_ms=500,
        on_unreachable="reset",
    )
    tuning = options.tuning()
    assert (tuning["connect_timeout_s"], tuning["keepalive_s"], tuning["idle_timeout_s"]) == (0.25, 2.5, 0.5)
    assert tuning["reset_unreachable"]


def test_without_flags_the_tuning_is_that_of_a_proxy() -> None:
    assert Tuning(**Options(listen="a:1", upstream="b:2").tuning()) == Tuning()
