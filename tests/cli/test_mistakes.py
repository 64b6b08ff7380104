"""Mistakes on the command line: each is one line on standard error, and an exit status."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest

from tests.cli.program import COMMAND, closed_port
from trixter.cli.main import main
from trixter.cli.sweep_command import ADDRESS_HINT

REQUIRED = ["--listen", "127.0.0.1:0", "--upstream", "127.0.0.1:9"]

MS = "a whole number of milliseconds, 0 or more"
BYTES = "a whole number of bytes, 0 or more"
RATE = "a whole number of bytes per second, 0 or more"
PROBABILITY = "a probability between 0.0 and 1.0"
MOST = 2**64 - 1
TCP = "host:port, such as 127.0.0.1:8080, [::1]:8080 or localhost:8080"
LISTEN = f"{TCP}, or :8080 for all interfaces"
NO_HOST = "host:port with a host, such as 127.0.0.1:8080"
NO_PORT = "host:port with a port, such as"
NAME = "a host name without a port, such as chaos.example"
URL = "host:port, or a URL that begins with http:// or https://"

# Values of flags that are also environment variables: the flag, the value, what is accepted.
REFUSED = [
    ("--listen", "8080", f"{NO_HOST}, or :8080 for all interfaces"),
    ("--listen", "127.0.0.1:99999", "host:port with a port from 0 to 65535"),
    ("--listen", "unix:/run/a.sock", LISTEN),
    ("--upstream", "127.0.0.1", f"{NO_PORT} 127.0.0.1:8080"),
    ("--upstream", "db.example:", f"{NO_PORT} db.example:8080"),
    ("--upstream", ":8080", NO_HOST),
    ("--upstream", "http://db.example", "host:port without http://, such as db.example:80"),
    ("--upstream", "redis://:secret@db.example/0", "host:port without redis://, such as db.example:6379"),
    ("--upstream", "127.0.0.1:0", "host:port with a port from 1 to 65535"),
    ("--upstream", "db.example:70000", "host:port with a port from 1 to 65535"),
    ("--upstream", "unix:", "a path behind unix:, such as unix:/run/db.sock"),
    ("--upstream", "/run/db.sock", "a path behind unix:, such as unix:/run/db.sock"),
    ("--api", "::1:8888", "host:port with an IPv6 address in brackets, such as [::1]:8080"),
    ("--api", "two words:80", LISTEN),
    ("--delay-ms", "250ms", MS),
    ("--delay-ms", "-5", MS),
    ("--delay-ms", "1.5", MS),
    ("--delay-ms", "1_000", MS),
    ("--delay-ms", " 7", MS),
    ("--delay-ms", "\u0663", MS),
    ("--delay-ms", str(MOST + 1), f"a whole number of milliseconds from 0 to {MOST}"),
    ("--throttle-rate-bytes", "10k", RATE),
    ("--throttle-queue-bytes", "64K", BYTES),
    ("--slice-size-bytes", "-1", BYTES),
    ("--slice-gap-ms", "5s", MS),
    ("--corrupt-probability-rate", "50%", PROBABILITY),
    ("--corrupt-probability-rate", "nan", PROBABILITY),
    ("--corrupt-mode", "swap", "insert or flip"),
    ("--terminate-probability-rate", "-0.1", PROBABILITY),
    ("--connection-duration-ms", "5s", MS),
    ("--random-seed", "x", "a whole number, 0 or more"),
    ("--random-seed", str(MOST + 1), f"a whole number from 0 to {MOST}"),
    ("--buffer-limit-bytes", "0", "a whole number of bytes, 1 or more"),
    ("--connect-timeout-ms", "0", "a whole number of milliseconds, 1 or more"),
    ("--idle-timeout-ms", "1h", MS),
    ("--on-unreachable", "drop", "fin or reset"),
    ("--api-name", "chaos.example:80", NAME),
    ("--api-name", "*", NAME),
    ("--log-level", "loud", "debug, info, warning, error or off"),
    ("--log-format", "xml", "text or json"),
]

NO_API = "no API answers at http://127.0.0.1:9: connection refused; start the proxy with `--api 127.0.0.1:9`"
NO_FILE = "no.toml: cannot be read: no such file or directory"
NO_TARGET = "the id of a connection or --all must be given; `trixter ls` has the ids"
NO_CHANGE = "what to change must be given, such as --delay-ms 250"
NO_FAULTS = "--direction needs a change of faults beside it, such as --delay-ms 250"
NO_ID = "the id of a connection must be one that `trixter ls` lists"
BARE_URL = "a URL of a host and a port alone, such as http://127.0.0.1:8888"
HOST = "host:port with the name of a host, or its address"
TWO_TARGETS = "--all does not go with the id of a connection"
SWEEP = "sweep --upstream 127.0.0.1:9"
BREAKS = "reset, close, half-close, freeze, latency, cut, corrupt, lose_request or lose_answer"
OUTCOMES = "some of ok, error, hang, leak, wrong, with commas between them"
TRY = "must be given; try `trixter --help` or `trixter demo`"

# What is typed, the exit status, and the line. A @ stands for the flags that a proxy needs.
MISTAKES = [
    ("", 2, f"--listen and --upstream {TRY}"),
    ("--listen :8080", 2, f"--upstream {TRY}"),
    ("--upstream db.example:5432", 2, f"--listen {TRY}"),
    # Commands.
    ("lss", 2, "no such command 'lss'; did you mean ls?"),
    ("watc", 2, "no such command 'watc'; did you mean watch?"),
    ("list", 2, "no such command 'list'; did you mean ls?"),
    ("inspect", 2, "no such command 'inspect'; did you mean status?"),
    ("toggle", 2, "no such command 'toggle'; did you mean down?"),
    ("version", 2, "no such command 'version'; did you mean --version?"),
    ("frobnicate", 2, "no such command 'frobnicate'; `trixter help` lists the commands"),
    ("127.0.0.1:8080", 2, "no such command '127.0.0.1:8080'; addresses follow --listen and --upstream"),
    ("help lss", 2, "no such command 'lss'; did you mean ls?"),
    ("LS", 2, "no such command 'LS'; did you mean ls?"),
    ("start", 2, "no such command 'start'; did you mean --listen?"),
    ("docs fualts", 2, "no page 'fualts'; did you mean faults?"),
    ("docs ../etc/passwd", 2, "no page '../etc/passwd'; `trixter docs` lists the pages"),
    ("docs ''", 2, "no page ''; `trixter docs` lists the pages"),
    ("@ demo", 2, "--listen does not go with `demo`"),
    ("--delay-ms 3 set --all", 2, "--delay-ms does not go with `set`"),
    # Flags.
    ("--upstraem db.example:5432", 2, "no such option '--upstraem'; did you mean --upstream?"),
    ("@ --delay 250", 2, "no such option '--delay'; did you mean --delay-ms?"),
    ("@ --delay=250", 2, "no such option '--delay'; did you mean --delay-ms?"),
    ("@ --latency 250", 2, "no such option '--latency'; did you mean --delay-ms?"),
    ("@ --bandwidth 65536", 2, "no such option '--bandwidth'; did you mean --throttle-rate-bytes?"),
    ("@ --seed 42", 2, "no such option '--seed'; did you mean --random-seed?"),
    ("@ --log debug", 2, "no such option '--log'; did you mean --log-level or --log-format?"),
    ("@ --frobnicate", 2, "no such option '--frobnicate'"),
    ("@ --delay-ms", 2, "option '--delay-ms' requires an argument"),
    ("ls --jsn", 2, "no such option '--jsn'; did you mean --json?"),
    ("ls --port 8888", 2, "no such option '--port'"),
    ("demo --stay=3", 2, "option '--stay' does not take a value"),
    # Settings without effect, or in contradiction to another one.
    ("@ --slice-gap-ms 5", 2, "--slice-gap-ms needs --slice-size-bytes beside it"),
    ("@ --profile 3g --corrupt-mode flip", 2, "--corrupt-mode needs --corrupt-probability-rate beside it"),
    (
        "@ --slice-size-bytes 5 --slice-variation-bytes 5",
        2,
        "--slice-variation-bytes must be less than --slice-size-bytes, not 5",
    ),
    ("set --all --jitter-ms 5", 2, "--jitter-ms needs --delay-ms beside it"),
    ("set --all --clear --profile 3g", 2, "--clear does not go with --profile"),
    # Profiles.
    ("@ --profile egde", 2, "--profile must be the name of a profile, not 'egde'; did you mean edge?"),
    (
        "@ --profile moon",
        2,
        "--profile must be the name of a profile, not 'moon'; `trixter profiles` lists them",
    ),
    ("@ --profiles-file no.toml", 1, NO_FILE),
    ("@ --profile 3G", 2, "--profile must be the name of a profile, not '3G'; did you mean 3g?"),
    ("@ --profile 3g --profiles-file no.toml", 1, NO_FILE),
    ("set --all --delay-ms 5 --profiles-file no.toml", 1, NO_FILE),
    ("profiles --profiles-file no.toml", 1, NO_FILE),
    ("profiles 3g", 2, "got unexpected extra argument (3g)"),
    # A running proxy.
    ("ls --api 127.0.0.1:9", 1, NO_API),
    ("down --api http://127.0.0.1:9", 1, NO_API),
    ("ls --api nowhere", 2, f"--api must be {NO_PORT} nowhere:8080, not 'nowhere'"),
    ("ls --api ftp://127.0.0.1:1", 2, f"--api must be {URL}, not 'ftp://127.0.0.1:1'"),
    ("ls --api http://127.0.0.1:1/v1", 2, f"--api must be {BARE_URL}, not 'http://127.0.0.1:1/v1'"),
    ("ls --api http://a@b:1", 2, f"--api must be {BARE_URL}, not 'http://a@b:1'"),
    ("ls --api HTTP://127.0.0.1:9", 1, NO_API),
    ("ls --api a..b:80", 2, f"--api must be {HOST}, not 'a..b:80'"),
    ("ls --api \udcff:80", 2, f"--api must be {HOST}, not '\\udcff:80'"),
    ("ls --json --rates", 2, "--rates does not go with --json"),
    ("ls --json --each", 2, "--each does not go with --json"),
    ("ls --api 127.0.0.1:0", 2, "--api must be host:port with a port from 1 to 65535, not '127.0.0.1:0'"),
    ("ls --api-ca no.pem", 2, "--api-ca must be a file of CA certificates in PEM, not 'no.pem'"),
    ("set", 2, NO_TARGET),
    ("set a6e39e-1", 2, NO_CHANGE),
    ("set --all a6e39e-1 --delay-ms 5", 2, TWO_TARGETS),
    ("set --all --delay-ms 250ms", 2, f"--delay-ms must be {MS}, not '250ms'"),
    ("set --all --freeze --direction up", 2, "--direction must be upstream, downstream or both, not 'up'"),
    ("set '' --delay-ms 5", 2, f"{NO_ID}, not ''"),
    ("set \udcff --delay-ms 5", 2, f"{NO_ID}, not '\\udcff'"),
    ("set --all --direction upstream", 2, NO_FAULTS),
    ("defaults --direction upstream", 2, NO_FAULTS),
    ("defaults --direction upstream --connection-duration-ms 5", 2, NO_FAULTS),
    ("kill ''", 2, f"{NO_ID}, not ''"),
    ("kill ' '", 2, f"{NO_ID}, not ' '"),
    (f"kill {'x' * 100}", 2, f"{NO_ID}, not '{'x' * 60}'"),
    ("kill '' --all", 2, f"{NO_ID}, not ''"),
    ("kill --all --reason \udcff", 2, "--reason must be text in UTF-8, not '\\udcff'"),
    ("kill", 2, NO_TARGET),
    ("kill a6e39e-1 --all", 2, TWO_TARGETS),
    ("down a6e39e-1", 2, "got unexpected extra argument (a6e39e-1)"),
    (
        "watch --interval-s 0",
        2,
        "--interval-s must be a number of seconds, more than 0 and at most 86400, not '0'",
    ),
    # A command with a proxy of its own.
    ("run -- true", 2, "--upstream must be given: the server behind the proxy"),
    ("run --upstream 127.0.0.1:9", 2, "the command to run must be given, after `--`"),
    ("sweep -- true", 2, "--upstream must be given: the server behind the proxy"),
    ("sweep --upstream 127.0.0.1:9", 2, "the command to run must be given, after `--`"),
    (f"{SWEEP} --break rest -- true", 2, f"--break must be {BREAKS}, not 'rest'"),
    (f"{SWEEP} --at bytes -- true", 2, "--at must be operation, message, byte or connection, not 'bytes'"),
    (
        f"{SWEEP} --break lose_answer --at byte -- true",
        2,
        "--at must be 'every message' with --break 'lose_answer', not 'every byte'",
    ),
    (
        f"{SWEEP} --break lose_answer --direction upstream -- true",
        2,
        "--direction must be 'downstream', or left out, with --break 'lose_answer', not 'upstream'",
    ),
    (f"{SWEEP} --silence -- true", 2, "--silence must be left out with --break 'reset'"),
    (f"{SWEEP} --accept ok,fine -- true", 2, f"--accept must be {OUTCOMES}, not 'ok,fine'"),
    (
        f"{SWEEP} --wrong-status 256 -- true",
        2,
        "--wrong-status must be a whole number from 1 to 255, not '256'",
    ),
    (
        f"{SWEEP} --round 1:down:5 -- true",
        2,
        "--round must be a point such as '1:downstream:214', not '1:down:5'",
    ),
    (f"{SWEEP} -- /no/such", 127, "cannot run '/no/such': no such file or directory"),
    (f"{SWEEP} -- false", 1, "the command fails without any break: exit status 1"),
    (f"{SWEEP} -- true", 1, f"the command opened no connection through the proxy: {ADDRESS_HINT}"),
    ("run --upstream 127.0.0.1 -- true", 2, f"--upstream must be {NO_PORT} 127.0.0.1:8080, not '127.0.0.1'"),
]


def said(args: list[str], capsys: pytest.CaptureFixture[str], status: int = 2) -> str:
    """Run the command with a mistake, and return the one line that it says."""
    with pytest.raises(SystemExit) as left:
        main(args)
    printed = capsys.readouterr()
    assert (left.value.code, printed.out) == (status, "")
    assert printed.err.startswith("trixter: ")
    assert printed.err.endswith("\n")
    assert len(printed.err.splitlines()) == 1
    return printed.err.removeprefix("trixter: ").rstrip("\n")


@pytest.mark.parametrize(("typed", "status", "line"), MISTAKES, ids=[typed for typed, _, _ in MISTAKES])
def test_a_mistake_is_one_line_that_says_what_to_do(
    typed: str, status: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    args = [part for each in shlex.split(typed) for part in (REQUIRED if each == "@" else [each])]
    assert said(args, capsys, status) == line


@pytest.mark.parametrize(("flag", "value", "accepts"), REFUSED)
def test_a_wrong_value_is_named_with_its_flag_and_what_is_accepted(
    flag: str, value: str, accepts: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said([*REQUIRED, flag, value], capsys) == f"{flag} must be {accepts}, not {value!r}"


@pytest.mark.parametrize(
    ("flag", "value", "accepts"),
    [*REFUSED, ("--freeze", "maybe", "true or false"), ("--upstream-check", "2", "true or false")],
)
def test_from_the_environment_it_is_named_with_its_variable(
    flag: str, value: str, accepts: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = "TRIXTER_" + flag.removeprefix("--").replace("-", "_").upper()
    monkeypatch.setenv("TRIXTER_LISTEN", REQUIRED[1])
    monkeypatch.setenv("TRIXTER_UPSTREAM", REQUIRED[3])
    monkeypatch.setenv(variable, value)
    assert said([], capsys) == f"{variable} must be {accepts}, not {value!r}"


def test_a_file_of_profiles_from_the_environment_is_read_as_well(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIXTER_PROFILES", "no.toml")
    assert said(REQUIRED, capsys, 1) == NO_FILE


@pytest.mark.parametrize("secret", ["two words", "", "naïve", "line\nbreak"])
def test_a_token_is_never_shown(secret: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said([*REQUIRED, "--api-token", secret], capsys) == (
        "--api-token must be one or more visible ASCII characters without spaces (its value is not shown)"
    )


def test_a_token_from_the_environment_is_never_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIXTER_API_TOKEN", "s3 cret")
    line = said(REQUIRED, capsys)
    assert line.startswith("TRIXTER_API_TOKEN must be one or more visible ASCII characters")
    assert "s3" not in line


def test_a_token_that_was_not_filled_in_is_not_taken_for_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIXTER_API_TOKEN", "")
    assert said(REQUIRED, capsys) == (
        "TRIXTER_API_TOKEN must be one or more visible ASCII characters without spaces; unset it for none"
    )


@pytest.mark.parametrize("value", ["a\nb", "\x1b[2J", "x" * 100_000, "9" * 100_000, "\u202e"])
@pytest.mark.parametrize("flag", ["--delay-ms", "--listen", "--profile"])
def test_a_hostile_value_makes_one_short_line(
    flag: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = said([*REQUIRED, flag, value], capsys)
    assert line.startswith(f"{flag} must be ")
    assert line.isprintable()
    assert len(line) < 250


@pytest.mark.parametrize("args", [["\x1b[31m\nred" * 50], [*REQUIRED, "--\x1b[31m\nred" * 50]])
def test_so_does_a_hostile_name(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    line = said(args, capsys)
    assert line.startswith("no such ")
    assert line.isprintable()
    assert len(line) < 250


@pytest.mark.slow
@pytest.mark.parametrize(
    ("args", "status", "line"),
    [
        ("--listen 192.0.2.1:80 --upstream 127.0.0.1:9", 1, "cannot listen on 192.0.2.1:80: "),
        (
            "--listen {port} --upstream {port}",
            1,
            "--upstream must be another address than the proxy listens on",
        ),
        ("run --upstream 127.0.0.1:9 -- /no/such/command", 127, "cannot run '/no/such/command': "),
        ("@ --delay-ms soon", 2, "--delay-ms must be a whole number"),
    ],
)
def test_a_program_ends_with_it(args: str, status: int, line: str) -> None:
    with closed_port() as port:
        pass
    words = shlex.split(args.replace("@", shlex.join(REQUIRED)).format(port=port))
    ended = subprocess.run(
        [sys.executable, "-c", COMMAND, *words], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (status, "")
    assert ended.stderr.splitlines()[-1].startswith(f"trixter: {line}")
    assert "Traceback" not in ended.stderr
