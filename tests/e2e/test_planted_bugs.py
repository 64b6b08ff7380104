"""Clients with planted bugs, and real servers: a sweep finds each bug and names its byte."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.request import urlopen

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.e2e.upstreams import RedisServer, http_server
from trixter.errors import SweepError
from trixter.testing import Chaos, ChaosProxy
from trixter.testing.rounds import Sweep

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

# The second part of a torn answer comes long after its reader has gone on.
LATER_S = 30.0


@pytest.fixture
def chaos() -> Iterator[Chaos]:
    """Make proxies; their seed is always the same one."""
    with Chaos(seed=1) as chaos:
        yield chaos


def failure_of(sweep: Sweep, body: Callable[[ChaosProxy], None]) -> str:
    """Sweep a body; return the error with which the sweep ends."""
    with pytest.raises(SweepError) as caught:
        run(sweep, body)
    return str(caught.value)


def run(sweep: Sweep, body: Callable[[ChaosProxy], None]) -> None:
    """Sweep a body; the sweep must pass."""
    for network in sweep:
        with network as proxy:
            body(proxy)


def map_of(sweep: Sweep) -> list[str]:
    """Return the ranges of the map, each with its direction."""
    return [f"{each.first.direction.value} {each}" for each in sweep.map.plan.ranges()]


def test_a_retry_that_is_not_idempotent(redis_server: RedisServer, chaos: Chaos) -> None:
    upstream = f"127.0.0.1:{redis_server.port}"
    with redis.Redis(port=redis_server.port) as direct:

        def order(add: Callable[[redis.Redis], object]) -> Callable[[ChaosProxy], None]:
            def body(proxy: ChaosProxy) -> None:
                direct.delete("orders")
                # Without a handshake: the only message is the command.
                with redis.Redis(
                    proxy.host, proxy.port, protocol=2, driver_info=None, retry=Retry(NoBackoff(), 1)
                ) as client:
                    add(client)
                assert len(direct.sort("orders", alpha=True)) == 1

            return body

        planted = chaos.sweep(upstream, break_with="reset", at="every message")
        failure = failure_of(planted, order(lambda client: client.rpush("orders", "book")))
        mended = chaos.sweep(upstream, break_with="reset", at="every message")
        run(mended, order(lambda client: client.sadd("orders", "book")))

    assert "the first: reset, connection 1, downstream, byte 0, before `:1\\r\\n`: wrong" in failure
    assert map_of(planted) == ["upstream byte 0: ok after a retry", "downstream byte 0: wrong"]
    assert map_of(mended) == ["upstream byte 0: ok after a retry", "downstream byte 0: ok after a retry"]


def test_a_reader_that_takes_a_torn_answer_for_a_whole_one(redis_server: RedisServer, chaos: Chaos) -> None:
    def get(read: Callable[[socket.socket], bytes]) -> Callable[[ChaosProxy], None]:
        def body(proxy: ChaosProxy) -> None:
            with socket.create_connection((proxy.host, proxy.port)) as client:
                # Closed by a reset: no round waits for the rest of a torn answer.
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.sendall(b"GET greeting\r\n")
                assert read(client) == b"$5\r\nhello\r\n"

        return body

    def read_both_lines(client: socket.socket) -> bytes:
        with client.makefile("rb") as answer:
            return answer.readline() + answer.readline()

    with redis.Redis(port=redis_server.port) as direct:
        direct.set("greeting", "hello")

    def swept(delay_s: float) -> Sweep:
        return chaos.sweep(
            f"127.0.0.1:{redis_server.port}",
            break_with="cut",
            at="every byte",
            direction="downstream",
            delay_s=delay_s,
            exhaustive=True,
        )

    planted, mended = swept(LATER_S), swept(0.01)
    failure = failure_of(planted, get(lambda client: client.recv(4096)))
    run(mended, get(read_both_lines))

    assert "downstream, byte 1, after `$`, before `5\\r\\nhello\\r\\n`: wrong" in failure
    assert map_of(planted) == ["downstream bytes 1–10: wrong"]  # noqa: RUF001
    assert map_of(mended) == ["downstream bytes 1–10: ok"]  # noqa: RUF001


def test_a_request_without_a_time_out(tmp_path: Path, chaos: Chaos) -> None:
    (tmp_path / "greeting").write_text("hello")

    def fetch(timeout_s: float | None) -> Callable[[ChaosProxy], None]:
        def body(proxy: ChaosProxy) -> None:
            with closing(urlopen(f"{proxy.url('http')}/greeting", timeout=timeout_s)) as answer:
                assert answer.read() == b"hello"

        return body

    with http_server(tmp_path) as port:

        def swept() -> Sweep:
            return chaos.sweep(
                port, break_with="freeze", at="every message", direction="downstream", round_timeout_s=3
            )

        planted, mended = swept(), swept()
        failure = failure_of(planted, fetch(timeout_s=None))
        run(mended, fetch(timeout_s=1))

    assert "freeze, connection 1, downstream, byte 0, before `HTTP/1.0 200 OK" in failure
    assert map_of(planted) == ["downstream byte 0: hang"]
    assert map_of(mended) == ["downstream byte 0: TimeoutError"]
