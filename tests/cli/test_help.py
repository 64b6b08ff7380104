"""The help of every command: nouns and orders, with units and defaults, in 80 columns."""

from __future__ import annotations

import re

import click
import pytest

from trixter.cli.command import SETTINGS, VARIABLES, SectionedCommand
from trixter.cli.main import SUBCOMMANDS, main, trixter

COLUMNS = 80

COMMANDS: dict[str, click.Command] = {"": trixter}
for name in SUBCOMMANDS:
    found = trixter.get_command(click.Context(trixter), name)
    assert found is not None
    COMMANDS[name] = found

OPTIONS = [
    pytest.param(command, option, id=f"{name} {option.name}".strip())
    for name, command in COMMANDS.items()
    for option in command.get_params(click.Context(command, **SETTINGS))
    if isinstance(option, click.Option)
]

# An article, a pronoun or a question word begins a sentence, but no entry of a list.
NO_NOUN_OR_ORDER = re.compile(r"(The|An?|It|This|That|What|Who|Where|Whether|Which|How|When|If|Nothing|No)\b")

UNITS = {"MS": r"\bms\b", "BYTES": r"\bbytes\b", "BYTES/S": "bytes/s", "S": r"\bseconds\b"}


def help_of(args: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what a command prints on a terminal of that width."""
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    with pytest.raises(SystemExit) as left:
        main(args)
    assert left.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_it_fits_a_terminal_and_no_note_in_brackets_is_broken(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = help_of([*filter(None, [name]), "--help"], monkeypatch, capsys).splitlines()
    assert [line for line in lines if len(line) > COLUMNS or not line.isprintable()] == []
    assert [line for line in lines if line.count("[") != line.count("]")] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_help_as_a_command_shows_the_same(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [*filter(None, [name])]
    asked = help_of(["help", *command], monkeypatch, capsys)
    assert asked == help_of([*command, "-h"], monkeypatch, capsys)


@pytest.mark.parametrize(("command", "option"), OPTIONS)
def test_an_option_begins_with_a_noun_or_an_order_and_has_unit_default_and_variable(
    command: click.Command, option: click.Option
) -> None:
    record = option.get_help_record(click.Context(command, **SETTINGS))
    assert record, "it is hidden"
    _, text = record
    assert re.match("[A-Z]", text)
    assert not NO_NOUN_OR_ORDER.match(text)
    if option.metavar in UNITS:
        assert re.search(UNITS[option.metavar], text)
    if option.default and not option.is_flag:
        assert f"default: {option.default}" in text
    if option.envvar:
        assert str(option.envvar) in text or (command.epilog and VARIABLES in command.epilog)


@pytest.mark.parametrize(("command", "option"), OPTIONS)
def test_an_option_has_a_heading_and_only_help_is_under_help(
    command: click.Command, option: click.Option
) -> None:
    assert isinstance(command, SectionedCommand)
    heading = getattr(option, "section", "Help")
    assert (heading == "Help") == (option.opts[-1] in ("--help", "--version"))


def test_a_person_reads_what_the_program_does_before_how_it_is_tuned(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    headings = re.findall(r"^(\w.*):$", help_of(["--help"], monkeypatch, capsys), re.MULTILINE)
    assert [heading.split(",")[0].partition(" (")[0] for heading in headings] == [
        "Commands",
        "Addresses",
        "Faults of new connections",
        "Control API",
        "Limits and time-outs",
        "Log",
        "Help",
    ]
