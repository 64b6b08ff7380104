"""Wrong flags and environment variables: one line, and exit status 2."""

from __future__ import annotations

import pytest

from trixter.addresses import CONNECT_FORM
from trixter.cli.main import main

REQUIRED = ["--listen", "127.0.0.1:0", "--upstream", "127.0.0.1:9"]

MS = "a whole number of milliseconds, 0 or more"
BYTES = "a whole number of bytes, 0 or more"
RATE = "a whole number of bytes per second, 0 or more"
PROBABILITY = "a probability between 0.0 and 1.0"
MOST = 2**64 - 1
LISTEN = "host:port, such as 127.0.0.1:8080, [::1]:8080 or localhost:8080"
UPSTREAM = "host:port, such as 127.0.0.1:8181, [::1]:8181 or db.example:5432, or unix:/path"
NAME = "a host name without a port, such as chaos.example"

# Flag, value, what is accepted.
REFUSED = [
    ("--listen", "8080", LISTEN),
    ("--listen", "127.0.0.1:65536", LISTEN),
    ("--listen", "unix:/run/a.sock", LISTEN),
    ("--upstream", "nonsense", UPSTREAM),
    ("--upstream", "db.example:", UPSTREAM),
    ("--api", "::1:8888", LISTEN),
    ("--delay-ms", "abc", MS),
    ("--delay-ms", "-5", MS),
    ("--delay-ms", "1.5", MS),
    ("--delay-ms", "1_000", MS),
    ("--delay-ms", " 7", MS),
    ("--delay-ms", "\u0663", MS),
    ("--delay-ms", str(MOST + 1), f"a whole number of milliseconds from 0 to {MOST}"),
    ("--throttle-rate-bytes", "10k", RATE),
    ("--slice-size-bytes", "-1", BYTES),
    ("--corrupt-probability-rate", "1.1", PROBABILITY),
    ("--corrupt-probability-rate", "nan", PROBABILITY),
    ("--terminate-probability-rate", "-0.1", PROBABILITY),
    ("--terminate-probability-rate", "often", PROBABILITY),
    ("--connection-duration-ms", "5s", MS),
    ("--random-seed", "x", "a whole number, 0 or more"),
    ("--random-seed", str(MOST + 1), f"a whole number from 0 to {MOST}"),
    ("--buffer-limit-bytes", "0", "a whole number of bytes, 1 or more"),
    ("--connect-timeout-ms", "0", "a whole number of milliseconds, 1 or more"),
    ("--upstream", "127.0.0.1:0", CONNECT_FORM),
    ("--upstream", "*:80", CONNECT_FORM),
    ("--keepalive-ms", "1.5", MS),
    ("--idle-timeout-ms", "1h", MS),
    ("--on-unreachable", "drop", "fin or reset"),
    ("--api-name", "chaos.example:80", NAME),
    ("--api-name", "*", NAME),
    ("--log-level", "loud", "debug, info, warning, error or off"),
    ("--log-format", "xml", "text or json"),
]


