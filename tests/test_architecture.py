"""The drawing in the design is true: the core is pure, and importing it is cheap."""

import ast
import subprocess
import sys
from collections.abc import Collection, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src"
FAULTS = sorted((SRC / "trixter" / "faults").glob("*.py"))

# The pure core may not know what time it is, where it runs, or draw its own random numbers.
IMPURE = {"asyncio", "logging", "os", "random", "selectors", "socket", "threading", "time"}

# What takes long to import, or belongs to the rooms that do instead of decide.
HEAVY = {"anyio", "asyncio", "click", "httpx2", "msgspec", "starlette", "uvicorn", "uvloop"} | {
    f"trixter.{room}" for room in ("api", "cli", "client", "control", "netem", "profiles", "proxy", "testing")
}


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


@pytest.mark.parametrize("path", FAULTS, ids=lambda path: path.name)
def test_faults_are_pure(path: Path) -> None:
    exempt = {"random"} if path.name == "dice.py" else set()
    used = {name.partition(".")[0] for name in imports_of(path)}
    assert used.isdisjoint(IMPURE - exempt)


def loaded_by(program: str) -> set[str]:
    """Return the modules that a program loads."""
    # A bare environment: a coverage run must not add modules of its own.
    bare = {"PYTHONPATH": str(SRC)}
    command = [sys.executable, "-c", f"import sys\n{program}\nprint(*sys.modules)"]
    return set(subprocess.run(command, env=bare, capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize("name", ["trixter", "trixter.errors", "trixter.faults"])
def test_importing_it_is_cheap(name: str) -> None:
    assert HEAVY.isdisjoint(loaded_by(f"import {name}"))


@pytest.mark.parametrize("name", ["Client", "AsyncClient"])
def test_a_client_is_loaded_when_it_is_asked_for_and_no_server_is(name: str) -> None:
    loaded = loaded_by(f"import trixter; trixter.{name}")
    assert "trixter.client" in loaded
    assert loaded.isdisjoint({"click", "starlette", "uvicorn", "uvloop"})


@pytest.mark.parametrize("name", ["Client", "AsyncClient"])
def test_a_client_loads_no_data_plane(name: str) -> None:
    before = loaded_by("import httpx2, msgspec")
    loaded = loaded_by(f"import trixter; trixter.{name}") - before
    assert "ctypes" not in loaded
    assert {
        module for module in loaded if module.partition("trixter.")[2].startswith(("proxy", "netem"))
    } == set()


def test_the_ground_floor_loads_no_room() -> None:
    ground = {"addresses", "errors", "faults", "monotonic", "settings", "units"}
    loaded = loaded_by("import trixter.addresses, trixter.errors, trixter.monotonic, trixter.settings")
    rooms = {module.split(".")[1] for module in loaded if module.startswith("trixter.")}
    assert rooms == ground


def imported_by(path: Path, modules: Collection[str]) -> Iterator[str]:
    """Give which of the modules one imports: when it is loaded or for type checkers, but not in functions."""
    waiting: list[ast.AST] = [ast.parse(path.read_bytes())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.module in modules:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in modules else node.module
        waiting += ast.iter_child_nodes(node)


def test_no_two_modules_import_each_other_not_even_by_way_of_others() -> None:
    paths = {
        ".".join(path.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__"): path
        for path in SRC.rglob("*.py")
    }
    # `trixter.Client` is imported for type checkers there; what the package holds, its modules may import.
    del paths["trixter"]
    imports = {name: set(imported_by(path, paths)) for name, path in paths.items()}
    try:
        list(TopologicalSorter(imports).static_order())
    except CycleError as exc:
        pytest.fail(" → ".join(exc.args[1]))


def test_addresses_are_split_in_one_place() -> None:
    splitting = {path.name for path in SRC.rglob("*.py") if 'partition(":")' in path.read_text("utf-8")}
    assert splitting == {"addresses.py"}
