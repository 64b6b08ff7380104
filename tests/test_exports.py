"""Public names: each exists, is documented, and is exported by one package only."""

import ast
import importlib
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src"


def name_of(init: Path) -> str:
    return ".".join(init.parent.relative_to(SRC).parts)


INITS = sorted((SRC / "trixter").rglob("__init__.py"))
PACKAGES = [name_of(init) for init in INITS]


def exports_of(package: str) -> list[str]:
    return list(getattr(importlib.import_module(package), "__all__", []))


def reexports_of(init: Path) -> Iterator[str]:
    """Yield the public names that a package imports from its own modules."""
    package = name_of(init)
    for node in ast.parse(init.read_bytes()).body:
        if isinstance(node, ast.ImportFrom):
            own = node.level == 1 or (node.module or "").startswith(f"{package}.")
            names = [alias.asname or alias.name for alias in node.names]
            yield from (name for name in names if own and not name.startswith("_"))


def documented_in(path: Path) -> Iterator[str]:
    """Yield the names a module documents: by a docstring, or a string under an assignment."""
    body = ast.parse(path.read_bytes()).body
    for node, following in pairwise([*body, ast.Pass()]):
        match node, following:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef(), _:
                if ast.get_docstring(node):
                    yield node.name
            case (
                ast.Assign(targets=[ast.Name(name)]) | ast.AnnAssign(target=ast.Name(name)),
                ast.Expr(ast.Constant(str())),
            ):
                yield name


@pytest.mark.parametrize("package", PACKAGES)
def test_every_exported_name_exists(package: str) -> None:
    module = importlib.import_module(package)
    assert [name for name in exports_of(package) if not hasattr(module, name)] == []


@pytest.mark.parametrize("init", INITS, ids=PACKAGES)
def test_every_exported_name_is_documented(init: Path) -> None:
    # What several rooms share stands on the ground floor, and is offered by the room it is used with.
    paths = {*init.parent.rglob("*.py"), *(SRC / "trixter").glob("*.py")}
    documented = {name for path in paths for name in documented_in(path)}
    exported = {name for name in exports_of(name_of(init)) if not name.startswith("__")}
    assert exported - documented == set()


@pytest.mark.parametrize("init", INITS, ids=PACKAGES)
def test_every_reexported_name_is_in_all(init: Path) -> None:
    assert set(reexports_of(init)) - set(exports_of(name_of(init))) == set()


def test_every_public_name_has_one_home() -> None:
    homes = Counter(name for package in PACKAGES for name in exports_of(package))
    assert [name for name, count in homes.items() if count > 1] == []
