"""``trixter docs``: the documentation that is shipped with the program."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from trixter.cli.command import SETTINGS, SectionedCommand, did_you_mean, suggestions
from trixter.cli.types import ValueType, completions
from trixter.errors import TrixterError

# Lines of prose that are longer are hard to read.
WIDEST_PAGE = 100

# Pages that the site makes out of other files.
MADE_FOR_THE_SITE = {"README", "benchmarks", "changelog", "contributing", "examples", "index"}

# A terminal can follow a link to the web, but not one to a page or to a heading.
LINK_TO_PAGE = re.compile(r"\[([^\]]+)\]\((?:#|[\w./-]*\.md\b)[^)\s]*\)")


class PageName(ValueType):
    """The name of a page."""

    name = "page"
    form = "PAGE"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        name = value.lower().removesuffix(".md").rpartition("/")[2]
        names = [*pages()]
        if name not in names:
            near = did_you_mean(suggestions(name, names))
            raise click.UsageError(f"no page {value[:60]!r}{near or '; `trixter docs` lists the pages'}", ctx)
        return name

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[click.shell_completion.CompletionItem]:
        return completions(pages(), incomplete)


@click.command(cls=SectionedCommand, name="docs", context_settings=SETTINGS)
@click.argument("page", type=PageName(), required=False, metavar="[PAGE]")
def docs(page: str | None) -> int:
    """Show a page of the documentation or, without PAGE, the list of pages.

    At a terminal in a pager; elsewhere as Markdown.
    """
    if page is None:
        _show_list()
    elif sys.stdout.isatty():
        click.echo_via_pager(rendered(pages()[page].read_text(encoding="utf-8")))
    else:
        click.echo(pages()[page].read_text(encoding="utf-8"), nl=False)
    return 0


def pages() -> Mapping[str, Traversable]:
    """Return the files of the pages by their names, the tour first.

    Raises:
        TrixterError: If this copy of the program was built without them.
    """
    folder: Traversable = files("trixter") / "docs"
    readme = folder / "README.md"
    if not readme.is_file():  # the program runs from its sources
        root = Path(__file__).parents[3]
        folder, readme = root / "docs", root / "README.md"
    if not readme.is_file():
        raise TrixterError("this copy of trixter has no documentation")
    found = [
        file for each in (folder, folder / "how-to") for file in each.iterdir() if file.name.endswith(".md")
    ]
    named = {file.name.removesuffix(".md"): file for file in found}
    return {"readme": readme} | {name: named[name] for name in sorted(named) if name not in MADE_FOR_THE_SITE}


def _show_list() -> None:
    shown = pages()
    width = max(map(len, shown))
    for name, file in shown.items():
        title = file.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        click.echo(f"{name:<{width}}  {title}")
    click.echo("\n`trixter docs PAGE` shows one of them.")


def rendered(text: str) -> str:
    """Return a page with terminal codes, as wide as the terminal, and without links between pages."""
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console(force_terminal=True)
    with console.capture() as captured:
        console.print(
            Markdown(LINK_TO_PAGE.sub(r"\1", text), hyperlinks=False), width=min(console.width, WIDEST_PAGE)
        )
    return captured.get()
