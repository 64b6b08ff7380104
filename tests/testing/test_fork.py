"""A proxy beside a test that forks belongs to the parent; the child can let go of it."""

from __future__ import annotations

import os
import traceback

import pytest

from tests.testing.echo import connect, say
from trixter.testing import Chaos, ChaosProxy

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]


@pytest.mark.parametrize("is_shared", [False, True], ids=["a thread of its own", "a thread it shares"])
def test_the_child_closes_it_and_the_parents_goes_on(echo: str, is_shared: bool) -> None:
    with Chaos() as chaos, chaos.proxy(echo) if is_shared else ChaosProxy(echo) as proxy:
        with connect(proxy) as client:
            say(client, b"hello")
            child = os.fork()
            if not child:
                closed_in_the_child(proxy, chaos)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            assert say(client, b"goodbye") == b"goodbye"
        proxy.wait_for_no_connections()
        assert proxy.stats().ended == {"closed": 1}


def closed_in_the_child(proxy: ChaosProxy, chaos: Chaos) -> None:
    status = 1
    try:
        proxy.close()
        proxy.close()
        chaos.close()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)
