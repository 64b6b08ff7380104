"""Shrinking, in pytest: a failed test is run again within its own protocol, until its cause is known."""

from __future__ import annotations

import gc
import json
import signal
import threading
from collections.abc import Iterator

import pytest

from tests.testing.echo import connect, say
from tests.testing.suites import CONFTEST, HEADER, OTHERS, run
from trixter.testing import Chaos, reruns
from trixter.testing.reruns import Deadline, RunTimeout

pytest_plugins = ["pytester"]

CACHED = tuple(other for other in OTHERS if other != "cacheprovider")

# Of 41 decisions, 20 for the messages of each direction, the last one matters.
PLANTED = """
@pytest.mark.chaos(Latency(delay_s=0.0002, jitter_s=0.0001))
def test_it(chaos, echo):
    proxy = chaos.proxy(echo)
    with connect(proxy) as client:
        for number in range(20):
            assert say(client, b"hello") == b"hello"
        proxy.terminate(1.0)
        say(client, b"the last one")
"""

RESET = """
@pytest.mark.chaos(terminate=1.0)
def test_it(chaos, echo):
    with connect(chaos.proxy(echo)) as client:
        assert say(client, b"hello") == b"hello"
"""

IMPORTS = "from contextlib import suppress\nfrom trixter.faults import Latency\n"


@pytest.fixture(autouse=True)
def ample_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no time be over in a test, on however slow a machine."""
    for name in ("ASKED_S", "LONGEST_AUTOMATIC_S", "AUTOMATIC_S", "ALL_AUTOMATIC_S", "LEAST_TIMEOUT_S"):
        monkeypatch.setattr(reruns, name, 1e6)


def shrunk(suite: pytest.Pytester, tests: str, *args: str) -> pytest.RunResult:
    """Run tests with pytest's cache, and let their failures be shrunk."""
    return run(suite, IMPORTS + tests, "-ochaos_shrink=yes", *args, without=CACHED)


@pytest.mark.slow
def test_the_one_decision_of_many_that_matters_is_found_and_repeated(
    suite: pytest.Pytester, echo: str
) -> None:
    result = shrunk(suite, PLANTED)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "of 41 decisions 1 is enough: terminate, connection 1, upstream, byte 100",
            "  with it: fails 5 of 5; without it: passes 5 of 5",
            "  * runs in * s",
            "to repeat just that: pytest *::test_it --chaos-replay=.pytest_cache/d/trixter/*.jsonl",
            "to repeat it: pytest *::test_it --chaos-seed=*",
        ]
    )
    (path,) = (suite.path / ".pytest_cache" / "d" / "trixter").iterdir()
    _, decision = map(json.loads, path.read_text().splitlines())
    assert decision["effect"] == "reset"
    for _ in range(10):
        with Chaos() as chaos:
            chaos.replay(path)
            with connect(chaos.proxy(echo)) as client:
                for _ in range(20):
                    assert say(client, b"hello") == b"hello"
                with pytest.raises(ConnectionError):
                    say(client, b"the last one")
    first = shrunk(suite, PLANTED)  # it is remembered
    first.stdout.fnmatch_lines(["to repeat this replay: *"])
    assert "decisions" not in str(first.stdout)


def test_the_fixtures_of_a_test_are_set_up_for_each_run_and_those_of_its_module_once(
    suite: pytest.Pytester,
) -> None:
    tests = """
import logging

events = []

@pytest.fixture(scope="module")
def module():
    yield events.append("module set up")
    assert events == []

@pytest.fixture
def function(module):
    events.append("set up")
    yield
    events.append("torn down")

class TestIt:
    value = 0

    @pytest.mark.chaos(terminate=1.0)
    def test_it(self, chaos, echo, function, capsys, caplog, record_property):
        self.value += 1
        assert self.value == 1
        record_property("runs", len(events))
        logging.warning("a run")
        assert [each.message for each in caplog.records] == ["a run"]
        print("printed")
        assert capsys.readouterr().out == "printed\\n"
        with connect(chaos.proxy(echo)) as client:
            say(client, b"hello")

def test_later(module, request, echo):
    runs = 1 + 1 + 1 + 5 + 4
    assert events == ["module set up", *["set up", "torn down"] * runs]
    events.clear()
"""
    result = shrunk(suite, tests, "-olog_cli=yes")
    result.assert_outcomes(passed=1, failed=1)
    assert result.outlines.count("  with it: fails 5 of 5; without it: passes 5 of 5") == 1
    assert str(result.stdout).count("WARNING") == 2  # at once, and in the report


