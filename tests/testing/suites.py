"""Folders of tests, as users of the plugin have them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

# Loaded before the runs in this process: they forget what they loaded, and C extensions load only once.
import trixter.testing._pytest_support  # noqa: F401

CONFTEST = """
import pytest
from tests.testing.echo import connect, echo_server, say

@pytest.fixture(scope="session")
def echo():
    with echo_server() as address:
        yield address
"""

UNUSED = "trixter.testing.UnusedFaultsWarning"

# Of which the results of such a run must not depend: one would shuffle its tests.
OTHERS = ("schemathesis", "asyncio", "xdist", "timeout", "hypothesispytest", "randomly", "cacheprovider")

HEADER = "from tests.testing.echo import connect, say\nimport pytest\n"


def run(suite: pytest.Pytester, tests: str, *args: str, without: Sequence[str] = OTHERS) -> pytest.RunResult:
    """Run tests in this process, with no other plugins but those that pytest brings."""
    suite.makepyfile(HEADER + tests)
    # Most of these look at faults only, and have no client. In this process, warnings would be errors.
    quiet = () if any(arg.startswith("-W") for arg in args) else (f"-Wignore::{UNUSED}",)
    # A failure is shrunk where that is tested.
    defaults = (*quiet, "-ochaos_shrink=no")
    return suite.runpytest_inprocess(*(f"-pno:{other}" for other in without), *defaults, *args)
