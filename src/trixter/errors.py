"""Everything trixter raises on purpose, and how the operating system's errors become it.

TrixterError
├── SettingError             a setting is outside the range it accepts
├── BindError                an address cannot be listened on
│   └── OutOfDescriptors     the process has no descriptor left to listen with
├── ConnectionNotFound       the connection is over, or never was
├── ProfileError             a file of profiles is not as it should be
├── WaitTimeout              what was waited for did not come
├── ApiUnreachable           the API of a proxy does not answer
├── ApiError                 the API of a proxy refused a call, or failed
├── ConnectionNotFound       the connection is over, or never was
├── OverrideNotFound         the override was reverted, or has ended, or never was
└── TerminatedError          an adapter ended its stream by chance (trixter.netem: it is an AnyIO error, too)

Except ``TerminatedError``, they stand here: a program catches them without loading what raises them.
"""

from __future__ import annotations

import errno

__all__ = [
    "ApiError",
    "ApiUnreachable",
    "BindError",
    "ConnectionNotFound",
    "OutOfDescriptors",
    "OverrideNotFound",
    "ProfileError",
    "SettingError",
    "TrixterError",
    "WaitTimeout",
]

OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
"""A call failed because the process or the system has no room left, not because of its address or peer."""


class TrixterError(Exception):
    """Catch what trixter raises on purpose, and nothing else."""


class SettingError(TrixterError, ValueError):
    """A setting is outside the range it accepts.

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
    """An address cannot be listened on: in use, not of this machine, or not permitted.

    Args:
        address: The address as it was asked for.
        reason: The operating system's words.
    """

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"cannot listen on {address}: {reason}")
        self.address = address
        self.reason = reason


class OutOfDescriptors(BindError):
    """The process may not open another descriptor; the address has nothing to do with it.

    Args:
        address: The address as it was asked for; empty where it was the loop that found none.
        reason: The operating system's words.
    """

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(address, reason)
        self.args = (f"no descriptor is left to listen with: {reason}; `ulimit -n` sets how many there are",)


class ProfileError(TrixterError, ValueError):
    """A file of profiles is not as it should be: what is wrong, and where.

    Args:
        file: The file's path.
        where: The profile and the key at fault; empty if it is the file as a whole.
        text: What is wrong.
    """

    def __init__(self, file: str, where: str, text: str) -> None:
        super().__init__(f"{file}: {where}: {text}" if where else f"{file}: {text}")
        self.file = file
        self.where = where


class WaitTimeout(TrixterError, TimeoutError):
    """What was waited for did not come in time; and what was seen instead.

    Args:
        wanted: What was waited for.
        timeout_s: For how long.
        seen: What was there in the end.
    """

    def __init__(self, wanted: str, timeout_s: float, seen: str) -> None:
        super().__init__(f"waited {timeout_s:g} s in vain for {wanted}; {seen}")
        self.wanted = wanted
        self.timeout_s = timeout_s
        self.seen = seen


class ApiUnreachable(TrixterError):
    """The API of a proxy does not answer.

    Args:
        url: Where it was looked for.
        reason: What happened instead of an answer.
    """

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"no API answers at {url}: {reason}")
        self.url = url
        self.reason = reason


class ApiError(TrixterError):
    """The API of a proxy refused a call, or failed.

    Args:
        status: The answer's HTTP status.
        message: The answer's own words.
        code: The answer's word for what went wrong, such as ``conflict``; empty if it has none.
    """

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(f"{message} ({status})")
        self.status = status
        self.message = message
        self.code = code


class ConnectionNotFound(TrixterError, LookupError):
    """A connection is over, or never was. The API answers it with 404, and the client turns that back.

    Args:
        id: The connection's.
    """

    def __init__(self, id: str) -> None:
        super().__init__(f"connection {id} not found: it is over, or never was")
        self.id = id


class OverrideNotFound(TrixterError, LookupError):
    """An override was reverted, or its time or its connection is over, or it never was.

    Args:
        id: The override's.
    """

    def __init__(self, id: str) -> None:
        super().__init__(f"override {id} not found: it was reverted, or is over, or never was")
        self.id = id


def bind_error(address: str, exc: OSError) -> BindError:
    """Return what to raise when listening fails: the address is not at fault if descriptors ran out.

    Args:
        address: The address as it was asked for.
        exc: The operating system's refusal.
    """
    kind = OutOfDescriptors if exc.errno in OUT_OF_RESOURCES else BindError
    return kind(address, os_error_text(exc))


def os_error_text(exc: OSError) -> str:
    """Return the operating system's words, fit for the end of a line."""
    return exc.strerror.lower() if exc.strerror else str(exc)
