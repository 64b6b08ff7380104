"""Source trees: the program that is measured is the one in the folder."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import urllib.request
from pathlib import Path

import pytest

import trixter
from benchmarks.bars import Bar, Figure
from benchmarks.measure import Measure
from benchmarks.methods import start_up
from benchmarks.network import NO_FAULTS
from benchmarks.peers import HERE, ORIGINAL, OURS
from benchmarks.process import Failed
from benchmarks.source_tree import SourceTree, trees_against, without_bars

# Each tree is a copy, whose lines are not ours.
pytestmark = pytest.mark.usefixtures("uncounted_programs")

LAYOUTS = pytest.mark.parametrize("layout", ["src/trixter", "trixter"], ids=["checkout", "wheel"])


def tree(folder: Path, layout: str, version: str = "9.8.7") -> Path:
    """Return a folder with this package in it, of another version."""
    package = folder / layout
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(trixter.__file__).parent, package, ignore=ignored)
    text = (package / "__init__.py").read_text()
    (package / "__init__.py").write_text(text.replace(trixter.__version__, version))
    return folder


@pytest.mark.slow
@LAYOUTS
def test_the_version_is_that_of_the_tree(
    tmp_path: Path, layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(HERE.parent / "src")  # a tree in the current directory is not meant
    assert SourceTree("other", tree(tmp_path, layout)).version() == "9.8.7"


@pytest.mark.slow
def test_a_checkout_is_named_with_its_commit(tmp_path: Path) -> None:
    git = [
        "git",
        "-C",
        str(tree(tmp_path, "src/trixter")),
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@example.com",
    ]
    (tmp_path / ".gitignore").write_text("__pycache__\n")
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "one"]):
        subprocess.run([*git, *command], check=True)
    commit = subprocess.run(
        [*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    )
    assert SourceTree("other", tmp_path).version() == f"9.8.7 at {commit.stdout.strip()}"

    (tmp_path / "src/trixter/py.typed").write_text("changed")
    assert SourceTree("other", tmp_path).version() == f"9.8.7 at {commit.stdout.strip()}-dirty"


@pytest.mark.slow
def test_the_relay_runs_the_code_of_the_tree(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        other = SourceTree("other", tree(tmp_path, "trixter"))
        with other.relay(server.getsockname()[1], NO_FAULTS) as relay:
            url = f"http://127.0.0.1:{relay.api}/openapi.json"
            with urllib.request.urlopen(url, timeout=40) as answer:
                assert json.load(answer)["info"]["version"] == "9.8.7"


def test_a_folder_without_the_package_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="is the package"):
        SourceTree("other", tmp_path)


@pytest.mark.parametrize(
    ("folder", "name"),
    [("before", "before"), ("trixter", "the other"), ("a-folder-with-a-long-name", "a-folder-with-a")],
)
def test_the_columns_are_this_tree_and_the_folder(tmp_path: Path, folder: str, name: str) -> None:
    other = tmp_path / folder
    (other / "trixter").mkdir(parents=True)
    (other / "trixter" / "__main__.py").touch()
    assert [each.name for each in trees_against(other)] == [OURS, name]


def test_bars_are_about_peers_and_not_about_trees() -> None:
    measure = Measure(
        "start-up", start_up, (Figure("start-up", "s", bars=(Bar(0.35), Bar(1.0, against=ORIGINAL))),)
    )
    compared = without_bars(measure, (OURS, "other"))
    assert compared.contestants == (OURS, "other")
    assert compared.figures == (Figure("start-up", "s"),)
