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

# As the page says.
SET_UP = 'eval "$(_TRIXTER_COMPLETE=bash_source trixter)"'

# As bash does it: it calls the function that is registered, and takes COMPREPLY.
ASK = """
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
$(complete -p trixter | sed 's/.* -F \\([^ ]*\\) .*/\\1/') trixter
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a search path on which ``trixter`` is this one."""
    folder = tmp_path_factory.mktemp("bin")
    command = folder / "trixter"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m trixter "$@"\n')
    command.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


@pytest.fixture(scope="module")
def set_up(path: str) -> str:
    """Return what sets a shell up as ``SET_UP`` does, without starting the program for it again."""
    return printed_by_bash(f"{SET_UP}; declare -f; complete -p trixter", path)


def printed_by_bash(script: str, path: str, *words: str, **environment: str) -> str:
    """Run a script in a bash that has read no file of the user; return what it prints."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    done = subprocess.run(
        [bash, "--norc", "-c", script, "bash", *words],
        env=os.environ | {"PATH": path} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    return done.stdout


def offered(typed: str, set_up: str, path: str, **environment: str) -> list[str]:
    """Return what bash offers for the last word that is typed."""
    words = [*shlex.split(typed), *([""] if typed.endswith(" ") else [])]
    return printed_by_bash(set_up + ASK, path, *words, **environment).split()


@pytest.mark.slow
@pytest.mark.usefixtures("uncounted_programs")
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
def test_bash_offers(typed: str, expected: list[str], set_up: str, path: str) -> None:
    assert offered(typed, set_up, path) == expected


@pytest.mark.slow
def test_bash_offers_the_profiles_of_a_file(set_up: str, path: str, tmp_path: Path) -> None:
    file = tmp_path / "networks.toml"
    file.write_text("[profiles.branch-office]\nround_trip_ms = 90\n")
    assert offered(f"trixter --profiles-file {file} --profile branch", set_up, path) == ["branch-office"]
    assert offered("trixter --profile branch", set_up, path, TRIXTER_PROFILES=str(file)) == ["branch-office"]


@pytest.mark.slow
def test_a_file_that_cannot_be_read_hides_no_published_profile(
    set_up: str, path: str, tmp_path: Path
) -> None:
    assert (
        offered(f"trixter --profiles-file {tmp_path}/none.toml --profile fi", set_up, path)[-1]
        == "firefox-wifi"
    )


def test_files_are_left_to_the_shell() -> None:
    flag = next(param for param in trixter.params if isinstance(param.type, FilePath))
    (item,) = flag.shell_complete(trixter.make_context("trixter", [], resilient_parsing=True), "net")
    assert (item.type, item.value) == (CompletionItem("", type="file").type, "net")
