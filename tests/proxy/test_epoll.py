"""An epoll of our own sees resets on sockets that are not read."""

from __future__ import annotations

import asyncio
import select
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from itertools import chain

import pytest

from tests.proxy.servers import socket_pair
from tests.proxy.test_poller import Watched
from tests.proxy.waiting import turns, until
from trixter.proxy import epoll
from trixter.proxy.closing import close_with_reset
from trixter.proxy.epoll import EpollPoller
from trixter.proxy.loop import poller_for
from trixter.proxy.poller import LoopPoller, SpinUntil, WakeupLatency


@pytest.fixture
async def watched(anyio_backend: object) -> AsyncIterator[Watched]:
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


async def test_linux_has_an_epoll(anyio_backend: object, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    poller = poller_for(loop, WakeupLatency())
    assert isinstance(poller, EpollPoller)
    poller.close()
    monkeypatch.delattr(select, "epoll")
    assert isinstance(poller_for(loop, WakeupLatency()), LoopPoller)


async def test_an_answer_that_comes_at_once_is_seen_to_in_the_same_turn(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A poller that sleeps in between pays for the wake-up."""
    # On a busy machine five answers may take longer than a turn.
    monkeypatch.setattr(epoll, "TURN_S", 60.0)
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


async def test_looking_again_in_vain_tells_how_late_this_machine_wakes_us(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    late: list[float] = []
    monkeypatch.setattr(WakeupLatency, "observe", lambda self, late_s: late.append(late_s))

    def on_readable() -> None:
        watched.sock.recv(100)

    watched.poller.read(watched.fd, on_readable)
    watched.peer.send(b"and nothing more")
    await until(lambda: late)
    assert late[0] >= 0


async def test_the_loop_gets_its_turn_however_much_there_is_to_read(watched: Watched) -> None:
    watched.read()
    watched.peer.send(b"never read")
    await turns()
    assert len(watched.calls) > 1


class Keeper:
    """Keep a spin, and note what became of it."""

    def __init__(self, watched: Watched, until: float) -> None:
        self.watched = watched
        self.until = until
        self.kept_at = 0.0
        self.is_given_up = False

    def keep(self) -> None:
        self.watched.poller.spin_until(SpinUntil(self.until, self._on_time, self._on_given_up))

    def _on_time(self) -> None:
        self.kept_at = time.monotonic()

    def _on_given_up(self) -> None:
        self.is_given_up = True


async def test_a_vigil_is_kept_in_the_same_turn_and_never_early(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A busy machine may take longer than a turn between two lines of this test, which ends a spin.
    monkeypatch.setattr(epoll, "TURN_S", 60.0)
    keeper = Keeper(watched, time.monotonic() + 0.0005)

    def on_readable() -> None:
        watched.sock.recv(1)
        keeper.keep()

    watched.poller.read(watched.fd, on_readable)
    watched.peer.send(b"x")
    await until(lambda: keeper.kept_at or keeper.is_given_up)
    assert keeper.kept_at >= keeper.until
    assert not keeper.is_given_up


async def test_a_vigil_that_nobody_is_awake_for_is_given_up_at_once(watched: Watched) -> None:
    keeper = Keeper(watched, time.monotonic())
    keeper.keep()
    assert keeper.is_given_up


async def test_a_vigil_is_given_up_when_the_loop_wants_its_turn(watched: Watched) -> None:
    keeper = Keeper(watched, time.monotonic() + 60)
    watched.poller.read(watched.fd, keeper.keep)  # and never reads: there is always something to do
    watched.peer.send(b"x")
    await until(lambda: keeper.is_given_up)
    assert not keeper.kept_at


async def test_whoever_fails_takes_no_vigil_with_him(watched: Watched) -> None:
    keeper = Keeper(watched, time.monotonic() + 60)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: None)

    def on_readable() -> None:
        watched.sock.recv(1)
        keeper.keep()
        raise RuntimeError("on purpose")

    watched.poller.read(watched.fd, on_readable)
    watched.peer.send(b"x")
    await until(lambda: keeper.is_given_up)
    loop.set_exception_handler(None)


async def test_events_that_a_turn_has_no_time_for_are_seen_to_in_the_next(
    anyio_backend: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those that are reported only once: hang-ups of sockets that are not read."""
    monkeypatch.setattr(epoll, "TURN_S", -1.0)  # over before it begins
    loop = asyncio.get_running_loop()
    with ExitStack() as exits:
        poller = EpollPoller(loop)
        exits.callback(poller.close)
        calls: list[list[int]] = [[]]
        pairs = [socket_pair() for _ in range(6)]
        for number, (here, there) in enumerate(pairs):
            exits.callback(here.close)

            def on_event(number: int = number, fd: int = here.fileno()) -> None:
                calls[-1].append(number)
                poller.forget(fd)

            poller.pause(here.fileno(), on_event)
            close_with_reset(there)

        def note_a_turn() -> None:
            calls.append([])
            if sum(map(len, calls)) < len(pairs):
                loop.call_soon(note_a_turn)

        note_a_turn()
        await until(lambda: sum(map(len, calls)) == len(pairs))
        assert sorted(chain.from_iterable(calls)) == list(range(len(pairs)))
        assert max(map(len, calls)) < len(pairs), "all in one turn"


async def test_what_is_left_over_is_dropped_for_a_socket_that_is_forgotten(
    anyio_backend: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(epoll, "TURN_S", -1.0)
    with ExitStack() as exits:
        poller = EpollPoller(asyncio.get_running_loop())
        exits.callback(poller.close)
        pairs = [socket_pair() for _ in range(4)]
        heard: list[int] = []
        for number, (here, there) in enumerate(pairs):
            exits.callback(here.close)
            exits.callback(there.close)

            def on_readable(number: int = number) -> None:
                heard.append(number)
                for other, _ in pairs:  # the first one to be heard ends them all
                    poller.forget(other.fileno())

            poller.read(here.fileno(), on_readable)
            there.send(b"x")
        await until(lambda: heard)
        await turns()
        assert len(heard) == 1
