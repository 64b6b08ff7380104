"""Flags: names, types, defaults, environment variables and headings, in the order of the help."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import click
from click.core import ParameterSource

from trixter.cli.options import Options
from trixter.cli.types import (
    ApiUrl,
    FilePath,
    HostName,
    ListenAddress,
    OneOf,
    Probability,
    ProfileName,
    Token,
    UpstreamAddress,
    ValueType,
    WholeNumber,
)
from trixter.errors import SettingError
from trixter.faults import CATALOGUE
from trixter.faults.entry import Setting, Type

# Marks a flag of the proxy itself: its default and its environment variable follow from its name.
OF_THE_PROXY: Any = object()


class Flag(click.Option):
    """A flag whose value comes from the command line, from ``TRIXTER_…`` or from the defaults of ``Options``.

    A short name takes its value as the original's does: ``-l ADDR``, ``-lADDR`` or ``-l=ADDR``.

    Args:
        names: The short and the long name, with a space between them.
        section: Its heading in the help.
        type: The type of the value.
        help: Its purpose, in one sentence.
        multiple: Whether it may be repeated; in the environment, with spaces between the values.
        default: Instead of that of ``Options``.
        envvar: Instead of ``TRIXTER_…``; ``None`` for no variable.
    """

    def __init__(
        self,
        names: str,
        section: str,
        type: ValueType,
        help: str,
        *,
        multiple: bool = False,
        default: Any = OF_THE_PROXY,
        envvar: str | None = OF_THE_PROXY,
    ) -> None:
        opts = names.split()
        self.section = section
        self.flag_name = opts[-1]
        name = self.flag_name.removeprefix("--").replace("-", "_")
        if default is OF_THE_PROXY:
            default = getattr(Options, name, None)
        super().__init__(
            opts,
            type=type,
            help=help,
            multiple=multiple,
            metavar=type.form,
            default=default,
            # Of a flag that 0 switches off, the heading says so once.
            show_default=bool(default),
            envvar=f"TRIXTER_{name.upper()}" if envvar is OF_THE_PROXY else envvar,
        )

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> tuple[Any, ParameterSource]:
        value, source = super().consume_value(ctx, opts)
        # Click returns "=ADDR" for "-l=ADDR". Flags with a short name take addresses; none begins with "=".
        if source is ParameterSource.COMMANDLINE and isinstance(value, str) and len(self.opts) > 1:
            value = value.removeprefix("=")
        return value, source


class Switch(click.Option):
    """A flag without a value, under a heading of the help."""

    def __init__(self, name: str, section: str, help: str, **settings: Any) -> None:
        self.section = section
        super().__init__([name], help=help, is_flag=True, **settings)


class SecretFlag(Flag):
    """A flag whose environment variable must not be empty; an empty variable of another flag counts as unset.

    A secret that was not filled in must not leave the API open.
    """

    def value_from_envvar(self, ctx: click.Context) -> Any:
        if os.environ.get(str(self.envvar)) == "":
            ctx.set_parameter_source(str(self.name), ParameterSource.ENVIRONMENT)
            raise click.BadParameter(f"must be {Token.accepts}; unset it for none", ctx=ctx, param=self)
        return super().value_from_envvar(ctx)


def complaint(error: click.UsageError) -> str:
    """Return an error as one line that names the flag or the variable with the wrong value."""
    if isinstance(error, click.BadParameter) and isinstance(error.param, Flag) and error.ctx:
        source = error.ctx.get_parameter_source(str(error.param.name))
        is_from_environment = source is ParameterSource.ENVIRONMENT
        return f"{error.param.envvar if is_from_environment else error.param.flag_name} {error.message}"
    # With click's own text: unknown options and commands, options without their value.
    message = error.format_message().removesuffix(".")
    return message[:1].lower() + message[1:]


ADDRESSES = "Addresses"
FAULTS = "Faults of new connections, in both directions (0 is off)"
LIMITS = "Limits"
API = "The API"
LOG = "The log, on standard error"

MILLISECONDS = WholeNumber("MS", "milliseconds")
BYTES = WholeNumber("BYTES", "bytes")
SEED = WholeNumber("U64")
LEVEL = OneOf("LEVEL", "debug", "info", "warning", "error", "off")
ENDS = OneOf("END", "fin", "reset")
FORMAT = OneOf("FORMAT", "text", "json")

# For flags of which 0 would not mean "off" but "nothing works".
SOME_MILLISECONDS = WholeNumber("MS", "milliseconds", least=1)
SOME_BYTES = WholeNumber("BYTES", "bytes", least=1)

FLAGGED_SETTINGS = [each for entry in CATALOGUE for each in entry.settings if each.flag]
"""The settings of faults that have a flag. Switches are flags of ``set`` and ``defaults`` only."""


def fault_flag(setting: Setting, section: str, **settings: Any) -> Flag:
    """Return the flag of a setting that has one, and is no switch.

    Args:
        setting: The setting.
        section: The heading of the flag in the help.
        **settings: Keywords of ``Flag``, for a flag that is none of the proxy itself.
    """
    assert setting.flag is not None
    return Flag(setting.flag.name, section, _type_of(setting), setting.flag.help, **settings)


def _type_of(setting: Setting) -> ValueType:
    if setting.takes is Type.PROBABILITY:
        return Probability()
    if setting.choices is not None:
        return OneOf(setting.json_name.upper(), *(each.value for each in setting.choices))
    # Numbers that may have a fraction in JSON are whole here, as in the original.
    assert setting.unit is not None
    return WholeNumber(setting.unit.metavar, setting.unit.name)


FLAGS: list[Flag] = [
    Flag("-l --listen", ADDRESSES, ListenAddress(), "The address that clients connect to; required."),
    Flag("-c --upstream", ADDRESSES, UpstreamAddress(), "The server's address, or unix:/path; required."),
    Flag("-a --api", ADDRESSES, ListenAddress(), "The REST API's address; without it there is no API."),
    Flag(
        "--profile",
        FAULTS,
        ProfileName(),
        "Begin with a named network, such as 3g; `trixter profiles` has them.",
    ),
    Flag("--profiles", FAULTS, FilePath(), "A TOML file with profiles of your own."),
    *(fault_flag(each, FAULTS) for each in FLAGGED_SETTINGS if each.takes is not Type.SWITCH),
    Flag("--connection-duration-ms", FAULTS, MILLISECONDS, "The connection is reset at this age."),
    Flag("--random-seed", FAULTS, SEED, "Repeat the random decisions of the run that logged this seed."),
    Flag("--journal", FAULTS, FilePath(), "Write what faults do, and at which byte, to this file."),
    Flag("--replay", FAULTS, FilePath(), "Repeat a journal at the same bytes; no other faults are applied."),
    Flag("--buffer-limit-bytes", LIMITS, SOME_BYTES, "Bytes held in one direction at which reading pauses."),
    Flag("--total-limit-bytes", LIMITS, SOME_BYTES, "The same for all directions together."),
    Flag(
        "--socket-buffer-bytes",
        LIMITS,
        BYTES,
        "Size to request for socket buffers; 0: as the kernel decides.",
    ),
    Flag("--connect-timeout-ms", LIMITS, SOME_MILLISECONDS, "Time-out for connecting to the upstream."),
    Flag("--keepalive-ms", LIMITS, MILLISECONDS, "A silent peer is probed this often; 0: never."),
    Flag("--idle-timeout-ms", LIMITS, MILLISECONDS, "No byte for this long: reset; 0: never."),
    Flag("--on-unreachable", LIMITS, ENDS, "End of a client whose upstream cannot be reached."),
    SecretFlag(
        "--api-token", API, Token(), "The bearer token that it demands; best set as TRIXTER_API_TOKEN."
    ),
    Flag("--api-name", API, HostName(), "A host name that it also accepts; repeatable.", multiple=True),
    Flag(
        "--log-level",
        LOG,
        LEVEL,
        "The lowest level that is logged: debug, info, warning, error or off; without it, RUST_LOG counts.",
    ),
    Flag("--log-format", LOG, FORMAT, "text for people, json for programs."),
]

REMOTE_API = "The proxy"
REMOTE_FAULTS = "Faults (0 is off)"

# The address in all examples.
API_ADDRESS = "127.0.0.1:8888"


class CaFile(FilePath):
    """A file of CA certificates."""

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
        REMOTE_API,
        ApiUrl(),
        "The address or the URL of its API.",
        default=API_ADDRESS,
        envvar="TRIXTER_API_URL",
    ),
    SecretFlag(
        "--api-token", REMOTE_API, Token(), "The bearer token of its API; best set as TRIXTER_API_TOKEN."
    ),
    Flag(
        "--api-ca", REMOTE_API, CaFile(), "For https://: the CA certificates to trust, in PEM.", default=None
    ),
]


def own_flag(name: str, type: Any, help: str) -> Flag:
    """Return a flag without an environment variable: those configure a proxy that starts."""
    return Flag(name, REMOTE_FAULTS, type, help, default=None, envvar=None)


def _remote_flag_of(setting: Setting) -> click.Option:
    assert setting.flag is not None
    if setting.takes is Type.SWITCH:
        off = setting.flag.name.replace("--", "--no-")
        return Switch(f"{setting.flag.name}/{off}", REMOTE_FAULTS, setting.flag.help, default=None)
    return fault_flag(setting, REMOTE_FAULTS, default=None, envvar=None)


FAULT_FLAGS: list[click.Parameter] = [
    *map(_remote_flag_of, FLAGGED_SETTINGS),
    Switch("--clear", REMOTE_FAULTS, "Take all faults away, and begin with none."),
    own_flag("--profile", ProfileName(), "Take all faults away, and begin with a named network, such as 3g."),
    Flag("--profiles", REMOTE_FAULTS, FilePath(), "A TOML file with profiles of your own.", default=None),
    own_flag(
        "--direction",
        OneOf("DIRECTION", "upstream", "downstream", "both"),
        "upstream (to the server), downstream (to the client), or both, as without it.",
    ),
]
"""The flags that ``set`` and ``defaults`` share."""
