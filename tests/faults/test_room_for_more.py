"""Faults that are not built yet fit into the chain as it is (those of Toxiproxy)."""

from tests.faults.flows import Flow
from tests.faults.toxics import LimitData, ResetPeer, SlowClose, Timeout, ToxicLatency
from trixter.faults import EOF, Abort, Close, Latency


def test_slow_close_lets_bytes_flow_and_holds_eof() -> None:
    flow = Flow.under(SlowClose(delay_s=3))
    flow.put(b"x")
    flow.put_eof()
    flow.run_dry()
    assert [(d.at, d.action) for d in flow.departures] == [(0.0, b"x"), (3.0, EOF)]


def test_timeout_drops_everything_and_closes_in_time_however_steady_the_traffic() -> None:
    flow = Flow.under(Timeout(timeout_s=2))
    for _ in range(30):
        flow.put(b"x")
        flow.wait_until(flow.now + 0.1)
    assert [(d.at, d.action) for d in flow.departures] == [(2.0, Close("timeout"))]


def test_removing_a_timeout_closes_the_connection() -> None:
    flow = Flow.under(Timeout(timeout_s=0))
    flow.put(b"x")
    flow.change()
    assert flow.ended == Close("timeout")


def test_reset_peer_resets_a_while_after_the_first_data() -> None:
    flow = Flow.under(ResetPeer(timeout_s=1))
    flow.wait_until(5.0)
    flow.put(b"x")
    flow.wait_until(5.5)
    flow.put(b"y")
    flow.run_dry()
    assert [(d.at, d.action) for d in flow.departures] == [(6.0, Abort("reset peer"))]


def test_limit_data_passes_exactly_so_many_bytes_and_the_count_survives_updates() -> None:
    flow = Flow.under(LimitData(size_bytes=10))
    flow.put(b"12345678")
    flow.change(LimitData(size_bytes=12), Latency(delay_s=1))
    flow.put(b"9abcdef")
    flow.run_dry()
    assert flow.bytes_out == b"123456789abc"
    assert flow.ended == Close("data limit")


def test_the_close_of_a_limit_waits_behind_bytes_that_are_delayed() -> None:
    flow = Flow.under(LimitData(size_bytes=1, name="a"), Latency(delay_s=5))
    flow.change(Latency(delay_s=5), LimitData(size_bytes=1, name="a"))
    flow.put(b"xy")
    flow.run_dry()
    assert flow.pieces == [b"x"]


def test_several_of_one_kind_stack() -> None:
    flow = Flow.under(LimitData(size_bytes=10, name="a"), LimitData(size_bytes=5, name="b"))
    flow.put(b"x" * 20)
    assert flow.bytes_out == b"x" * 5


def test_toxicity_is_drawn_once_for_each_connection_and_not_again_when_a_neighbour_changes() -> None:
    slow = ToxicLatency(toxicity=0.5, delay_s=1)
    outcomes = []
    for connection in range(200):
        flow = Flow.under(slow, seed=connection)
        flow.put(b"x")
        is_struck = not flow.departures
        flow.change(slow, LimitData(size_bytes=1000))
        flow.run_dry()
        flow.put(b"y")
        assert (flow.bytes_out == b"x") == is_struck
        outcomes.append(is_struck)
    assert 70 < sum(outcomes) < 130
