"""The flags of the subcommands that talk to a running proxy."""

from __future__ import annotations

from typing import Any

import click

from trixter.cli.addresses import ApiUrl
from trixter.cli.flag import Flag, SecretFlag, Switch
from trixter.cli.flags import SETTINGS, fault_flag
from trixter.cli.parameters import FilePath, OneOf, ProfileName, Token
from trixter.errors import SettingError
from trixter.faults.entry import Setting, Type

API = "The proxy"
FAULTS = "Faults (0 is off)"

# That of the examples everywhere.
API_ADDRESS = "127.0.0.1:8888"


class CaFile(FilePath):
    """Read a file of CA certificates."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        from trixter.client.wire import ca_context

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


def own_flag(name: str, type: Any, help: str) -> Flag:
    """Return a flag that only the command line sets: the environment says how proxies start."""
    return Flag(name, FAULTS, type, help, default=None, envvar=None)


def _flag_of(setting: Setting) -> click.Option:
    assert setting.flag is not None
    if setting.takes is Type.SWITCH:
        off = setting.flag.name.replace("--", "--no-")
        return Switch(f"{setting.flag.name}/{off}", FAULTS, setting.flag.help, default=None)
    return fault_flag(setting, FAULTS, default=None, envvar=None)


FAULT_FLAGS: list[click.Parameter] = [
    *map(_flag_of, SETTINGS),
    Switch("--calm", FAULTS, "Take all faults away, and begin with none."),
    own_flag("--profile", ProfileName(), "Take all faults away, and begin with a named network, such as 3g."),
    Flag("--profiles", FAULTS, FilePath(), "A TOML file with profiles of your own.", default=None),
    own_flag(
        "--direction",
        OneOf("DIRECTION", "upstream", "downstream", "both"),
        "upstream (to the server), downstream (to the client), or both, as without it.",
    ),
]
"""What ``set`` and ``defaults`` can change."""
