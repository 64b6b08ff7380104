"""The clients, on real sockets, against the command as a user starts it."""

from __future__ import annotations

import socket

import pytest

from tests.e2e.conversation import converse
from tests.e2e.measuring import PATIENCE_S
from tests.e2e.trixter_process import Trixter
from trixter import AsyncClient, Client
from trixter.errors import ApiError, ApiUnreachable
from trixter.faults import NO_FAULTS, Direction, Faults, Latency
from trixter.proxy import Defaults

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SLOW, SLOWER = Faults(Latency(delay_s=0.001)), Faults(Latency(delay_s=0.002))


def both(faults: Faults) -> dict[Direction, Faults]:
    return dict.fromkeys(Direction, faults)


def test_changes_that_nest_and_overlap_are_taken_back(trixter: Trixter, upstream: socket.socket) -> None:
    with Client(trixter.api_url) as client, converse(trixter, upstream):
        old = client.wait_for_connection()
        kept = client.latency(0.001)
        with client.throttle(1000, direction="upstream"), client.latency(0.002), converse(trixter, upstream):
            client.wait_for(lambda stats: stats.connections_open == 2)
            new = client.connections()[1]
            assert new.info.faults[Direction.DOWNSTREAM] == SLOWER
            with new.clear():
                new.refresh()
                assert new.info.faults == both(NO_FAULTS)
            old.refresh()
            assert old.info.faults[Direction.DOWNSTREAM] == SLOWER
        old.refresh()
        assert old.info.faults == both(SLOW)
        assert client.defaults() == Defaults(upstream=SLOW, downstream=SLOW)
        kept.revert()
        old.refresh()
        assert old.info.faults == both(NO_FAULTS)
        old.reset("enough")
        client.wait_for_no_connections()


def test_a_proxy_that_is_down_refuses_and_is_there_again(trixter: Trixter, upstream: socket.socket) -> None:
    with Client(trixter.api_url) as client:
        assert client.port() == trixter.port
        with client.down(), pytest.raises(ConnectionRefusedError):
            trixter.connect()
        with converse(trixter, upstream):
            client.wait_for_connection(timeout_s=PATIENCE_S)


async def test_those_who_await_do_it_on_every_loop(trixter: Trixter, upstream: socket.socket) -> None:
    async with AsyncClient(trixter.api_url) as client:
        with converse(trixter, upstream):
            connection = await client.wait_for_connection(timeout_s=PATIENCE_S)
            async with client.profile("3g"), connection.freeze():
                await connection.refresh()
                assert len(connection.info.faults[Direction.UPSTREAM]) == 3
            await connection.refresh()
            assert connection.info.faults == both(NO_FAULTS)
            await client.reset_all()
            await client.wait_for_no_connections(timeout_s=PATIENCE_S)


@pytest.fixture(scope="module", params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> object:
    return request.param


async def test_nobody_there_is_told_in_one_line() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))  # and does not listen
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        text = f"^no API answers at {url}: connection refused$"
        with Client(url) as client, pytest.raises(ApiUnreachable, match=text):
            client.latency(0.1)
        async with AsyncClient(url) as later:
            with pytest.raises(ApiUnreachable, match=text):
                await later.latency(0.1)


async def test_one_who_does_not_answer_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        text = f"^no API answers at {url}: nothing came within 0.05 s$"
        with Client(url, timeout_s=0.05) as client, pytest.raises(ApiUnreachable, match=text):
            client.down()
        async with AsyncClient(url, timeout_s=0.05) as later:
            with pytest.raises(ApiUnreachable, match=text):
                await later.down()


def test_what_is_no_api_is_told(upstream: socket.socket, trixter: Trixter) -> None:
    with (
        Client(trixter.api_url + "/elsewhere") as client,
        pytest.raises(ApiError, match=r"no such path \(404\)"),
    ):
        client.latency(0.1)
