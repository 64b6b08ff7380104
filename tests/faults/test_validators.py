"""The ranges that settings accept."""

from collections.abc import Callable
from math import inf, nan

import pytest

from trixter.errors import SettingError
from trixter.faults.validators import (
    require_bytes,
    require_probability,
    require_rate,
    require_seconds,
    require_switch,
)

NO_NUMBERS: list[object] = [None, "1", b"1", True, False, [], 1j]


@pytest.mark.parametrize(
    ("require", "good"),
    [
        (require_seconds, [0, 0.0, 1, 1e-9, 86_400.0]),
        (require_rate, [0, 0.001, 1, 10**12]),
        (require_bytes, [0, 1, 2**40]),
        (require_probability, [0, 0.0, 1e-9, 0.5, 1, 1.0]),
    ],
)
def test_what_is_in_the_range_is_accepted(require: Callable[[str, object], None], good: list[object]) -> None:
    for value in good:
        require("it", value)


@pytest.mark.parametrize(
    ("require", "bad"),
    [
        (require_seconds, [-0.001, inf, -inf, nan, 10**400]),
        (require_rate, [-1, 0.0009, inf, nan, 10**400]),
        (require_bytes, [-1, 0.5, 1.0, inf, nan]),
        (require_probability, [-0.001, 1.001, 2, inf, nan]),
    ],
)
def test_what_is_not_is_refused_with_its_name_and_value(
    require: Callable[[str, object], None], bad: list[object]
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
