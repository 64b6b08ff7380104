"""The shop on a bad network."""

from __future__ import annotations

import pytest
from shop import OutOfReach, Shop

from trixter.testing import ChaosProxy


def test_it_is_patient_with_a_slow_network(shop: Shop, prices: ChaosProxy) -> None:
    with prices.latency(0.050, jitter_s=0.020):
        assert shop.price("tea") == 1200


def test_a_connection_that_was_reset_while_idle_is_replaced(shop: Shop, prices: ChaosProxy) -> None:
    assert shop.price("tea") == 1200
    prices.connections()[0].reset()
    assert shop.price("tea") == 1200
    assert prices.stats().connections_accepted == 2


def test_a_server_that_hangs_is_given_up_after_the_last_try(prices: ChaosProxy) -> None:
    shop = Shop(prices.url("http"), timeout_s=0.1)
    with prices.freeze(direction="downstream"), pytest.raises(OutOfReach, match="timed out"):
        shop.price("tea")
    assert prices.stats().connections_accepted == 3
    assert shop.price("tea") == 1200
    shop.close()


def test_it_says_so_when_the_server_is_down_and_recovers(shop: Shop, prices: ChaosProxy) -> None:
    assert shop.price("tea") == 1200
    with prices.down(), pytest.raises(OutOfReach, match="refused"):
        shop.price("tea")
    assert shop.price("tea") == 1200


@pytest.mark.chaos(profile="firefox-4g")
def test_it_works_on_the_move(shop: Shop) -> None:
    assert shop.price("tea") == 1200
