"""Build the sdist and the wheel from the files that git tracks, so that nothing else gets into them.

python scripts/dist.py [FOLDER]

The archives go to ``dist/``, or to FOLDER. The list in pyproject.toml keeps other folders out of every sdist;
this keeps untracked files out of the listed ones, too. The wheel is built from the sdist.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]


def tracked_files(root: Path) -> list[Path]:
    """Return the files that git tracks, relative to the root of a clone, without those that are deleted.

    Raises:
        subprocess.CalledProcessError: If it is not a clone.
    """
    command = ["git", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [Path(name) for name in listed.split("\0") if name and (root / name).is_file()]


def copy_files(files: Iterable[Path], source: Path, target: Path) -> None:
    """Copy files to the same places below another folder."""
    for file in files:
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / file, target / file)


def build(root: Path, folder: Path) -> None:
    """Build both archives of a clone into a folder.

    Raises:
        subprocess.CalledProcessError: If it is not a clone, or if the build fails.
    """
    with TemporaryDirectory() as tree:
        copy_files(tracked_files(root), root, Path(tree))
        # Without isolation the build uses the pinned hatchling, not the newest.
        options = ["--no-isolation", "--outdir", str(folder)]
        subprocess.run([sys.executable, "-m", "build", *options, tree], check=True)


if __name__ == "__main__":
    build(ROOT, Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist")
