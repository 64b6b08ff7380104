"""Plain English in the sources: the part of it that can be counted."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("src/trixter", "benchmarks", "scripts")

# A module is a noun, or an order. A clause says neither what the module is nor what it does.
CLAUSE = re.compile(r"(what|who|whose|where|whether|how|which|why|when)\b", re.IGNORECASE)

# Without a named actor, a reader has to guess which program is meant.
UNNAMED = re.compile(r"\b(somebody|nobody|whoever|anybody|those who)\b", re.IGNORECASE)
MOST_UNNAMED = 10

# The rooms and modules whose prose is still to be done.
PENDING = (
    "api/bodies.py",
    "api/calls.py",
    "api/openapi.py",
    "api/operations.py",
    "api/replies.py",
    "api/routing.py",
    "api/status.py",
    "api/target.py",
    "cli/demo/knobs.py",
    "cli/flag.py",
    "cli/flags.py",
    "cli/named.py",
    "cli/options.py",
    "cli/parameters.py",
    "cli/remote/flags.py",
    "cli/remote/remote.py",
    "cli/remote/steps.py",
    "cli/wanted.py",
    "cli/wording.py",
    "client/",
    "control/",
    "errors.py",
    "faults/",
    "monotonic.py",
    "netem/",
    "profiles/keys.py",
    "profiles/profile.py",
    "proxy/",
    "testing/",
)

MODULES = [
    path
    for folder in FOLDERS
    for path in sorted((ROOT / folder).rglob("*.py"))
    if not path.relative_to(ROOT / folder).as_posix().startswith(PENDING)
]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_modules_first_line_is_a_noun_or_an_order(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert docstring, "it has no docstring"
    assert not CLAUSE.match(docstring), docstring.splitlines()[0]


def test_an_actor_has_a_name() -> None:
    found = Counter({path: len(UNNAMED.findall(path.read_text())) for path in MODULES})
    assert found.total() <= MOST_UNNAMED, found.most_common(20)
