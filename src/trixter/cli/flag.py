"""One flag: a name, a type, a default, an environment variable and a place in the help."""

from __future__ import annotations

import os
from typing import Any

import click
from click.core import ParameterSource

from trixter.cli.options import Options
from trixter.cli.parameters import Token, Wording

# Flags up to this length have their help beside them, longer ones below.
LONGEST_FLAG = 36


class Flag(click.Option):
    """Take a value from the command line, else from ``TRIXTER_…``, else from the defaults of ``Options``.

    Args:
        names: Short and long, as they are written, with a space between them.
        section: The heading it stands under in the help.
        type: Reads the value.
        help: What it does, in one sentence.
        multiple: Whether it may be repeated; in the environment, with spaces between the values.
    """

    def __init__(self, names: str, section: str, type: Wording, help: str, *, multiple: bool = False) -> None:
        opts = names.split()
        self.section = section
        self.flag_name = opts[-1]
        name = self.flag_name.removeprefix("--").replace("-", "_")
        default = getattr(Options, name, None)
        super().__init__(
            opts,
            type=type,
            help=help,
            multiple=multiple,
            metavar=type.form,
            default=default,
            # Where 0 is off, the heading says so once.
            show_default=bool(default),
            envvar=f"TRIXTER_{name.upper()}",
        )


class SecretFlag(Flag):
    """Take an empty environment variable for a mistake, where others take it for none.

    A secret that was not filled in must not leave the door open.
    """

    def value_from_envvar(self, ctx: click.Context) -> Any:
        if os.environ.get(str(self.envvar)) == "":
            ctx.set_parameter_source(str(self.name), ParameterSource.ENVIRONMENT)
            raise click.BadParameter(f"must be {Token.accepts}; unset it for none", ctx=ctx, param=self)
        return super().value_from_envvar(ctx)


class SectionedGroup(click.Group):
    """Show the flags in the help under the headings of their sections."""

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, "--listen HOST:PORT --upstream HOST:PORT [OPTIONS]")
        formatter.write_usage(ctx.command_path, "COMMAND", prefix="       ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record:
                sections.setdefault(getattr(param, "section", "Help"), []).append(record)
        for heading, records in sections.items():
            with formatter.section(heading):
                formatter.write_dl(records, col_max=LONGEST_FLAG)
        self.format_commands(ctx, formatter)


def complaint(error: click.UsageError) -> str:
    """Say in one line what is wrong, and where the wrong thing came from."""
    if isinstance(error, click.BadParameter) and isinstance(error.param, Flag) and error.ctx:
        source = error.ctx.get_parameter_source(str(error.param.name))
        is_from_environment = source is ParameterSource.ENVIRONMENT
        return f"{error.param.envvar if is_from_environment else error.param.flag_name} {error.message}"
    # Click's own words: unknown options and commands, options without their value.
    message = error.format_message().removesuffix(".")
    return message[:1].lower() + message[1:]
