"""Names and prose are the field's: module docstrings are noun phrases or orders, and actors have names."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "trixter"

# The rooms that have been gone through. The others follow.
GROUND = sorted(PACKAGE.glob("*.py"))
ROOMS = [
    *GROUND,
    *(path for room in ("faults", "netem", "proxy") for path in sorted((PACKAGE / room).rglob("*.py"))),
]

CLAUSE = re.compile(r"(What|Who|Where|Whether|How|Which|Why|When)\b")

# Who acts is the caller, the peer, the kernel, the protocol: not one of these.
NAMELESS = re.compile(r"\b(some|no|any|every)body\b|\bwhoever\b|\bthose who\b", re.IGNORECASE)

# Names of modules that a package may have as well as another one.
SHARED_NAMES = {"__init__.py"}


def prose_of(path: Path) -> Iterator[str]:
    """Give the docstrings and comments of a module."""
    source = path.read_text("utf-8")
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            yield node.value.value
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


@pytest.mark.parametrize("path", ROOMS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_begins_with_a_noun_or_an_order(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8")))
    assert docstring
    assert not CLAUSE.match(docstring)


@pytest.mark.parametrize("path", ROOMS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_an_actor_has_a_name(path: Path) -> None:
    assert [text for text in prose_of(path) if NAMELESS.search(text)] == []


def test_no_two_modules_of_these_rooms_share_a_file_name() -> None:
    names = Counter(path.name for path in ROOMS if path.name not in SHARED_NAMES)
    assert [name for name, count in names.items() if count > 1] == []
