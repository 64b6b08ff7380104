"""The published profiles: their numbers, as they were published, and the faults that those become."""

from __future__ import annotations

import pytest

from trixter.faults import Faults, Latency, Throttle
from trixter.profiles import find_profile, published_profiles

# down kbit/s, up kbit/s, round trip in ms, and what a kbit is
NUMBERS: dict[str, tuple[float, float | None, int, int]] = {
    "2g": (35, 32, 1300, 1000),
    "edge": (240, 200, 840, 1000),
    "3g-slow": (780, 330, 200, 1000),
    "3g": (1600, 768, 300, 1000),
    "3g-fast": (1600, 768, 150, 1000),
    "dial": (49, 30, 120, 1000),
    "dsl": (1500, 384, 50, 1000),
    "cable": (5000, 1000, 28, 1000),
    "fios": (20000, 5000, 4, 1000),
    "chrome-3g": (500, 500, 400, 1000),
    "chrome-slow-4g": (1600, 750, 150, 1000),
    "chrome-fast-4g": (9000, 1500, 60, 1000),
    "firefox-gprs": (50, 20, 500, 1024),
    "firefox-regular-2g": (250, 50, 300, 1024),
    "firefox-good-2g": (450, 150, 150, 1024),
    "firefox-regular-3g": (750, 250, 100, 1024),
    "firefox-good-3g": (1536, 750, 40, 1024),
    "firefox-4g": (4096, 3072, 20, 1024),
    "firefox-dsl": (2048, 1024, 5, 1024),
    "firefox-wifi": (30720, 15360, 2, 1024),
    "lighthouse-slow-4g": (1638, 750, 150, 1000),
    "lighthouse-3g": (700, 700, 300, 1000),
    "comcast-gprs": (50, None, 500, 1000),
    "comcast-edge": (250, None, 300, 1000),
    "comcast-3g": (750, None, 250, 1000),
    "satellite": (2000, None, 600, 1000),
}

LOSSES = {"comcast-gprs": 2, "comcast-edge": 1.5, "comcast-3g": 1.5, "satellite": 0.5}


def rate_of(faults: Faults) -> float:
    return (faults.find(Throttle) or Throttle()).rate_bytes_per_s


def test_there_are_these_and_no_others() -> None:
    assert list(published_profiles()) == list(NUMBERS)


@pytest.mark.parametrize(("name", "numbers"), NUMBERS.items(), ids=NUMBERS)
def test_a_profile_has_the_published_numbers(
    name: str, numbers: tuple[float, float | None, int, int]
) -> None:
    down_kbit, up_kbit, round_trip_ms, bits_per_kbit = numbers
    profile = find_profile(name)
    assert (profile.name, profile.down_kbit, profile.up_kbit) == (name, down_kbit, up_kbit)
    assert rate_of(profile.downstream) == down_kbit * bits_per_kbit / 8
    assert rate_of(profile.upstream) == (up_kbit or 0) * bits_per_kbit / 8
    delays = [
        (faults.find(Latency) or Latency()).delay_s for faults in (profile.upstream, profile.downstream)
    ]
    assert sum(delays) * 1000 == pytest.approx(round_trip_ms)
    assert max(delays) - min(delays) <= 0.001001


@pytest.mark.parametrize("name", NUMBERS)
def test_a_profile_can_be_set_over_the_api(name: str) -> None:
    for faults in (find_profile(name).upstream, find_profile(name).downstream):
        assert float(rate_of(faults)).is_integer()
        assert ((faults.find(Latency) or Latency()).delay_s * 1000) % 1 == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("name", NUMBERS)
def test_a_profile_has_a_source_and_says_what_is_not_imitated(name: str) -> None:
    profile = find_profile(name)
    assert ": " in profile.source
    assert profile.loss_percent == LOSSES.get(name, 0)
    assert (f"loss of {profile.loss_percent:g} % is not imitated" in profile.notes) == (name in LOSSES)
    assert ("No rate of uploads is published" in profile.notes) == (profile.up_kbit is None)


def test_jitter_of_the_round_trip_is_shared_by_the_directions() -> None:
    satellite = find_profile("satellite")
    assert satellite.jitter_ms == 100
    assert satellite.upstream.find(Latency) == Latency(delay_s=0.3, jitter_s=0.05)
    assert satellite.downstream.find(Latency) == Latency(delay_s=0.3, jitter_s=0.05)
