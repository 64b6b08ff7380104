"""Refusals in the log: one a second, with the number of the others."""

from __future__ import annotations

import logging

import pytest

from trixter.api.refusal_log import INTERVAL_S, RefusalLog


def test_one_line_an_interval_tells_of_all(caplog: pytest.LogCaptureFixture) -> None:
    now = 100.0
    refusals = RefusalLog(logging.getLogger("trixter.api"), clock=lambda: now)

    assert refusals.warn("refused %s", "a")
    assert [refusals.warn("refused %s", each) for each in "bcd"] == [False] * 3
    now += INTERVAL_S
    assert refusals.warn("refused %s", "e")
    now += INTERVAL_S
    assert refusals.warn("refused %s", "f")

    assert [record.getMessage() for record in caplog.records] == [
        "refused a",
        "refused e (3 more were refused since the last such line)",
        "refused f",
    ]
