"""Strikes: what faults really did, for a test under chance and for the report of one that fails."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.testing.echo import connect, say
from tests.testing.suites import OTHERS, run
from trixter.errors import JournalError
from trixter.faults import Corrupt, CorruptMode, Effect
from trixter.testing import AsyncChaosProxy, Chaos, ChaosProxy

pytest_plugins = ["pytester"]

FLIP = Corrupt(probability=0.3, mode=CorruptMode.FLIP)
MESSAGES = [b"message %d" % number for number in range(20)]


def test_strikes_are_what_happened_and_can_be_chosen(echo: str) -> None:
    with ChaosProxy(echo, faults=Corrupt(probability=1.0, mode=CorruptMode.FLIP)) as proxy:
        assert proxy.strikes() == []
        with connect(proxy) as client:
            say(client, b"hello")
        assert [each.offset_bytes < 5 for each in proxy.strikes()] == [True, True]
        assert proxy.struck("corrupt", connection=1, direction="downstream")
        assert proxy.struck("flip")
        assert not proxy.struck("reset")
        assert not proxy.struck(connection=2)
    assert len(proxy.strikes("corrupt")) == 2  # also after the close


@pytest.mark.anyio
async def test_an_async_test_asks_the_same(echo: str) -> None:
    async with AsyncChaosProxy(echo, faults=FLIP) as proxy:
        assert await proxy.strikes() == []
        assert not await proxy.struck()


def conversation(proxy: ChaosProxy) -> list[bytes]:
    with connect(proxy) as client:
        return [say(client, message) for message in MESSAGES]


def test_a_replay_answers_as_the_record_whatever_is_set(echo: str, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with Chaos(seed=7) as chaos:
        recorded = conversation(chaos.proxy(echo, faults=FLIP))
        struck = [str(each) for each in chaos.strikes()]
        assert chaos.struck("corrupt")
        assert not chaos.struck("reset")
        path.write_text("\n".join([*chaos.journal_lines(), ""]))
    assert recorded != MESSAGES
    with Chaos(seed=8) as chaos:
        chaos.replay(path)
        proxy = chaos.proxy(echo, faults=Corrupt(probability=1.0))
        proxy.corrupt(1.0)
        assert conversation(proxy) == recorded
        assert [str(each) for each in chaos.strikes()] == struck
        with pytest.raises(JournalError, match="it has no 'proxy 2'; its proxies: proxy 1"):
            chaos.proxy(echo)


FAILING = """
@pytest.mark.chaos(corrupt=1.0)
def test_it(chaos, echo):
    with connect(chaos.proxy(echo)) as client:
        client.sendall(b"hello")
        received = client.recv(5)
    print("received", received.hex())
    assert received == b"hello"
"""

PASSING = FAILING.replace("assert received", "assert chaos.struck('insert') or received")

CACHED = tuple(other for other in OTHERS if other != "cacheprovider")


def test_a_failing_test_shows_first_what_struck_and_leaves_its_journal(suite: pytest.Pytester) -> None:
    result = cached_run(suite, FAILING)
    result.stdout.fnmatch_lines(
        [
            "*→*",
            "  what faults did:",
            "    connection 1, upstream, byte 0: corrupt: * B inserted",
            "  1 connection accepted*",
            "to repeat it at the same bytes: pytest *::test_it --chaos-replay=.pytest_cache/d/*.jsonl",
        ]
    )
    (journal,) = journals(suite)
    assert json.loads(journal.read_text().splitlines()[0])["event"] == "journal"


def test_it_is_repeated_first_until_it_passes(suite: pytest.Pytester) -> None:
    failed, again = cached_run(suite, FAILING), cached_run(suite, FAILING)
    received = [each for each in failed.outlines if each.startswith("received")]
    assert [each for each in again.outlines if each.startswith("received")] == received
    again.stdout.fnmatch_lines(["to repeat this replay: pytest *::test_it --chaos-replay=*.jsonl"])
    cached_run(suite, PASSING).assert_outcomes(passed=1)
    assert journals(suite) == []


def test_a_recorded_connection_that_does_not_come_is_said(suite: pytest.Pytester) -> None:
    cached_run(suite, FAILING)
    silent = FAILING.replace("with connect", "assert not chaos.proxy(echo).port\n    with connect")
    cached_run(suite, silent).stdout.fnmatch_lines(
        ["  the replay left the record: connection 1 did not come"]
    )


def test_a_seed_that_is_given_comes_before_what_is_remembered(suite: pytest.Pytester) -> None:
    cached_run(suite, FAILING)
    given = cached_run(suite, FAILING, "--chaos-seed=7")
    given.stdout.fnmatch_lines(["to repeat it: pytest *::test_it --chaos-seed=7"])


def test_a_rerun_is_another_run(suite: pytest.Pytester) -> None:
    result = cached_run(suite, FAILING, "--reruns=1", "-s")
    assert len(set(re.findall(r"received ([0-9a-f]{10})", str(result.stdout)))) == 2
    assert "replay of" not in str(result.stdout)


def test_a_journal_may_be_given_by_the_option_or_the_mark(suite: pytest.Pytester) -> None:
    failed = cached_run(suite, FAILING)
    (journal,) = journals(suite)
    journal.rename(suite.path / "kept.jsonl")
    received = [each for each in failed.outlines if each.startswith("received")]
    by_option = cached_run(suite, FAILING, "--chaos-replay=kept.jsonl")
    by_mark = cached_run(suite, FAILING.replace("corrupt=1.0", "replay='kept.jsonl'"))
    for result in (by_option, by_mark):
        assert [each for each in result.outlines if each.startswith("received")] == received


@pytest.mark.parametrize("text", ["", '{"event":"journal","version":99,"proxies":[]}\n'])
def test_a_journal_that_cannot_be_repeated_is_one_line(suite: pytest.Pytester, text: str) -> None:
    (suite.path / "bad.jsonl").write_text(text)
    result = cached_run(suite, FAILING.replace("corrupt=1.0", "replay='bad.jsonl'"))
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*bad.jsonl:1: *"])
    assert "Traceback" not in str(result.stdout)


def test_what_is_remembered_and_cannot_be_repeated_is_forgotten(suite: pytest.Pytester) -> None:
    cached_run(suite, FAILING)
    (journal,) = journals(suite)
    journal.write_text("of another version\n")
    cached_run(suite, PASSING).assert_outcomes(passed=1)
    assert journals(suite) == []


def cached_run(suite: pytest.Pytester, tests: str, *args: str) -> pytest.RunResult:
    """Run tests with pytest's cache, which the others do without."""
    return run(suite, tests, *args, without=CACHED)


def journals(suite: pytest.Pytester) -> list[Path]:
    return list((suite.path / ".pytest_cache" / "d" / "trixter").glob("*"))


def test_strikes_name_their_effect(echo: str) -> None:
    with ChaosProxy(echo, faults=FLIP, seed=7) as proxy:
        conversation(proxy)
        assert {each.effect for each in proxy.strikes()} == {Effect.FLIP}
