"""The script that measures the start: it starts the program, and sees it accept before it answers."""

from __future__ import annotations

import pytest

from scripts.startup_time import start_once
from tests.packaging.conftest import tool

pytestmark = [pytest.mark.e2e, pytest.mark.packaging, pytest.mark.slow]


def test_it_sees_the_proxy_accept_before_the_api_answers() -> None:
    accepted_s, answered_s = start_once(tool("trixter"))
    assert 0 < accepted_s <= answered_s
