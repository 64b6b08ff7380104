"""An epoll of our own sees resets that nobody reads."""

from __future__ import annotations

import asyncio
import select
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest

from tests.proxy.test_poller import Watched
from tests.proxy.waiting import turns, until
from trixter.proxy.poller import EpollPoller, LoopPoller, poller_for


@pytest.fixture
async def watched(no_descriptor_left: None) -> AsyncIterator[Watched]:
    with ExitStack() as exits:
        poller = EpollPoller(asyncio.get_running_loop())
        exits.callback(poller.close)
        yield Watched(poller, exits)


async def test_a_reset_is_told_while_nobody_reads_and_once(watched: Watched) -> None:
    watched.pause()
    watched.peer.send(b"unread")
    watched.peer.reset()
    await until(lambda: watched.calls)
    await turns()
    assert watched.calls == ["hangup"]


async def test_an_end_is_no_hangup(watched: Watched) -> None:
    watched.pause()
    watched.peer.finish()
    await turns()
    assert watched.calls == []


async def test_whoever_reads_is_told_of_a_reset_as_a_reader(watched: Watched) -> None:
    watched.pause()
    watched.read()
    watched.peer.reset()
    await until(lambda: watched.calls)
    assert set(watched.calls) == {"read"}


async def test_a_hangup_is_told_again_to_who_pauses_again(watched: Watched) -> None:
    for _ in range(2):
        watched.read()
        watched.pause()
        watched.peer.reset()
        await until(lambda: watched.calls)
        assert watched.calls == ["hangup"]
        watched.calls.clear()


async def test_linux_has_an_epoll(no_descriptor_left: None, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    poller = poller_for(loop)
    assert isinstance(poller, EpollPoller)
    poller.close()
    monkeypatch.delattr(select, "epoll")
    assert isinstance(poller_for(loop), LoopPoller)


async def test_an_answer_that_comes_at_once_is_seen_to_in_the_same_turn(watched: Watched) -> None:
    """Whoever sleeps in between pays for being woken."""
    turns_taken: list[int] = []
    loop, turn = asyncio.get_running_loop(), 0

    def count_turn() -> None:
        nonlocal turn
        turn += 1
        loop.call_soon(count_turn)

    def on_readable() -> None:
        watched.sock.recv(1)
        turns_taken.append(turn)
        if len(turns_taken) < 5:
            watched.peer.send(b"x")

    watched.poller.read(watched.fd, on_readable)
    count_turn()
    watched.peer.send(b"x")
    await until(lambda: len(turns_taken) == 5)
    assert len(set(turns_taken)) == 1


async def test_the_loop_gets_its_turn_however_much_there_is_to_read(watched: Watched) -> None:
    watched.read()
    watched.peer.send(b"never read")
    await turns()
    assert len(watched.calls) > 1
