"""Steps of a pipe that must not fail alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar, TypeVarTuple

Ts = TypeVarTuple("Ts")


class Fallible(Protocol):
    """Know what to do when a step goes wrong."""

    def fail(self, exc: Exception) -> None:
        """End what the step belongs to."""


F = TypeVar("F", bound=Fallible)


def guarded(step: Callable[[F, *Ts], None]) -> Callable[[F, *Ts], None]:
    """Let what goes wrong in a step end what it belongs to, and nothing else."""

    def guarded_step(self: F, *args: *Ts) -> None:
        try:
            step(self, *args)
        except Exception as exc:
            self.fail(exc)

    return guarded_step
