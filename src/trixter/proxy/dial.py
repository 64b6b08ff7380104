"""Dialling the upstream: one attempt after another, without a task and without blocking."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from trixter.addresses import Address
from trixter.errors import OUT_OF_RESOURCES
from trixter.proxy.clock import Timer
from trixter.proxy.closing import close_with_reset
from trixter.proxy.end_reason import CONNECT_TIMEOUT, OUT_OF_DESCRIPTORS, UPSTREAM_UNREACHABLE, EndReason
from trixter.proxy.loop import LoopContext
from trixter.proxy.resolver import Answer, Resolver, Target
from trixter.proxy.sockets import AS_THE_KERNEL_HAS_THEM, Socket, SocketOptions, stream_socket

# A Unix socket whose backlog is full says "try again" and gives nothing to wait for.
RETRY_S = 0.010

# A full descriptor table is looked at again so much later.
SHORT_RETRY_S = 0.1


def _do_not_care(why: str) -> None:
    """Leave a shortage to the dial."""


@dataclass(frozen=True, slots=True)
class DialTarget:
    """How the upstream is reached: the same for every dial of a proxy."""

    address: Address
    literal: Target | None
    resolver: Resolver
    timeout_s: float
    options: SocketOptions = AS_THE_KERNEL_HAS_THEM
    on_short: Callable[[str], None] = _do_not_care
    """Called when a dial finds no descriptor, with the reason: the dial waits, and others should, too."""
    reset_on_failure: bool = False
    """Whether the client is reset if the upstream cannot be reached."""
    text: str = field(init=False)
    """The address as text, made once: the log has it for each connection."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", str(self.address))


def connect(target: Target, sock: Socket | None, options: SocketOptions) -> tuple[Socket | None, int]:
    """Connect to one address; return the socket, if one could be made, and the error number.

    On loopback it is 0, for the handshake is over when this returns; elsewhere ``EINPROGRESS`` is usual.

    Args:
        target: The family and the address.
        sock: That of the attempt before, if it is tried again.
        options: What a new socket is asked to be.
    """
    family, address = target
    try:
        if sock is None:
            sock = stream_socket(family, options)
        failure = sock.connect_ex(address)
        if failure == errno.EINPROGRESS:
            failure = sock.connect_ex(address)  # asked again, the kernel says that it is connected
    except OSError as exc:  # no descriptor left, or an address that cannot be used
        failure = exc.errno or errno.EINVAL
    return sock, 0 if failure == errno.EISCONN else failure


