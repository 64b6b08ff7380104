"""Names are looked up beside the loop, once for all callers that ask at the same time."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from tests.proxy.servers import resolve_to_nothing
from tests.proxy.waiting import turns, until
from trixter.proxy import Address
from trixter.proxy.resolver import Answer, Resolver

FOUND = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 5432))]
TARGETS = [(socket.AF_INET, ("192.0.2.1", 5432))]


class SlowNames:
    """A resolver that answers when the test lets it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.questions: list[tuple[object, ...]] = []
        self.threads: set[str] = set()
        self.may_answer = threading.Event()
        monkeypatch.setattr(socket, "getaddrinfo", self.getaddrinfo)

    def getaddrinfo(self, *question: object, **more: object) -> object:
        self.questions.append(question)
        self.threads.add(threading.current_thread().name)
        self.may_answer.wait(10.0)
        return FOUND


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> SlowNames:
    return SlowNames(monkeypatch)


@pytest.fixture
async def resolver(anyio_backend: object) -> Resolver:
    return Resolver(Address.parse("db.example:5432"), asyncio.get_running_loop())


async def test_everybody_who_asks_meanwhile_shares_one_lookup(resolver: Resolver, names: SlowNames) -> None:
    answers: list[Answer] = []
    for _ in range(3):
        resolver.look_up(answers.append)
    await until(lambda: names.questions)
    await turns()
    assert answers == []
    names.may_answer.set()
    await until(lambda: answers)
    assert answers == [TARGETS] * 3
    assert names.questions == [("db.example", 5432)]
    assert names.threads == {"resolve db.example"}


async def test_who_asks_later_gets_a_new_lookup(resolver: Resolver, names: SlowNames) -> None:
    names.may_answer.set()
    answers: list[Answer] = []
    resolver.look_up(answers.append)
    await until(lambda: len(answers) == 1)
    resolver.look_up(answers.append)
    await until(lambda: len(answers) == 2)
    assert len(names.questions) == 2


async def test_who_asks_while_being_answered_gets_a_new_lookup(resolver: Resolver, names: SlowNames) -> None:
    names.may_answer.set()
    answers: list[Answer] = []
    resolver.look_up(lambda answer: resolver.look_up(answers.append))
    await until(lambda: answers)
    assert len(names.questions) == 2


async def test_a_failed_lookup_is_answered_with_the_reason(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to_nothing(monkeypatch)
    answers: list[Answer] = []
    resolver.look_up(answers.append)
    await until(lambda: answers)
    assert isinstance(answers[0], socket.gaierror)


async def test_a_system_without_a_thread_left_is_an_answer_and_not_the_last(
    resolver: Resolver, names: SlowNames, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    names.may_answer.set()
    answers: list[Answer] = []
    with monkeypatch.context() as scarce:
        scarce.setattr(threading.Thread, "start", none_left)
        resolver.look_up(answers.append)
        assert answers == []
    await until(lambda: answers)
    assert str(answers[0]) == "can't start new thread"
    resolver.look_up(answers.append)
    await until(lambda: len(answers) == 2)
    assert answers[1] == TARGETS


def test_an_answer_for_a_loop_that_is_closed_is_dropped(names: SlowNames) -> None:
    loop = asyncio.new_event_loop()
    resolver = Resolver(Address.parse("db.example:5432"), loop)
    resolver.look_up(lambda answer: pytest.fail("no caller waits"))
    loop.close()
    names.may_answer.set()
    for thread in threading.enumerate():
        if thread.name == "resolve db.example":
            thread.join()
