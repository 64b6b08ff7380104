"""The pytest plugin beside other plugins, and the modules that it loads; each test in a new process."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.testing import suites
from tests.testing.suites import CONFTEST, HEADER

pytest_plugins = ["pytester"]

# A process takes a second to load its plugins, and xdist has three of them; on slow machines, many.
PATIENCE_S = 200.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3 * PATIENCE_S),
    pytest.mark.usefixtures("uncounted_programs"),
]

ROOT = Path(__file__).parents[2]


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Return a folder for tests, in which an echo server is at hand."""
    pytester.makeconftest(CONFTEST)
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # where the helpers of these tests are
    return pytester


def run(suite: pytest.Pytester, tests: str, *args: str) -> pytest.RunResult:
    suite.makepyfile(HEADER + tests)
    light = ("-pno:schemathesis", "-pno:hypothesispytest", "-pno:randomly", "-pno:cacheprovider")
    return suite.runpytest_subprocess(*light, "-Werror", *args, timeout=PATIENCE_S)


def test_with_xdist_every_worker_has_the_seed_of_the_run(suite: pytest.Pytester) -> None:
    tests = """
import os

@pytest.mark.parametrize("number", range(6))
def test_it(chaos, echo, number):
    with connect(chaos.proxy(echo)) as client:
        assert say(client, b"hello") == b"hello"
    assert False, f"test {number} has the seed {chaos.seed}"
"""

    def seeds(result: pytest.RunResult) -> tuple[set[str], set[str]]:
        shown = str(result.stdout)
        tests_seeds = re.findall(r"AssertionError: (test \d has.*)", shown)
        return set(tests_seeds), set(re.findall(r"chaos-seed=(\d+)", shown))

    drawn, drawn_seeds = seeds(run(suite, tests, "-n2"))
    assert (len(drawn), len(drawn_seeds)) == (6, 1)
    alone = suites.run(suite, tests, f"--chaos-seed={drawn_seeds.copy().pop()}")
    assert seeds(alone) == (drawn, drawn_seeds)


ASYNC = """
import asyncio

@pytest.mark.{mark}
async def test_methods_are_awaited(chaos, echo{backend}):
    network = chaos.async_proxy(echo)
    async with network.latency(0.001):
        reader, writer = await asyncio.open_connection(network.host, network.port)
        writer.write(b"hello")
        assert await reader.read(100) == b"hello"
        writer.close()
        await writer.wait_closed()
    await network.wait_for_no_connections()
    assert (await network.stats()).ended == {{"closed": 1}}
"""


def test_with_pytest_asyncio(suite: pytest.Pytester) -> None:
    run(suite, ASYNC.format(mark="asyncio", backend="")).assert_outcomes(passed=1)


def test_with_anyio(suite: pytest.Pytester) -> None:
    tests = ASYNC.format(mark="anyio", backend="")
    tests += """
@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.parametrize("anyio_backend", ["trio"])
@pytest.mark.anyio
async def test_on_trio(chaos, echo, anyio_backend):
    network = chaos.async_proxy(echo)
    async with network.down():
        assert (await network.stats()).connections_open == 0
"""
    run(suite, tests).assert_outcomes(passed=2)


def test_in_classes_of_unittest(suite: pytest.Pytester) -> None:
    tests = """
import unittest

class Test(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def network(self, chaos, echo):
        self.network = chaos.proxy(echo)

    def test_it(self):
        with connect(self.network) as client:
            assert say(client, b"hello") == b"hello"
"""
    run(suite, tests).assert_outcomes(passed=1)


def test_where_no_test_asks_for_it_nothing_of_trixter_is_loaded(suite: pytest.Pytester) -> None:
    suite.makeconftest("")
    tests = """
import sys

def test_it():
    loaded = {name for name in sys.modules if name.startswith("trixter")}
    assert loaded == {"trixter", "trixter.errors", "trixter.testing", "trixter.testing.pytest_plugin"}
    assert "uvloop" not in sys.modules
"""
    suite.makepyfile(tests)
    only = ("schemathesis", "hypothesispytest", "randomly", "anyio", "asyncio", "xdist")
    suite.makeini("[pytest]")
    suite.runpytest_subprocess(*(f"-pno:{other}" for other in only), timeout=PATIENCE_S).assert_outcomes(
        passed=1
    )


def test_it_changes_nothing_global(suite: pytest.Pytester) -> None:
    tests = """
import asyncio, logging, os, signal, sys, threading, warnings

def everything():
    return (
        dict(os.environ),
        {number: signal.getsignal(number) for number in signal.valid_signals()},
        logging.getLogger().handlers[:], logging.getLogger().level, logging.getLogger("trixter").handlers,
        sys.getswitchinterval(), threading.excepthook, sys.excepthook, sys.gettrace(),
        asyncio.events._event_loop_policy,
    )

def test_it(request, echo):
    before = everything()
    chaos = request.getfixturevalue("chaos")
    with connect(chaos.proxy(echo)) as client:
        say(client, b"hello")
        assert everything() == before
"""
    run(suite, tests).assert_outcomes(passed=1)


def test_pytest_is_not_needed_to_run_trixter() -> None:
    declared = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("dependencies = [")[2]
    assert "pytest" not in declared.partition("]")[0]
    assert sys.version_info >= (3, 11)
