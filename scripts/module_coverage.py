"""Demand that each module of the core is covered in full by its own test file alone.

src/trixter/faults/X.py has a partner, tests/faults/test_X.py. Without the other
tests, the partner must reach every line and every branch of X: a line that is
only reached by way of another module is a line that no test is meant for.

All partners run in one process, since most of the time of sixteen would go into
starting them. Coverage books what each of them reaches under its name. What is
reached by importing the modules counts for all: each partner would import them.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Generator, Iterable
from contextlib import redirect_stdout
from importlib import import_module
from io import StringIO
from pathlib import Path

import pytest
from coverage import Coverage

MODULES = Path("src/trixter/faults")
TESTS = Path("tests/faults")

# Without steps that take longer than the tests: plugins that the core does not need,
# and rewriting asserts (a failing test explains itself in the ordinary run).
LIGHT = [
    "-p",
    "no:schemathesis",
    "-p",
    "no:tests.counted_lines",
    "-p",
    "no:trixter",
    "-p",
    "no:cacheprovider",
    "--assert=plain",
]

# Few examples: this run asks which lines are reached, and the ordinary run whether they are right.
BRIEF = {"HYPOTHESIS_PROFILE": "brief"}

# The contexts of lines that count for all partners, and for none.
IMPORTS, ELSE = "imports", "else"


class Bookkeeper:
    """A plugin of pytest that books what a test file reaches under its name.

    Args:
        coverage: What counts, and has been started.
    """

    def __init__(self, coverage: Coverage) -> None:
        self._coverage = coverage

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self._coverage.switch_context(item.path.name)
        try:
            return (yield)
        finally:
            self._coverage.switch_context(ELSE)

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        self._coverage.switch_context(collector.path.name)
        try:
            return (yield)
        finally:
            self._coverage.switch_context(ELSE)


def partner_of(module: Path) -> Path:
    """Return the test file that must cover a module."""
    return TESTS / f"test_{module.stem}.py"


def run(partners: Iterable[Path], coverage: Coverage) -> str | None:
    """Run the partners and count what they reach; return what pytest says if they fail, or None."""
    printed = StringIO()
    with coverage.collect():
        coverage.switch_context(IMPORTS)
        for module in modules():
            import_module(f"trixter.faults.{module.stem}")
        coverage.switch_context(ELSE)
        with redirect_stdout(printed):
            status = pytest.main(["-q", *LIGHT, *map(str, partners)], plugins=[Bookkeeper(coverage)])
    return printed.getvalue() if status else None


def complaint(module: Path, coverage: Coverage) -> str | None:
    """Return what is wrong with a module's coverage by its partner, or None."""
    partner = partner_of(module)
    if not partner.exists():
        return f"it has no partner {partner}"
    report = StringIO()
    contexts = [f"^{re.escape(name)}$" for name in (partner.name, IMPORTS)]
    percent = coverage.report(
        [str(module)], file=report, show_missing=True, skip_covered=False, contexts=contexts
    )
    return report.getvalue() if percent < 100 else None


def modules() -> list[Path]:
    """Return the modules of the core."""
    return [path for path in sorted(MODULES.glob("*.py")) if path.name != "__init__.py"]


def main() -> int:
    if not modules():
        print(f"no modules in {MODULES}")
        return 1
    os.environ |= BRIEF
    coverage = Coverage(data_file=None, config_file="pyproject.toml")
    coverage.set_option("run:patch", [])  # the core starts no programs
    coverage.set_option("run:core", "ctrace")  # the other one cannot book under names
    failure = run(filter(Path.exists, map(partner_of, modules())), coverage)
    if failure is not None:
        print(failure)
        return 1
    complaints = {module: complaint(module, coverage) for module in modules()}
    failed = {module: text for module, text in complaints.items() if text is not None}
    for module, text in failed.items():
        print(f"{module}: {text.strip()}\n")
    print(f"{len(complaints) - len(failed)} of {len(complaints)} modules are covered by their own tests.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
