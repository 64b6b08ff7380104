"""Changes: what the words return, to be kept, undone, or used with ``with``."""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable, Generator
from contextlib import suppress
from types import TracebackType
from typing import Any

from anyio import CancelScope, get_cancelled_exc_class

from trixter.control.edits import Edit
from trixter.control.plans import run, run_async
from trixter.control.steps import Step
from trixter.errors import TrixterError

Perform = Callable[[Step[Any]], Any]
"""What performs one step and returns its result; it may block."""

PerformAsync = Callable[[Step[Any]], Awaitable[Any]]
"""What performs one step and is awaited for its result."""


class Change:
    """Apply an edit at once; keep it, undo it, or let ``with`` undo it.

    Args:
        word: What it is called.
        edit: What is changed. If it fails halfway, it is taken back.
        perform: Who performs its steps.
    """

    def __init__(self, word: str, edit: Edit, perform: Perform) -> None:
        self._word = word
        self._edit = edit
        self._perform = perform
        self._is_undone = False
        try:
            run(edit.apply(), perform)
        except BaseException:
            with suppress(TrixterError):
                self.undo()
            raise

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._word}{', undone' if self._is_undone else ''}>"

    def undo(self) -> None:
        """Bring back what was there before; twice is no error."""
        if not self._is_undone:
            run(self._edit.restore(), self._perform)
            self._is_undone = True

    def __enter__(self) -> Change:
        if self._is_undone:
            raise RuntimeError(f"{self} cannot be entered: make a new one")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.undo()
        except TrixterError as failure:
            if exc is None:
                raise
            _note(exc, self._word, failure)


class AsyncChange:
    """Await it to apply it; undo it, or let ``async with`` apply and undo it.

    Args:
        word: What it is called.
        edit: What is changed. If it fails halfway, or is cancelled, it is taken back.
        perform: Who performs its steps.
    """

    def __init__(self, word: str, edit: Edit, perform: PerformAsync) -> None:
        self._word = word
        self._edit = edit
        self._perform = perform
        self._is_begun = False
        self._is_undone = False

    def __repr__(self) -> str:
        state = ", undone" if self._is_undone else "" if self._is_begun else ", not begun"
        return f"<{type(self).__name__}: {self._word}{state}>"

    def __await__(self) -> Generator[Any, Any, AsyncChange]:
        return self._begin().__await__()

    async def undo(self) -> None:
        """Bring back what was there before, also when cancelled; twice is no error."""
        if self._is_begun and not self._is_undone:
            with CancelScope(shield=True):  # a test that is given up must not leave its faults behind
                try:
                    await self._restore()
                except get_cancelled_exc_class():
                    # asyncio's own timeouts and cancel() go through the shield, once. So begin again.
                    await self._restore()
                    raise

    async def __aenter__(self) -> AsyncChange:
        return await self._begin()

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.undo()
        except TrixterError as failure:
            if exc is None:
                raise
            _note(exc, self._word, failure)

    async def _restore(self) -> None:
        await run_async(self._edit.restore(), self._perform)
        self._is_undone = True

    async def _begin(self) -> AsyncChange:
        if self._is_undone:
            raise RuntimeError(f"{self} cannot be entered: make a new one")
        if self._is_begun:
            return self  # awaited first, and entered then
        self._is_begun = True
        try:
            await run_async(self._edit.apply(), self._perform)
        except BaseException:
            with suppress(TrixterError):
                await self.undo()
            raise
        return self

    def __del__(self) -> None:
        if not self._is_begun:
            warnings.warn(
                f"{self._word} was never awaited, so nothing changed: use `await` or `async with`",
                RuntimeWarning,
                stacklevel=2,
                source=self,
            )


def _note(exc: BaseException, word: str, failure: TrixterError) -> None:
    # What went wrong in the body is what its author looks for.
    exc.add_note(f"{word} could not be undone: {failure}")
