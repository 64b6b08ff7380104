"""The rounds of a sweep: the body under each break, and its outcome."""

from __future__ import annotations

import json
import signal
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

import pytest

from tests.testing.echo import connect, say
from tests.testing.suites import OTHERS, run
from trixter.errors import SettingError, SweepError
from trixter.testing import Chaos, ChaosProxy, rounds, watchdog
from trixter.testing.background import BackgroundProxy
from trixter.testing.calm_round import Point
from trixter.testing.rounds import Sweep, SweepOptions
from trixter.testing.sweep import Kind, Outcome

pytest_plugins = ["pytester"]

Body = Callable[[ChaosProxy], object]
ALL = ("ok", "error", "hang", "leak", "wrong")


def swept(echo: str, body: Body, **keywords: Any) -> Sweep:
    """Run a sweep that accepts everything; return it with its map."""
    with Chaos(seed=1) as chaos:
        sweep = chaos.sweep(echo, **{"accept": ALL, **keywords})
        for network in sweep:
            with network as proxy:
                body(proxy)
        return sweep


def outcomes(echo: str, body: Body, **keywords: Any) -> list[str]:
    return [str(each) for each in swept(echo, body, **keywords).plan.outcomes.values()]


def speak(proxy: ChaosProxy) -> None:
    with connect(proxy) as client:
        if say(client, b"hello") != b"hello":
            raise ConnectionError("the answer is short")


def retry(proxy: ChaosProxy) -> None:
    try:
        speak(proxy)
    except ConnectionError:
        speak(proxy)


def check(proxy: ChaosProxy) -> None:
    try:
        speak(proxy)
    except ConnectionError as exc:
        raise AssertionError("it is charged, and not paid") from exc


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (speak, ["ConnectionError", "ok"]),
        (retry, ["ok after a retry", "ok"]),
        (check, ["wrong", "ok"]),
    ],
    ids=["error", "retry", "wrong"],
)
def test_what_comes_of_a_break_is_the_outcome_of_its_round(
    echo: str, body: Body, expected: list[str]
) -> None:
    found = outcomes(echo, body, break_with="close", at="every byte", direction="downstream")
    assert found == [expected[0], expected[0], expected[1]]  # bytes 0 and 4, and behind them


def test_a_connection_that_stays_open_is_a_leak_and_is_ended(
    echo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "LEAK_GRACE_S", 0.01)
    leaked: list[socket.socket] = []

    def body(proxy: ChaosProxy) -> None:
        try:
            speak(proxy)
        except ConnectionError:
            leaked.append(connect(proxy))
            say(leaked[0], b"hello")

    assert outcomes(echo, body, break_with="close", max_rounds=1) == ["leak of 1 connection"]
    with leaked[0], pytest.raises(ConnectionResetError):
        leaked[0].recv(1)


def test_a_leak_is_waited_for_and_not_polled(echo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "LEAK_GRACE_S", 0.05)
    pauses: list[float] = []
    pause = BackgroundProxy.pause

    def counted_pause(self: BackgroundProxy, seconds: float) -> Future[None]:
        pauses.append(seconds)
        return pause(self, seconds)

    monkeypatch.setattr(BackgroundProxy, "pause", counted_pause)
    leaked: list[socket.socket] = []

    def body(proxy: ChaosProxy) -> None:
        leaked.append(connect(proxy))
        say(leaked[-1], b"hello")
        leaked[0].close()  # of the calm round only

    assert outcomes(echo, body, break_with="latency", delay_s=0, max_rounds=1) == ["leak of 1 connection"]
    assert len(pauses) <= 4  # for the time, and when a connection opens or ends
    leaked[1].close()


@pytest.mark.parametrize("break_with", ["latency", "cut", "half-close", "lose_request", "lose_answer"])
def test_every_break_is_noticed_or_not_as_it_is(echo: str, break_with: str) -> None:
    found = outcomes(echo, retry, break_with=break_with, at="every message", delay_s=0.001)
    calm = {"latency": 2, "cut": 2, "half-close": 0, "lose_request": 0, "lose_answer": 0}[break_with]
    assert found.count("ok") == calm
    assert len(found) == (1 if break_with.startswith("lose") else 2)


