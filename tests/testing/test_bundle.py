"""Bundles: the journal of a failed test, with its environment, repeats it on another machine."""

from __future__ import annotations

import platform
import re
from collections import deque
from pathlib import Path

import pytest

from tests.testing.suites import run
from trixter import __version__
from trixter.control import Override
from trixter.control.commands import Apply
from trixter.control.journal import VERSION, Bundle, Header, JournaledProxy, line_of
from trixter.errors import JournalError
from trixter.testing import Chaos
from trixter.testing.bundle import MOST_DIFFERENCES, bundle_of, differences, write_bundle

pytest_plugins = ["pytester"]

# Also a failure before a fault has struck, and one of the session's proxies.
TESTS = """
@pytest.mark.chaos(corrupt=1.0)
@pytest.mark.parametrize("text", ["a/b::c"])
def test_it(chaos, echo, text):
    with connect(chaos.proxy(echo)) as client:
        client.sendall(b"hello")
        received = client.recv(5)
    print("received", received.hex(), chaos.seed)
    assert received == b"hello"

def test_other(chaos, echo):
    chaos.proxy(echo)
    assert False

def test_session(chaos_session, echo):
    chaos_session.proxy(echo)
    assert False
"""


def received(result: pytest.RunResult) -> list[str]:
    return re.findall(r"^received .*", str(result.stdout), re.MULTILINE)


ELSEWHERE = Bundle(
    "test_it.py::test_it",
    1,
    "pytest",
    "CPython 2.7",
    platform.platform(),
    {"trixter": __version__, "pytest": "1.0"},
)


def lines_of(bundle: Bundle) -> str:
    return line_of(Header(VERSION, (JournaledProxy("proxy 1", 1, "server:1"),), bundle=bundle)) + "\n"


def test_each_test_that_fails_leaves_a_bundle_which_repeats_that_test_alone(suite: pytest.Pytester) -> None:
    failed = run(suite, TESTS, "--chaos-bundle=out")
    first, second, command = re.findall(
        r"^to repeat it elsewhere: pytest (.*)|^(no bundle: .*)", str(failed.stdout), re.MULTILINE
    )
    assert second[0].startswith("--chaos-replay=out/test_other-")
    assert "chaos_session" in command[1]
    again = run(suite, TESTS, first[0])
    again.assert_outcomes(failed=1)
    assert received(again) == received(failed)
    again.stdout.fnmatch_lines(
        [
            "chaos seed: *",
            "chaos replay: *::test_it[[]a/b::c[]], as it failed elsewhere",
            "  with its seed only: pytest *::test_it[[]a/b::c[]]' --chaos-seed=*",
            "  Python, platform and packages are the same here",
            "collected 1 item",
        ]
    )


def test_what_differs_is_said_before_the_test_starts_and_in_its_report(suite: pytest.Pytester) -> None:
    (suite.path / "b.jsonl").write_text(lines_of(ELSEWHERE))
    result = run(suite, TESTS, "--chaos-replay=b.jsonl", str(suite.path))
    result.assert_outcomes(passed=1, failed=2)
    said = ["  with its *", "  Python: CPython 2.7 there, CPython 3.* here", "  pytest: 1.0 there, * here"]
    result.stdout.fnmatch_lines([*said, "*collected 3 items*", *said, "*to repeat this replay: *"])


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('"test":', '"name":', 1),
        ("}}\n", "}}\n{", 2),
    ],
)
def test_a_bundle_that_is_malformed_is_one_line_and_nothing_runs(
    suite: pytest.Pytester, old: str, new: str, line: int
) -> None:
    (suite.path / "b.jsonl").write_text(lines_of(ELSEWHERE).replace(old, new, 1))
    result = run(suite, TESTS, "--chaos-replay=b.jsonl")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --chaos-replay: *b.jsonl:{line}: *"])


def test_a_folder_that_cannot_be_made_is_one_line_in_the_report(suite: pytest.Pytester) -> None:
    (suite.path / "out").write_text("a file")
    result = run(suite, TESTS, "--chaos-bundle=out", "-k", "other")
    result.stdout.fnmatch_lines(["no bundle: --chaos-bundle: *out'"])


def test_a_journal_that_has_lost_entries_leaves_none(tmp_path: Path) -> None:
    with Chaos(seed=1) as chaos:
        journal = chaos.proxy("127.0.0.1:9").background.journal
        journal._entries = deque(maxlen=1)
        for _ in range(2):
            chaos.background_proxies[0].controller.execute(Apply(override=Override(is_quiet=True)))
        with pytest.raises(JournalError, match=":2: 1 lines are missing"):
            write_bundle(tmp_path, chaos, bundle_of("a.py::test_\udcff", 1, "pytest"))
    assert list(tmp_path.iterdir()) == []


def test_differences_have_an_end() -> None:
    bundle = bundle_of("test_it.py::test_it", 1, "pytest")
    assert differences(bundle) == []
    bundle.packages.clear()
    lines = differences(bundle)
    assert lines[0] == f"trixter: not installed there, {__version__} here"
    assert len(lines) == MOST_DIFFERENCES + 1
    assert re.fullmatch(r"and \d+ more packages", lines[-1])