@pytest.mark.slow
def test_an_async_test_is_run_again_too(suite: pytest.Pytester) -> None:
    tests = """
import anyio

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.chaos(terminate=1.0)
@pytest.mark.anyio
async def test_it(chaos, echo):
    proxy = chaos.async_proxy(echo)
    async with await anyio.connect_tcp(proxy.host, proxy.port) as client:
        await client.send(b"hello")
        assert await client.receive() == b"hello"
"""
    result = shrunk(suite, tests)
    result.stdout.fnmatch_lines(["  with it: fails 5 of 5; without it: passes 5 of 5"])


@pytest.mark.parametrize(
    "args", [["-ochaos_shrink=no"], ["-s"], ["--chaos-replay=kept.jsonl"]], ids=["off", "output", "replay"]
)
def test_a_failure_is_not_shrunk_by_itself(suite: pytest.Pytester, args: list[str]) -> None:
    with Chaos() as chaos:
        (suite.path / "kept.jsonl").write_text("\n".join([*chaos.journal_lines(), ""]))
    assert "decision" not in str(shrunk(suite, ALWAYS, *args).stdout)


def test_nor_is_one_of_a_slow_test_or_when_the_time_of_the_run_is_used_up(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LONGEST_AUTOMATIC_S", "ALL_AUTOMATIC_S"):
        with monkeypatch.context() as patch:
            patch.setattr(reruns, name, 0.0)
            assert "decision" not in str(shrunk(suite, ALWAYS).stdout)
    assert "decision" in str(shrunk(suite, ALWAYS, "--chaos-seed=1").stdout)


ALWAYS = """
@pytest.mark.chaos(terminate=1.0)
def test_it(chaos, echo):
    with suppress(ConnectionError), connect(chaos.proxy(echo)) as client:
        say(client, b"hello")
    assert False
"""

OBSTACLES = {
    "no fault did anything": """
def test_it(chaos, echo):
    chaos.proxy(echo)
    assert False
""",
    "Hypothesis shrinks it itself": """
from hypothesis import given, strategies as st

@given(st.none())
def test_it(request, value):
    request.getfixturevalue("chaos")
    assert False
""",
    "pytest runs no test of unittest again": """
import unittest

class Test(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def network(self, chaos):
        pass

    def test_it(self):
        assert False
""",
    "its subtests would be reported again": """
def test_it(chaos, subtests):
    assert False
""",
    "it is expected to fail": """
@pytest.mark.xfail(raises=ValueError)
def test_it(chaos):
    assert False
""",
    "a sweep has its own breaks": """
def test_it(chaos, echo):
    for network in chaos.sweep(echo):
        assert False
""",
    "other tests use the proxies of the session": """
def test_it(chaos_session):
    assert False
""",
    "pytest-rerunfailures runs it again": """
@pytest.mark.flaky(reruns=1)
def test_it(chaos):
    assert False
""",
    "it repeats a journal itself": """
def test_it(chaos):
    chaos.replay("kept.jsonl")
    assert False
""",
}


def test_what_cannot_be_shrunk_says_why(suite: pytest.Pytester) -> None:
    with Chaos() as chaos:
        (suite.path / "kept.jsonl").write_text("\n".join([*chaos.journal_lines(), ""]))
    for number, tests in enumerate(OBSTACLES.values()):
        (suite.path / f"test_{number}.py").write_text(HEADER + tests)
    result = shrunk(suite, "", "--chaos-shrink")
    said = [each.removeprefix("not shrunk: ") for each in result.outlines if each.startswith("not shrunk")]
    assert said == list(OBSTACLES)


def test_a_failure_that_needs_no_fault_and_one_that_differs_are_told(suite: pytest.Pytester) -> None:
    needed = """
def test_other(chaos, echo):
    proxy = chaos.proxy(echo, terminate=1.0)
    try:
        with connect(proxy) as client:
            say(client, b"hello")
    except ConnectionError:
        pytest.fail("lost")
    raise ValueError
"""
    result = shrunk(suite, ALWAYS + needed)
    result.stdout.fnmatch_lines(
        [
            "of 1 decision none is needed: without any, it fails 5 of 5",
            "  6 runs in * s",
            "  with it: fails 5 of 5; without it: fails in another way 5 of 5",
        ]
    )


def test_the_error_of_its_own_teardown_is_reported_and_not_those_of_the_runs(suite: pytest.Pytester) -> None:
    tests = """
torn_down, runs = [], []

@pytest.fixture
def fragile():
    yield
    torn_down.append("once")
    assert len(torn_down) > 1, "its own"

@pytest.fixture
def sound():
    yield
    assert runs.append("once") or len(runs) == 1, "of a run"
"""
    broken = RESET.replace("echo", "echo, fragile", 1)
    result = shrunk(
        suite, tests + broken + broken.replace("test_it", "test_other").replace("fragile", "sound")
    )
    result.assert_outcomes(failed=2, errors=1)
    assert "AssertionError: its own" in str(result.stdout)
    assert "of a run" not in [each.rpartition(": ")[2] for each in result.outlines]


def test_a_run_that_hangs_is_interrupted(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, no_collections: None
) -> None:
    monkeypatch.setattr(reruns, "LEAST_TIMEOUT_S", 0.05)
    monkeypatch.setattr(reruns, "TIMES_FAILED", 0)
    hanging = """
import threading

runs = []

@pytest.mark.chaos(terminate=1.0)
def test_it(chaos, echo):
    runs.append("once")
    with pytest.raises(ConnectionError), connect(chaos.proxy(echo)) as client:
        say(client, b"hello")
    if len(runs) > 1:
        threading.Event().wait()
    assert False
"""
    result = shrunk(suite, hanging)
    result.stdout.fnmatch_lines(["run again with the same 1 decision, it hangs 5 of 5"])


def test_an_interrupt_ends_it_and_the_session_with_what_is_known(suite: pytest.Pytester) -> None:
    tests = (
        PLANTED.replace("    proxy =", "    interrupt_at(5)\n    proxy =")
        + """
runs = []

def interrupt_at(number):
    runs.append("once")
    if len(runs) == number:
        raise KeyboardInterrupt

@pytest.fixture(scope="module", autouse=True)
def module():
    yield
    print("the module is torn down")

def test_never():
    pass
"""
    )
    result = shrunk(suite, tests, "-rA")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "of 41 decisions * are enough, and perhaps fewer:",
            "  3 runs in * s; then it was interrupted",
            "the module is torn down",
            "*interrupted while the failure of a test was shrunk*",
        ]
    )


