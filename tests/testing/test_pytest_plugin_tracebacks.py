"""The traceback of an error that trixter raised on purpose ends at the line of the test."""

from __future__ import annotations

import re

import pytest

from tests.testing.suites import run

pytest_plugins = ["pytester"]

MISTAKES = {
    "chaos.proxy(echo).latency(250)": "SettingError: delay_s must be *250ms*",
    "chaos.proxy(echo, latency=-1)": "SettingError: delay_s must be *",
    "chaos.proxy(echo, bandwidth=1)": "TypeError: *'bandwidth': did you mean throttle[?]",
    "chaos.proxy(echo).delay(1)": "AttributeError: *'delay': did you mean latency[?]",
    "chaos.proxy('nonsense')": "SettingError: upstream must be *'nonsense'",
    "chaos.proxy(CLOSED)": "SettingError: upstream must be a socket that is open*",
    "chaos.proxy(echo).connection('x')": "ConnectionNotFound: *",  # raised in the proxy's thread
    "chaos.proxy(echo).wait_for_connection(0)": "WaitTimeout: *",
}

HEAD = """
import socket

CLOSED = socket.socket()
CLOSED.close()
"""


def test_the_report_of_a_mistake_shows_no_frame_of_trixter(suite: pytest.Pytester) -> None:
    tests = "".join(f"def test_{n}(chaos, echo):\n    {code}\n" for n, code in enumerate(MISTAKES))
    result = run(suite, HEAD + tests, "--tb=short")
    result.assert_outcomes(failed=len(MISTAKES))
    for number, (code, text) in enumerate(MISTAKES.items()):
        # One frame, its line (which Python may underline), and the error: nothing else between them.
        result.stdout.re_match_lines(
            [rf".*: in test_{number}$", rf"    {re.escape(code)}$"], consecutive=True
        )
        result.stdout.fnmatch_lines([f"E *{text}"])
    result.stdout.no_re_match_line(r".*\.py:\d+: in (?!test_)")
    result.stdout.no_fnmatch_line("*direct cause*")


def test_full_trace_shows_them(suite: pytest.Pytester) -> None:
    result = run(suite, "def test_it(chaos, echo):\n    chaos.proxy(echo).latency(250)\n", "--full-trace")
    result.stdout.fnmatch_lines(["*validators.py:*: SettingError"])


def test_an_error_of_the_test_itself_is_shown_whole(suite: pytest.Pytester) -> None:
    tests = "def test_it(chaos, echo):\n    chaos.proxy(echo).wait_for(lambda stats: stats.nonsense)\n"
    result = run(suite, tests, "--tb=short")
    result.stdout.fnmatch_lines(["*: in test_it", "*handles.py:*: in *", "*: in <lambda>"])
