"""The cache on a bad network."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from cache import Cache

from trixter.testing import ChaosProxy


@pytest.fixture
def compute() -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f"computed {next(numbers)} times"


def test_what_was_computed_is_remembered(cache: Cache, compute: Callable[[], str]) -> None:
    assert [cache.get("remembered", compute) for _ in range(3)] == ["computed 1 times"] * 3


def test_without_redis_everything_is_computed_again(
    cache: Cache, redis_proxy: ChaosProxy, compute: Callable[[], str]
) -> None:
    with redis_proxy.down():
        assert cache.get("down", compute) == "computed 1 times"
        assert cache.get("down", compute) == "computed 2 times"
    assert cache.get("down", compute) == "computed 3 times"
    assert cache.get("down", compute) == "computed 3 times"


def test_a_redis_that_hangs_costs_its_timeout_and_no_more(
    cache: Cache, redis_proxy: ChaosProxy, compute: Callable[[], str]
) -> None:
    redis_proxy.freeze()  # until the end of the test, which reverts it
    assert cache.get("hangs", compute) == "computed 1 times"


@pytest.mark.chaos(latency=0.010)
def test_a_redis_that_is_far_away_is_as_good(cache: Cache, compute: Callable[[], str]) -> None:
    assert [cache.get("far", compute) for _ in range(2)] == ["computed 1 times"] * 2


def test_a_connection_that_is_reset_between_two_calls_is_replaced(
    cache: Cache, redis_proxy: ChaosProxy, compute: Callable[[], str]
) -> None:
    cache.get("reset", compute)
    redis_proxy.reset_all()
    assert cache.get("reset", compute) == "computed 1 times"
