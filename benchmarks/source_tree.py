"""A source tree of trixter as a contestant: this checkout, another one, or an unpacked wheel."""

from __future__ import annotations

import compileall
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks.measure import Measure
from benchmarks.original import OriginalFlags
from benchmarks.peers import HERE, OURS
from benchmarks.process import Failed

# A column of the table is 17 characters wide.
LONGEST_NAME = 15


class SourceTree(OriginalFlags):
    """The program as this Python runs it from the sources in a folder.

    It uses the packages that are installed here, so the tree must work with them.

    Args:
        name: The heading of its column.
        folder: A checkout, with the package in ``src/trixter``, or an unpacked wheel, with ``trixter``.

    Raises:
        Failed: If the package is in neither place.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self._folder = folder.resolve()
        roots = [self._folder / "src", self._folder]
        root = next((each for each in roots if (each / "trixter" / "__main__.py").is_file()), None)
        if root is None:
            raise Failed(f"neither {folder}/src/trixter nor {folder}/trixter is the package")
        self._package = root / "trixter"
        # -P keeps the current directory out of the path: it may be another tree.
        command = [sys.executable, "-P", "-m", "trixter"]
        super().__init__(name, command, ["--log-level", "warning"], {"PYTHONPATH": str(root)})

    def version(self) -> str | None:
        """Return the version, with the commit if the folder is a checkout.

        The sources are compiled first: otherwise the first start would take longer than all others.
        """
        compileall.compile_dir(self._package, quiet=2)
        version, commit = super().version(), self._commit()
        return f"{version} at {commit}" if version and commit else version

    def _commit(self) -> str:
        """Return the commit that is checked out, with ``-dirty`` if files differ; empty if there is none."""
        if not (self._folder / ".git").exists():
            return ""
        command = ["git", "-C", str(self._folder), "describe", "--always", "--dirty", "--exclude=*"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        return answer.stdout.strip()


def trees_against(folder: Path) -> list[SourceTree]:
    """Return this tree and another one.

    Raises:
        Failed: If there is no trixter in that folder.
    """
    name = folder.resolve().name[:LONGEST_NAME]
    if name in (OURS, "src", ""):
        name = "the other"
    return [SourceTree(OURS, HERE.parent), SourceTree(name, folder)]


def without_bars(measure: Measure, names: tuple[str, ...]) -> Measure:
    """Return a measure for these contestants, without its bars, which are about ours and the peers."""
    return replace(
        measure, contestants=names, figures=tuple(replace(each, bars=()) for each in measure.figures)
    )
