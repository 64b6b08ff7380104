"""Tests that measure time have the machine to themselves; the others share it."""

from __future__ import annotations

import ast
import fcntl
from pathlib import Path

import pytest

from tests.timing_lock import MACHINE, QUEUE, holding_the_machine, pytest_collection_modifyitems

E2E = Path(__file__).parent / "e2e"


def may_start(*, alone: bool) -> bool:
    """Say whether a test could begin now, in another worker."""
    with QUEUE.open() as queue, MACHINE.open() as machine:
        try:
            fcntl.flock(queue, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(machine, fcntl.LOCK_NB | (fcntl.LOCK_EX if alone else fcntl.LOCK_SH))
        except BlockingIOError:
            return False
    return True


@pytest.fixture
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have locks that the workers of this run do not hold."""
    for name in ("QUEUE", "MACHINE"):
        (tmp_path / name).touch()
        for module in ("tests.timing_lock", __name__):
            monkeypatch.setattr(f"{module}.{name}", tmp_path / name)


@pytest.mark.usefixtures("locks")
def test_while_one_measures_no_other_starts() -> None:
    with holding_the_machine(alone=True):
        assert not may_start(alone=False)
        assert not may_start(alone=True)
    assert may_start(alone=True)


@pytest.mark.usefixtures("locks")
def test_others_run_beside_each_other_and_what_measures_waits_for_them() -> None:
    with holding_the_machine(alone=False):
        assert may_start(alone=False)
        assert not may_start(alone=True)
    assert may_start(alone=True)


@pytest.mark.usefixtures("locks")
def test_none_overtakes_what_waits_to_be_alone() -> None:
    with holding_the_machine(alone=False), QUEUE.open() as queue:
        fcntl.flock(queue, fcntl.LOCK_EX)  # as it has while it waits
        assert not may_start(alone=False)


def test_what_measures_comes_last_and_the_rest_keeps_its_order(request: pytest.FixtureRequest) -> None:
    first, second, third = (
        pytest.Function.from_parent(request.node.parent, name=name, callobj=lambda: None)
        for name in ("first", "second", "third")
    )
    first.add_marker("timing")
    items: list[pytest.Item] = [first, second, third]
    pytest_collection_modifyitems(items)
    assert items == [second, third, first]


def functions_with(name: str) -> list[tuple[str, str, str]]:
    """Return module, function and marks of each end-to-end test that uses a name."""
    found = []
    for path in sorted(E2E.glob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        of_module = "".join(ast.unparse(node) for node in tree.body if "pytestmark" in ast.unparse(node))
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and name in ast.unparse(node):
                marks = of_module + "".join(map(ast.unparse, node.decorator_list))
                found.append((path.name, node.name, marks))
    return found


@pytest.mark.parametrize(("module", "function", "marks"), functions_with("LATENESS_S"))
def test_what_says_how_late_something_may_be_is_marked_timing(module: str, function: str, marks: str) -> None:
    assert "mark.timing" in marks, f"{module}: {function} measures time; other tests would be measured, too"
