"""The loader of profiles: files of users, and the error for each mistake in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from trixter.errors import ProfileError, SettingError
from trixter.faults import Corrupt, CorruptMode, Direction, Faults, Latency, Slice, Terminate, Throttle
from trixter.profiles import FILE_VARIABLE, all_profiles, find_profile, published_profiles, read_profiles

OFFICE = """
[profiles.my-office]
down_kbit = 8000
up_kbit = 0.5
round_trip_ms = 2.5
jitter_ms = 1

[profiles.broken-lift]
source = "the one on the left"
notes = "Take the stairs."
down_kbit = 8
loss_percent = 3
slice_size_bytes = 100
slice_variation_bytes = 10
slice_gap_ms = 5
corrupt_probability = 0.5
corrupt_mode = "flip"
terminate_probability = 0.25
"""


@pytest.fixture
def office(tmp_path: Path) -> Path:
    path = tmp_path / "office.toml"
    path.write_text(OFFICE, encoding="utf-8")
    return path


def test_a_profile_has_rates_a_round_trip_and_jitter(office: Path) -> None:
    mine = read_profiles(office)["my-office"]
    latency = Latency(delay_s=0.00125, jitter_s=0.0005)
    assert mine.faults(Direction.UPSTREAM) == Faults(Throttle(rate_bytes_per_s=62), latency)
    assert mine.faults(Direction.DOWNSTREAM) == Faults(Throttle(rate_bytes_per_s=1_000_000), latency)
    assert (mine.down_kbit, mine.up_kbit, mine.round_trip_ms, mine.jitter_ms) == (8000, 0.5, 2.5, 1)
    assert mine.notes == ""


def test_a_profile_may_have_every_other_fault(office: Path) -> None:
    lift = read_profiles(office)["broken-lift"]
    assert lift.upstream == Faults(
        Slice(size_bytes=100, variation_bytes=10, gap_s=0.005),
        Corrupt(probability=0.5, mode=CorruptMode.FLIP),
        Terminate(probability=0.25),
    )
    assert lift.downstream == Faults(*lift.upstream, Throttle(rate_bytes_per_s=1000))
    assert lift.source == "the one on the left"
    assert lift.notes.startswith(
        "Take the stairs. No rate of uploads is published: they are not throttled. The"
    )


def test_a_rate_of_less_than_a_byte_stays_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "slow.toml").write_text("[profiles.slow]\nup_kbit = 0.004", encoding="utf-8")
    assert read_profiles(tmp_path / "slow.toml")["slow"].upstream == Faults(Throttle(rate_bytes_per_s=0.5))


def test_a_file_is_passed_or_named_by_the_environment(office: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FILE_VARIABLE, raising=False)
    assert all_profiles() == published_profiles()
    assert list(all_profiles(office)) == [*published_profiles(), "my-office", "broken-lift"]
    assert find_profile("my-office", office).down_kbit == 8000
    monkeypatch.setenv(FILE_VARIABLE, str(office))
    assert find_profile("my-office").down_kbit == 8000
    assert find_profile("3g").down_kbit == 1600


def test_a_name_that_is_none_is_answered_with_near_ones_or_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FILE_VARIABLE, raising=False)
    with pytest.raises(
        SettingError,
        match=r"^profile must be the name of a profile, such as chrome-slow-4g, .*, not 'chrome-slow4g'$",
    ):
        find_profile("chrome-slow4g")
    with pytest.raises(SettingError, match=r"^profile must be one of 2g, edge, .*satellite, not '\?'$"):
        find_profile("?")


WRONG = {
    "a rate": (
        '[profiles.mine]\ndown_kbit = "fast"',
        "profiles.mine.down_kbit: must be a number of kbit/s, 0.001 or more, not 'fast'",
    ),
    "no rate": (
        "[profiles.mine]\nup_kbit = 0",
        "profiles.mine.up_kbit: must be a number of kbit/s, 0.001 or more, not 0",
    ),
    "a round trip": (
        "[profiles.mine]\nround_trip_ms = -1",
        "profiles.mine.round_trip_ms: must be a number of milliseconds, 0 or more, not -1",
    ),
    "a jitter without end": (
        "[profiles.mine]\njitter_ms = inf",
        "profiles.mine.jitter_ms: must be a number of milliseconds, 0 or more, not inf",
    ),
    "a jitter that is no number": (
        "[profiles.mine]\njitter_ms = nan",
        "profiles.mine.jitter_ms: must be a number of milliseconds, 0 or more, not nan",
    ),
    "a truth": (
        "[profiles.mine]\nterminate_probability = true",
        "profiles.mine.terminate_probability: must be a probability between 0.0 and 1.0, not True",
    ),
    "a size": (
        "[profiles.mine]\nslice_size_bytes = 1.5",
        "profiles.mine.slice_size_bytes: must be a whole number of bytes, 0 or more, not 1.5",
    ),
    "a mode": (
        '[profiles.mine]\ncorrupt_mode = "swap"',
        "profiles.mine.corrupt_mode: must be 'insert' or 'flip', not 'swap'",
    ),
    "a text": ("[profiles.mine]\nnotes = 1", "profiles.mine.notes: must be text, not 1"),
    "a kbit": (
        "[profiles.mine]\nbits_per_kbit = 1001",
        "profiles.mine.bits_per_kbit: must be 1000 or 1024, not 1001",
    ),
    "two that contradict each other": (
        "[profiles.mine]\nslice_size_bytes = 8\nslice_variation_bytes = 8",
        "profiles.mine.slice_variation_bytes: must be less than slice_size_bytes, not 8",
    ),
    "a key": (
        "[profiles.mine]\ndown_kbits = 8",
        "profiles.mine.down_kbits: unknown key; there is down_kbit",
    ),
    "a name": (
        "[profiles.My_Office]\ndown_kbit = 8",
        "profiles.My_Office: the name must be lower case letters and digits, with dashes between them",
    ),
    "a name that is taken": (
        "[profiles.3g]\ndown_kbit = 8",
        "profiles.3g: is the name of a published profile",
    ),
    "no table": ("[profiles]\nmine = 1", "profiles.mine: must be a table, not 1"),
    "no tables": ("profiles = 1", "profiles: must be tables [profiles.<name>]"),
    "another table": ("[mine]\ndown_kbit = 8", "mine: must be a table [profiles.<name>]"),
    "no TOML": ("[profiles", "is no TOML: "),
}


@pytest.mark.parametrize(("text", "wrong"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_with_file_profile_key_and_range(tmp_path: Path, text: str, wrong: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ProfileError) as caught:
        read_profiles(path)
    assert str(caught.value).startswith(f"{path}: {wrong}")
    assert caught.value.file == str(path)


def test_an_unknown_key_that_is_near_none_is_answered_with_all(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[profiles.mine]\nqqq = 1", encoding="utf-8")
    with pytest.raises(ProfileError, match="unknown key; there is source, notes, down_kbit, "):
        read_profiles(tmp_path / "mine.toml")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"nowhere\.toml: cannot be read: no such file or directory"):
        read_profiles(tmp_path / "nowhere.toml")
    (tmp_path / "latin.toml").write_bytes(b"# \xe4")
    with pytest.raises(ProfileError, match=r"latin\.toml: is no UTF-8 text"):
        read_profiles(tmp_path / "latin.toml")
