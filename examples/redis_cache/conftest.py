"""A real redis-server for all tests, and a bad network in front of it."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator

import pytest
import redis
from cache import Cache
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from trixter.testing import Chaos, ChaosProxy


@pytest.fixture(scope="session")
def redis_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = str(tmp_path_factory.mktemp("redis"))
    command = [program, "--bind", "127.0.0.1", "--port", str(port), "--dir", folder, "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        with redis.Redis(port=port, retry=Retry(ConstantBackoff(0.02), 500)) as client:
            client.ping()  # until it answers
        yield f"127.0.0.1:{port}"
        server.terminate()


@pytest.fixture(scope="session")
def redis_proxy(chaos_session: Chaos, redis_address: str) -> ChaosProxy:
    """One proxy for all tests: what a test changes is reverted after it."""
    return chaos_session.proxy(redis_address)


@pytest.fixture
def cache(redis_proxy: ChaosProxy) -> Iterator[Cache]:
    cache = Cache(redis_proxy.host, redis_proxy.port)
    yield cache
    cache.close()
