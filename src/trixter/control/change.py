"""Changes: what fault methods return, to be kept, reverted, or used with ``with``; sync and async.

The id of an override is made here, so that it can be reverted also if applying it was interrupted, and no
answer came.
"""

from __future__ import annotations

import secrets
import warnings
from collections.abc import Awaitable, Callable, Generator
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Any, Protocol

from anyio import CancelScope, get_cancelled_exc_class

from trixter.control.commands import Apply, Command, Revert
from trixter.control.overrides import ALL, Override
from trixter.errors import ApiUnreachable, OverrideNotFound, TrixterError

Send = Callable[[Command[Any]], Any]
SendAsync = Callable[[Command[Any]], Awaitable[Any]]


class Lease(Protocol):
    """Keep an override of a limited time alive, until it is stopped."""

    def start(self) -> None:
        """Begin to renew it."""

    def stop(self) -> None:
        """Renew it no more."""


class Change:
    """Apply an override at once; keep it, revert it, or let ``with`` revert it.

    Args:
        method: What it is called.
        override: What is changed.
        send: Sends a command and returns its result.
        lease: Of an id, makes what keeps the override alive within ``with``; ``None`` needs nothing.
    """

    def __init__(
        self, method: str, override: Override, send: Send, lease: Callable[[str], Lease] | None = None
    ) -> None:
        self._method = method
        self._override = override
        self._send = send
        self._new_lease = lease
        self._lease: Lease | None = None
        self._is_reverted = False
        self.id = secrets.token_hex(8)
        """What the proxy calls it."""
        try:
            send(Apply(override=override, id=self.id))
        except BaseException as exc:
            if _may_be_applied(exc):
                with suppress(TrixterError):
                    self.revert()
            raise

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._method}{', reverted' if self._is_reverted else ''}>"

    def revert(self) -> None:
        """Take it back, whatever was changed before or after it; twice is no error.

        If it is not there any more (its connection has ended), that is no error either.
        """
        if self._is_reverted:
            return
        if self._lease is not None:
            self._lease.stop()
        try:
            self._send(Revert(self.id))
        except OverrideNotFound:
            if self._lease is not None:
                _warn_of_loss(self._method, self._override)
        self._is_reverted = True

    def __enter__(self) -> Change:
        if self._is_reverted:
            raise RuntimeError(f"{self} cannot be entered: make a new one")
        if self._new_lease is not None and self._lease is None and self._override.ttl_s is None:
            self._lease = self._new_lease(self.id)
            self._lease.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.revert()
        except TrixterError as failure:
            if exc is None:
                raise
            _note(exc, self._method, failure)


class AsyncChange:
    """Await it to apply it; revert it, or let ``async with`` apply and revert it.

    Args:
        method: What it is called.
        override: What is changed. If applying is cancelled, it is taken back.
        send: Sends a command and is awaited for its result.
        lease: Of an id, makes what keeps the override alive within ``async with``; ``None`` needs nothing.
        lease_s: How long the override holds there unless it is renewed.
    """

    def __init__(
        self,
        method: str,
        override: Override,
        send: SendAsync,
        lease: Callable[[str], Lease] | None = None,
        lease_s: float | None = None,
    ) -> None:
        self._method = method
        self._override = override
        self._send = send
        self._new_lease = lease
        self._lease_s = lease_s
        self._lease: Lease | None = None
        self._is_begun = False
        self._is_reverted = False
        self.id = secrets.token_hex(8)
        """What the proxy calls it."""

    def __repr__(self) -> str:
        state = ", reverted" if self._is_reverted else "" if self._is_begun else ", not begun"
        return f"<{type(self).__name__}: {self._method}{state}>"

    def __await__(self) -> Generator[Any, Any, AsyncChange]:
        return self._begin(self._override).__await__()

    async def revert(self) -> None:
        """Take it back, also when cancelled; twice is no error."""
        if not self._is_begun or self._is_reverted:
            return
        if self._lease is not None:
            self._lease.stop()
        with CancelScope(shield=True):  # a test that is given up must not leave its faults behind
            try:
                await self._revert()
            except get_cancelled_exc_class():
                # asyncio's own timeouts and cancel() go through the shield, once. So begin again.
                await self._revert()
                raise

    async def __aenter__(self) -> AsyncChange:
        override, is_first = self._override, not self._is_begun
        is_leased = self._new_lease is not None and override.ttl_s is None
        if is_leased and is_first:
            override = replace(override, ttl_s=self._lease_s)
        await self._begin(override)
        if is_leased and self._new_lease is not None:
            self._lease = self._new_lease(self.id)
            self._lease.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.revert()
        except TrixterError as failure:
            if exc is None:
                raise
            _note(exc, self._method, failure)

    async def _revert(self) -> None:
        try:
            await self._send(Revert(self.id))
        except OverrideNotFound:
            if self._lease is not None:
                _warn_of_loss(self._method, self._override)
        self._is_reverted = True

    async def _begin(self, override: Override) -> AsyncChange:
        if self._is_reverted:
            raise RuntimeError(f"{self} cannot be entered: make a new one")
        if self._is_begun:
            return self  # awaited first, and entered then
        self._is_begun = True
        try:
            await self._send(Apply(override=override, id=self.id))
        except BaseException as exc:
            if _may_be_applied(exc):
                with suppress(TrixterError):
                    await self.revert()
            raise
        return self

    def __del__(self) -> None:
        if not self._is_begun:
            warnings.warn(
                f"{self._method} was never awaited, so nothing changed: use `await` or `async with`",
                RuntimeWarning,
                stacklevel=2,
                source=self,
            )


def _may_be_applied(exc: BaseException) -> bool:
    """Tell whether an override may be there although applying it failed: the proxy did not refuse it."""
    return isinstance(exc, ApiUnreachable) or not isinstance(exc, TrixterError)


def _warn_of_loss(method: str, override: Override) -> None:
    if override.target == ALL:  # with one connection, it is its end that took the override along
        warnings.warn(
            f"{method} was over before its `with`: it was reverted over the API, or the proxy did not hear "
            "from this client for the length of its lease",
            RuntimeWarning,
            stacklevel=4,
        )


def _note(exc: BaseException, method: str, failure: TrixterError) -> None:
    # What went wrong in the body is what its author looks for.
    exc.add_note(f"{method} could not be reverted: {failure}")
