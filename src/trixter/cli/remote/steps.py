"""Fault flags as the override that they ask a running proxy for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

import click

from trixter.cli.options import FaultFlags, profile_of
from trixter.control import Override, ReplaceFaults
from trixter.faults import CATALOGUE, NO_FAULTS, Direction, Faults


@dataclass(frozen=True, kw_only=True)
class Change:
    """Hold what the fault flags of one command ask for.

    Args:
        flags: The flags of the catalogue.
        base: The faults to begin with, in place of all that are there; ``None`` leaves those alone.
        directions: Which are meant.
    """

    flags: FaultFlags
    base: dict[Direction, Faults] | None
    directions: tuple[Direction, ...]

    @classmethod
    def of(cls, ctx: click.Context, values: dict[str, Any]) -> Change:
        """Take the flags out of ``values``; what is left is of others.

        Raises:
            click.UsageError: If they contradict each other.
        """
        profile = profile_of(ctx, values.pop("profile"), values.pop("profiles"))
        is_calm, direction = values.pop("clear"), values.pop("direction")
        flags = FaultFlags.taken_from(values)
        if is_calm and profile:
            raise click.UsageError("--clear does not go with --profile", ctx)
        if not profile:
            _require_first_flags(ctx, flags)
        base = None
        if is_calm or profile:
            base = {each: profile.faults(each) if profile else NO_FAULTS for each in Direction}
        directions = tuple(Direction) if direction in (None, "both") else (Direction(direction),)
        return cls(flags=flags, base=base, directions=directions)

    @property
    def is_nothing(self) -> bool:
        """Whether nothing was asked for."""
        return self.base is None and not self.flags.values

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
            return ReplaceFaults.everything(*self.flags.over(self.base[direction]))
        ones = [ReplaceFaults.one(fault) for fault in self.flags.changes_of(NO_FAULTS)]
        return reduce(ReplaceFaults.then, ones) if ones else None


def _require_first_flags(ctx: click.Context, flags: FaultFlags) -> None:
    """Refuse another setting of a fault without the first, which would be set to its default, and so to off.

    Raises:
        click.UsageError: With both flags.
    """
    for entry in CATALOGUE:
        specs = [each.flag for each in entry.settings if each.flag]
        for spec in specs[1:]:
            if spec.option in flags.values and specs[0].option not in flags.values:
                raise click.UsageError(f"{spec.name} needs {specs[0].name} beside it", ctx)
