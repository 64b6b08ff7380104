"""The report of a failing test: the part about its network."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from trixter.control.commands import GetProxy
from trixter.testing.chaos import Chaos
from trixter.testing.hosted import Hosted


def network_report(chaos: Sequence[Chaos], exc: BaseException | None) -> list[str]:
    """Return a line for each thing there is to know about the proxies of a test.

    Args:
        chaos: Who made them.
        exc: Why the test failed.
    """
    hosted = [each for maker in chaos for each in maker.hosted]
    return [line for each in hosted for line in each.call(partial(_lines_of, each, exc))]


def _lines_of(hosted: Hosted, exc: BaseException | None) -> list[str]:
    info = hosted.controller.execute(GetProxy())
    first, *others = hosted.events.in_force(hosted.proxy, exc)
    return [
        f"{', '.join(hosted.addresses)} → {hosted.proxy.upstream}",
        f"  {info.stats}",
        f"  faults in force when it failed: {first}",
        *(f"    {line}" for line in others),
        "  the last events:",
        *(f"    {line}" for line in hosted.events.lines() or ["none"]),
    ]
