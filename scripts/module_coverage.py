"""Demand that each module of the core is covered in full by its own test file alone.

src/trixter/faults/X.py has a partner, tests/faults/test_X.py.  Run without the
other tests, the partner must reach every line and every branch of X: a line that
is only reached by way of another module is a line that nobody tests on purpose.
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from coverage import Coverage

ROOT = Path(__file__).parents[1]
MODULES = ROOT / "src" / "trixter" / "faults"
TESTS = ROOT / "tests" / "faults"

# Without what takes longer than the tests: a plugin that the core does not need,
# and rewriting asserts (a failing test explains itself in the ordinary run).
LIGHT = ["-p", "no:schemathesis", "-p", "no:cacheprovider", "--assert=plain"]
RUNS_AT_ONCE = 2

# Which lines are reached, and not whether they are right: the ordinary run asks that.
BRIEF = {"HYPOTHESIS_PROFILE": "brief"}


def complaint(module: Path) -> str | None:
    """Run a module's partner; return what is wrong, or None."""
    test = TESTS / f"test_{module.stem}.py"
    if not test.exists():
        return f"it has no partner {test.relative_to(ROOT)}"
    with TemporaryDirectory() as folder:
        data_file = f"{folder}/.coverage"
        run = subprocess.run(
            [sys.executable, "-m", "coverage", "run", "-m", "pytest", "-q", *LIGHT, str(test)],
            cwd=ROOT,
            env=os.environ | BRIEF | {"COVERAGE_FILE": data_file},
            capture_output=True,
            text=True,
        )
        if run.returncode != 0:
            return run.stdout + run.stderr
        coverage = Coverage(data_file=data_file, config_file=str(ROOT / "pyproject.toml"))
        coverage.combine([folder])
        report = StringIO()
        percent = coverage.report([str(module)], file=report, skip_covered=False)
    return report.getvalue() if percent < 100 else None


def main() -> int:
    modules = [path for path in sorted(MODULES.glob("*.py")) if path.name != "__init__.py"]
    with ThreadPoolExecutor(RUNS_AT_ONCE) as runs:
        complaints = dict(zip(modules, runs.map(complaint, modules), strict=True))
    failed = {module: text for module, text in complaints.items() if text is not None}
    for module, text in failed.items():
        print(f"{module.relative_to(ROOT)}: {text.strip()}\n")
    print(f"{len(modules) - len(failed)} of {len(modules)} modules are covered by their own tests.")
    return 1 if failed or not modules else 0


if __name__ == "__main__":
    sys.exit(main())
