"""Fault flags as the override that they ask a running proxy for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

import click

from trixter.cli.named import profile_of
from trixter.cli.wanted import Wanted
from trixter.control import Override, ReplaceFaults
from trixter.faults import CALM, Direction, Fault, Faults, Hold


@dataclass(frozen=True, kw_only=True)
class Change:
    """Hold what the fault flags of one command ask for.

    Args:
        wanted: The faults with numbers.
        hold: Whether to hold; ``None`` if nothing was said.
        base: The faults to begin with, in place of all that are there; ``None`` leaves those alone.
        directions: Which are meant.
    """

    wanted: Wanted
    hold: bool | None
    base: dict[Direction, Faults] | None
    directions: tuple[Direction, ...]

    @classmethod
    def of(cls, ctx: click.Context, values: dict[str, Any]) -> Change:
        """Take the flags out of ``values``; what is left is of others.

        Raises:
            click.UsageError: If they contradict each other.
        """
        profile = profile_of(ctx, values.pop("profile"), values.pop("profiles"))
        is_calm, hold, direction = values.pop("calm"), values.pop("hold"), values.pop("direction")
        wanted = Wanted(**{name: values.pop(name) for name in Wanted.__dataclass_fields__})
        if is_calm and profile:
            raise click.UsageError("--calm does not go with --profile", ctx)
        has_delay = wanted.delay_ms is not None or profile
        if wanted.jitter_ms is not None and not has_delay:
            raise click.UsageError("--jitter-ms needs --delay-ms beside it", ctx)
        base = None
        if is_calm or profile:
            base = {each: profile.faults(each) if profile else CALM for each in Direction}
        directions = tuple(Direction) if direction in (None, "both") else (Direction(direction),)
        return cls(wanted=wanted, hold=hold, base=base, directions=directions)

    @property
    def is_nothing(self) -> bool:
        """Whether nothing was asked for."""
        return self.base is None and not self._faults(CALM)

    def override(self, target: str, connection_duration_s: float | None = None) -> Override:
        """Return what to ask of the proxy, for a target.

        Args:
            target: As ``Override`` takes it.
            connection_duration_s: What is asked for beside the faults.
        """
        replaced = {each: self._replaced(each) for each in self.directions}
        return Override(
            target=target,
            upstream=replaced.get(Direction.UPSTREAM),
            downstream=replaced.get(Direction.DOWNSTREAM),
            connection_duration_s=connection_duration_s,
        )

    def _replaced(self, direction: Direction) -> ReplaceFaults | None:
        if self.base is not None:
            return ReplaceFaults.everything(*self._over(self.base[direction]))
        ones = [ReplaceFaults.one(fault) for fault in self._faults(CALM)]
        return reduce(ReplaceFaults.then, ones) if ones else None

    def _faults(self, base: Faults) -> list[Fault]:
        held = [] if self.hold is None else [Hold(is_on=self.hold)]
        return [*self.wanted.changes_of(base), *held]

    def _over(self, base: Faults) -> Faults:
        faults = base
        for fault in self._faults(base):
            faults = faults.with_fault(fault)
        return faults
