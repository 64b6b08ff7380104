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
    OnOff,
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
        names: The short and the long name, with a space between them; ``--name/--no-name`` for a switch
            that can be switched off, too.
        section: Its heading in the help.
        type: The type of the value; ``OnOff`` makes it a switch, which takes none.
        help: Its purpose: a noun or an order, with the unit.
        multiple: Whether it may be repeated; in the environment, with spaces between the values.
        default: Instead of that of ``Options``.
        envvar: Instead of ``TRIXTER_…``; ``None`` for no variable.
        show_envvar: Whether the help names the variable; that of the proxy gives the rule once.
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
        show_envvar: bool = False,
    ) -> None:
        opts = names.split()
        self.section = section
        self.flag_name = opts[-1].partition("/")[0]
        name = self.flag_name.removeprefix("--").replace("-", "_")
        is_of_the_proxy = default is OF_THE_PROXY
        if is_of_the_proxy:
            default = getattr(Options, name, None)
        is_switch = isinstance(type, OnOff)
        super().__init__(
            opts,
            type=type,
            help=help,
            multiple=multiple,
            is_flag=is_switch,
            metavar=None if is_switch else type.form,
            default=default,
            # Of a flag that 0 switches off, the heading or the text says so.
            show_default=bool(default) and not is_switch,
            envvar=f"TRIXTER_{name.upper()}" if envvar is OF_THE_PROXY else envvar,
            show_envvar=show_envvar,
        )

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> tuple[Any, ParameterSource]:
        value, source = super().consume_value(ctx, opts)
        # Click returns "=ADDR" for "-l=ADDR". Flags with a short name take addresses; none begins with "=".
        if source is ParameterSource.COMMANDLINE and isinstance(value, str) and len(self.opts) > 1:
            value = value.removeprefix("=")
        return value, source

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        record = super().get_help_record(ctx)
        # Of a switch that is on, a reader wants the name that switches it off.
        return (self.secondary_opts[0], record[1]) if record and self.default is True else record


class SecretFlag(Flag):
    """A flag whose environment variable must not be empty; an empty variable of another flag counts as unset.

    A secret that was not filled in must not leave the API open.
    """

    def value_from_envvar(self, ctx: click.Context) -> Any:
        if os.environ.get(str(self.envvar)) == "":
            ctx.set_parameter_source(str(self.name), ParameterSource.ENVIRONMENT)
            raise click.BadParameter(f"must be {Token.accepts}; unset it for none", ctx=ctx, param=self)
        return super().value_from_envvar(ctx)


ADDRESSES = "Addresses"
API = "Control API"
FAULTS = "Faults of new connections, in both directions (0 is off)"
LIMITS = "Limits and time-outs"
LOG = "Log, on standard error"

MILLISECONDS = WholeNumber("MS", "milliseconds")
BYTES = WholeNumber("BYTES", "bytes")
SEED = WholeNumber("U64")
LEVEL = OneOf("LEVEL", "debug", "info", "warning", "error", "off")
ENDS = OneOf("END", "fin", "reset")
FORMAT = OneOf("FORMAT", "text", "json")

# For flags of which 0 would not mean "off" but "nothing works".
SOME_MILLISECONDS = WholeNumber("MS", "milliseconds", least=1)
SOME_BYTES = WholeNumber("BYTES", "bytes", least=1)

# The loader of profiles reads the same variable, so that tests and commands find one file.
PROFILES_VARIABLE = "TRIXTER_PROFILES"

FAULT_SETTINGS = [each for entry in CATALOGUE for each in entry.settings]
"""Every setting of every fault: each has a flag."""


def fault_flag(setting: Setting, section: str, **settings: Any) -> Flag:
    """Return the flag of a setting.

    Args:
        setting: The setting.
        section: The heading of the flag in the help.
        **settings: Keywords of ``Flag``, for a flag that is none of the proxy itself.
    """
    name = setting.flag.name
    names = f"{name}/{name.replace('--', '--no-')}" if setting.takes is Type.SWITCH else name
    return Flag(names, section, _type_of(setting), setting.flag.help, **settings)


def _type_of(setting: Setting) -> ValueType:
    if setting.takes is Type.SWITCH:
        return OnOff()
    if setting.takes is Type.PROBABILITY:
        return Probability()
    if setting.choices is not None:
        return OneOf(setting.json_name.upper(), *(each.value for each in setting.choices))
    # Numbers that may have a fraction in JSON are whole here, as in the original.
    assert setting.unit is not None
    return WholeNumber(setting.unit.metavar, setting.unit.name)


def profiles_file_flag(section: str, **settings: Any) -> Flag:
    """Return ``--profiles-file``, which every command that knows profiles has."""
    text = "TOML file with profiles of your own"
    return Flag("--profiles-file", section, FilePath(), text, envvar=PROFILES_VARIABLE, **settings)


