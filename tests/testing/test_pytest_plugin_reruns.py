"""A test that another plugin runs again has another seed each time, and each run can be repeated."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.testing.suites import run

pytest_plugins = ["pytester"]

RANDOM = """
@pytest.mark.chaos(terminate=0.1)
def test_it(chaos, echo):
    network = chaos.proxy(echo)
    for number in range(1000):
        try:
            with connect(network) as client:
                answer = say(client, b"hello")
        except ConnectionError:
            answer = b""
        if answer != b"hello":
            print(f"\\nfailed at {number} with seed {chaos.seed}")
            pytest.fail("a wrong byte")
"""


def failures(result: pytest.RunResult) -> list[str]:
    """Return where each run failed, and with which seed, in order."""
    return re.findall(r"^failed (.*)", str(result.stdout), re.MULTILINE)


def commands(result: pytest.RunResult) -> list[str]:
    """Return the command that was shown for each failure, in order."""
    return re.findall(r"^to repeat it: pytest (.*)", str(result.stdout), re.MULTILINE)


@pytest.mark.parametrize("reruns", [0, 1, 3])
def test_each_rerun_has_a_seed_of_its_own_and_is_repeated_by_its_command(
    suite: pytest.Pytester, reruns: int
) -> None:
    result = run(suite, RANDOM, f"--reruns={reruns}", "--chaos-seed=7", "-s")
    said, (command,) = failures(result), commands(result)
    assert len(set(said)) == reruns + 1
    assert ("--chaos-seed=7" in command) == (not reruns)
    assert (f"this was rerun {reruns}, with a seed of its own" in result.outlines) == bool(reruns)
    assert failures(run(suite, RANDOM, *shlex.split(command), "-s")) == said[-1:]


def test_the_reruns_of_a_seed_are_the_same_in_each_run(suite: pytest.Pytester) -> None:
    both = [failures(run(suite, RANDOM, "--reruns=2", "--chaos-seed=7", "-s")) for _ in range(2)]
    assert both[0] == both[1]


def test_a_rerun_restores_the_proxies_of_the_session(suite: pytest.Pytester) -> None:
    tests = """
@pytest.fixture(scope="session")
def network(chaos_session, echo):
    return chaos_session.proxy(echo)

runs = []

@pytest.mark.chaos(latency=0.001)
def test_it(network):
    runs.append(network.defaults())
    network.clear()
    assert len(runs) == 3
    assert runs == [runs[0]] * 3
    assert runs[0].upstream
"""
    run(suite, tests, "--reruns=2").assert_outcomes(passed=1)


def test_a_repeated_test_has_a_seed_of_its_own_each_time(suite: pytest.Pytester) -> None:
    result = run(suite, RANDOM, "--count=3", "--chaos-seed=7", "-s")
    said, shown = failures(result), commands(result)
    assert len(set(said)) == 3
    assert failures(run(suite, RANDOM, *shlex.split(shown[1]), "-s")) == [said[1]]
