"""``trixter profiles``: network profiles, with their numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click

from trixter.cli.command import SETTINGS, SectionedCommand
from trixter.cli.flags import OUTPUT, own_flag, profiles_file_flag
from trixter.cli.formatting import printable
from trixter.cli.types import OnOff

if TYPE_CHECKING:
    from trixter.profiles import Profile

JSON = own_flag("--json", OUTPUT, OnOff(), "Print JSON, for scripts", default=False)


@click.command(
    cls=SectionedCommand,
    name="profiles",
    params=[profiles_file_flag(OUTPUT, show_envvar=True), JSON],
    context_settings=SETTINGS,
)
def profiles(profiles_file: str | None, json: bool) -> int:
    """List network profiles: all values of --profile NAME.

    Rates are in kbit/s, from and to the server, as they were published. Half of the round trip is the latency
    of each direction. Loss is not imitated: TCP turns it into delay.
    """
    from trixter.profiles import all_profiles

    found = all_profiles(profiles_file).values()
    if json:
        import msgspec

        print(msgspec.json.encode([_as_json(profile) for profile in found]).decode())
    else:
        _show(found)
    return 0


def _show(found: Iterable[Profile]) -> None:
    from trixter.cli import formatting
    from trixter.cli.tables import Column, show, table_of
    from trixter.faults import Latency, Throttle

    columns = [
        Column("name"),
        Column("down\nkbit/s", is_number=True),
        Column("up\nkbit/s", is_number=True),
        Column("round trip", is_number=True),
        Column("loss", is_number=True),
        Column("source", may_fold=True),
    ]
    rows = []
    for profile in found:
        others = [each for each in profile.downstream if not isinstance(each, Latency | Throttle)]
        remarks = [profile.source, *map(formatting.fault, others)]
        if profile.jitter_ms:
            remarks.append(f"jitter {profile.jitter_ms:g} ms")
        rows.append(
            [
                printable(profile.name),
                _rate(profile.down_kbit),
                _rate(profile.up_kbit),
                f"{profile.round_trip_ms:g} ms",
                f"{profile.loss_percent:g} %" if profile.loss_percent else "",
                printable(", ".join(filter(None, remarks))),
            ]
        )
    show(table_of(columns, rows))


def _rate(kbit: float | None) -> str:
    return f"{kbit:.10g}" if kbit is not None else "-"


def _as_json(profile: Profile) -> Mapping[str, Any]:
    from trixter.api.status import describe

    return {
        "name": profile.name,
        "source": profile.source,
        "down_kbit": profile.down_kbit,
        "up_kbit": profile.up_kbit,
        "round_trip_ms": profile.round_trip_ms,
        "jitter_ms": profile.jitter_ms,
        "loss_percent": profile.loss_percent,
        "notes": profile.notes,
        "faults": {
            "upstream": describe(profile.upstream).on,
            "downstream": describe(profile.downstream).on,
        },
    }
