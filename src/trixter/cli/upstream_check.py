"""The check of the upstream at the start: a warning if nothing answers there yet."""

from __future__ import annotations

import logging
import os
from ipaddress import ip_address

from trixter.addresses import Address, split_host_port
from trixter.proxy.dial import Dialer, DialTarget
from trixter.proxy.end_reason import EndReason
from trixter.proxy.loop import LoopContext
from trixter.proxy.resolver import Answer, Resolver, Target, literal_target
from trixter.proxy.sockets import Socket

# A server in the same data centre answers within milliseconds; this warning is early, or of no use.
TIMEOUT_S = 2.0

# Linux: the TCP sockets of this network namespace, first those that listen. A path each for IPv4 and IPv6.
TABLES = ("/proc/self/net/tcp", "/proc/self/net/tcp6")
LISTENING = "0A"

REFUSED = "connection refused"

log = logging.getLogger("trixter.cli")


class UpstreamCheck:
    """One look at the server, in the background: a proxy may well start before it.

    A server on this machine is looked for in the kernel's table: one that serves a single connection, such as
    ``nc -l``, would take ours for it. Elsewhere, a connection is opened and closed, as health checks do.

    Args:
        upstream: The address of the server.
        context: Of the running loop.
    """

    def __init__(self, upstream: Address, context: LoopContext) -> None:
        self._upstream = upstream
        self._context = context
        self._resolver = Resolver(upstream, context.loop)
        self._dialer: Dialer | None = None
        self._is_over = False

    def start(self) -> None:
        """Begin; nothing blocks."""
        literal = literal_target(self._upstream)
        if self._upstream.path:
            if not os.path.exists(self._upstream.path):
                self._warn("no such file or directory")
        elif literal is not None:
            self._on_resolved([literal])
        else:
            self._resolver.look_up(self._on_resolved)

    def cancel(self) -> None:
        """End it, if it has not ended. Idempotent."""
        self._is_over = True
        if self._dialer is not None:
            self._dialer.cancel()
            self._dialer = None

    def _on_resolved(self, answer: Answer) -> None:
        if self._is_over:
            return
        if isinstance(answer, OSError):
            self._warn(answer.strerror or str(answer))
        elif all(map(_is_loopback, answer)):
            if not is_listened_on(self._upstream.port):
                self._warn(REFUSED)
        else:
            target = DialTarget(self._upstream, literal_target(self._upstream), self._resolver, TIMEOUT_S)
            self._dialer = Dialer(target, self._context, Socket.close, self._on_failed)
            self._dialer.start()

    def _on_failed(self, reason: EndReason) -> None:
        self._warn(reason.detail)

    def _warn(self, why: str) -> None:
        log.warning("upstream %s does not answer yet: %s", self._upstream, why[:1].lower() + why[1:])


def is_listened_on(port: int) -> bool:
    """Return whether a socket of this machine listens on a port, of any address; if unknown, it does."""
    is_known = False
    for path in TABLES:
        try:
            with open(path) as table:
                next(table)
                is_known = True
                for line in table:
                    _, local, _, state, _ = line.split(maxsplit=4)
                    if state != LISTENING:
                        break  # thousands of connections may follow
                    if int(split_host_port(local)[1], 16) == port:
                        return True
        except (OSError, StopIteration):
            continue  # another system, or one without this version of IP
    return not is_known


def _is_loopback(target: Target) -> bool:
    return ip_address(str(target[1][0]).partition("%")[0]).is_loopback
