"""Every flag there is, in the order of the help."""

from __future__ import annotations

from trixter.cli.addresses import HostName, ListenAddress, UpstreamAddress
from trixter.cli.flag import Flag, SecretFlag
from trixter.cli.parameters import FilePath, OneOf, Probability, ProfileName, Token, WholeNumber

ADDRESSES = "Addresses"
FAULTS = "Faults of new connections, in both directions (0 is off)"
LIMITS = "Limits"
API = "The API"
LOG = "The log, on standard error"

MILLISECONDS = WholeNumber("MS", "milliseconds")
BYTES = WholeNumber("BYTES", "bytes")
BYTES_PER_S = WholeNumber("BYTES/S", "bytes per second")
SEED = WholeNumber("U64")
LEVEL = OneOf("LEVEL", "debug", "info", "warning", "error", "off")
ENDS = OneOf("END", "fin", "reset")
FORMAT = OneOf("FORMAT", "text", "json")

# Where 0 would not mean "off" but "nothing works".
SOME_MILLISECONDS = WholeNumber("MS", "milliseconds", least=1)
SOME_BYTES = WholeNumber("BYTES", "bytes", least=1)

FLAGS = [
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
    Flag("--delay-ms", FAULTS, MILLISECONDS, "Each byte leaves this long after it arrived."),
    Flag("--jitter-ms", FAULTS, MILLISECONDS, "Give or take so much of the delay."),
    Flag("--throttle-rate-bytes", FAULTS, BYTES_PER_S, "Bytes leave at this rate."),
    Flag("--slice-size-bytes", FAULTS, BYTES, "Nothing larger leaves in one piece."),
    Flag("--corrupt-probability-rate", FAULTS, Probability(), "Random bytes are put in front of operations."),
    Flag("--terminate-probability-rate", FAULTS, Probability(), "The connection is reset at an operation."),
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