class Dialer:
    """Connect to an upstream, within a time; call back once, on success or on failure.

    A name may stand for several addresses. They are tried in the resolver's order, and each gets its share
    of the time that is left, so one that answers nothing does not use it up.
    """

    __slots__ = (
        "_context",
        "_give_up_at",
        "_is_over",
        "_on_connected",
        "_on_failed",
        "_owes",
        "_sock",
        "_target",
        "_targets",
        "_timer",
    )

    def __init__(
        self,
        dial_target: DialTarget,
        context: LoopContext,
        on_connected: Callable[[Socket], None],
        on_failed: Callable[[EndReason], None],
    ) -> None:
        self._target = dial_target
        self._context = context
        self._on_connected = on_connected
        self._on_failed = on_failed
        self._give_up_at: float | None = None
        self._targets: list[Target] = []
        self._sock: Socket | None = None
        self._timer: Timer | None = None
        self._is_over = False
        self._owes = False  # a descriptor, to the budget

    def start(self) -> None:
        """Begin; a loopback upstream is often connected before this returns."""
        literal = self._target.literal
        if literal is not None:
            self.go_on(literal, *connect(literal, None, self._target.options))
        else:
            clock = self._context.clock
            self._give_up_at = clock.time() + self._target.timeout_s
            self._timer = clock.call_at(self._give_up_at, self._on_time)
            self._owe(wanted=True)
            self._target.resolver.look_up(self._on_resolved)

    def cancel(self) -> None:
        """Stop, and call back no more."""
        self._is_over = True
        self._owe(wanted=False)
        self._drop_timer()
        self._drop_socket()

    def abandon(self) -> None:
        """Close the descriptor in the child of a fork; the parent goes on dialling."""
        if self._sock is not None:
            self._sock.close()

    def _on_resolved(self, answer: Answer) -> None:
        if self._is_over:
            return
        self._drop_timer()
        if isinstance(answer, OSError):
            self._fail(UPSTREAM_UNREACHABLE, answer.strerror or str(answer))
        else:
            self._targets = list(answer)
            self._attempt()

    def go_on(self, target: Target, sock: Socket | None, failure: int) -> None:
        """Begin with what ``connect`` returned for an upstream with one address."""
        self._targets = [target]
        self._sock = sock
        self._answer(failure)

    def _attempt(self) -> None:
        self._sock, failure = connect(self._targets[0], self._sock, self._target.options)
        if self._owes and self._sock is not None:
            self._owe(wanted=False)
        self._answer(failure)

    def _answer(self, failure: int) -> None:
        if not failure:
            self._succeed()
        elif failure in (errno.EINPROGRESS, errno.EALREADY, errno.EAGAIN):
            self._wait(retry=failure == errno.EAGAIN)
        elif failure in OUT_OF_RESOURCES:
            self._wait_for_room(os.strerror(failure))  # that is not the upstream's fault
        else:
            self._next(UPSTREAM_UNREACHABLE, os.strerror(failure))

    def _wait(self, *, retry: bool) -> None:
        assert self._sock is not None
        clock = self._context.clock
        now = clock.time()
        if self._give_up_at is None:
            self._give_up_at = now + self._target.timeout_s
        if retry:
            # Not watched meanwhile: a socket that is not connecting is always ready.
            if now + RETRY_S < self._give_up_at:
                self._timer = clock.call_at(now + RETRY_S, self._on_retry)
            else:
                self._timer = clock.call_at(self._give_up_at, self._on_time)
            return
        share_s = max(self._give_up_at - now, 0.0) / len(self._targets)
        self._timer = clock.call_at(now + share_s, self._on_time)
        self._context.poller.write(self._sock.fileno(), self._on_writable)

    def _wait_for_room(self, why: str) -> None:
        """Keep the client waiting rather than drop it: others may give descriptors back."""
        clock = self._context.clock
        retry_at = clock.time() + SHORT_RETRY_S
        if self._give_up_at is None:
            self._give_up_at = clock.time() + self._target.timeout_s
        if retry_at < self._give_up_at:
            self._owe(wanted=True)
            self._timer = clock.call_at(retry_at, self._on_retry)
            self._target.on_short(why)
        else:
            self._fail(OUT_OF_DESCRIPTORS, why)

    def _owe(self, *, wanted: bool) -> None:
        """Let the budget know whether this dial has yet to open a socket."""
        if wanted != self._owes:
            self._owes = wanted
            self._context.descriptors.owed += 1 if wanted else -1

    def _on_retry(self) -> None:
        self._timer = None
        self._attempt()

    def _on_writable(self) -> None:
        assert self._sock is not None
        failure = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failure:
            self._next(UPSTREAM_UNREACHABLE, os.strerror(failure))
        else:
            self._succeed()

    def _on_time(self) -> None:
        self._timer = None
        self._next(CONNECT_TIMEOUT, f"no answer within {self._target.timeout_s:g} s")

    def _next(self, reason: str, detail: str) -> None:
        self._drop_timer()
        self._drop_socket()
        self._targets = self._targets[1:]
        if self._targets:
            self._attempt()
        else:
            self._fail(reason, detail)

    def _succeed(self) -> None:
        assert self._sock is not None
        self._is_over = True
        if self._timer is not None:  # it had to be waited for
            self._drop_timer()
            self._context.poller.stop_writing(self._sock.fileno())
        sock, self._sock = self._sock, None
        self._on_connected(sock)

    def _fail(self, reason: str, detail: str) -> None:
        self.cancel()
        self._on_failed(EndReason(reason, detail, reset=self._target.reset_on_failure))

    def _drop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _drop_socket(self) -> None:
        if self._sock is not None:
            self._context.poller.forget(self._sock.fileno())
            close_with_reset(self._sock)  # it must not go on connecting for the child of a fork
            self._sock = None
