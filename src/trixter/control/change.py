"""Changes, the results of fault methods: kept, reverted, or used with ``with``; sync and async.

The id of an override is made here, so that it can be reverted also if applying it was interrupted before the
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

from trixter.control.commands import Apply, Command, Renew, Revert
from trixter.control.overrides import ALL, Override
from trixter.errors import ApiUnreachable, OverrideNotFound, TrixterError

Send = Callable[[Command[Any]], Any]
SendAsync = Callable[[Command[Any]], Awaitable[Any]]


class Lease(Protocol):
    """A renewal of an override with a time to live, until it is stopped."""

    def start(self) -> None:
        """Begin to renew the override."""

    def stop(self) -> None:
        """Stop renewing the override."""


class Change:
    """An override that is applied at once, to be kept, or reverted by ``revert`` or at the end of ``with``.

    Args:
        method: The name of the method that made it.
        override: The override to apply.
        send: Sends a command and returns its result.
        lease: Makes the lease of an override, by its id, within ``with``; ``None`` makes none.
        lease_s: The length of that lease.
    """

    def __init__(
        self,
        method: str,
        override: Override,
        send: Send,
        lease: Callable[[str], Lease] | None = None,
        lease_s: float = 0,
    ) -> None:
        self._method = method
        self._override = override
        self._send = send
        self._new_lease = lease
        self._lease_s = lease_s
        self._lease: Lease | None = None
        self._is_reverted = False
        self.id = secrets.token_hex(8)
        """The id of the override."""
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
        """Revert it, independently of the changes before and after it. Idempotent.

        An override that is gone, since its connection has ended, is no error.
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
            # When it was applied, a `with` was not in sight: a plain call is meant to stay.
            try:
                self._send(Renew(self.id, self._lease_s))
            except OverrideNotFound:  # the end of the `with` reports it
                pass
            except BaseException:
                with suppress(TrixterError):
                    self.revert()
                raise
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
    """An override that is applied by ``await``, or applied and reverted by ``async with``.

    Args:
        method: The name of the method that made it.
        override: The override to apply. If applying is cancelled, it is reverted.
        send: Sends a command and is awaited for its result.
        lease: Makes the lease of an override, by its id, within ``async with``; ``None`` makes none.
        lease_s: The length of that lease.
    """

    def __init__(
        self,
        method: str,
        override: Override,
        send: SendAsync,
        lease: Callable[[str], Lease] | None = None,
        lease_s: float = 0,
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
        """The id of the override."""

    def __repr__(self) -> str:
        state = ", reverted" if self._is_reverted else "" if self._is_begun else ", not begun"
        return f"<{type(self).__name__}: {self._method}{state}>"

    def __await__(self) -> Generator[Any, Any, AsyncChange]:
        return self._begin(self._override).__await__()

    async def revert(self) -> None:
        """Revert it, also when cancelled. Idempotent."""
        if not self._is_begun or self._is_reverted:
            return
        if self._lease is not None:
            self._lease.stop()
        with CancelScope(shield=True):  # a test that is cancelled must not leave its faults behind
            try:
                await self._revert()
            except get_cancelled_exc_class():
                # asyncio's own timeouts and cancel() pass the shield, once. So begin again.
                await self._revert()
                raise

    async def __aenter__(self) -> AsyncChange:
        if self._new_lease is None or self._lease is not None or self._override.ttl_s is not None:
            return await self._begin(self._override)
        was_awaited = self._is_begun
        await self._begin(replace(self._override, ttl_s=self._lease_s))
        if was_awaited:  # then it was applied without a lease
            try:
                await self._send(Renew(self.id, self._lease_s))
            except OverrideNotFound:  # the end of the `async with` reports it
                pass
            except BaseException:
                with suppress(TrixterError):
                    await self.revert()
                raise
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
            return self  # awaited before it was entered
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
    """Return whether an override may be active although applying it failed: the proxy did not refuse it."""
    return isinstance(exc, ApiUnreachable) or not isinstance(exc, TrixterError)


def _warn_of_loss(method: str, override: Override) -> None:
    if override.target == ALL:  # the override of one connection goes with it
        warnings.warn(
            f"{method} was over before its `with`: it was reverted over the API, or the proxy did not hear "
            "from this client for the length of its lease",
            RuntimeWarning,
            stacklevel=4,
        )


def _note(exc: BaseException, method: str, failure: TrixterError) -> None:
    # The exception of the body is the one its author looks for.
    exc.add_note(f"{method} could not be reverted: {failure}")
