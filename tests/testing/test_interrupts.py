"""An interrupt (Ctrl-C) at any moment of a start leaves no thread, and nothing waits for ever."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.testing.interrupts import USES

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("use", USES)
def test_an_interrupt_at_any_moment_of_the_start_leaves_no_thread(use: str) -> None:
    command = [sys.executable, "-m", "tests.testing.interrupts", use]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=80)
    assert (ended.stderr, ended.returncode) == ("", 0)
    assert int(ended.stdout) > 100
