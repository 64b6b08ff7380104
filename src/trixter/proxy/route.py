"""The route to an upstream: everything that the dials of a proxy have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trixter.addresses import Address
from trixter.proxy.resolver import Resolver, Target
from trixter.proxy.sockets import AS_THE_KERNEL_HAS_THEM, SocketOptions


def _do_not_care(why: str) -> None:
    """Leave a shortage to the dial."""


@dataclass(frozen=True, slots=True)
class Route:
    """Say how the upstream is reached: the same for every dial of a proxy."""

    address: Address
    literal: Target | None
    resolver: Resolver
    timeout_s: float
    options: SocketOptions = AS_THE_KERNEL_HAS_THEM
    on_short: Callable[[str], None] = _do_not_care
    """Called when a dial finds no descriptor, with the reason: the dial waits, and others should, too."""
    reset_on_failure: bool = False
    """Whether the client is reset if the upstream cannot be reached."""