def test_a_time_ends_it(suite: pytest.Pytester) -> None:
    result = shrunk(suite, RESET, "--chaos-shrink", "--chaos-shrink-time=1us")
    result.stdout.fnmatch_lines(
        ["of 1 decision it is not known yet which are needed", "  0 runs in * s; then the 1e-06 s were over"]
    )
    refused = shrunk(suite, RESET, "--chaos-shrink-time=soon")
    refused.stderr.fnmatch_lines(["ERROR: --chaos-shrink-time *'soon'*"])
    assert refused.ret == pytest.ExitCode.USAGE_ERROR


def test_the_timer_of_a_whole_test_is_set_for_each_run(suite: pytest.Pytester) -> None:
    suite.makeconftest(CONFTEST + TIMER)
    result = shrunk(suite, RESET, "-rA")
    result.stdout.fnmatch_lines([f"timer: {' '.join(['set cancel'] * 13)}"])


# What pytest-timeout has: its own would take the timer of this process.
TIMER = """
from types import SimpleNamespace

calls = []

class Hooks:
    @pytest.hookspec(firstresult=True)
    def pytest_timeout_set_timer(item, settings):
        pass

    @pytest.hookspec(firstresult=True)
    def pytest_timeout_cancel_timer(item):
        pass

def pytest_addhooks(pluginmanager):
    pluginmanager.add_hookspecs(Hooks)

@pytest.hookimpl(trylast=True)
def pytest_timeout_set_timer(item, settings):
    calls.append("set")
    return True

def pytest_timeout_cancel_timer(item):
    calls.append("cancel")
    return True

@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    settings = SimpleNamespace(func_only=False, method="signal")
    item.ihook.pytest_timeout_set_timer(item=item, settings=settings)
    result = yield
    item.ihook.pytest_timeout_cancel_timer(item=item)
    return result

def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line("timer: " + " ".join(calls))
"""


def test_a_deadline_interrupts_what_waits_and_nothing_else(no_collections: None) -> None:
    deadline = Deadline(0.0)
    deadline.start()
    try:
        with pytest.raises(RunTimeout), deadline:
            threading.Event().wait()
        assert deadline.is_over
        signal.raise_signal(signal.SIGINT)
    finally:
        deadline.stop()


@pytest.fixture
def no_collections(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let no garbage collection be interrupted: an exception in the callback of another library is lost."""
    monkeypatch.setattr(reruns, "INTERRUPT_AFTER_S", 0.01)
    gc.disable()
    yield
    gc.enable()
