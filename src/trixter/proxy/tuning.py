"""Tuning: limits and time-outs of a proxy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict, Unpack

from trixter.errors import SettingError
from trixter.faults.validators import (
    normalize,
    positive_seconds_of,
    require_bytes,
    require_switch,
    seconds_of,
)
from trixter.proxy.sockets import SocketOptions
from trixter.units import Seconds

LIMIT_BYTES = 4 * 1024 * 1024
CONNECT_TIMEOUT_S = 10.0

# As Go's net package does, and so most proxies that are written in it.
KEEPALIVE_S = 15.0


class TuningKeywords(TypedDict, total=False):
    """The keywords of ``Tuning``, for functions that pass them on."""

    buffer_limit_bytes: int
    socket_buffer_bytes: int
    connect_timeout_s: Seconds
    keepalive_s: Seconds
    idle_timeout_s: Seconds
    reset_unreachable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """Limits, time-outs and socket options: settings that are neither an address nor a fault.

    Args:
        buffer_limit_bytes: Held per direction of a connection before reading from its source pauses.
        socket_buffer_bytes: Asked of the kernel for each socket's send and receive buffer; 0 leaves its own.
        connect_timeout_s: For the upstream to answer.
        keepalive_s: TCP keep-alive on both sides: a peer that was silent for so long is probed, and again
            after each such time; after 9 probes without an answer, its connection is lost. In whole seconds,
            rounded up; 0 is off.
        idle_timeout_s: A connection on which no byte moved for so long is reset, at most a quarter of it
            late; 0 is never.
        reset_unreachable: A client whose upstream cannot be reached is reset, and not ended in the ordinary
            way.

    Raises:
        SettingError: If a setting is outside its range.
    """

    buffer_limit_bytes: int = LIMIT_BYTES
    socket_buffer_bytes: int = 0
    connect_timeout_s: float = CONNECT_TIMEOUT_S
    keepalive_s: float = KEEPALIVE_S
    idle_timeout_s: float = 0.0
    reset_unreachable: bool = False

    if TYPE_CHECKING:

        def __init__(self, **settings: Unpack[TuningKeywords]) -> None: ...

    def __post_init__(self) -> None:
        if not isinstance(self.buffer_limit_bytes, int) or self.buffer_limit_bytes < 1:
            raise SettingError(
                "buffer_limit_bytes", self.buffer_limit_bytes, "a whole number of bytes, 1 or more"
            )
        require_bytes("socket_buffer_bytes", self.socket_buffer_bytes)
        normalize(self, "connect_timeout_s", positive_seconds_of)
        normalize(self, "keepalive_s", seconds_of)
        normalize(self, "idle_timeout_s", seconds_of)
        require_switch("reset_unreachable", self.reset_unreachable)

    @property
    def socket_options(self) -> SocketOptions:
        """What the sockets of both sides have."""
        return SocketOptions(self.socket_buffer_bytes, self.keepalive_s)
