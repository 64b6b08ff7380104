"""Leases: an override lives as long as its client does."""

from __future__ import annotations

import json
import threading

import anyio
import httpx2
import pytest

from tests.api.api_harness import ApiHarness
from tests.api.virtual_time import run
from trixter import AsyncClient, Client
from trixter.client.lease import TaskLease, ThreadLease
from trixter.errors import ApiUnreachable, SettingError


class Waits:
    """Let a number of pauses pass at once, and then wait for the end.

    Args:
        pauses: How many.
    """

    def __init__(self, pauses: int) -> None:
        self.left = pauses
        self.seconds: list[float] = []
        self.are_over = threading.Event()

    def __call__(self, stopped: threading.Event, seconds: float) -> bool:
        self.seconds.append(seconds)
        if self.left:
            self.left -= 1
            return False
        self.are_over.set()
        return stopped.wait()


def test_a_thread_renews_three_times_a_lease() -> None:
    renewals: list[int] = []

    def renew() -> None:
        renewals.append(1)
        if len(renewals) == 1:  # a renewal that fails does not end the others
            raise ApiUnreachable("http://127.0.0.1:8888", "connection refused")

    waits = Waits(2)
    lease = ThreadLease(renew, 60, waits)
    lease.start()
    waits.are_over.wait()
    lease.stop()
    assert waits.seconds == [20, 20, 20]
    assert len(renewals) == 2


def test_a_task_renews_three_times_a_lease_until_it_is_stopped() -> None:
    async def main() -> None:
        renewals: list[float] = []

        async def renew() -> None:
            renewals.append(anyio.current_time())
            raise ApiUnreachable("http://127.0.0.1:8888", "connection refused")

        lease = TaskLease(renew, 60)
        lease.start()
        await anyio.sleep(50)
        lease.stop()
        await anyio.sleep(50)
        assert renewals == pytest.approx([20, 40])

    run(main())


def test_a_task_that_is_stopped_at_once_renews_nothing() -> None:
    async def main() -> None:
        async def renew() -> None:
            raise AssertionError("renewed")

        lease = TaskLease(renew, 60)
        lease.start()
        lease.stop()
        await anyio.sleep(100)

    run(main())


async def test_within_async_with_an_override_is_leased_and_a_plain_one_is_not(
    harness: ApiHarness, client: AsyncClient
) -> None:
    await client.latency(0.1)
    async with client.latency(0.2):
        kept, leased = (await harness.http.get("/overrides")).json()
        assert kept["expires_in_ms"] is None
        assert 50_000 < leased["expires_in_ms"] <= 60_000
        assert await harness.patch(f"/overrides/{leased['id']}", {"ttl_ms": 90_000}) == (202, None)
    assert [each["id"] for each in (await harness.http.get("/overrides")).json()] == [kept["id"]]


def test_a_sync_client_asks_once_to_apply_once_for_the_lease_and_once_to_revert() -> None:
    asked: list[tuple[str, object]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append((request.method, json.loads(request.content or b"{}").get("ttl_ms")))
        return httpx2.Response(201, json={"id": "x"}) if request.method == "POST" else httpx2.Response(204)

    transport = httpx2.MockTransport(answer)
    with httpx2.Client(verify=False, transport=transport) as http:
        client = Client(http=http)
        client.latency(0.1).revert()
        assert asked == [("POST", None), ("DELETE", None)]
        asked.clear()
        with client.profile("3g"):
            pass
    assert asked == [("POST", None), ("PATCH", 60_000), ("DELETE", None)]


@pytest.mark.parametrize("lease_s", [0, 0.5, -1, float("nan"), float("inf"), "soon", True])
def test_a_lease_is_a_time(lease_s: float) -> None:
    with pytest.raises(SettingError, match="lease_s must be a number of seconds"):
        Client(lease_s=lease_s)


def test_a_lease_is_what_the_api_can_express() -> None:
    with pytest.raises(SettingError, match="lease_s must be a whole number of milliseconds, over the API"):
        Client(lease_s=1.0005)
    Client(lease_s=2.3).close()
