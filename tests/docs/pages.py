"""The pages whose every command and snippet is run, and the blocks in them.

What the words after a fence's language mean (readers do not see them):

- ``sh``: pasted into the page's shell, which keeps its variables. ``exits=N`` if that is how it ends, and
  ``exits=any`` if it is not known.
- ``python``: run as a program; with ``file=PATH`` it, or ``toml``, is written there instead.
- ``sh terminal=N``, ``python terminal=N``: left running in a terminal of its own, in place of what ran there;
  with ``alone``, in place of all that ran anywhere.
- ``text output``, ``json output``: what the block before it printed; ``output=N``: what terminal N shows.
- ``diff file=PATH``: lines of that file, and what takes their place.

Blocks that are not run stand in ``skipped_blocks.py``, each with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

PAGES = (
    "README.md",
    "docs/install.md",
    "docs/api.md",
    "docs/client.md",
    "docs/commands.md",
    "docs/testing.md",
    "docs/journal.md",
    "docs/faults.md",
    "docs/netem.md",
    "docs/coming-from-rust.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
)

FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^`\n]*)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)

# Language and options, as above.
FORMS = re.compile(
    r"sh( exits=(\d+|any))?|sh terminal=\w+( alone)?"
    r"|python( file=\S+|( terminal=\w+)|( exits=(\d+|any)))?|toml file=\S+"
    r"|(text|json) output(=\w+)?"
    r"|diff file=\S+"
)


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Args:
        page: Where it stands.
        line: On which line its text begins.
        info: What is written after the fence.
        text: What is between the fences.
    """

    page: str
    line: int
    info: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def language(self) -> str:
        return self.info.partition(" ")[0]

    @property
    def is_output(self) -> bool:
        return " output" in self.info

    def option(self, name: str) -> str:
        """Return what is written for an option; empty if it is not there."""
        found = re.search(rf" {name}=(\S+)", self.info)
        return found[1] if found else ""


def text_of(page: str) -> str:
    """Return a whole page."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks_of(page: str) -> Iterator[Block]:
    """Yield a page's blocks in their order, without the indent of a list they may stand in."""
    text = text_of(page)
    for found in FENCE.finditer(text):
        lines = found["text"].splitlines()
        body = "\n".join(line.removeprefix(found["indent"]) for line in lines)
        line = text.count("\n", 0, found.start("text")) + 1
        yield Block(page, line, found["info"].strip(), body)
