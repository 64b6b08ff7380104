"""A passing test whose faults met no connection gets a warning, and no other test does."""

from __future__ import annotations

import pytest

from tests.testing.suites import UNUSED, run

pytest_plugins = ["pytester"]

WARNED = {
    "the mark": "@pytest.mark.chaos(latency=0.1)\ndef test_it(chaos, echo):\n    chaos.proxy(echo)",
    "a profile": "def test_it(chaos, echo):\n    chaos.proxy(echo, profile='3g')",
    "a method": "def test_it(chaos, echo):\n    chaos.proxy(echo).latency(0.1)",
    "a method with `with`": "def test_it(chaos, echo):\n    with chaos.proxy(echo).freeze(): pass",
    "a connection duration": "def test_it(chaos, echo):\n    chaos.proxy(echo).connection_duration(1)",
    "one that is closed": "def test_it(chaos, echo):\n    with chaos.proxy(echo) as it: it.latency(1)",
    "one of two": """
def test_it(chaos, echo):
    one, other = chaos.proxy(echo, profile="3g"), chaos.proxy(echo, profile="3g")
    connect(one).close()
    one.wait_for(lambda stats: stats.connections_accepted)
""",
    "one of the session": """
@pytest.fixture(scope="session")
def network(chaos_session, echo):
    return chaos_session.proxy(echo)

@pytest.mark.chaos(latency=0.001)
def test_one_that_connects(network):
    with connect(network) as client:
        say(client, b"hello")
    network.wait_for_no_connections()

@pytest.mark.chaos(latency=0.001)
def test_it(network): pass
""",
}

NOT_WARNED = {
    "no faults": "def test_it(chaos, echo):\n    chaos.proxy(echo)",
    "faults that are off": "@pytest.mark.chaos(latency=0)\ndef test_it(chaos, echo):\n    chaos.proxy(echo)",
    "no proxy": "@pytest.mark.chaos(latency=1)\ndef test_it(chaos): pass",
    "a connection": """
@pytest.mark.chaos(latency=0.001)
def test_it(chaos, echo):
    with connect(chaos.proxy(echo)) as client:
        assert say(client, b"hello") == b"hello"
""",
    "one that refuses": """
def test_it(chaos, echo):
    network = chaos.proxy(echo, profile="3g")
    with network.down(), pytest.raises(ConnectionRefusedError):
        connect(network)
""",
    "one that fails": "def test_it(chaos, echo):\n    chaos.proxy(echo, profile='3g')\n    assert False",
    "one that is skipped": "def test_it(chaos, echo):\n    chaos.proxy(echo).latency(1)\n    pytest.skip()",
    "a connection of the test before": """
@pytest.fixture(scope="session")
def network(chaos_session, echo):
    return chaos_session.proxy(echo)

@pytest.fixture(scope="session")
def client(network):
    with connect(network) as client:
        yield client

@pytest.mark.parametrize("number", range(2))
def test_it(network, client, number):
    with network.latency(0.001):
        assert say(client, b"hello") == b"hello"
""",
    "faults of a wider scope": """
@pytest.fixture(scope="module")
def network(chaos_session, echo):
    network = chaos_session.proxy(echo)
    with network.profile("3g"):
        yield network

def test_it(network): pass
""",
}


@pytest.mark.parametrize("tests", WARNED.values(), ids=[*WARNED])
def test_a_passing_test_whose_faults_met_nothing_is_warned_once(suite: pytest.Pytester, tests: str) -> None:
    result = run(suite, tests, "-Wdefault")
    assert result.parseoutcomes()["warnings"] == 1
    assert "failed" not in result.parseoutcomes()
    text = "*UnusedFaultsWarning: the proxy * → 127.0.0.1:* had faults (*), and no connection came: *"
    result.stdout.fnmatch_lines(["*.py:*", text])


@pytest.mark.parametrize("tests", NOT_WARNED.values(), ids=[*NOT_WARNED])
def test_no_other_test_is_warned(suite: pytest.Pytester, tests: str) -> None:
    assert "warnings" not in run(suite, tests, "-Wdefault").parseoutcomes()


@pytest.mark.parametrize(("action", "outcome"), [("error", "failed"), ("ignore", "passed")])
def test_the_warning_is_filtered_as_any_other(suite: pytest.Pytester, action: str, outcome: str) -> None:
    assert run(suite, WARNED["the mark"], f"-W{action}::{UNUSED}").parseoutcomes() == {outcome: 1}


CHANCE = """
@pytest.mark.chaos(corrupt={probability}, direction="{direction}")
def test_it(chaos, echo):
    proxy = chaos.proxy(echo)
    with connect(proxy) as client:
        for _ in range({messages}):
            {call}
    assert {verdict}
"""


def under_chance(**values: object) -> str:
    usual = {"probability": 0.001, "direction": "upstream", "messages": 6, "verdict": True}
    return CHANCE.format(**usual | {"call": "say(client, b'hello')"} | values)


SELDOM = "corrupt did nothing: with probability 0.001 and 12 operations, that is so in 99% of runs"


def test_a_fault_that_seldom_strikes_is_a_warning_with_the_numbers(suite: pytest.Pytester) -> None:
    result = run(suite, under_chance(), "--chaos-seed=7", "-Wdefault")
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines([f"*UnusedFaultsWarning: {SELDOM}"])


def test_of_a_fault_that_strikes_messages_those_are_counted(suite: pytest.Pytester) -> None:
    tests = under_chance(direction="downstream").replace("corrupt=", "lose_answer=")
    text = "lose_answer did nothing: with probability 0.001 and 6 messages, that is so in 99% of runs"
    result = run(suite, tests, "--chaos-seed=7", "-Wdefault")
    result.stdout.fnmatch_lines([f"*UnusedFaultsWarning: {text}"])


def test_one_that_strikes_in_most_runs_is_none(suite: pytest.Pytester) -> None:
    result = run(suite, under_chance(probability=0.1), "-Wdefault")  # 12 operations: struck in 72 % of runs
    result.assert_outcomes(passed=1, warnings=0)


def test_a_failing_test_shows_why_a_fault_did_nothing(suite: pytest.Pytester) -> None:
    result = run(suite, under_chance(verdict=False), "--chaos-seed=7")
    result.stdout.fnmatch_lines([f"  {SELDOM}", "  1 connection accepted*"])


def test_a_fault_in_the_direction_in_which_nothing_goes_is_a_warning(suite: pytest.Pytester) -> None:
    sink = """
import socket, threading
@pytest.fixture
def echo():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield "127.0.0.1:%d" % server.getsockname()[1]
"""
    call = "client.sendall(b'x')"
    wait = "proxy.wait_for(lambda stats: stats.bytes_upstream)"
    tests = under_chance(direction="downstream", call=call, verdict=f"{wait} or True")
    result = run(suite, sink + tests, "--chaos-seed=7", "-Wdefault")
    text = "corrupt did nothing: it was set downstream, and no byte went that way"
    result.stdout.fnmatch_lines([f"*UnusedFaultsWarning: {text}"])
