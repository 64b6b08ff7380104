"""Commands as ``trixter`` has them: flags under headings, subcommands that load late, errors with a hint."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from trixter.cli import signals
from trixter.cli.flags import Flag
from trixter.cli.types import ValueType, completions
from trixter.faults import CATALOGUE

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# Flags up to this length have their help beside them, longer ones below.
LONGEST_FLAG = 36

# The note behind a flag's help, such as its default, stands in one line.
BRACKETS = re.compile(r"\[.+?\]")
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"

HELP_OPTIONS = ["-h", "--help"]
WIDEST_HELP = 100

VARIABLES = """Every option is also an environment variable: --delay-ms is TRIXTER_DELAY_MS, but
--profiles-file is TRIXTER_PROFILES."""

SETTINGS: dict[str, Any] = {"help_option_names": HELP_OPTIONS, "max_content_width": WIDEST_HELP}
"""Settings of every command's context."""

# A signal is the ordinary end of these subcommands; any other has not done its work then.
UNTIL_STOPPED = {"demo", "watch"}

# The names that other programs of the field have for the same thing.
OTHER_COMMANDS = {
    "list": "ls",
    "ps": "ls",
    "inspect": "status",
    "info": "status",
    "stats": "status",
    "version": "--version",
    "toggle": "down",
    "disable": "down",
    "enable": "up",
    "top": "watch",
    "update": "set",
    "close": "kill",
    "reset": "kill",
    "man": "docs",
    "toxic": "set",
    "delete": "kill",
    "remove": "kill",
    "rm": "kill",
    "stop": "down",
    "create": "--listen",
    "proxy": "--listen",
    "serve": "--listen",
    "server": "--listen",
    "start": "--listen",
}
OTHER_FLAGS = {
    "--bandwidth": "--throttle-rate-bytes",
    "--rate": "--throttle-rate-bytes",
    "--timeout": "--idle-timeout-ms",
    "--seed": "--random-seed",
    "--token": "--api-token",
    "--verbose": "--log-level",
    "--quiet": "--log-level",
    "--port": "--listen",
} | {f"--{entry.name}": entry.first.flag.name for entry in CATALOGUE}

NO_NAMES: Mapping[str, str] = {}

MOST_SUGGESTIONS = 3

# A name that is as similar as this is suggested alone.
SURE = 0.8


class SectionedCommand(click.Command):
    """A command whose help shows the flags under the headings of their sections."""

    def get_help(self, ctx: click.Context) -> str:
        return super().get_help(ctx).replace(NO_BREAK_SPACE, " ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write every flag under its heading; a flag without one, such as ``--help``, under "Help"."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record and isinstance(param, click.Option):  # arguments stand in the first line
                names, text = record
                text = BRACKETS.sub(lambda note: note[0].replace(" ", NO_BREAK_SPACE), text)
                section = getattr(param, "section", "Help")
                sections.setdefault(section, []).append((names, text.removesuffix(".")))
        for heading, records in sections.items():
            with formatter.section(heading):
                formatter.write_dl(records, col_max=LONGEST_FLAG)


class LazyGroup(SectionedCommand, click.Group):
    """A group that imports a subcommand when it is called, and not to list it.

    Args:
        subcommands: By its name, ``module:name`` and one line of help of each.
        **settings: Of the group.
    """

    def __init__(self, *, subcommands: Mapping[str, tuple[str, str]], **settings: Any) -> None:
        super().__init__(**settings)
        self._subcommands = subcommands

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._subcommands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self._subcommands:
            raise self.unknown(args[0], ctx)
        if args[0] not in UNTIL_STOPPED:
            signals.leave_as_killed()  # before the import, which takes longer than most of the subcommands
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._subcommands:
            return None
        command: click.Command = resolve_name(self._subcommands[cmd_name][0])
        return command

    def unknown(self, name: str, ctx: click.Context) -> click.UsageError:
        """Return the error for a name that no subcommand has."""
        if ":" in name:
            hint = "; addresses follow --listen and --upstream"
        else:
            near = suggestions(name, [*self._subcommands, "--version", "--listen"], OTHER_COMMANDS)
            hint = did_you_mean(near) or "; `trixter help` lists the commands"
        return click.UsageError(f"no such command {name[:60]!r}{hint}", ctx)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        subcommands = [
            CompletionItem(name, help=help)
            for name, (_, help) in self._subcommands.items()
            if name.startswith(incomplete)
        ]
        return subcommands + click.Command.shell_complete(self, ctx, incomplete)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, "--listen HOST:PORT --upstream HOST:PORT [OPTIONS]")
        formatter.write_usage(ctx.command_path, "COMMAND [OPTIONS]", prefix="       ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help) for name, (_, help) in self._subcommands.items()])
        SectionedCommand.format_options(self, ctx, formatter)


class CommandName(ValueType):
    """The name of a subcommand."""

    name = "command"
    form = "COMMAND"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        group = _group_of(ctx)
        if ctx and value not in group.list_commands(ctx):
            raise group.unknown(value, ctx)
        return value

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return completions(_group_of(ctx).list_commands(ctx), incomplete)


def _group_of(ctx: click.Context | None) -> LazyGroup:
    group = ctx.find_root().command if ctx else None
    assert isinstance(group, LazyGroup)
    return group


def complaint(error: click.UsageError) -> str:
    """Return an error as one line that names the flag or the variable with the wrong value."""
    if isinstance(error, click.BadParameter) and isinstance(error.param, Flag) and error.ctx:
        source = error.ctx.get_parameter_source(str(error.param.name))
        is_from_environment = source is ParameterSource.ENVIRONMENT
        return f"{error.param.envvar if is_from_environment else error.param.flag_name} {error.message}"
    if isinstance(error, click.NoSuchOption) and error.ctx:
        flags = [name for param in error.ctx.command.params for name in (*param.opts, *param.secondary_opts)]
        near = suggestions(error.option_name, flags, OTHER_FLAGS)
        return f"no such option {error.option_name[:60]!r}{did_you_mean(near)}"
    # With click's own text: options without their value, arguments too many.
    message = error.format_message().removesuffix(".")
    return message[:1].lower() + message[1:]


def suggestions(typed: str, names: Iterable[str], other_names: Mapping[str, str] = NO_NAMES) -> list[str]:
    """Return the names that may have been meant, the most similar first.

    Args:
        typed: The unknown name.
        names: The known ones.
        other_names: The known name for a name of other programs.
    """
    known = [*names]
    if other_names.get(typed.lower()) in known:
        return [other_names[typed.lower()]]
    # Dashes would make all flags similar.
    word, words = typed.lstrip("-").lower(), {name.lstrip("-"): name for name in known}
    if word in words:
        return [words[word]]
    begin_so = [each for each in words if each.startswith(word) and len(word) > 1]
    similar = begin_so or get_close_matches(word, words, 1, SURE) or get_close_matches(word, words)
    return [words[each] for each in similar][:MOST_SUGGESTIONS]


def did_you_mean(near: list[str]) -> str:
    """Return the question behind an error; empty if nothing is near."""
    if not near:
        return ""
    *others, last = near
    return f"; did you mean {', '.join(others)} or {last}?" if others else f"; did you mean {last}?"
