"""A client that is killed within ``with`` leaves nothing behind, and one that lives keeps what it changed."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest

from tests.e2e.measuring import wait_until
from tests.e2e.trixter_process import Trixter
from trixter import Client
from trixter.faults import NO_FAULTS, Latency, Throttle

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
    async with AsyncClient(sys.argv[1], lease_s=3) as client, client.throttle(1000):
        print("in force", flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


# Both at a time, since all that it takes is waiting.
def test_what_a_client_changed_lives_as_long_as_the_client(trixter: Trixter) -> None:
    with (
        Client(trixter.api_url) as client,
        started(SYNC, trixter) as sync,
        started(ASYNC, trixter) as other,
    ):
        left_ms: dict[str, list[int]] = defaultdict(list)

        def are_renewed() -> bool:
            for override in trixter.api.get("/overrides").json():
                left_ms[override["id"]].append(override["expires_in_ms"] or 0)
            return len(left_ms) == 2 and min(map(renewals, left_ms.values())) >= RENEWALS

        wait_until(are_renewed, "both overrides to be renewed for longer than their lease", within_s=60)
        assert set(client.defaults().upstream) == {Latency(delay_s=0.25), Throttle(rate_bytes_per_s=1000)}
        sync.kill()
        other.kill()
        wait_until(lambda: client.defaults().upstream == NO_FAULTS, "both to expire", within_s=60)


def renewals(left_ms: list[int]) -> int:
    """Return how often the time left was more than the time before."""
    return sum(later > earlier for earlier, later in pairwise(left_ms))


@contextmanager
def started(program: str, trixter: Trixter) -> Iterator[subprocess.Popen[str]]:
    """Run a client whose change is in force; kill it in the end."""
    command = [sys.executable, "-c", program, trixter.api_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "in force\n"
            yield child
        finally:
            child.kill()
