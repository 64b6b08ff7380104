"""Check of a program that was built or installed."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import httpx2

from tests.e2e.measuring import PATIENCE_S
from tests.e2e.trixter_process import Trixter
from tests.packaging.conftest import PAGE
from trixter import __version__

UNREACHABLE = "127.0.0.1:1"


def printed_by(*command: str, **environment: str) -> str:
    """Run a command with these environment variables and no others; return what it prints.

    Raises:
        AssertionError: If its exit status is not 0.
    """
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check_program(program: Sequence[str], upstream: str, folder: Path) -> None:
    """Start the proxy, send a request through it, change it over the API, and stop it by SIGTERM.

    Args:
        program: The words that start the command.
        upstream: The server of the ``upstream`` fixture.
        folder: Where its log goes.

    Raises:
        AssertionError: If any of this does not work.
    """
    assert printed_by(*program, "--version") == f"trixter {__version__}\n"
    trixter = Trixter(folder / "log", "--upstream", upstream, "--profile", "3g", program=program)
    try:
        assert trixter.api.get("/health").text == "ok"
        assert trixter.api.get("/defaults").json()["downstream"]["delay"]["delay_ms"] > 0
        trixter.clear()
        page_url = f"http://127.0.0.1:{trixter.port}/page"
        assert httpx2.get(page_url, trust_env=False, timeout=PATIENCE_S).text == PAGE
        listed = printed_by(*program, "ls", "--json", "--api", trixter.api_url)
        assert listed.strip() == "[]"
    finally:
        trixter.stop()