def test_a_flipped_byte_is_the_byte_of_its_round(echo: str) -> None:
    received: list[bytes] = []

    def body(proxy: ChaosProxy) -> None:
        with connect(proxy) as client:
            received.append(say(client, b"hello"))

    swept(echo, body, break_with="corrupt", at="every byte", direction="downstream", exhaustive=True)
    changed = [[a != b for a, b in zip(b"hello", each, strict=True)] for each in received]
    assert [each.index(True) for each in changed[1:]] == [0, 1, 2, 3, 4]
    assert all(sum(each) == 1 for each in changed[1:])


def test_a_round_that_does_not_come_to_its_break_says_so(echo: str) -> None:
    said = [b"hello", b"x", b"x", b"x"]

    def body(proxy: ChaosProxy) -> None:
        with connect(proxy) as client:
            say(client, said.pop(0))

    found = outcomes(echo, body, at="every byte", direction="upstream", max_rounds=3)
    assert "ok (it did not come to the break)" in found


def test_a_body_that_hangs_ends_its_round_and_not_the_sweep(
    echo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "LEAST_TIMEOUT_S", 0.01)
    monkeypatch.setattr(rounds, "TIMES_CALM", 0)
    monkeypatch.setattr(watchdog, "INTERRUPT_AFTER_S", 0.01)
    former = signal.getsignal(signal.SIGINT)

    def body(proxy: ChaosProxy) -> None:
        try:
            speak(proxy)
        except Exception:
            threading.Event().wait()

    found = outcomes(echo, body, at="every message")
    assert found == ["hang", "hang"]
    assert signal.getsignal(signal.SIGINT) is former


def test_a_hang_is_reported_in_place_of_the_interrupt_if_asked_for(
    echo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "LEAST_TIMEOUT_S", 0.01)
    monkeypatch.setattr(rounds, "TIMES_CALM", 0)
    monkeypatch.setattr(watchdog, "INTERRUPT_AFTER_S", 0.01)
    reported = threading.Event()
    with Chaos(seed=1) as chaos:
        chaos.sweep_options = SweepOptions(on_hang=reported.set)
        sweep = chaos.sweep(echo, at="every message", max_rounds=1, accept=ALL)
        for network in sweep:
            with network as proxy:
                try:
                    speak(proxy)
                except ConnectionError:
                    reported.wait()
    assert [str(each) for each in sweep.plan.outcomes.values()] == ["hang"]


def test_a_body_that_raises_nothing_names_its_outcome(echo: str) -> None:
    with Chaos(seed=1) as chaos:
        sweep = chaos.sweep(echo, at="every message", max_rounds=1)
        for network in sweep:
            with network as proxy:
                with suppress(ConnectionError):
                    speak(proxy)
                if network.point is not None:
                    network.note(Outcome(Kind.ERROR, "exit status 3"), "no answer")
    ((point, outcome),) = sweep.plan.outcomes.items()
    assert str(outcome) == "exit status 3"
    assert sweep.describe(point).endswith(", before `hello`: exit status 3: no answer")


def test_an_interrupt_of_the_user_is_none_of_a_hang(echo: str) -> None:
    def body(proxy: ChaosProxy) -> None:
        speak(proxy)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        swept(echo, body, round_timeout_s=60)


def test_a_frozen_connection_is_no_leak(echo: str) -> None:
    def body(proxy: ChaosProxy) -> None:
        with connect(proxy) as client:
            client.sendall(b"hello")

    found = outcomes(echo, body, break_with="lose_request", silence=True)
    assert found == ["ok"]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (lambda proxy: 1 / 0, "the test fails without any break: ZeroDivisionError"),
        (lambda proxy: None, "opened no connection"),
    ],
)
def test_a_body_that_cannot_be_swept_is_said_and_not_swept(echo: str, body: Body, text: str) -> None:
    with pytest.raises(SweepError, match=text):
        swept(echo, body)


def test_a_round_that_is_not_used_is_said(echo: str) -> None:
    with Chaos(seed=1) as chaos, pytest.raises(SweepError, match="not used with `with`"):
        for _ in chaos.sweep(echo):
            pass


def test_outcomes_that_are_not_accepted_fail_at_the_end_with_their_point(echo: str) -> None:
    with pytest.raises(SweepError) as caught:
        swept(echo, check, at="every message", accept="ok")
    assert str(caught.value) == (
        "2 of 2 rounds failed; the first: reset, connection 1, upstream, byte 0, before `hello`: "
        "wrong: AssertionError: it is charged, and not paid"
    )


