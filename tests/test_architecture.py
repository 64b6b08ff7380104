"""The drawing in the design is true: the core is pure, and importing it is cheap."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src"
FAULTS = sorted((SRC / "trixter" / "faults").glob("*.py"))

# The pure core may not know what time it is, where it runs, or draw its own luck.
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
