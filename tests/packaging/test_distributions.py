"""The sdist and the wheel: what is in them, and that each runs from an empty environment."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from scripts.dist import ROOT, build, tracked_files
from tests.packaging.conftest import tool
from tests.packaging.installed_program import check_program
from trixter import __version__

# The first test waits for both builds, and the network.
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.packaging,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.usefixtures("packaging_tools"),
]

UNTRACKED = ("notes.txt", "my-environment/pyvenv.cfg", "src/trixter/draft.py", "docs/draft.md")

# Hatchling puts it into every sdist, for the sake of builds from it.
ADDED = {"PKG-INFO"}


@pytest.fixture(scope="module")
def untidy_clone(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clone that has files which git does not track."""
    folder = tmp_path_factory.mktemp("untidy") / "clone"
    shutil.copytree(clone, folder)
    for command in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    for name in UNTRACKED:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("not for others")
    return folder


@pytest.fixture(scope="module")
def archives(untidy_clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an sdist and a wheel, built as ``make dist`` builds them."""
    folder = tmp_path_factory.mktemp("dist")
    build(untidy_clone, folder)
    return folder


def names_in_sdist(folder: Path) -> set[str]:
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def test_the_sdist_has_every_tracked_file_and_no_other(archives: Path) -> None:
    assert names_in_sdist(archives) == {str(path) for path in tracked_files(ROOT)} | ADDED


def test_the_wheel_has_the_package_with_the_documentation_and_nothing_beside_it(archives: Path) -> None:
    (wheel,) = archives.glob("*.whl")
    tracked = tracked_files(ROOT)
    package = {str(path.relative_to("src")) for path in tracked if path.is_relative_to("src/trixter")}
    package |= {f"trixter/{path}" for path in tracked if path.match("*.md") and path.is_relative_to("docs")}
    package |= {"trixter/docs/README.md"}
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == package


def test_other_folders_stay_out_of_an_sdist_that_another_tool_builds(
    untidy_clone: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", str(tmp_path)]
    subprocess.run([*command, str(untidy_clone)], check=True)
    tops = {name.partition("/")[0] for name in names_in_sdist(tmp_path)}
    assert tops & {"notes.txt", "my-environment"} == set()


@pytest.mark.parametrize("kind", ["whl", "tar.gz"])
def test_it_runs_from_an_empty_environment(kind: str, archives: Path, upstream: str, tmp_path: Path) -> None:
    (archive,) = archives.glob(f"trixter-{__version__}*.{kind}")
    environment = tmp_path / "environment"
    subprocess.run([tool("uv"), "venv", "-q", "--python", sys.executable, str(environment)], check=True)
    pins = ["--constraint", str(ROOT / "requirements/dev.txt")]
    pins += ["--build-constraint", str(ROOT / "requirements/dev.txt")]
    # --system-certs: trust the machine's certificates, as pip does.
    into = ["--system-certs", "--python", str(environment)]
    install = [tool("uv"), "pip", "install", "-q", *into, *pins, str(archive)]
    subprocess.run(install, check=True)
    check_program([str(environment / "bin/trixter")], upstream, tmp_path)