def complaint(args: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run the command with a mistake, and return the one line that it says."""
    with pytest.raises(SystemExit) as left:
        main(args)
    said = capsys.readouterr()
    assert (left.value.code, said.out) == (2, "")
    assert said.err.startswith("trixter: ")
    assert said.err.endswith("\n")
    assert len(said.err.splitlines()) == 1
    return said.err.removeprefix("trixter: ").rstrip("\n")


@pytest.mark.parametrize(("flag", "value", "accepts"), REFUSED)
def test_a_wrong_value_is_named_with_its_flag_and_what_is_accepted(
    flag: str, value: str, accepts: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert complaint([*REQUIRED, flag, value], capsys) == f"{flag} must be {accepts}, not {value!r}"


@pytest.mark.parametrize(("flag", "value", "accepts"), REFUSED)
def test_from_the_environment_it_is_named_with_its_variable(
    flag: str, value: str, accepts: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = "TRIXTER_" + flag.removeprefix("--").replace("-", "_").upper()
    monkeypatch.setenv("TRIXTER_LISTEN", REQUIRED[1])
    monkeypatch.setenv("TRIXTER_UPSTREAM", REQUIRED[3])
    monkeypatch.setenv(variable, value)
    assert complaint([], capsys) == f"{variable} must be {accepts}, not {value!r}"


@pytest.mark.parametrize("secret", ["two words", "", "naïve", "line\nbreak"])
def test_a_token_is_never_shown(secret: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = complaint([*REQUIRED, "--api-token", secret], capsys)
    assert said == (
        "--api-token must be one or more visible ASCII characters without spaces (its value is not shown)"
    )


def test_a_token_from_the_environment_is_never_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIXTER_API_TOKEN", "s3 cret")
    said = complaint(REQUIRED, capsys)
    assert said.startswith("TRIXTER_API_TOKEN must be one or more visible ASCII characters")
    assert "s3" not in said


def test_a_token_that_was_not_filled_in_is_not_taken_for_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIXTER_API_TOKEN", "")
    said = complaint(REQUIRED, capsys)
    assert said == (
        "TRIXTER_API_TOKEN must be one or more visible ASCII characters without spaces; unset it for none"
    )


@pytest.mark.parametrize(
    ("args", "missing"),
    [
        ([], "--listen and --upstream"),
        (REQUIRED[:2], "--upstream"),
        (REQUIRED[2:], "--listen"),
    ],
)
def test_what_is_missing_is_named(args: list[str], missing: str, capsys: pytest.CaptureFixture[str]) -> None:
    hint = "try `trixter --help` or `trixter demo`"
    assert complaint(args, capsys) == f"{missing} must be given; {hint}"


@pytest.mark.parametrize(
    ("args", "culprit"),
    [
        ([*REQUIRED, "--dealy-ms", "3"], "--dealy-ms"),
        ([*REQUIRED, "--delay-ms"], "--delay-ms"),
        ([*REQUIRED, "--\x1b[31m\nred"], "red"),
        (["dmeo"], "dmeo"),
        (["demo", "--stya"], "--stya"),
        (["demo", "--stay=3"], "--stay"),
        (["demo", "more"], "more"),
        ([*REQUIRED, "demo"], "--listen does not go with `demo`"),
        (["--delay-ms", "3", "demo"], "--delay-ms does not go with `demo`"),
        (["--delay-ms", "3", "set", "_all"], "--delay-ms does not go with `set`"),
        (["set"], "the id of a connection or --all must be given"),
        (["set", "_all"], "what to change must be given"),
        (["set", "_all", "--delay-ms", "-1"], f"--delay-ms must be {MS}, not '-1'"),
        (
            ["set", "_all", "--freeze", "--direction", "up"],
            "--direction must be upstream, downstream or both",
        ),
        (["kill"], "the id of a connection or --all must be given"),
        (["ls", "--api", "nowhere"], "--api must be host:port or a URL"),
        (["ls", "--api", "ftp://127.0.0.1:1"], "--api must be host:port or a URL"),
        (["ls", "--api-token", "two words"], "--api-token must be one or more visible"),
        (["watch", "--interval-s", "0"], "--interval-s must be a number of seconds, more than 0"),
        (["watch", "--interval-s", "nan"], "--interval-s must be a number of seconds, more than 0"),
        (["run", "--", "true"], "--upstream must be given"),
        (["run", "--upstream", "127.0.0.1:9"], "the command to run must be given"),
        (["profiles", "3g"], "3g"),
    ],
)
def test_what_is_not_understood_is_named(
    args: list[str], culprit: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert culprit in complaint(args, capsys)


@pytest.mark.parametrize("value", ["a\nb", "\x1b[2J", "x" * 100_000, "9" * 100_000, "\u202e"])
def test_a_hostile_value_makes_one_short_line(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = complaint([*REQUIRED, "--delay-ms", value], capsys)
    assert said.startswith("--delay-ms must be ")
    assert said.isprintable()
    assert len(said) < 200
