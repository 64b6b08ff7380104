"""The flags of the subcommands that talk to a running proxy."""

from __future__ import annotations

from typing import Any

import click

from trixter.cli.addresses import ApiUrl
from trixter.cli.flag import Flag, SecretFlag
from trixter.cli.flags import BYTES, BYTES_PER_S, MILLISECONDS
from trixter.cli.parameters import FilePath, OneOf, Probability, ProfileName, Token
from trixter.errors import SettingError

API = "The proxy"
FAULTS = "Faults (0 is off)"

# That of the examples everywhere.
API_ADDRESS = "127.0.0.1:8888"


class CaFile(FilePath):
    """Read a file of CA certificates."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        from trixter.client.http import ca_context

        try:
            return ca_context(value)
        except SettingError as exc:
            self.refuse(exc.accepts, value, param, ctx)


API_FLAGS = [
    Flag(
        "-a --api",
        API,
        ApiUrl(),
        "Where its API listens: an address, or a URL.",
        default=API_ADDRESS,
        envvar="TRIXTER_API_URL",
    ),
    SecretFlag("--api-token", API, Token(), "What it asks for; best set as TRIXTER_API_TOKEN."),
    Flag("--api-ca", API, CaFile(), "For https://: the CA certificates to trust, in PEM.", default=None),
]


class Switch(click.Option):
    """Be on or off, under a heading of the help."""

    def __init__(self, name: str, section: str, help: str, **settings: Any) -> None:
        self.section = section
        super().__init__([name], help=help, is_flag=True, **settings)


def fault_flag(name: str, type: Any, help: str) -> Flag:
    """Return a flag that only the command line sets: the environment says how proxies start."""
    return Flag(name, FAULTS, type, help, default=None, envvar=None)


FAULT_FLAGS: list[click.Parameter] = [
    fault_flag("--delay-ms", MILLISECONDS, "Each byte leaves this long after it arrived."),
    fault_flag("--jitter-ms", MILLISECONDS, "Give or take so much of the delay."),
    fault_flag("--throttle-rate-bytes", BYTES_PER_S, "Bytes leave at this rate."),
    fault_flag("--slice-size-bytes", BYTES, "Nothing larger leaves in one piece."),
    fault_flag("--corrupt-probability-rate", Probability(), "Random bytes are put in front of operations."),
    fault_flag("--terminate-probability-rate", Probability(), "The connection is reset at an operation."),
    Switch("--hold/--no-hold", FAULTS, "Bytes stay where they are, until it is taken back.", default=None),
    Switch("--calm", FAULTS, "Take all faults away, and begin with none."),
    fault_flag(
        "--profile", ProfileName(), "Take all faults away, and begin with a named network, such as 3g."
    ),
    Flag("--profiles", FAULTS, FilePath(), "A TOML file with profiles of your own.", default=None),
    fault_flag(
        "--direction",
        OneOf("DIRECTION", "upstream", "downstream", "both"),
        "upstream (to the server), downstream (to the client), or both, as without it.",
    ),
]
"""What ``set`` and ``defaults`` can change."""
