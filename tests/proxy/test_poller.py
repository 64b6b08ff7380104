"""Pollers call back for sockets that are ready, and for none that has been removed."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.proxy.peers import Peer
from tests.proxy.servers import socket_pair
from tests.proxy.waiting import turns, until
from trixter.proxy.epoll import EpollPoller
from trixter.proxy.poller import LoopPoller, Poller


@pytest.fixture(params=[EpollPoller, LoopPoller])
async def poller(
    request: pytest.FixtureRequest, anyio_backend: object, exits: ExitStack
) -> AsyncIterator[Poller]:
    poller: Poller = request.param(asyncio.get_running_loop())
    yield poller
    poller.close()
    exits.close()


class Watched:
    """A socket whose poller's calls are counted, and its peer."""

    def __init__(self, poller: Poller, exits: ExitStack) -> None:
        there, self.sock = socket_pair()
        self.peer = Peer(there)
        exits.callback(there.close)
        exits.callback(self.close)
        self.poller = poller
        self.fd = self.sock.fileno()
        self.calls: list[str] = []

    def read(self) -> None:
        self.poller.read(self.fd, lambda: self.calls.append("read"))

    def pause(self) -> None:
        self.poller.pause(self.fd, lambda: self.calls.append("hangup"))

    def write(self) -> None:
        self.poller.write(self.fd, lambda: self.calls.append("write"))

    def close(self) -> None:
        self.poller.forget(self.fd)
        self.sock.close()

    def take_number_of(self, closed: Watched) -> None:
        """Be known by the number that became free."""
        os.dup2(self.fd, closed.fd, inheritable=False)
        self.sock.close()
        self.fd = closed.fd
        self.sock = socket.socket(fileno=self.fd)


@pytest.fixture
def watched(poller: Poller, exits: ExitStack) -> Watched:
    return Watched(poller, exits)


async def test_a_reader_is_called_whenever_there_is_something_to_read(watched: Watched) -> None:
    watched.read()
    await turns()
    assert watched.calls == []
    watched.peer.send(b"x")
    await until(lambda: len(watched.calls) > 1)
    assert set(watched.calls) == {"read"}


async def test_a_reader_is_called_for_the_end(watched: Watched) -> None:
    watched.read()
    watched.peer.finish()
    await until(lambda: watched.calls)


async def test_nobody_reads_while_paused(watched: Watched) -> None:
    watched.read()
    watched.pause()
    watched.peer.send(b"x")
    await turns()
    assert watched.calls == []
    watched.read()
    await until(lambda: watched.calls)


async def test_a_writer_is_called_until_it_stops(watched: Watched) -> None:
    watched.read()
    watched.write()
    await until(lambda: len(watched.calls) > 1)
    assert set(watched.calls) == {"write"}
    watched.poller.stop_writing(watched.fd)
    watched.calls.clear()
    await turns()
    assert watched.calls == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", [EpollPoller, LoopPoller])
@given(wishes=st.lists(st.sampled_from(["read", "pause", "write", "stop_writing", "forget"]), max_size=12))
async def test_the_last_wishes_count_whatever_came_before(
    anyio_backend: object, kind: type[EpollPoller] | type[LoopPoller], wishes: list[str]
) -> None:
    with ExitStack() as exits:
        poller = kind(asyncio.get_running_loop())
        exits.callback(poller.close)
        watched = Watched(poller, exits)
        watched.peer.send(b"x")
        expected: set[str] = set()
        for wish in wishes:
            match wish:
                case "read":
                    watched.read()
                    expected.add("read")
                case "pause":
                    watched.pause()
                    expected.discard("read")
                case "write":
                    watched.write()
                    expected.add("write")
                case "stop_writing":
                    poller.stop_writing(watched.fd)
                    expected.discard("write")
                case "forget":
                    poller.forget(watched.fd)
                    expected.clear()
        await turns(4)
        assert set(watched.calls) == expected


async def test_stopping_what_was_not_started_is_no_error(watched: Watched) -> None:
    watched.poller.stop_writing(watched.fd)
    watched.poller.forget(watched.fd)
    watched.poller.forget(watched.fd)


async def test_a_forgotten_socket_is_not_called_for(watched: Watched) -> None:
    watched.read()
    watched.write()
    watched.peer.send(b"x")
    watched.close()
    await turns()
    assert watched.calls == []


async def test_a_number_that_is_used_again_starts_afresh(poller: Poller, exits: ExitStack) -> None:
    first, second = Watched(poller, exits), Watched(poller, exits)
    first.pause()
    first.close()
    second.take_number_of(first)
    second.read()
    second.peer.send(b"x")
    await until(lambda: second.calls)
    assert first.calls == []


async def test_a_closed_poller_calls_nobody(anyio_backend: object, exits: ExitStack) -> None:
    for kind in (EpollPoller, LoopPoller):
        poller = kind(asyncio.get_running_loop())
        watched = Watched(poller, exits)
        watched.read()
        watched.peer.send(b"x")
        poller.close()
        await turns()
        assert watched.calls == []
    exits.close()


async def test_what_is_closed_within_a_callback_is_not_called_for_any_more(
    poller: Poller, exits: ExitStack
) -> None:
    """Both are ready in the same turn, and either may be first."""
    pair = [Watched(poller, exits) for _ in range(2)]
    called: list[Watched] = []

    def close_the_other(this: Watched, other: Watched) -> None:
        called.append(this)
        poller.pause(this.fd, lambda: None)
        other.close()

    for this, other in zip(pair, reversed(pair), strict=True):
        poller.read(this.fd, lambda this=this, other=other: close_the_other(this, other))  # type: ignore[misc]
        this.peer.send(b"x")
    await turns()
    assert len(called) == 1


async def test_an_event_is_not_taken_for_that_of_the_next_socket_of_its_number(
    poller: Poller, exits: ExitStack
) -> None:
    """Otherwise a dial would take another socket's event for an answer."""
    pair = [Watched(poller, exits) for _ in range(2)]
    successors: list[Watched] = []

    def replace_the_other(this: Watched, other: Watched) -> None:
        poller.pause(this.fd, lambda: None)
        successor = Watched(poller, exits)
        other.close()
        successor.take_number_of(other)
        successor.read()
        successors.append(successor)

    for this, other in zip(pair, reversed(pair), strict=True):
        poller.read(this.fd, lambda this=this, other=other: replace_the_other(this, other))  # type: ignore[misc]
        this.peer.send(b"x")
    await turns()
    assert [successor.calls for successor in successors] == [[]]


async def test_one_that_is_closed_by_a_callback_calls_nobody_else(anyio_backend: object) -> None:
    for kind in (EpollPoller, LoopPoller):
        with ExitStack() as exits:
            poller = kind(asyncio.get_running_loop())
            called: list[Watched] = []

            def close_it(this: Watched, called: list[Watched] = called) -> None:
                called.append(this)
                this.poller.close()

            for this in (Watched(poller, exits), Watched(poller, exits)):
                poller.read(this.fd, partial(close_it, this))
                this.peer.send(b"x")
            await turns()
            assert len(called) == 1
