"""The fixtures of all tests: verdicts do not depend on the speed of the machine, and counting is cheap."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys

import pytest


@pytest.mark.parametrize("anyio_backend", [("asyncio", {"debug": True})])
async def test_a_slow_callback_is_not_logged(anyio_backend: object, caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.get_running_loop()
    loop.slow_callback_duration = 0.0
    for _ in range(3):
        await asyncio.sleep(0)
    logging.getLogger("asyncio").error("an error")
    assert [record.getMessage() for record in caplog.records] == ["an error"]


@pytest.mark.usefixtures("uncounted_programs")
def test_a_program_counts_no_lines_if_a_test_says_so() -> None:
    code = "import sys; print('coverage' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"
