"""Every flag there is, in the order of the help."""

from __future__ import annotations

from typing import Any

from trixter.cli.addresses import HostName, ListenAddress, UpstreamAddress
from trixter.cli.flag import Flag, SecretFlag
from trixter.cli.parameters import FilePath, OneOf, Probability, ProfileName, Token, WholeNumber, Wording
from trixter.faults import CATALOGUE
from trixter.faults.entry import Setting, Type

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

# Where 0 would not mean "off" but "nothing works".
SOME_MILLISECONDS = WholeNumber("MS", "milliseconds", least=1)
SOME_BYTES = WholeNumber("BYTES", "bytes", least=1)

SETTINGS = [each for entry in CATALOGUE for each in entry.settings if each.flag]
"""Those of faults that have a flag. A switch is one of proxies that run, and not of the start."""


def fault_flag(setting: Setting, section: str, **settings: Any) -> Flag:
    """Return the flag of a setting that has one, and is no switch.

    Args:
        setting: What it sets.
        section: The heading it stands under in the help.
        **settings: Of the flag, where it is none of the proxy itself.
    """
    assert setting.flag is not None
    return Flag(setting.flag.name, section, _type_of(setting), setting.flag.help, **settings)


def _type_of(setting: Setting) -> Wording:
    if setting.takes is Type.PROBABILITY:
        return Probability()
    if setting.choices is not None:
        return OneOf(setting.json_name.upper(), *(each.value for each in setting.choices))
    # Numbers that have a fraction in JSON have none here, as the original's.
    assert setting.unit is not None
    return WholeNumber(setting.unit.metavar, setting.unit.name)


FLAGS: list[Flag] = [
    Flag("-l --listen", ADDRESSES, ListenAddress(), "Where clients connect to; required."),
    Flag("-c --upstream", ADDRESSES, UpstreamAddress(), "The server behind, or unix:/path; required."),
    Flag("-a --api", ADDRESSES, ListenAddress(), "Where the REST API listens; without it there is none."),
    Flag(
        "--profile",
        FAULTS,
        ProfileName(),
        "Begin with a named network, such as 3g; `trixter profiles` has them.",
    ),
    Flag("--profiles", FAULTS, FilePath(), "A TOML file with profiles of your own."),
    *(fault_flag(each, FAULTS) for each in SETTINGS if each.takes is not Type.SWITCH),
    Flag("--connection-duration-ms", FAULTS, MILLISECONDS, "The connection is reset at this age."),
    Flag("--random-seed", FAULTS, SEED, "Replay the luck of the run that logged this seed."),
    Flag("--limit-bytes", LIMITS, SOME_BYTES, "Bytes held in one direction at which reading pauses."),
    Flag("--total-limit-bytes", LIMITS, SOME_BYTES, "The same for all directions together."),
    Flag("--socket-buffer-bytes", LIMITS, BYTES, "Buffers that the kernel is asked for; 0: as it likes."),
    Flag("--connect-timeout-ms", LIMITS, SOME_MILLISECONDS, "How long the upstream has to answer."),
    Flag("--keepalive-ms", LIMITS, MILLISECONDS, "A silent peer is probed this often; 0: never."),
    Flag("--idle-timeout-ms", LIMITS, MILLISECONDS, "No byte for this long: reset; 0: never."),
    Flag("--on-unreachable", LIMITS, ENDS, "How a client ends whose upstream cannot be reached."),
    SecretFlag("--api-token", API, Token(), "The bearer token it asks for; best set as TRIXTER_API_TOKEN."),
    Flag("--api-name", API, HostName(), "A host name it also answers to; repeatable.", multiple=True),
    Flag(
        "--log-level",
        LOG,
        LEVEL,
        "The least that is logged: debug, info, warning, error or off; without it, RUST_LOG counts.",
    ),
    Flag("--log-format", LOG, FORMAT, "text for people, json for programs."),
]
