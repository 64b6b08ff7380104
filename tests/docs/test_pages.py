"""Every command and snippet of README and docs does what the page says."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from tests.docs import desk
from tests.docs.not_run import NOT_RUN
from tests.docs.pages import FORMS, PAGES, ROOT, Block, blocks_of

ALL = [block for page in PAGES for block in blocks_of(page)]
PLAYED = [block for block in ALL if block.text not in NOT_RUN]

# Far more than the longest page takes: half a minute on an ordinary machine.
PATIENCE_S = 300.0

# Each starts programs by the dozen.
PAGES_AT_ONCE = 4

Outcomes = dict[str, dict[int, str]]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """Play every page once; give what is wrong with each block, by page and line."""
    has_own_network = desk.can_have_own_network()
    obstacle = desk.obstacle(has_own_network=has_own_network)
    if obstacle and os.environ.get("CI"):
        pytest.fail(obstacle, pytrace=False)
    if obstacle:
        pytest.skip(obstacle)
    scratch = tmp_path_factory.mktemp("pages")

    def play(page: str) -> dict[int, str]:
        folder = scratch / page.replace("/", "_")
        folder.mkdir()
        command = [sys.executable, "-m", "tests.docs.play", page, str(folder)]
        return outcome_of([*desk.OWN_NETWORK, *command, "--own-network"] if has_own_network else command)

    # A page mostly waits; on a network of its own it need not wait for the others.
    with ThreadPoolExecutor(PAGES_AT_ONCE if has_own_network else 1) as pool:
        return dict(zip(PAGES, pool.map(play, PAGES), strict=True))


def outcome_of(command: list[str]) -> dict[int, str]:
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
@pytest.mark.timeout(2 * PATIENCE_S)  # the first one waits for all the pages
@pytest.mark.parametrize("block", PLAYED, ids=str)
def test_a_block_does_what_the_page_says(block: Block, outcomes: Outcomes) -> None:
    assert outcomes[block.page].get(block.line, "never reached") == ""


@pytest.mark.parametrize("block", PLAYED, ids=str)
def test_a_block_has_a_form_that_is_run(block: Block) -> None:
    assert FORMS.fullmatch(block.info), "mark it as pages.py says, or list it in not_run.py"


def test_what_is_not_run_is_there_and_has_a_reason() -> None:
    assert set(NOT_RUN) <= {block.text for block in ALL}
    assert all(NOT_RUN.values())


def test_every_target_of_make_that_a_page_names_exists() -> None:
    text = "\n".join(block.text for block in ALL)
    targets = sorted(set(re.findall(r"\bmake ([a-z]+)", text)))
    make = ["make", "-n", *targets]
    run = subprocess.run(make, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_the_readme_opens_with_the_two_commands() -> None:
    first = next(blocks_of("README.md"))
    assert [line.partition(" #")[0].strip() for line in first.text.splitlines()] == ["make demo", "make test"]
