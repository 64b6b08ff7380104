"""Sockets end as they are to, with a reset or an ordinary end, also if another process has them, too."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.proxy.forked_children import child_with_all_descriptors
from tests.proxy.peers import Peer, fill
from tests.proxy.servers import socket_pair
from trixter.proxy import closing
from trixter.proxy.closing import (
    DRAIN_BYTES,
    close_as,
    close_listening,
    close_with_fin,
    close_with_reset,
    finish,
)
from trixter.proxy.end_reason import DURATION, SHUTDOWN, EndReason
from trixter.proxy.listen_socket import bound_socket

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair(exits: ExitStack) -> Pair:
    here, there = socket_pair()
    exits.callback(here.close)
    exits.callback(there.close)
    return here, there


@pytest.fixture(params=["disconnects", "lingers"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reset as Linux can, and as the other systems do."""
    if request.param == "lingers":
        monkeypatch.setattr(closing, "_connect", None)


@pytest.mark.usefixtures("either_way")
def test_a_reset_is_seen_as_one(pair: Pair) -> None:
    here, there = pair
    close_with_reset(here)
    with pytest.raises(ConnectionResetError):
        there.recv(1)


@pytest.mark.usefixtures("either_way")
def test_what_was_sent_before_a_reset_is_still_read(pair: Pair) -> None:
    here, there = pair
    here.send(b"last words")
    close_with_reset(here)
    assert there.recv(100) == b"last words"
    with pytest.raises(ConnectionResetError):
        there.recv(1)


@pytest.mark.usefixtures("either_way")
def test_a_socket_whose_peer_has_reset_it_can_be_reset_too(pair: Pair) -> None:
    here, there = pair
    close_with_reset(there)
    close_with_reset(here)
    close_with_reset(here)
    assert here.fileno() == -1


def test_an_ordinary_end_is_one_also_with_something_unread(pair: Pair) -> None:
    here, there = pair
    there.send(bytes(DRAIN_BYTES // 16))
    close_with_fin(here)
    assert there.recv(1) == b""
    assert there.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


def test_closing_does_not_wait_for_one_who_keeps_talking(pair: Pair) -> None:
    here, there = pair
    assert fill(there) > DRAIN_BYTES
    close_with_fin(here)
    assert here.fileno() == -1


@pytest.mark.parametrize("peer_is", ["finished", "gone", "reset"])
def test_an_ordinary_end_needs_no_peer(pair: Pair, peer_is: str) -> None:
    here, there = pair
    {"finished": Peer(there).finish, "gone": there.close, "reset": Peer(there).reset}[peer_is]()
    close_with_fin(here)
    assert here.fileno() == -1


def close_at_last(sock: socket.socket) -> None:
    finish(sock)
    sock.close()


ENDS: dict[str, tuple[Callable[[socket.socket], None], type[Exception] | None]] = {
    "reset": (lambda sock: close_as(sock, EndReason(DURATION, reset=True)), ConnectionResetError),
    "end": (lambda sock: close_as(sock, EndReason(SHUTDOWN)), None),
    "last end": (close_at_last, None),
}


@pytest.mark.parametrize("end", ENDS)
def test_the_peer_sees_the_end_although_a_forked_child_has_the_socket(pair: Pair, end: str) -> None:
    here, there = pair
    there.settimeout(10)
    close, expected = ENDS[end]
    with child_with_all_descriptors():
        close(here)
        if expected is None:
            assert there.recv(1) == b""
        else:
            with pytest.raises(expected):
                there.recv(1)


def test_what_still_comes_after_an_ordinary_end_is_refused_although_a_child_has_the_socket(
    pair: Pair,
) -> None:
    here, there = pair
    with child_with_all_descriptors():
        close_with_fin(here)
        there.send(b"x")
        with pytest.raises(BrokenPipeError):
            there.send(b"x")


def test_a_last_end_to_a_peer_that_is_gone_is_no_error(pair: Pair) -> None:
    here, there = pair
    close_with_reset(there)
    finish(here)


@pytest.mark.parametrize("close", [close_with_reset, close_with_fin])
def test_a_unix_socket_ends_although_a_child_has_it(close: Callable[[socket.socket], None]) -> None:
    here, there = socket.socketpair(socket.AF_UNIX)
    here.setblocking(False)
    with there, child_with_all_descriptors():
        close(here)
        assert there.recv(1) == b""
        close_with_reset(there)
        close_with_reset(there)


def test_a_port_is_free_although_a_child_has_the_listening_socket() -> None:
    listening = bound_socket(socket.AF_INET, ("127.0.0.1", 0))
    address = listening.getsockname()
    listening.listen()
    with child_with_all_descriptors():
        close_listening(listening)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)
        with socket.create_server(address):
            pass
    close_listening(listening)


def test_the_child_of_these_tests_has_the_descriptors(pair: Pair) -> None:
    here, there = pair
    there.settimeout(10)
    with child_with_all_descriptors() as child:
        here.close()
        there.setblocking(False)
        with pytest.raises(BlockingIOError):  # closing alone ends nothing
            there.recv(1)
        assert child != os.getpid()