@pytest.mark.parametrize("wrong", [{"accept": ["fine"]}, {"max_rounds": 0}, {"round_timeout_s": 0}])
def test_a_wrong_setting_is_refused_before_the_first_round(echo: str, wrong: dict[str, Any]) -> None:
    with Chaos(seed=1) as chaos, pytest.raises(SettingError) as caught:
        chaos.sweep(echo, **wrong)
    assert caught.value.name == next(iter(wrong))


def test_one_round_alone_is_repeated_if_there_is_one(echo: str) -> None:
    def alone(number: int, point: str) -> list[str]:
        with Chaos(seed=1) as chaos:
            chaos.sweep_options = SweepOptions(only=(number, Point.parse(point)))
            sweep = chaos.sweep(echo, at="every byte")
            for network in sweep:
                with network as proxy:
                    retry(proxy)
            return [each.id for each in sweep.plan.outcomes]

    assert alone(1, "1:downstream:3") == ["1:downstream:3"]
    assert alone(2, "1:downstream:3") == []
    with pytest.raises(SettingError, match="a point of this sweep"):
        alone(1, "1:downstream:99")


SUITE = """
def test_it(chaos, echo):
    for network in chaos.sweep(echo, at="every message", direction="downstream"):
        with network as proxy, connect(proxy) as client:
            answered = False
            client.sendall(b"hello")
            answered = client.recv(5) == b"hello"
        assert network.point is None or answered
"""


def test_the_report_has_the_map_the_point_and_its_command(suite: pytest.Pytester) -> None:
    result = run(
        suite,
        SUITE.replace("answered = ", "answered = False\n            answered = "),
        "--chaos-sweep-report=map.json",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "the round that failed: reset, connection 1, downstream, byte 0, before `hello`: wrong: *",
            "to repeat just that round: pytest *::test_it --chaos-sweep-round=1/1:downstream:0",
            "*trixter: sweeps*",
            "*  sweep of 127.0.0.1:*: reset at every message, downstream",
            "*    calm: 1 connection, 2 messages, 2 operations, 10 bytes, * s",
            "*      byte 0: wrong",
        ]
    )
    (written,) = json.loads((suite.path / "map.json").read_text())
    assert written["calm"]["bytes"] == 10
    assert [each["outcome"] for each in written["ranges"]] == ["wrong"]


def test_a_calm_round_that_fails_behind_its_body_is_said(suite: pytest.Pytester) -> None:
    result = run(suite, SUITE.replace("is None or answered", "is not None"))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["the test fails without any break: nothing was swept", "*: not begun"])


def test_a_plan_runs_the_calm_round_only(suite: pytest.Pytester) -> None:
    result = run(suite, SUITE, "--chaos-sweep-plan")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*    plan: 1 round for 1 point, about * s"])


def test_each_test_of_a_session_has_its_own_maps(suite: pytest.Pytester) -> None:
    tests = SUITE.replace("chaos", "chaos_session")
    result = run(
        suite, tests + tests.replace("test_it", "test_again"), "--chaos-sweep-round=1/1:downstream:0"
    )
    result.assert_outcomes(failed=2)
    assert result.stdout.str().count("1 round for 1 point") == 2


def test_a_round_that_cannot_be_is_refused(suite: pytest.Pytester) -> None:
    result = run(suite, SUITE, "--chaos-sweep-round=nonsense")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["--chaos-sweep-round must be the number of a sweep and a point, such as *"])


def test_a_part_of_the_points_is_tried_and_said(suite: pytest.Pytester) -> None:
    result = run(suite, SUITE.replace(', direction="downstream"', ""), "--chaos-sweep-part=2/2")
    result.stdout.fnmatch_lines(
        [
            "*: reset at every message, part 2 of 2",
            "*    1 round for 1 point, *",
            "*    connection 1, downstream",
            "*      byte 0: wrong",
        ]
    )
    result.stdout.no_fnmatch_line("*connection 1, upstream")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            ["--chaos-sweep-part=5/4"],
            "part must be the number of a part and how many there are, .* not '5/4'",
        ),
        (["--chaos-sweep-part=0/4"], "such as 1/4, not '0/4'"),
        (["--chaos-sweep-part=x"], "such as 1/4, not 'x'"),
        (["--chaos-sweep-part=1/2", "--chaos-sweep-round=1/1:upstream:0"], "does not go with .*-part"),
    ],
)
def test_a_part_that_cannot_be_is_refused_in_one_line(
    pytester: pytest.Pytester, options: list[str], text: str
) -> None:
    with pytest.raises(pytest.UsageError, match=text):
        pytester.parseconfigure(*(f"-pno:{other}" for other in OTHERS), *options)
