"""The plugin gives each test its seed, and reverts what a test does to a shared proxy."""

from __future__ import annotations

import re

import pytest

from tests.testing.suites import run

pytest_plugins = ["pytester"]


SEEDS = """
def test_a(chaos, echo): print("seed a", chaos.seed, chaos.proxy(echo).seed)
def test_b(chaos): print("seed b", chaos.seed)
"""


def seeds(result: pytest.RunResult) -> dict[str, list[str]]:
    found = re.findall(r"seed (\w) (.*)", str(result.stdout))
    return {name: numbers.split() for name, numbers in found}


def test_each_test_has_a_seed_that_depends_on_its_name_and_the_runs_seed(suite: pytest.Pytester) -> None:
    both = seeds(run(suite, SEEDS, "--chaos-seed=7", "-s"))
    assert len({*both["a"], *both["b"]}) == 3
    alone = seeds(run(suite, SEEDS, "--chaos-seed=7", "-s", "-k", "test_b"))
    assert alone["b"] == both["b"]
    others = seeds(run(suite, SEEDS, "-s")), seeds(run(suite, SEEDS, "-s"))
    assert others[0] != others[1]


def test_the_ini_file_may_give_the_seed_and_the_option_overrides_it(suite: pytest.Pytester) -> None:
    suite.makeini("[pytest]\nchaos_seed = 7")
    from_ini = seeds(run(suite, SEEDS, "-s"))
    assert from_ini == seeds(run(suite, SEEDS, "-s", "--chaos-seed=7"))
    assert from_ini != seeds(run(suite, SEEDS, "-s", "--chaos-seed=8"))
    assert seeds(run(suite, SEEDS, "-s", "--chaos-seed=0")) == seeds(
        run(suite, SEEDS, "-s", "--chaos-seed=0")
    )


@pytest.mark.parametrize("seed", ["-1", "x", "1.5", "²"])
def test_a_seed_that_is_no_number_is_refused(suite: pytest.Pytester, seed: str) -> None:
    result = run(suite, SEEDS, f"--chaos-seed={seed}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*chaos seed must be a whole number*"])


SESSION = """
@pytest.fixture(scope="session")
def network(chaos_session, echo):
    return chaos_session.proxy(echo)

@pytest.fixture(scope="module")
def sliced(network):
    with network.slice(1):
        yield network
    assert not network.defaults().upstream

@pytest.fixture
def held(network):
    network.freeze()
    return network

def test_one_that_leaves_faults(network):
    assert not network.defaults().upstream
    network.latency(60)
    network.down()

def test_one_that_would_be_harmed(network):
    with connect(network) as client:
        assert say(client, b"hello") == b"hello"

def test_one_whose_fixture_leaves_faults(held): pass

@pytest.mark.chaos(throttle=1000)
def test_one_with_a_mark(network):
    assert [type(fault).__name__ for fault in network.defaults().upstream] == ["Throttle"]

def test_one_of_a_module_with_faults(sliced):
    assert [type(fault).__name__ for fault in sliced.defaults().upstream] == ["Slice"]
    sliced.clear()

def test_another_one_of_it(sliced):
    assert [type(fault).__name__ for fault in sliced.defaults().upstream] == ["Slice"]

def test_one_that_fails(network):
    network.latency(0.001)
    assert False

def test_one_without_a_network(): pass
"""


def test_what_a_test_does_to_a_proxy_of_the_session_is_reverted(suite: pytest.Pytester) -> None:
    result = run(suite, SESSION, "--chaos-seed=7")
    result.assert_outcomes(passed=7, failed=1)
    result.stdout.fnmatch_lines(
        ["*in force when it failed: Slice(*), Latency(delay_s=0.001), both ways", "to repeat it: *seed=7"]
    )


SPOILT = """
@pytest.mark.parametrize("fault", ["corrupt", "terminate"])
def test_it(chaos, echo, fault):
    proxy = chaos.proxy(echo)
    getattr(proxy, fault)(0.02)
    with connect(proxy) as client:
        for number in range(1000):
            try:
                answer = say(client, b"%d" % number)
            except ConnectionError:
                answer = b""
            if answer != b"%d" % number:
                pytest.fail(f"{fault} at {number}: {answer[:20].hex()}")
"""


def test_the_seed_of_a_failure_brings_back_the_same_byte(suite: pytest.Pytester) -> None:
    def failures(*args: str) -> list[str]:
        result = run(suite, SPOILT, *args)
        result.assert_outcomes(failed=2)
        return [line for line in result.outlines if " at " in line and line.startswith("E ")]

    assert len(failures("--chaos-seed=5")) == 2
    assert failures("--chaos-seed=5") == failures("--chaos-seed=5") != failures("--chaos-seed=6")
