"""The files that a new fault touches: the page names all of them, and the code needs no others."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks_of, text_of
from trixter.faults import CATALOGUE
from trixter.faults.entry import Entry

PAGE = "CONTRIBUTING.md"
BEGIN, USE, END = "\n## How to add a fault\n", "\nSo it can be used.", "\n## Checks\n"

SRC = ROOT / "src" / "trixter"

# Where a fault is named that is not just any fault, and why. A new one is named in none of them.
NAMED_ON_PURPOSE = {
    "api/status.py": "the original's replies have a field for each of its five",
    "profiles/profile.py": "the published numbers of a network are rates and a round trip",
    "netem": "the original's adapters, each a name of its own",
    "cli/profiles.py": "the table of networks has columns for the same numbers",
}


def files_between(begin: str, end: str) -> set[str]:
    """Return the files that the page changes or makes between two places."""
    text = text_of(PAGE)
    first, last = (text.count("\n", 0, text.index(place)) for place in (begin, end))
    return {block.option("file") for block in blocks_of(PAGE) if first < block.line <= last} - {""}


def test_the_page_changes_one_file_of_each_kind_and_no_other() -> None:
    assert files_between(BEGIN, USE) == {
        "src/trixter/faults/lose.py",
        "tests/faults/test_lose.py",
        "src/trixter/faults/catalogue.py",
        "src/trixter/faults/__init__.py",
        "src/trixter/control/fault_methods.py",
        "tests/faults/mixtures.py",
        "docs/faults.md",
        "README.md",
    }


def test_what_it_does_afterwards_only_uses_the_fault() -> None:
    used = "\n".join(block.text for block in blocks_of(PAGE))
    assert files_between(USE, END) == {"tests/testing/test_loss.py"}
    for way in ("--lose-every-bytes 3", "PATCH http://127.0.0.1:8888/connections/_all/loss", "chaos(lose=3"):
        assert way in used


@cache
def faults_named_by_modules() -> dict[str, set[str]]:
    """Return the faults that each module outside of the faults imports, or uses as an attribute."""
    kinds = {entry.kind.__name__ for entry in CATALOGUE}
    named = {}
    for path in sorted(SRC.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "faults" in path.relative_to(SRC).parts or not any(kind in text for kind in kinds):
            continue
        nodes = list(ast.walk(ast.parse(text)))
        names = {each.name for each in nodes if isinstance(each, ast.alias)}
        names |= {each.attr for each in nodes if isinstance(each, ast.Attribute)}
        named[path.relative_to(SRC).as_posix()] = names & kinds
    return named


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.name)
def test_outside_of_the_faults_only_its_method_names_one(entry: Entry) -> None:
    found = [module for module, kinds in faults_named_by_modules().items() if entry.kind.__name__ in kinds]
    on_purpose = [each for each in found if any(map(Path(each).is_relative_to, NAMED_ON_PURPOSE))]
    assert [each for each in found if each not in on_purpose] == ["control/fault_methods.py"]


@pytest.mark.parametrize("place", NAMED_ON_PURPOSE)
def test_every_exception_is_one(place: str) -> None:
    assert any(
        kinds for module, kinds in faults_named_by_modules().items() if Path(module).is_relative_to(place)
    )
