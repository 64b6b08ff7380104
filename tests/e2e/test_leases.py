"""A client that is killed within ``with`` leaves nothing behind, and one that lives keeps what it changed."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import pytest

from tests.e2e.measuring import wait_until
from tests.e2e.trixter_process import Trixter
from trixter import Client
from trixter.faults import NO_FAULTS, Faults, Latency

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timing]

# Three of them take as long as the lease.
RENEWALS = 4

SYNC = """
import sys, time
from trixter import Client

with Client(sys.argv[1], lease_s=3) as client, client.latency(0.25):
    print("in force", flush=True)
    time.sleep(600)
"""

ASYNC = """
import asyncio, sys
from trixter import AsyncClient

async def main():
    async with AsyncClient(sys.argv[1], lease_s=3) as client, client.latency(0.25):
        print("in force", flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.parametrize("program", [SYNC, ASYNC], ids=["sync", "async"])
def test_what_a_client_changed_lives_as_long_as_the_client(trixter: Trixter, program: str) -> None:
    command = [sys.executable, "-c", program, trixter.api_url]
    with (
        Client(trixter.api_url) as client,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child,
    ):
        assert child.stdout is not None
        assert child.stdout.readline() == "in force\n"
        left_ms: list[int] = []

        def is_renewed() -> bool:
            (override,) = trixter.api.get("/overrides").json()
            left_ms.append(override["expires_in_ms"] or 0)
            return sum(later > earlier for earlier, later in pairwise(left_ms)) >= RENEWALS

        wait_until(is_renewed, "the override to be renewed for longer than its lease", within_s=60)
        assert client.defaults().upstream == Faults(Latency(delay_s=0.25))
        child.kill()
        wait_until(lambda: client.defaults().upstream == NO_FAULTS, "the override to expire", within_s=60)
