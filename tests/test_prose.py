"""Plain names and plain English in the sources: the part of it that can be counted."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("src/trixter", "benchmarks", "scripts")

# A module is a noun, or an order. A clause says neither what the module is nor what it does.
CLAUSE = re.compile(r"(what|who|whose|where|whether|how|which|why|when)\b", re.IGNORECASE)

# The actor is the caller, the peer, the kernel, the protocol. With these words a reader has to guess it.
NAMELESS = re.compile(r"\b(some|no|any|every)body\b|\bwhoever\b|\bthose who\b", re.IGNORECASE)

# The server's side and the client's side of the same protocol.
SAME_SUBJECT = {"http"}

MODULES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]

EACH_MODULE = pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())


def prose_of(path: Path) -> Iterator[str]:
    """Yield the docstrings and the comments of a module."""
    source = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield str(node.value.value)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


@EACH_MODULE
def test_a_modules_first_line_is_a_noun_or_an_order(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring, "it has no docstring"
    assert not CLAUSE.match(docstring), docstring.splitlines()[0]


@EACH_MODULE
def test_an_actor_has_a_name(path: Path) -> None:
    assert [text for text in prose_of(path) if NAMELESS.search(text)] == []


def test_a_file_name_stands_for_one_module() -> None:
    names = Counter(path.stem for path in (ROOT / "src/trixter").rglob("*.py"))
    shared = {name for name, count in names.items() if count > 1 and not name.startswith("__")}
    assert shared <= SAME_SUBJECT
