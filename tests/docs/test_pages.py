"""Every command and snippet of README and docs does what the page says."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import pytest

from tests.docs import sandbox
from tests.docs.pages import FORMS, PAGES, ROOT, Block, blocks_of
from tests.docs.skipped_blocks import SKIPPED

ALL = [block for page in PAGES for block in blocks_of(page)]
PLAYED = [block for block in ALL if block.text not in SKIPPED]

# Far more than the longest page takes: half a minute on an ordinary machine.
PATIENCE_S = 300.0


@contextmanager
def a_network() -> Iterator[list[str]]:
    """Yield what a page's command begins with to be on a network of its own; else it has ours to itself."""
    has_own = sandbox.can_have_own_network()
    with nullcontext() if has_own else sandbox.holding_ports():
        obstacle = sandbox.obstacle(has_own_network=has_own)
        if obstacle and os.environ.get("CI"):
            pytest.fail(obstacle, pytrace=False)
        if obstacle:
            pytest.skip(obstacle)
        yield sandbox.OWN_NETWORK if has_own else []


def outcome_of(command: list[str]) -> dict[int, str]:
    """Play a page; return what is wrong with each block, by its line."""
    # In a group of its own, so that whatever it leaves behind can be ended with it.
    player = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        printed, _ = player.communicate(timeout=PATIENCE_S)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(player.pid, signal.SIGKILL)
        player.wait()
    return dict(map(json.loads, printed.splitlines()))


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.timeout(2 * PATIENCE_S)
@pytest.mark.parametrize("page", dict.fromkeys(block.page for block in PLAYED))
def test_every_block_does_what_the_page_says(page: str, tmp_path: Path) -> None:
    with a_network() as network:
        command = [*network, sys.executable, "-m", "tests.docs.page_runner", page, str(tmp_path)]
        outcomes = outcome_of([*command, "--own-network"] if network else command)
    blocks = [block for block in PLAYED if block.page == page]
    complaints = {str(block): outcomes.get(block.line, "never reached") for block in blocks}
    wrong = [f"{block}: {complaint}" for block, complaint in complaints.items() if complaint]
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.parametrize("block", PLAYED, ids=str)
def test_a_block_has_a_form_that_is_run(block: Block) -> None:
    assert FORMS.fullmatch(block.info), "mark it as pages.py says, or list it in skipped_blocks.py"


def test_what_is_not_run_is_there_and_has_a_reason() -> None:
    assert set(SKIPPED) <= {block.text for block in ALL}
    assert all(SKIPPED.values())


def test_every_target_of_make_that_a_page_names_exists() -> None:
    text = "\n".join(block.text for block in ALL)
    targets = sorted(set(re.findall(r"\bmake ([a-z]+)", text)))
    make = ["make", "-n", *targets]
    run = subprocess.run(make, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_the_readme_opens_with_the_two_commands() -> None:
    first = next(blocks_of("README.md"))
    assert [line.partition(" #")[0].strip() for line in first.text.splitlines()] == ["make demo", "make test"]
