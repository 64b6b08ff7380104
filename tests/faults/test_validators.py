"""The ranges that settings accept."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from math import inf, nan

import pytest

from trixter.errors import SettingError
from trixter.faults.validators import (
    normalize,
    positive_seconds_of,
    rate_of,
    require_bytes,
    require_probability,
    require_switch,
    seconds_of,
    short_seconds_of,
)

NO_NUMBERS: list[object] = [None, "1", b"1", True, False, [], 1j]


@pytest.mark.parametrize(
    ("number_of", "good"),
    [
        (seconds_of, [0, 0.0, 1, 1e-9, 86_400.0]),
        (positive_seconds_of, [1, 1e-9, 86_400.0]),
        (short_seconds_of, [0, 0.0, 1, 1e-9, 60]),
        (rate_of, [0, 0.001, 1, 10**12]),
    ],
)
def test_a_number_in_the_range_stays_as_it_is(
    number_of: Callable[[str, object], float], good: list[object]
) -> None:
    for value in good:
        assert number_of("it", value) is value


@pytest.mark.parametrize("require", [require_bytes, require_probability])
def test_what_is_in_the_range_is_accepted(require: Callable[[str, object], None]) -> None:
    for value in (0, 1):
        require("it", value)


@pytest.mark.parametrize("number_of", [seconds_of, positive_seconds_of, short_seconds_of])
def test_a_time_with_its_unit_is_a_number_of_seconds(number_of: Callable[[str, object], float]) -> None:
    times: list[object] = ["250ms", timedelta(milliseconds=250), "250s", timedelta(minutes=10)]
    assert [number_of("it", value) for value in times] == [0.25, 0.25, 250, 600]


def test_a_rate_with_its_unit_is_a_number_of_bytes_per_second() -> None:
    assert [rate_of("it", value) for value in ("1mbit", "64KiB/s")] == [125_000, 65_536]


def test_a_bare_number_of_more_than_a_minute_is_refused_with_both_spellings() -> None:
    with pytest.raises(SettingError) as caught:
        short_seconds_of("delay_s", 250)
    assert str(caught.value) == (
        'delay_s must be written with its unit if it is more than a minute, "250ms" or "250s" '
        "(or timedelta(seconds=250)), not 250"
    )


@pytest.mark.parametrize(
    ("number_of", "text", "spelling"),
    [
        (seconds_of, "250", '"250ms"'),
        (seconds_of, "soon", '"2min"'),
        (rate_of, "1mbps", '"1mbit"'),
        (rate_of, "1mbps", '"64KiB/s"'),
    ],
)
def test_a_text_without_a_unit_is_refused_with_the_units(
    number_of: Callable[[str, object], float], text: str, spelling: str
) -> None:
    with pytest.raises(SettingError, match=spelling):
        number_of("it", text)


@pytest.mark.parametrize(
    ("require", "bad"),
    [
        (seconds_of, [-0.001, inf, -inf, nan, 10**400, "-1s", "1e400s", timedelta(seconds=-1)]),
        (positive_seconds_of, [0, "0s", timedelta(0), -1, inf, nan]),
        (short_seconds_of, [60.001, 10**400, -1, inf, nan, "1e400s"]),
        (rate_of, [-1, 0.0009, inf, nan, 10**400, "-1B/s", "1e400B/s", timedelta(seconds=1)]),
        (require_bytes, [-1, 0.5, 1.0, inf, nan]),
        (require_probability, [-0.001, 1.001, 2, inf, nan]),
    ],
)
def test_what_is_not_is_refused_with_its_name_and_value(
    require: Callable[[str, object], object], bad: list[object]
) -> None:
    for value in [*bad, *NO_NUMBERS]:
        with pytest.raises(SettingError) as caught:
            require("some_name", value)
        assert caught.value.name == "some_name"
        assert caught.value.value is value


def test_a_switch_is_on_or_off_and_nothing_else() -> None:
    require_switch("it", True)
    require_switch("it", False)
    for value in [0, 1, 0.0, None, "on"]:
        with pytest.raises(SettingError, match="it must be True or False"):
            require_switch("it", value)


def test_a_field_of_frozen_settings_becomes_the_number_that_it_stands_for() -> None:
    @dataclass(frozen=True)
    class Settings:
        delay_s: object

    settings = Settings("250ms")
    normalize(settings, "delay_s", seconds_of)
    assert settings.delay_s == 0.25
