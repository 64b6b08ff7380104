"""Every flag, and each as an environment variable."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest

from trixter import __version__
from trixter.cli.flags import FAULT_FLAGS, FAULT_SETTINGS, FLAGS, Flag
from trixter.cli.main import SUBCOMMANDS, main, trixter
from trixter.cli.options import FaultFlags, Options
from trixter.faults import Faults, Freeze
from trixter.faults.entry import Type
from trixter.proxy import Defaults

REQUIRED = ("--listen", "127.0.0.1:8080", "--upstream", "127.0.0.1:8181")

# The flag, what is typed, and what it means.
TYPED: list[tuple[str, str, Any]] = [
    ("--listen", "0.0.0.0:9090", "0.0.0.0:9090"),
    ("-l", "[::1]:9090", "[::1]:9090"),
    ("-l", "localhost:0", "localhost:0"),
    ("--upstream", "db.example:5432", "db.example:5432"),
    ("-c", "unix:/run/db.sock", "unix:/run/db.sock"),
    ("--api", "127.0.0.1:8888", "127.0.0.1:8888"),
    ("-a", "[::1]:8888", "[::1]:8888"),
    ("--delay-ms", "250", 250),
    ("--delay-ms", "18446744073709551615", 2**64 - 1),
    ("--jitter-ms", "50", 50),
    ("--profile", "3g", "3g"),
    ("--throttle-rate-bytes", "65536", 65536),
    ("--throttle-queue-bytes", "0", 0),
    ("--slice-size-bytes", "0512", 512),
    ("--slice-variation-bytes", "0", 0),
    ("--slice-gap-ms", "0", 0),
    ("--corrupt-mode", "Insert", "insert"),
    ("--corrupt-probability-rate", "0.02", 0.02),
    ("--corrupt-probability-rate", "1", 1.0),
    ("--terminate-probability-rate", "5e-2", 0.05),
    ("--connection-duration-ms", "5000", 5000),
    ("--random-seed", "18446744073709551615", 2**64 - 1),
    ("--random-seed", "0", 0),
    ("--journal", "run.jsonl", "run.jsonl"),
    ("--replay", "run.jsonl", "run.jsonl"),
    ("--buffer-limit-bytes", "1", 1),
    ("--total-limit-bytes", "1", 1),
    ("--socket-buffer-bytes", "4096", 4096),
    ("--connect-timeout-ms", "250", 250),
    ("--keepalive-ms", "2000", 2000),
    ("--idle-timeout-ms", "60000", 60_000),
    ("--on-unreachable", "reset", "reset"),
    ("--api-token", "s3cret!~", "s3cret!~"),
    ("--api-name", "chaos.example", ("chaos.example",)),
    ("--log-level", "WARNING", "warning"),
    ("--log-format", "json", "json"),
]
SWITCHES = {each.flag.option for each in FAULT_SETTINGS if each.takes is Type.SWITCH}
NUMBERS = [each.flag for each in FAULT_SETTINGS if each.takes in (Type.WHOLE, Type.NUMBER, Type.PROBABILITY)]
TYPED += [(each.name, "0", 0) for each in NUMBERS if each.name not in {flag for flag, _, _ in TYPED}]

FAULT_OPTIONS = {each.flag.option for each in FAULT_SETTINGS}
NAMES = {spelling: flag.name for flag in FLAGS for spelling in flag.opts}


def options(*args: str) -> Options:
    """Return what the command would run with."""
    ctx = trixter.make_context("trixter", list(args))
    return Options.of(ctx, ctx.params)


def value_of(options: Options, flag: str) -> object:
    """Return what a flag has set."""
    name = str(NAMES[flag])
    return options.faults.values[name] if name in FAULT_OPTIONS else getattr(options, name)


@pytest.mark.parametrize(("flag", "text", "value"), TYPED)
def test_a_flag_sets_its_option(flag: str, text: str, value: object) -> None:
    assert value_of(options(*REQUIRED, flag, text), flag) == value


@pytest.mark.parametrize(("flag", "text", "value"), [row for row in TYPED if row[0].startswith("--")])
def test_so_does_its_environment_variable(
    flag: str, text: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIXTER_LISTEN", "127.0.0.1:8080")
    monkeypatch.setenv("TRIXTER_UPSTREAM", "127.0.0.1:8181")
    monkeypatch.setenv("TRIXTER_" + flag.removeprefix("--").replace("-", "_").upper(), text)
    assert value_of(options(), flag) == value


@pytest.mark.parametrize(
    ("args", "variable", "is_on"),
    [
        (["--freeze"], "", True),
        (["--no-freeze"], "", False),
        ([], "1", True),
        ([], "no", False),
        (["--no-freeze"], "1", False),
    ],
)
def test_a_freeze_at_the_start_is_switched_by_either(
    args: list[str], variable: str, is_on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIXTER_FREEZE", variable)
    defaults = options(*REQUIRED, *args).defaults()
    assert defaults.upstream == defaults.downstream == Faults(Freeze(is_on=is_on))


def test_a_file_of_profiles_is_named_by_a_flag_or_by_the_variable_of_all_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "networks.toml"
    file.write_text("[profiles.office]\nround_trip_ms = 90\n")
    assert options(*REQUIRED, "--profiles-file", str(file)).profiles_file == str(file)
    monkeypatch.setenv("TRIXTER_PROFILES", str(file))
    assert options(*REQUIRED).profiles_file == str(file)


SHORT = [
    pytest.param(command, short, flag, id=f"{command.name} {short}")
    for command in (trixter, *(trixter.get_command(click.Context(trixter), name) for name in SUBCOMMANDS))
    if command
    for flag in command.params
    for short in flag.opts
    if isinstance(flag, Flag) and not short.startswith("--")
]


@pytest.mark.parametrize(("command", "short", "flag"), SHORT)
def test_a_short_flag_takes_its_value_in_every_way_of_the_original(
    command: click.Command, short: str, flag: Flag
) -> None:
    address = "127.0.0.1:8080"
    read = []
    for typed in ([short, address], [f"{short}{address}"], [f"{short}={address}"]):
        rest = ["x"] if any(isinstance(param, click.Argument) for param in command.params) else []
        read.append(command.make_context("trixter", [*typed, *rest]).params[str(flag.name)])
    assert read[1:] == read[:1] * 2
    assert read[0].endswith(address)


def test_a_short_flag_with_an_equals_sign_and_nothing_behind_it_is_refused() -> None:
    with pytest.raises(click.BadParameter, match="must be host:port"):
        options("-l=", "--upstream", "127.0.0.1:8181")


def test_an_equals_sign_belongs_to_the_value_of_a_flag_without_a_short_name() -> None:
    assert options(*REQUIRED, "--api-token", "=s3cret").api_token == "=s3cret"
    assert options(*REQUIRED, "--api-token==s3cret").api_token == "=s3cret"


def test_every_flag_is_tried_here() -> None:
    apart = {*SWITCHES, "profiles_file", "upstream_check"}  # no values of one word, or another variable
    assert {NAMES[flag] for flag, _, _ in TYPED} == {flag.name for flag in FLAGS} - apart


@pytest.mark.parametrize("flags", [FLAGS, FAULT_FLAGS], ids=["trixter and run", "set and defaults"])
def test_every_setting_of_every_fault_is_a_flag(flags: list[Flag]) -> None:
    found = {flag.flag_name: flag.help for flag in flags}
    assert [each.flag for each in FAULT_SETTINGS if found.get(each.flag.name) != each.flag.help] == []


def test_every_flag_is_an_option_and_every_option_a_flag() -> None:
    names = {flag.name for flag in FLAGS}
    assert names - FAULT_OPTIONS == {field.name for field in fields(Options)} - {"faults"}
    assert len(names) == len(FLAGS)


def test_what_is_left_out_is_off() -> None:
    assert options(*REQUIRED) == Options(listen="127.0.0.1:8080", upstream="127.0.0.1:8181")


def test_the_defaults_are_the_originals() -> None:
    o = options(*REQUIRED)
    assert (o.api, o.random_seed, o.api_token, o.api_name) == (None, None, None, ())
    assert o.defaults() == Defaults()
    assert (o.buffer_limit_bytes, o.connect_timeout_ms) == (4 * 1024 * 1024, 10_000)
    assert (o.total_limit_bytes, o.socket_buffer_bytes) == (1024 * 1024 * 1024, 0)
    assert (o.keepalive_ms, o.idle_timeout_ms, o.on_unreachable) == (15_000, 0, "fin")
    assert (o.log_level, o.log_format) == ("info", "text")


def test_a_flag_counts_more_than_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIXTER_DELAY_MS", "1")
    assert options(*REQUIRED, "--delay-ms", "2").faults == FaultFlags({"delay_ms": 2})


def test_an_empty_environment_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIXTER_DELAY_MS", "")
    assert options(*REQUIRED).defaults() == Defaults()


def test_names_may_be_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    assert options(*REQUIRED, "--api-name", "a", "--api-name", "b").api_name == ("a", "b")
    monkeypatch.setenv("TRIXTER_API_NAME", "c d")
    assert options(*REQUIRED).api_name == ("c", "d")


def test_options_do_not_show_the_token() -> None:
    assert "s3cret" not in repr(options(*REQUIRED, "--api-token", "s3cret"))


@pytest.mark.parametrize("asked", ["--help", "-h"])
def test_the_help_has_every_flag_an_example_and_the_way_on(
    asked: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main([asked])
    shown = capsys.readouterr().out
    assert left.value.code == 0
    names = [(flag.flag_name, *flag.secondary_opts) for flag in FLAGS]
    assert [each for each in names if not any(f"{name} " in shown for name in each)] == []
    assert "trixter --listen 127.0.0.1:8080 --upstream 127.0.0.1:8181" in shown
    assert "TRIXTER_DELAY_MS" in shown
    assert "`trixter docs`" in shown


@pytest.mark.parametrize("asked", ["--version", "-V"])
def test_the_version(asked: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([asked])
    assert left.value.code == 0
    assert capsys.readouterr().out == f"trixter {__version__}\n"


def test_the_environment_of_other_tools_is_no_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    # A container image may well say which version it holds.
    monkeypatch.setenv("TRIXTER_VERSION", "0.1.0")
    assert options(*REQUIRED).listen == "127.0.0.1:8080"
