"""Fixtures of the packaging tests: the tools that build and install, and an upstream."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from scripts.dist import ROOT, copy_files, tracked_files
from tests.e2e.upstreams import http_server

PAGE = "served through the proxy"

TOOLS = ("PyInstaller", "build", "check_jsonschema", "dockerfile", "kubernetes_validate", "uv")


@pytest.fixture(scope="session")
def packaging_tools(request: pytest.FixtureRequest) -> None:
    """Skip where the tools are not installed; fail if these tests are all that was asked for."""
    missing = [name for name in TOOLS if find_spec(name) is None]
    if not missing:
        return
    explanation = f"needs {', '.join(missing)}, which `make packaging` installs"
    if request.config.option.markexpr == "packaging":
        pytest.fail(explanation, pytrace=False)
    pytest.skip(explanation)


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the files that git tracks, as a clone has them; not to be changed."""
    if not (ROOT / ".git").exists():
        pytest.skip("needs a clone")
    folder = tmp_path_factory.mktemp("clone")
    copy_files(tracked_files(ROOT), ROOT, folder)
    return folder


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a page; give the address of the server."""
    folder = tmp_path_factory.mktemp("web")
    (folder / "page").write_text(PAGE)
    with http_server(folder) as port:
        yield f"127.0.0.1:{port}"


def tool(name: str) -> str:
    """Return the path of a tool that stands beside the interpreter of the tests, or on the search path."""
    path = shutil.which(name, path=os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))
    assert path, f"{name} is not installed"
    return path
