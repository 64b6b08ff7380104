"""One flag: a name, a type, a default, an environment variable and a place in the help."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import click
from click.core import ParameterSource

from trixter.cli.options import Options
from trixter.cli.parameters import Token, Wording

# A flag of the proxy itself: named like the option that it sets, and like its environment variable.
OF_THE_PROXY: Any = object()


class Flag(click.Option):
    """Take a value from the command line, else from ``TRIXTER_…``, else from the defaults of ``Options``.

    A short name takes its value as the original's does: ``-l ADDR``, ``-lADDR`` or ``-l=ADDR``.

    Args:
        names: Short and long, as they are written, with a space between them.
        section: The heading it stands under in the help.
        type: Reads the value.
        help: What it does, in one sentence.
        multiple: Whether it may be repeated; in the environment, with spaces between the values.
        default: Instead of that of ``Options``.
        envvar: Instead of ``TRIXTER_…``; ``None`` for no variable.
    """

    def __init__(
        self,
        names: str,
        section: str,
        type: Wording,
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
            # Where 0 is off, the heading says so once.
            show_default=bool(default),
            envvar=f"TRIXTER_{name.upper()}" if envvar is OF_THE_PROXY else envvar,
        )

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> tuple[Any, ParameterSource]:
        value, source = super().consume_value(ctx, opts)
        # Click hands over "=ADDR" for "-l=ADDR". What has a short name is an address, and none begins so.
        if source is ParameterSource.COMMANDLINE and isinstance(value, str) and len(self.opts) > 1:
            value = value.removeprefix("=")
        return value, source


class Switch(click.Option):
    """Be on or off, under a heading of the help."""

    def __init__(self, name: str, section: str, help: str, **settings: Any) -> None:
        self.section = section
        super().__init__([name], help=help, is_flag=True, **settings)


class SecretFlag(Flag):
    """Take an empty environment variable for a mistake, where others take it for none.

    A secret that was not filled in must not leave the door open.
    """

    def value_from_envvar(self, ctx: click.Context) -> Any:
        if os.environ.get(str(self.envvar)) == "":
            ctx.set_parameter_source(str(self.name), ParameterSource.ENVIRONMENT)
            raise click.BadParameter(f"must be {Token.accepts}; unset it for none", ctx=ctx, param=self)
        return super().value_from_envvar(ctx)


def complaint(error: click.UsageError) -> str:
    """Say in one line what is wrong, and where the wrong thing came from."""
    if isinstance(error, click.BadParameter) and isinstance(error.param, Flag) and error.ctx:
        source = error.ctx.get_parameter_source(str(error.param.name))
        is_from_environment = source is ParameterSource.ENVIRONMENT
        return f"{error.param.envvar if is_from_environment else error.param.flag_name} {error.message}"
    # Click's own words: unknown options and commands, options without their value.
    message = error.format_message().removesuffix(".")
    return message[:1].lower() + message[1:]
