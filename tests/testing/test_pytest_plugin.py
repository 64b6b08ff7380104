"""The pytest plugin, used by a folder of tests."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest

from tests.testing.suites import HEADER, OTHERS, run

pytest_plugins = ["pytester"]


def test_it_is_installed_where_pytest_finds_it() -> None:
    found = entry_points(group="pytest11", name="trixter")
    assert {each.value for each in found} == {"trixter.testing.pytest_plugin"}, "install it again: make setup"


def test_one_line_is_all_a_test_needs(suite: pytest.Pytester) -> None:
    result = run(
        suite,
        """
def test_a_slow_network(chaos, echo):
    network = chaos.proxy(echo)
    with connect(network) as client, network.latency(0.001):
        assert say(client, b"hello") == b"hello"
""",
    )
    result.assert_outcomes(passed=1)


def test_no_proxy_outlives_its_test(suite: pytest.Pytester) -> None:
    tests = """
import threading

def threads():
    return [thread for thread in threading.enumerate() if thread.name == "trixter"]

@pytest.mark.parametrize("how", ["pass", "assert False", "pytest.skip('')", "pytest.fail('')"])
def test_that_ends(chaos, echo, how):
    assert not threads()
    chaos.proxy(echo), chaos.async_proxy(echo)
    assert len(threads()) == 1
    exec(how)

def test_nothing_is_left():
    assert not threads()
"""
    run(suite, tests).assert_outcomes(passed=2, failed=2, skipped=1)


def test_an_interrupted_run_leaves_no_proxy(suite: pytest.Pytester) -> None:
    tests = """
def test_that_is_interrupted(chaos, echo):
    with connect(chaos.proxy(echo)):
        raise KeyboardInterrupt
"""
    with pytest.raises(KeyboardInterrupt):
        run(suite, tests)


def test_marks_set_the_defaults_of_proxies(suite: pytest.Pytester) -> None:
    tests = """
from trixter.faults import Direction
from trixter.faults import Faults
from trixter.faults import Latency
from trixter.faults import Slice
from trixter.faults import Terminate
from trixter.profiles import find_profile
from trixter.proxy import Defaults

@pytest.mark.chaos(profile="3g")
class TestProfile:
    def test_of_the_class(self, chaos, echo):
        assert chaos.proxy(echo).defaults().upstream == find_profile("3g").upstream

    @pytest.mark.chaos(profile="edge")
    @pytest.mark.chaos(Latency(delay_s=60), slice=1)
    def test_the_closest_is_applied_last(self, chaos, echo):
        edge = find_profile("edge").upstream
        wanted = edge.with_fault(Latency(delay_s=60)).with_fault(Slice(size_bytes=1))
        assert chaos.proxy(echo).defaults().upstream == wanted

    def test_arguments_of_the_call_replace_the_marks(self, chaos, echo):
        assert chaos.async_proxy(echo, profile="edge").background.proxy.defaults.upstream == \\
            find_profile("edge").upstream

@pytest.mark.chaos(latency=0.25, direction="upstream", connection_duration=60)
def test_keywords(chaos, echo):
    late = Faults(Latency(delay_s=0.25))
    assert chaos.proxy(echo).defaults() == Defaults(upstream=late, connection_duration_s=60)
"""
    run(suite, tests, "--strict-markers").assert_outcomes(passed=4)


def test_a_mark_that_cannot_be_is_an_error_that_names_the_test(suite: pytest.Pytester) -> None:
    result = run(suite, "@pytest.mark.chaos(latenzy=1)\ndef test_it(chaos): pass\n")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["@pytest.mark.chaos of *::test_it: *latency*latenzy*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_own_profiles_are_found_beside_the_ini_file(suite: pytest.Pytester) -> None:
    suite.makeini("[pytest]\nchaos_profiles = office.toml")
    suite.path.joinpath("office.toml").write_text("[profiles.office]\nround_trip_ms = 80\n")
    tests = """
@pytest.mark.chaos(profile="office")
def test_it(chaos, echo):
    network = chaos.proxy(echo)
    assert network.defaults().upstream[0].delay_s == 0.04
    network.clear()
    with network.profile("office"):
        assert network.defaults().upstream[0].delay_s == 0.04

@pytest.mark.chaos(profile="offices")
def test_that_is_misspelt(chaos): pass
"""
    result = run(suite, tests)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*profile must be the name of a profile, such as office*offices*"])


FAILING = """
@pytest.mark.chaos(latency=0.001)
@pytest.mark.parametrize("number", [1, 2])
def test_that_fails(chaos, echo, number):
    network = chaos.proxy(echo)
    with connect(network) as client, network.slice(1):
        assert say(client, b"hello") == b"goodbye"
"""


def test_a_failing_test_shows_its_network_and_how_to_repeat_it(suite: pytest.Pytester) -> None:
    result = run(suite, FAILING, "--chaos-seed=7", "-k", "1")
    result.stdout.fnmatch_lines(
        [
            "chaos seed: 7",
            "*trixter: the network of this test*",
            "127.0.0.1:* → 127.0.0.1:*",
            "  1 connection accepted, *",
            "*in force when it failed: Slice(size_bytes=1), Latency(delay_s=0.001), both ways",
            "*the last events:",
            "*connection 1 opened*",
            "to repeat it: pytest '*.py::test_that_fails[[]1[]]' --chaos-seed=7",
        ],
        consecutive=False,
    )


def test_the_command_is_for_the_folder_where_the_run_was_started(suite: pytest.Pytester) -> None:
    suite.makeini("[pytest]")
    folder = suite.mkdir("deep")
    folder.joinpath("test_it.py").write_text(HEADER + FAILING)
    suite.chdir()
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        result = suite.runpytest_inprocess(
            *(f"-pno:{other}" for other in OTHERS), f"--rootdir={suite.path}", "."
        )
    result.stdout.fnmatch_lines(["to repeat it: pytest 'test_it.py::test_that_fails[[]1[]]' --chaos-seed=*"])


def test_a_passing_test_and_one_without_a_network_show_nothing(suite: pytest.Pytester) -> None:
    result = run(suite, "def test_a(chaos): pass\ndef test_b(): assert False\n", "-rA")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.no_fnmatch_line("*chaos seed*")
    result.stdout.no_fnmatch_line("*the network of this test*")


def test_a_setup_that_fails_shows_its_network_too(suite: pytest.Pytester) -> None:
    result = run(
        suite, "@pytest.fixture\ndef client(chaos): 1 / 0\ndef test_it(client): pass\n", "--chaos-seed=7"
    )
    result.stdout.fnmatch_lines(["to repeat it: *::test_it --chaos-seed=7"])


def test_the_fixtures_have_docstrings(suite: pytest.Pytester) -> None:
    result = run(suite, "", "--fixtures", "--markers")
    result.stdout.fnmatch_lines(["@pytest.mark.chaos(*latency=*"])
    result = run(suite, "", "--fixtures")
    result.stdout.fnmatch_lines(["chaos_session *", "*Put a bad network between*"])