FLAGS: list[Flag] = [
    Flag(
        "-l --listen",
        ADDRESSES,
        ListenAddress(),
        "Address to listen on; :8080 is port 8080 of all interfaces  [required]",
    ),
    Flag(
        "-c --upstream",
        ADDRESSES,
        UpstreamAddress(),
        "Server to forward to, host:port or unix:/path  [required]",
    ),
    Flag("-a --api", ADDRESSES, ListenAddress(), "Address of the control API  [default: no API]"),
    Flag("--profile", FAULTS, ProfileName(), "Network profile, such as 3g; `trixter profiles` lists them"),
    profiles_file_flag(FAULTS),
    *(fault_flag(each, FAULTS) for each in FAULT_SETTINGS),
    Flag("--connection-duration-ms", FAULTS, MILLISECONDS, "Maximum lifetime in ms, then a reset (RST)"),
    Flag("--random-seed", FAULTS, SEED, "Seed of all randomness; the log of a run has it  [default: random]"),
    Flag("--journal", FAULTS, FilePath(), "File to write what faults do, and at which byte  [default: none]"),
    Flag("--replay", FAULTS, FilePath(), "Journal to repeat at the same bytes, in place of other faults"),
    SecretFlag(
        "--api-token",
        API,
        Token(),
        "Bearer token that it requires; best set as TRIXTER_API_TOKEN  [default: none]",
    ),
    Flag(
        "--api-name",
        API,
        HostName(),
        "Host name that it accepts beside IP addresses and localhost; repeatable",
        multiple=True,
    ),
    Flag("--connect-timeout-ms", LIMITS, SOME_MILLISECONDS, "Time-out in ms for connecting to the server"),
    Flag("--idle-timeout-ms", LIMITS, MILLISECONDS, "Idle time-out in ms, then a reset (RST); 0 is none"),
    Flag("--keepalive-ms", LIMITS, MILLISECONDS, "Interval of TCP keep-alive probes in ms; 0 is none"),
    Flag("--on-unreachable", LIMITS, ENDS, "End of a client whose server cannot be reached: fin or reset"),
    Flag(
        "--upstream-check/--no-upstream-check",
        LIMITS,
        OnOff(),
        "Skip the check at the start whether the server answers",
    ),
    Flag(
        "--buffer-limit-bytes", LIMITS, SOME_BYTES, "Buffer in bytes of a direction; reading pauses above it"
    ),
    Flag("--total-limit-bytes", LIMITS, SOME_BYTES, "Buffer in bytes of all directions together"),
    Flag(
        "--socket-buffer-bytes", LIMITS, BYTES, "Kernel buffer of a socket in bytes; 0 is the kernel's choice"
    ),
    Flag(
        "--log-level",
        LOG,
        LEVEL,
        "Lowest level to log: debug, info, warning, error or off; if left out, RUST_LOG counts",
    ),
    Flag("--log-format", LOG, FORMAT, "Format: text for people, json for programs"),
]

REMOTE_API = "Control API of the proxy"
REMOTE_FAULTS = "Faults (0 is off; one that is left out stays)"
OUTPUT = "Output"

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
        "Address or URL of the API",
        default=API_ADDRESS,
        envvar="TRIXTER_API_URL",
        show_envvar=True,
    ),
    SecretFlag(
        "--api-token",
        REMOTE_API,
        Token(),
        "Bearer token of the API; best set as the variable",
        show_envvar=True,
    ),
    Flag(
        "--api-ca",
        REMOTE_API,
        CaFile(),
        "CA certificates to trust for https://, in PEM",
        default=None,
        show_envvar=True,
    ),
]


def own_flag(names: str, section: str, type: ValueType, help: str, default: Any = None) -> Flag:
    """Return a flag without an environment variable: those configure a proxy that starts."""
    return Flag(names, section, type, help, default=default, envvar=None)


JSON = own_flag("--json", OUTPUT, OnOff(), "Print the API's response as JSON, for scripts", default=False)

FAULT_FLAGS: list[Flag] = [
    *(fault_flag(each, REMOTE_FAULTS, default=None, envvar=None) for each in FAULT_SETTINGS),
    own_flag("--clear", REMOTE_FAULTS, OnOff(), "Remove all faults first", default=False),
    own_flag(
        "--profile", REMOTE_FAULTS, ProfileName(), "Replace all faults by a network profile, such as 3g"
    ),
    profiles_file_flag(REMOTE_FAULTS, show_envvar=True),
    own_flag(
        "--direction",
        REMOTE_FAULTS,
        OneOf("DIRECTION", "upstream", "downstream", "both"),
        "Direction to change: upstream (to the server), downstream (to the client) or both  [default: both]",
    ),
]
"""The flags that ``set`` and ``defaults`` share."""
