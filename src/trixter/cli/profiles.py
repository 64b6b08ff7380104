"""``trixter profiles``: the networks that have a name, with their numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click

from trixter.cli.flags import Flag
from trixter.cli.formatting import printable
from trixter.cli.main import SETTINGS, SectionedCommand
from trixter.cli.types import FilePath

if TYPE_CHECKING:
    from trixter.profiles import Profile

# The variable that the loader of profiles reads, so that every command finds the same file.
VARIABLE = "TRIXTER_PROFILES"

FILE = Flag(
    "--file", "Networks", FilePath(), "A TOML file with networks of your own.", default=None, envvar=VARIABLE
)


@click.command(
    cls=SectionedCommand,
    name="profiles",
    params=[FILE],
    context_settings=SETTINGS,
)
@click.option("--json", "is_json", is_flag=True, help="Print JSON, for scripts.")
def profiles(file: str | None, is_json: bool) -> int:
    """List the networks that have a name: all values of --profile NAME.

    Rates are in kbit/s, from and to the server, as they were published. Half of the round trip is the latency
    of each direction. Loss is not imitated: TCP turns it into delay.
    """
    from trixter.profiles import all_profiles

    found = all_profiles(file).values()
    if is_json:
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
