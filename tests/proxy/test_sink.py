"""Bytes that a full sink does not take are kept, in order and piece by piece, and the end behind it."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.proxy.peers import Peer, fill
from tests.proxy.servers import socket_pair
from tests.proxy.waiting import PATIENCE_S
from trixter.faults import EOF, Abort, Close
from trixter.faults.fault import PIECE_OVERHEAD_BYTES
from trixter.monotonic import TURN_S
from trixter.proxy import EndReason
from trixter.proxy import sink as sinks
from trixter.proxy.sink import Backlogs, DetachedOwner, SinkWriter
from trixter.proxy.sockets import Socket


class Listener(DetachedOwner):
    """Note what a sink tells."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def on_finished(self, sink: Socket) -> None:
        self.heard.append("finished")

    def on_end(self, end_reason: EndReason) -> None:
        self.heard.append(end_reason)

    def on_end_behind(self, sink: Socket, end_reason: EndReason) -> None:
        self.heard.append(("behind", end_reason))


class Counted:
    """A sink, and how many bytes it took."""

    def __init__(self, sink: Socket) -> None:
        self.sink = sink
        self.forwarded_bytes = 0


def writer(exits: ExitStack, *, is_full: bool = False) -> tuple[SinkWriter, Peer, Listener]:
    """Return one, the other end of its sink, and its owner."""
    sink, there = (exits.enter_context(sock) for sock in socket_pair())
    if is_full:
        fill(sink)
    owner = Listener()
    return SinkWriter(Counted(sink), owner), Peer(there), owner


def test_a_sink_with_room_takes_all_at_once(exits: ExitStack) -> None:
    out, there, owner = writer(exits)
    out.act([b"12345", b"678", EOF])
    assert there.received(8) == b"12345678"
    assert (out.held_bytes, out.has_backlog) == (0, False)
    assert owner.heard == ["finished"]


def test_a_full_sink_keeps_pieces_and_their_bookkeeping_waiting(exits: ExitStack) -> None:
    out, _, _ = writer(exits, is_full=True)
    out.act([b"12345", b"678"])
    out.flush()
    assert (out.held_bytes, out.has_backlog) == (8 + 2 * PIECE_OVERHEAD_BYTES, True)


@pytest.mark.parametrize(
    ("end", "heard"),
    [
        (EOF, "finished"),
        (Close("enough"), EndReason("enough")),
        (Close("enough", reset=True), ("behind", EndReason("enough", reset=True))),
    ],
)
def test_an_end_waits_behind_the_pieces(exits: ExitStack, end: Close, heard: object) -> None:
    out, there, owner = writer(exits, is_full=True)
    out.act([b"12345", end])
    assert owner.heard == []
    while out.has_backlog:
        there.received()
        out.flush()
    assert owner.heard == [heard]


def test_an_abort_waits_for_nothing(exits: ExitStack) -> None:
    out, _, owner = writer(exits, is_full=True)
    out.act([b"12345", Abort("bad dice")])
    assert owner.heard == [EndReason("bad dice", reset=True)]


def test_one_that_is_closed_holds_nothing_and_tells_nobody(exits: ExitStack) -> None:
    out, _, owner = writer(exits, is_full=True)
    out.act([b"12345"])
    out.close()
    out.act([EOF, Abort("too late")])
    assert (out.held_bytes, out.has_backlog, owner.heard) == (0, False, [])


def test_a_sink_that_is_gone_is_an_os_error(exits: ExitStack) -> None:
    out, there, _ = writer(exits)
    there.reset()
    with pytest.raises(ConnectionResetError):
        out.act([b"12345"])
    out.enqueue(b"12345")
    with pytest.raises(BrokenPipeError):
        out.flush()


@given(st.lists(st.integers(1, 200_000), max_size=6), st.integers(1000, 1_000_000))
def test_nothing_is_lost_reordered_or_miscounted(sizes: list[int], read_bytes: int) -> None:
    with ExitStack() as exits:
        sink, there = (exits.enter_context(sock) for sock in socket_pair(buffer_bytes=4096))
        there.settimeout(PATIENCE_S)
        pieces = [bytes([number]) * size for number, size in enumerate(sizes)]
        counted, received = Counted(sink), b""
        out = SinkWriter(counted, DetachedOwner())
        out.act([*pieces])
        while out.has_backlog:
            out.flush()
            assert sum(sizes) - counted.forwarded_bytes <= out.held_bytes or not out.has_backlog
            received += there.recv(read_bytes)
        while len(received) < counted.forwarded_bytes:
            received += there.recv(read_bytes)
        assert received == b"".join(pieces)
        assert (counted.forwarded_bytes, out.held_bytes) == (sum(sizes), 0)


SHARE_S = TURN_S / 2  # of one that shares with one more


class SlowTime:
    """A clock on which every look takes a part of a share."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += SHARE_S / 3.4
        return self.now


def test_what_takes_longer_than_a_share_waits_and_leaves_in_shares(
    exits: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks, "monotonic", SlowTime())
    out, there, owner = writer(exits)
    pieces = [b"%03d" % number for number in range(200)]
    out.act([*pieces, EOF])
    shares = [there.received()]
    assert shares[0] == b"000001002003004005"  # as long as it had no backlog, the turn was its own
    assert out.held_bytes == 194 * (3 + PIECE_OVERHEAD_BYTES)
    while out.has_backlog:
        assert owner.heard == []
        out.flush()
        shares.append(there.received())
    assert {len(share) for share in shares[1:-1]} <= {9, 12}
    assert b"".join(shares) == b"".join(pieces)
    assert (out.held_bytes, owner.heard) == (0, ["finished"])


def test_sinks_with_a_backlog_share_a_turn(exits: ExitStack) -> None:
    backlogs = Backlogs()
    full = []
    for number in range(3):
        assert backlogs.share_s == TURN_S / (1 + number)
        sink, there = (exits.enter_context(sock) for sock in socket_pair())
        fill(sink)
        full.append((SinkWriter(Counted(sink), DetachedOwner(), backlogs), Peer(there)))
        for _ in range(2):
            full[-1][0].act([b"1"])
    assert backlogs.count == 3
    full[0][0].close()
    full[0][0].close()
    while full[1][0].has_backlog:
        full[1][1].received()
        full[1][0].flush()
    assert backlogs.count == 1
    backlogs.count = 100_000
    assert backlogs.share_s == sinks.SHORTEST_SHARE_S


def test_a_share_is_never_nothing(exits: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SlowTime()
    monkeypatch.setattr(sinks, "monotonic", clock)
    out, there, _ = writer(exits)
    out.act([b"%d" % number for number in range(1, 9)])
    before = there.received()
    monkeypatch.setattr(sinks, "TURN_S", 0.0)
    monkeypatch.setattr(sinks, "SHORTEST_SHARE_S", 0.0)
    out.flush()
    assert (before, there.received()) == (b"123456", b"7")


def test_a_few_pieces_are_no_reason_to_look_at_the_clock(
    exits: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SlowTime()
    monkeypatch.setattr(sinks, "monotonic", clock)
    out, there, _ = writer(exits)
    out.act([b"1"] * sinks.FEW_PIECES)
    assert (there.received(), clock.now) == (b"1" * sinks.FEW_PIECES, 0.0)
