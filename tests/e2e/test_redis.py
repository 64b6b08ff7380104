"""A real redis-server, and the clients its users have, on a network that goes bad and good again."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterator

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.e2e.conftest import Start
from tests.e2e.measuring import LATENESS_S, PATIENCE_S
from tests.e2e.trixter_process import Trixter
from tests.e2e.upstreams import RedisServer, program

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

VALUE = random.Random(1).randbytes(1_000_000)


@pytest.fixture(scope="module")
def flags(redis_server: RedisServer) -> list[str]:
    """Lead to the redis-server."""
    return ["--upstream", f"127.0.0.1:{redis_server.port}"]


@pytest.fixture
def client(trixter: Trixter) -> Iterator[redis.Redis]:
    """Talk to redis-server through the proxy."""
    with _client(trixter) as client:
        yield client


def test_redis_py_reads_what_it_wrote(client: redis.Redis) -> None:
    _write_and_read(client)


def test_it_does_so_over_a_unix_socket(start: Start, redis_server: RedisServer) -> None:
    with _client(start(f"--upstream=unix:{redis_server.path}")) as client:
        _write_and_read(client)


def test_redis_cli_reads_what_it_wrote(trixter: Trixter) -> None:
    assert _redis_cli(trixter, "SET", "greeting", "hello there") == "OK"
    assert _redis_cli(trixter, "GET", "greeting") == "hello there"
    assert _redis_cli(trixter, "DEL", "counter") in ("0", "1")
    assert _redis_cli(trixter, "-r", "500", "INCR", "counter").split()[-1] == "500"


def test_redis_cli_waits_out_the_latency(trixter: Trixter) -> None:
    trixter.change_defaults(delay={"delay_ms": 200})

    started_at = time.monotonic()
    assert _redis_cli(trixter, "PING") == "PONG"
    assert time.monotonic() - started_at >= 0.4


@pytest.mark.timing
def test_a_ping_takes_twice_the_latency_until_it_is_removed(client: redis.Redis, trixter: Trixter) -> None:
    client.ping()
    trixter.change("_all", "delay", delay_ms=50)
    pings = [_ping_s(client) for _ in range(5)]
    assert 0.1 <= min(pings) <= 0.1 + LATENESS_S

    trixter.change("_all", "delay", delay_ms=0)
    assert min(_ping_s(client) for _ in range(5)) <= LATENESS_S


def test_its_timeout_strikes_when_the_latency_is_longer(trixter: Trixter) -> None:
    with _client(trixter, timeout_s=0.2) as hasty:
        hasty.ping()
        trixter.change("_all", "delay", delay_ms=60_000)

        with pytest.raises(redis.TimeoutError):
            hasty.ping()
        # It hung up and comes back with a new connection, which is a calm one.
        assert hasty.ping()


def test_a_value_takes_as_long_as_its_bytes_at_that_rate(client: redis.Redis, trixter: Trixter) -> None:
    client.set("key", VALUE)
    trixter.change("_all", "throttle", rate_bytes=2_000_000, direction="downstream")

    started_at = time.monotonic()
    assert client.get("key") == VALUE
    assert time.monotonic() - started_at >= 0.5 * 0.99

    trixter.change("_all", "throttle", rate_bytes=0)
    assert client.get("key") == VALUE


def test_small_slices_change_nothing(client: redis.Redis, trixter: Trixter) -> None:
    client.ping()
    trixter.change("_all", "slice", size_bytes=7)

    client.set("key", VALUE[:50_000])
    assert client.get("key") == VALUE[:50_000]


def test_a_termination_is_a_reset_and_the_next_try_works(client: redis.Redis, trixter: Trixter) -> None:
    client.ping()
    trixter.change("_all", "termination", probability_rate=1)

    with pytest.raises(redis.ConnectionError, match="reset by peer"):
        client.ping()
    assert client.ping()


@pytest.mark.parametrize(
    ("fault", "settings", "executed"),
    [
        ("lose_request", {}, 0),
        ("lose_answer", {}, 1),
        ("lose_answer", {"answer_bytes": 3}, 1),  # of ":1\r\n"
    ],
)
def test_a_lost_message_is_a_reset_and_the_command_was_executed_or_not(
    client: redis.Redis, trixter: Trixter, fault: str, settings: dict[str, int], executed: int
) -> None:
    client.set("counter", 0)
    trixter.change("_all", fault, probability_rate=1, **settings)

    with pytest.raises(redis.ConnectionError, match="reset by peer"):
        client.incr("counter")
    # It comes back with a new connection, which is a calm one.
    assert client.get("counter") == b"%d" % executed


def test_a_client_times_out_in_the_silence_after_a_lost_answer(client: redis.Redis, trixter: Trixter) -> None:
    client.set("counter", 0)
    with _client(trixter, timeout_s=0.2) as hasty:
        hasty.ping()
        trixter.change("_all", "lose_answer", probability_rate=1, silence=True)

        with pytest.raises(redis.TimeoutError):
            hasty.incr("counter")
        assert hasty.get("counter") == b"1"


def test_a_corrupt_answer_is_noticed_and_the_next_connection_is_sound(
    start: Start, redis_server: RedisServer
) -> None:
    # With a seed: one answer in a hundred would look like one.
    trixter = start(f"--upstream=127.0.0.1:{redis_server.port}", "--random-seed=1")
    with _client(trixter, timeout_s=1) as client:
        client.ping()
        trixter.change("_all", "corruption", probability_rate=1, direction="downstream")

        with pytest.raises(redis.RedisError):
            client.ping()
        assert client.ping()


def test_a_shutdown_drops_the_client_that_was_meant(client: redis.Redis, trixter: Trixter) -> None:
    client.ping()
    (status,) = trixter.connections()
    with _client(trixter) as other:
        other.ping()
        trixter.shut_down(status["conn_info"]["id"], "drill")

        trixter.wait_for_log(f"connection {status['conn_info']['id']} ended: shutdown: drill; ")
        assert other.ping()
        assert len(trixter.connections()) == 1


def _client(trixter: Trixter, timeout_s: float = PATIENCE_S) -> redis.Redis:
    """Make a client that does not try again by itself: what goes wrong is to be seen."""
    never = Retry(NoBackoff(), 0)
    return redis.Redis(port=trixter.port, retry=never, socket_timeout=timeout_s)


def _write_and_read(client: redis.Redis) -> None:
    client.set("key", VALUE)
    assert client.get("key") == VALUE
    pipeline = client.pipeline(transaction=False)
    for number in range(1_000):
        pipeline.set(f"key {number}", number)
        pipeline.get(f"key {number}")
    assert pipeline.execute()[1::2] == [b"%d" % number for number in range(1_000)]


def _ping_s(client: redis.Redis) -> float:
    started_at = time.monotonic()
    client.ping()
    return time.monotonic() - started_at


def _redis_cli(trixter: Trixter, *command: str) -> str:
    """Return what redis-cli prints."""
    called = [program("redis-cli"), "-h", "127.0.0.1", "-p", str(trixter.port), *command]
    return subprocess.run(
        called, capture_output=True, text=True, check=True, timeout=PATIENCE_S
    ).stdout.strip()
