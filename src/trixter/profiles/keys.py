"""What a profile may say in TOML, and what each key accepts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from sys import float_info

from trixter.faults.validators import is_number

# A byte in 8 seconds. Less is a stall, and there is `hold` for that.
SLOWEST_KBIT = 0.001


@dataclass(frozen=True, slots=True)
class Key:
    """Say what one key accepts.

    Args:
        name: As it is written, with its unit.
        accepts: What it takes, as the end of "must be …".
        is_good: Whether a value is one.
    """

    name: str
    accepts: str
    is_good: Callable[[object], bool]


def _number(least: float, most: float = float_info.max) -> Callable[[object], bool]:
    def is_good(value: object) -> bool:
        return is_number(value) and least <= value <= most

    return is_good


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _text(value: object) -> bool:
    return isinstance(value, str)


KBIT = f"a number of kbit/s, {SLOWEST_KBIT} or more"
MILLISECONDS = "a number of milliseconds, 0 or more"
BYTES = "a whole number of bytes, 0 or more"
PROBABILITY = "a probability between 0.0 and 1.0"

KEYS = (
    Key("source", "text", _text),
    Key("notes", "text", _text),
    Key("down_kbit", KBIT, _number(SLOWEST_KBIT)),
    Key("up_kbit", KBIT, _number(SLOWEST_KBIT)),
    Key("bits_per_kbit", "1000 or 1024", lambda value: value in (1000, 1024)),
    Key("round_trip_ms", MILLISECONDS, _number(0)),
    Key("jitter_ms", MILLISECONDS, _number(0)),
    Key("loss_percent", "a number from 0 to 100", _number(0, 100)),
    Key("slice_size_bytes", BYTES, _whole),
    Key("slice_variation_bytes", BYTES, _whole),
    Key("slice_gap_ms", MILLISECONDS, _number(0)),
    Key("corrupt_probability", PROBABILITY, _number(0, 1)),
    Key("corrupt_mode", "'insert' or 'flip'", lambda value: value in ("insert", "flip")),
    Key("terminate_probability", PROBABILITY, _number(0, 1)),
)
"""Every key, in the order in which pages list them."""

KEYS_BY_NAME = {key.name: key for key in KEYS}
