"""Everything trixter raises on purpose.

TrixterError
├── SettingError   a knob was given a value it cannot take
└── BindError      an address cannot be listened on
"""

from __future__ import annotations

__all__ = ["BindError", "SettingError", "TrixterError"]


class TrixterError(Exception):
    """Catch what trixter raises on purpose, and nothing else."""


class SettingError(TrixterError, ValueError):
    """Say that a setting is outside the range it accepts.

    Keeps the pieces apart, so the command line can name its flag and the API its field.

    Args:
        name: The setting, with its unit, as the caller wrote it.
        value: What was given.
        accepts: What would have been taken, as the end of "must be …".
    """

    def __init__(self, name: str, value: object, accepts: str) -> None:
        super().__init__(f"{name} must be {accepts}, not {value!r}")
        self.name = name
        self.value = value
        self.accepts = accepts


class BindError(TrixterError):
    """Say that an address cannot be listened on: in use, not ours, or not permitted.

    Args:
        address: The address as it was asked for.
        reason: The operating system's words.
    """

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"cannot listen on {address}: {reason}")
        self.address = address
        self.reason = reason
