"""Exceptions: all that trixter raises on purpose, and their making from the operating system's errors::

    TrixterError
    ├── SettingError             a setting is outside the range it accepts
    ├── BindError                an address cannot be listened on
    │   └── OutOfDescriptors     the process has no descriptor left to listen with
    ├── ProfileError             a file of profiles is malformed
    ├── JournalError             a file is no journal that can be replayed
    ├── SweepError               a sweep cannot begin, or has found what the test does not accept
    ├── WaitTimeout              an awaited condition did not come true in time
    │   └── RecoveryTimeout      a program did not recover in time; an AssertionError, too
    ├── ApiUnreachable           the API of a proxy does not respond
    ├── ApiError                 the API of a proxy refused a call, or failed
    ├── ConnectionNotFound       the connection has ended, or never existed
    ├── OverrideNotFound         the override was reverted, has ended, or never existed
    └── TerminatedError          an adapter ended its stream by chance; an AnyIO error, too

Except ``TerminatedError``, they stand here: a program catches them without loading what raises them.
"""

from __future__ import annotations

import errno

__all__ = [
    "ApiError",
    "ApiUnreachable",
    "BindError",
    "ConnectionNotFound",
    "JournalError",
    "OutOfDescriptors",
    "OverrideNotFound",
    "ProfileError",
    "RecoveryTimeout",
    "SettingError",
    "SweepError",
    "TrixterError",
    "WaitTimeout",
]

OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
"""A call failed because the process or the system has no room left, not because of its address or peer."""


class TrixterError(Exception):
    """The base class of all that trixter raises on purpose."""


class SettingError(TrixterError, ValueError):
    """A setting is outside the range it accepts.

    Keeps the pieces apart, so the command line can name its flag and the API its field.

    Args:
        name: The setting, with its unit, as the caller wrote it.
        value: The value that was given.
        accepts: The values that it accepts, as the end of "must be …".
    """

    def __init__(self, name: str, value: object, accepts: str) -> None:
        super().__init__(f"{name} must be {accepts}, not {value!r}")
        self.name = name
        self.value = value
        self.accepts = accepts


class BindError(TrixterError):
    """An address cannot be listened on: in use, not of this machine, or not permitted.

    Args:
        address: The address as the caller gave it.
        reason: The operating system's text.
    """

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"cannot listen on {address}: {reason}")
        self.address = address
        self.reason = reason


class OutOfDescriptors(BindError):
    """The process may not open another descriptor; the address has nothing to do with it.

    Args:
        address: The address as the caller gave it; empty if the loop itself found no descriptor.
        reason: The operating system's text.
    """

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(address, reason)
        self.args = (f"no descriptor is left to listen with: {reason}; `ulimit -n` sets how many there are",)


class ProfileError(TrixterError, ValueError):
    """A file of profiles is malformed; the error says where.

    Args:
        file: The file's path.
        where: The profile and the key at fault; empty if it is the file as a whole.
        text: The mistake.
    """

    def __init__(self, file: str, where: str, text: str) -> None:
        super().__init__(f"{file}: {where}: {text}" if where else f"{file}: {text}")
        self.file = file
        self.where = where


class JournalError(TrixterError, ValueError):
    """A file is no journal that can be replayed; the error says where.

    Args:
        file: The file's path.
        line: The number of the line, from 1; 0 if it is the file as a whole.
        text: The mistake.
    """

    def __init__(self, file: str, line: int, text: str) -> None:
        super().__init__(f"{file}:{line}: {text}" if line else f"{file}: {text}")
        self.file = file
        self.line = line


class SweepError(TrixterError):
    """A sweep cannot begin, or has found outcomes that the test does not accept."""


class WaitTimeout(TrixterError, TimeoutError):
    """An awaited condition did not come true in time.

    Args:
        wanted: The condition.
        timeout_s: The time that it was given.
        seen: The state at the end of that time.
    """

    def __init__(self, wanted: str, timeout_s: float, seen: str) -> None:
        super().__init__(f"timed out after {timeout_s:g} s waiting for {wanted}; {seen}")
        self.wanted = wanted
        self.timeout_s = timeout_s
        self.seen = seen


class RecoveryTimeout(WaitTimeout, AssertionError):
    """A program did not recover in time, though its network is good: as a failed ``assert``."""


class ApiUnreachable(TrixterError):
    """The API of a proxy does not respond.

    Args:
        url: The address that was tried.
        reason: The failure that came in place of a response.
    """

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"no API answers at {url}: {reason}")
        self.url = url
        self.reason = reason


class ApiError(TrixterError):
    """The API of a proxy refused a call, or failed.

    Args:
        status: The response's HTTP status.
        message: The response's text.
        code: The response's code of the error, such as ``cannot_listen``; empty if it has none.
    """

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(f"{message} ({status})")
        self.status = status
        self.message = message
        self.code = code


class ConnectionNotFound(TrixterError, LookupError):
    """A connection has ended, or never existed. The API answers it with 404, and the client turns that back.

    Args:
        id: The connection's.
    """

    def __init__(self, id: str) -> None:
        super().__init__(f"connection {id} not found: it has ended, or never existed")
        self.id = id


class OverrideNotFound(TrixterError, LookupError):
    """An override was reverted, its time or its connection has ended, or it never existed.

    Args:
        id: The override's.
    """

    def __init__(self, id: str) -> None:
        super().__init__(f"override {id} not found: it was reverted, has ended, or never existed")
        self.id = id


def bind_error(address: str, exc: OSError) -> BindError:
    """Return the error for a failure to listen: the address is not at fault if descriptors ran out.

    Args:
        address: The address as the caller gave it.
        exc: The operating system's refusal.
    """
    kind = OutOfDescriptors if exc.errno in OUT_OF_RESOURCES else BindError
    return kind(address, os_error_text(exc))


def os_error_text(exc: OSError) -> str:
    """Return the operating system's text, fit for the end of a line."""
    return exc.strerror.lower() if exc.strerror else str(exc)
