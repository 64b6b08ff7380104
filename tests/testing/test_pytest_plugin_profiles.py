"""A mark with several profiles runs its test once for each."""

from __future__ import annotations

import pytest

from tests.testing.suites import run

pytest_plugins = ["pytester"]

PROFILES = """
from trixter.profiles import find_profile

EDGE = find_profile("edge")

@pytest.mark.chaos(profile=["3g", EDGE])
class TestProfiles:
    def test_each(self, chaos, echo, request):
        name = request.node.name.partition("[")[2].rstrip("]")
        assert chaos.proxy(echo).defaults().upstream == find_profile(name).upstream

    @pytest.mark.chaos(latency=0)
    @pytest.mark.parametrize("number", [1, 2])
    def test_with_parameters_of_its_own(self, chaos, echo, number):
        assert all(fault.name != "latency" for fault in chaos.proxy(echo).defaults().upstream)

    @pytest.mark.chaos(profile="satellite")
    def test_the_closest_mark_replaces_them(self, chaos, echo):
        assert chaos.proxy(echo).defaults().upstream == find_profile("satellite").upstream

    @pytest.mark.chaos(profile=("satellite",))
    def test_the_closest_mark_may_have_others(self, chaos, echo):
        assert chaos.proxy(echo).defaults().upstream == find_profile("satellite").upstream

    def test_without_a_network(self):
        pass
"""


def test_a_test_runs_once_for_each_profile_of_its_closest_mark(suite: pytest.Pytester) -> None:
    result = run(suite, PROFILES, "-v")
    result.assert_outcomes(passed=9)
    result.stdout.fnmatch_lines_random(
        [
            "*::test_each[[]3g[]] PASSED*",
            "*::test_each[[]edge[]] PASSED*",
            "*::test_with_parameters_of_its_own[[]*edge*[]] PASSED*",
            "*::test_the_closest_mark_replaces_them PASSED*",
            "*::test_the_closest_mark_may_have_others[[]satellite[]] PASSED*",
            "*::test_without_a_network PASSED*",
        ]
    )


def test_the_session_has_the_profile_of_the_run(suite: pytest.Pytester) -> None:
    tests = """
from trixter.profiles import find_profile

@pytest.fixture(scope="session")
def network(chaos_session, echo):
    return chaos_session.proxy(echo)

@pytest.mark.chaos(profile=["3g", "edge"])
def test_each(network, request):
    name = request.node.name.partition("[")[2].rstrip("]")
    assert network.defaults().upstream == find_profile(name).upstream

def test_after_them(network):
    assert not network.defaults().upstream
"""
    run(suite, tests).assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("tests", "text"),
    [
        (
            "@pytest.mark.chaos(profile=[])\ndef test_it(chaos): pass\n",
            "@pytest.mark.chaos of *::test_it: profile must be a name, or several, not [[][]]",
        ),
        (
            "@pytest.mark.chaos(profile=['3g', 'edgy'])\ndef test_it(chaos): pass\n",
            "@pytest.mark.chaos of *::test_it[[]edgy[]]: profile must be the name of*'edgy'",
        ),
        (
            "import unittest\n"
            "@pytest.mark.chaos(profile=['3g', 'edge'])\n"
            "class TestIt(unittest.TestCase):\n"
            "    @pytest.fixture(autouse=True)\n"
            "    def network(self, chaos): pass\n"
            "    def test_it(self): pass\n",
            "@pytest.mark.chaos of *::test_it: profile must be one name here*unittest*'edge'*",
        ),
    ],
    ids=["none", "one unknown", "unittest"],
)
def test_what_cannot_be_is_an_error_without_a_traceback(
    suite: pytest.Pytester, tests: str, text: str
) -> None:
    result = run(suite, tests)
    assert result.ret == 1  # of the test, and not of the collection of its file
    result.stdout.fnmatch_lines([text])
    result.stdout.no_fnmatch_line("*Traceback*")
