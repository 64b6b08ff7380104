"""Popular sync clients, in one process with the proxy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import requests
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.e2e.upstreams import RedisServer, http_server
from trixter.testing import Chaos, ChaosProxy

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def http_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder: Path = tmp_path_factory.mktemp("http")
    (folder / "big").write_bytes(bytes(range(256)) * 4096)
    with http_server(folder) as port:
        yield port


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture
def chaos() -> Iterator[Chaos]:
    with Chaos(seed=1) as chaos:
        yield chaos


def test_requests_gets_every_byte_in_slices(chaos: Chaos, http_port: int, session: requests.Session) -> None:
    proxy = chaos.proxy(f"127.0.0.1:{http_port}")
    with proxy.slice(7000, direction="downstream"), proxy.latency(0.005, jitter_s=0.004):
        assert session.get(proxy.url("http", "big")).content == bytes(range(256)) * 4096
    assert proxy.stats().bytes_downstream > 256 * 4096


def test_requests_times_out_while_bytes_are_held_and_goes_on_after_it(
    chaos: Chaos, http_port: int, session: requests.Session
) -> None:
    proxy = chaos.proxy(f"127.0.0.1:{http_port}")
    with proxy.freeze(), pytest.raises(requests.Timeout):
        session.get(proxy.url("http", "big"), timeout=0.05)
    assert session.get(proxy.url("http", "big")).ok


def test_requests_is_refused_while_the_proxy_is_down(
    chaos: Chaos, http_port: int, session: requests.Session
) -> None:
    proxy = chaos.proxy(f"127.0.0.1:{http_port}")
    with proxy.down(), pytest.raises(requests.ConnectionError, match="refused"):
        session.get(proxy.url("http", "big"))
    assert session.get(proxy.url("http", "big")).ok


def client_of(proxy: ChaosProxy) -> redis.Redis:
    return redis.Redis(
        proxy.host, proxy.port, retry=Retry(NoBackoff(), 0), socket_timeout=5, decode_responses=True
    )


def test_redis_waits_fails_and_recovers(chaos: Chaos, redis_server: RedisServer) -> None:
    proxy = chaos.proxy(f"127.0.0.1:{redis_server.port}")
    with client_of(proxy) as client:
        client.set("answer", "42")
        with proxy.latency(0.01):
            assert client.get("answer") == "42"
        proxy.reset_all()
        assert client.get("answer") == "42"  # its pool has noticed
        with proxy.down(), pytest.raises(redis.ConnectionError):
            client.get("answer")
        assert client.get("answer") == "42"
        assert proxy.stats().ended == {"reset": 1, "proxy down": 1}


def test_redis_through_a_unix_socket_is_as_good(chaos: Chaos, redis_server: RedisServer) -> None:
    with client_of(chaos.proxy(f"unix:{redis_server.path}", profile="firefox-wifi")) as client:
        assert client.ping()
