"""Completion in the shell: the words that a real bash offers after Tab."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import CompletionItem

from trixter.cli.main import SUBCOMMANDS, trixter
from trixter.cli.types import FilePath
from trixter.profiles import published_profiles

# As the page says, and then as bash does it: it calls the function that is registered, and takes COMPREPLY.
ASK = """
eval "$(_TRIXTER_COMPLETE=bash_source trixter)"
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
$(complete -p trixter | sed 's/.* -F \\([^ ]*\\) .*/\\1/') trixter
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Return a search path on which ``trixter`` is this one."""
    command = tmp_path / "trixter"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m trixter "$@"\n')
    command.chmod(0o755)
    return f"{tmp_path}:{os.environ['PATH']}"


def offered(typed: str, path: str, **environment: str) -> list[str]:
    """Return what bash offers for the last word that is typed."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    words = [*shlex.split(typed), *([""] if typed.endswith(" ") else [])]
    done = subprocess.run(
        [bash, "--norc", "-c", ASK, "bash", *words],
        env=os.environ | {"PATH": path} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("trixter ", list(SUBCOMMANDS)),
        ("trixter pro", ["profiles"]),
        ("trixter docs fa", ["faults"]),
        ("trixter help se", ["set"]),
        ("trixter --throttle", ["--throttle-rate-bytes", "--throttle-queue-bytes"]),
        ("trixter set _all --dir", ["--direction"]),
        ("trixter set _all --direction ", ["upstream", "downstream", "both"]),
        ("trixter defaults --direction UP", ["upstream"]),
        ("trixter --log-format ", ["text", "json"]),
        ("trixter run --upstream 127.0.0.1:1 --log-level d", ["debug"]),
        ("trixter --profile lighthouse", ["lighthouse-slow-4g", "lighthouse-3g"]),
        ("trixter set _all --profile ", list(published_profiles())),
    ],
)
def test_bash_offers(typed: str, expected: list[str], path: str) -> None:
    assert offered(typed, path) == expected


@pytest.mark.slow
def test_bash_offers_the_profiles_of_a_file(path: str, tmp_path: Path) -> None:
    file = tmp_path / "networks.toml"
    file.write_text("[profiles.branch-office]\nround_trip_ms = 90\n")
    assert offered(f"trixter --profiles-file {file} --profile branch", path) == ["branch-office"]
    assert offered("trixter --profile branch", path, TRIXTER_PROFILES=str(file)) == ["branch-office"]


@pytest.mark.slow
def test_a_file_that_cannot_be_read_hides_no_published_profile(path: str, tmp_path: Path) -> None:
    assert offered(f"trixter --profiles-file {tmp_path}/none.toml --profile fi", path)[-1] == "firefox-wifi"


def test_files_are_left_to_the_shell() -> None:
    flag = next(param for param in trixter.params if isinstance(param.type, FilePath))
    (item,) = flag.shell_complete(trixter.make_context("trixter", [], resilient_parsing=True), "net")
    assert (item.type, item.value) == (CompletionItem("", type="file").type, "net")
