"""The program in one file: it runs where there is neither Python nor anything else of this machine."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts.dist import ROOT
from tests.e2e.measuring import wait_until
from tests.e2e.trixter_process import Trixter
from tests.e2e.upstreams import program
from tests.packaging.conftest import tool
from tests.packaging.installed_program import UNREACHABLE, check_program, printed_by

# The first test waits until it is built: 20 s on a quiet machine, 140 s on one with ten times the work.
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.packaging,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.usefixtures("packaging_tools"),
]


def required_by(distribution: str) -> set[str]:
    """Return the names of a distribution and of all that it needs here."""
    found: set[str] = set()
    names = [distribution]
    while names:
        name = canonicalize_name(names.pop())
        if name not in found:
            found.add(name)
            needed = map(Requirement, requires(name) or [])
            names += [each.name for each in needed if each.marker is None or each.marker.evaluate()]
    return found


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the program as ``make binary`` does; return its path."""
    folder = tmp_path_factory.mktemp("binary")
    command = [tool("pyinstaller"), "--noconfirm", "--log-level", "ERROR"]
    command += ["--distpath", str(folder), "--workpath", str(folder / "work")]
    subprocess.run([*command, str(ROOT / "scripts/trixter.spec")], check=True)
    return folder / "trixter"


@pytest.fixture(scope="module")
def empty_root(binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a root directory with the program, the C library, zlib and an empty /tmp."""
    root = tmp_path_factory.mktemp("root")
    (root / "tmp").mkdir()
    shutil.copy(binary, root / "trixter")
    libraries = re.findall(r"(/\S+) \(0x", printed_by(program("ldd"), str(binary)))
    # The loader names a part of the C library only: the interpreter, which it unpacks, uses this one as well.
    (libc,) = (Path(library) for library in libraries if Path(library).name == "libc.so.6")
    libraries.append(str(libc.with_name("libm.so.6")))
    for library in libraries:
        (root / library[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, root / library[1:])
    return root


@pytest.fixture(scope="module")
def confined(empty_root: Path) -> list[str]:
    """Return the words that start the program in the empty root, without environment variables."""
    enter = [program("unshare"), "--user", "--map-root-user", f"--root={empty_root}"]
    return [program("env"), "-i", *enter, "/trixter"]


@pytest.fixture
def running(binary: Path, tmp_path: Path) -> Iterator[Trixter]:
    # When it is killed, what it unpacked stays behind: where the test's folder is.
    here = [program("env"), f"TMPDIR={tmp_path}", str(binary)]
    trixter = Trixter(tmp_path / "log", "--upstream", UNREACHABLE, program=here)
    yield trixter
    trixter.api.close()
    trixter.kill()


def test_it_serves_in_an_empty_root_and_leaves_nothing_behind(
    confined: list[str], empty_root: Path, upstream: str, tmp_path: Path
) -> None:
    check_program(confined, upstream, tmp_path)
    assert list((empty_root / "tmp").iterdir()) == []


def test_its_data_and_its_subcommands_are_inside(confined: list[str]) -> None:
    assert "WebPageTest: 3G" in printed_by(*confined, "profiles")
    assert "127.0.0.1:" in printed_by(*confined, "demo")
    assert printed_by(*confined, "docs", "faults") == (ROOT / "docs/faults.md").read_text()


@pytest.mark.parametrize("caller", [{}, {"LD_LIBRARY_PATH": "/of/the/caller"}], ids=["unset", "set"])
def test_a_command_that_it_runs_has_the_libraries_of_the_caller(caller: dict[str, str], binary: Path) -> None:
    show = 'echo "${LD_LIBRARY_PATH-unset}"'
    printed = printed_by(str(binary), "run", "--upstream", UNREACHABLE, "--", "/bin/sh", "-c", show, **caller)
    assert printed.strip() == caller.get("LD_LIBRARY_PATH", "unset")


def test_it_runs_another_one_that_does_not_depend_on_it(binary: Path) -> None:
    inner = [str(binary), "run", "--upstream", UNREACHABLE, "--", "/usr/bin/env"]
    printed = printed_by(str(binary), "run", "--upstream", UNREACHABLE, "--", *inner)
    assert "TRIXTER_PROXY_PORT=" in printed
    assert "_PYI_" not in printed


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent was killed")
def test_it_stops_when_its_loader_is_killed(running: Trixter) -> None:
    running.kill()
    wait_until(lambda: "stopping: SIGTERM" in running.log, lambda: f"it to stop:\n{running.log}")


def test_nothing_that_only_development_needs_is_inside(binary: Path) -> None:
    archive = import_module("PyInstaller.archive.readers").CArchiveReader(str(binary))
    inside = {name.partition(".")[0] for name in archive.open_embedded_archive("PYZ.pyz").toc}
    distributions = packages_distributions()
    found = {canonicalize_name(distributions[name][0]) for name in inside if name in distributions}
    assert {"click", "uvicorn", "uvloop"} <= found <= required_by("trixter")
