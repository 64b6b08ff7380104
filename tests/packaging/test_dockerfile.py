"""The Dockerfile: its steps are executed, its program runs as its user, and its health check checks."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.e2e.measuring import PATIENCE_S
from tests.e2e.trixter_process import Trixter
from tests.packaging import containers
from tests.packaging.conftest import tool
from tests.packaging.containers import Stage
from tests.packaging.installed_program import UNREACHABLE, check_program

# The first test waits until it is built, and for the package index.
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.packaging,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.usefixtures("packaging_tools"),
]

# The page of the original has exactly these, but for the ports.
ORIGINAL_ARGUMENTS = shlex.split("""
--listen 0.0.0.0:0 --upstream 127.0.0.1:1 --api 127.0.0.1:0 --delay-ms 0 --throttle-rate-bytes 0
--slice-size-bytes 0 --corrupt-probability-rate 0.0 --terminate-probability-rate 0.0
--connection-duration-ms 0 --random-seed 42
""")


@pytest.fixture(scope="module")
def image(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """Execute the Dockerfile in a clone."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount the layers")
    folder = tmp_path_factory.mktemp("image")
    return containers.build(clone, clone / "Dockerfile", folder)


@pytest.mark.parametrize("name", ["Dockerfile", "examples/compose/app/Dockerfile"])
def test_the_linter_finds_nothing(name: str, clone: Path) -> None:
    subprocess.run([tool("hadolint"), str(clone / name)], check=True)


def test_the_context_has_nothing_but_what_is_copied(clone: Path) -> None:
    tops = {path.parts[0] for path in containers.context_of(clone)}
    assert tops == {"LICENSE", "README.md", "docs", "pyproject.toml", "requirements", "src"}
    assert containers.is_ignored(Path("src/trixter/__pycache__/errors.pyc"), ["*", "!src", "**/__pycache__"])


def test_the_program_runs_in_it(image: Stage, upstream: str, tmp_path: Path) -> None:
    check_program(image.words(*image.entrypoint), upstream, tmp_path)


def test_the_program_writes_nothing_to_its_root(image: Stage, upstream: str, tmp_path: Path) -> None:
    touch = subprocess.run(image.words("touch", "/tmp/file", mounted="ro"), capture_output=True, text=True)
    assert "Read-only" in touch.stderr
    check_program(image.words(*image.entrypoint, mounted="ro"), upstream, tmp_path)


def test_its_user_is_not_root(image: Stage) -> None:
    words = image.words("id", "-u")
    assert subprocess.run(words, check=True, capture_output=True, text=True).stdout == "10001\n"


def test_the_arguments_of_the_original_work_as_they_are_pasted(image: Stage, tmp_path: Path) -> None:
    program = image.words(*image.entrypoint)
    trixter = Trixter(tmp_path / "log", *ORIGINAL_ARGUMENTS, program=program)
    trixter.stop()
    assert "random seed: 42" in trixter.log


def test_the_health_check_tells_a_proxy_that_answers_from_one_that_does_not(
    image: Stage, tmp_path: Path
) -> None:
    def health(api_url: str) -> int:
        words = image.words(*image.health_check, TRIXTER_API_URL=api_url)
        return subprocess.run(words, stderr=subprocess.DEVNULL, timeout=PATIENCE_S).returncode

    trixter = Trixter(tmp_path / "log", "--upstream", UNREACHABLE, program=image.words(*image.entrypoint))
    assert health(trixter.api_url) == 0
    trixter.stop()
    assert health(trixter.api_url) == 1
