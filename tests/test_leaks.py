"""A test that leaves something behind fails, and says what."""

from __future__ import annotations

from pathlib import Path

import pytest

# Loaded before the runs in this process: they forget what they loaded, and C extensions load only once.
import trixter.testing._pytest_support  # noqa: F401
from tests import leaks
from tests.testing.suites import OTHERS

pytest_plugins = ["pytester"]

CONFTEST = """
from tests.leaks import nothing_left, nothing_left_on_the_loop, opened_once
"""

HEADER = """
import asyncio, os, socket, threading
import anyio, pytest

kept = []

class Sleeper(threading.Thread):
    def __init__(self):
        super().__init__(name="mine")
        self.ended = threading.Event()
        self.start()

    def run(self):
        self.ended.wait()

    def close(self):
        self.ended.set()
        self.join()

@pytest.fixture(autouse=True, scope="module")
def end():
    yield
    for each in kept:
        if isinstance(each, tuple):
            os.close(each[0])
            os.close(each[1])
        elif not isinstance(each, asyncio.Task):
            each.close()

@pytest.fixture(scope="module", params=[{backends}])
def anyio_backend(request):
    return request.param
"""

ASYNCIO = '"asyncio", ("asyncio", {"use_uvloop": True})'
TRIO = '"trio"'


def run(
    suite: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    tests: str,
    *,
    backends: str = ASYNCIO,
    patience_s: float = 0.0,
) -> pytest.RunResult:
    """Run tests under the check; what most of them leave does not end by itself: no need to wait."""
    monkeypatch.setattr(leaks, "PATIENCE_S", patience_s)
    suite.makeconftest(CONFTEST)
    suite.makepyfile(HEADER.replace("{backends}", backends) + tests)
    return suite.runpytest_inprocess("--anyio-mode=auto", *(f"-pno:{other}" for other in OTHERS))


def test_what_ends_with_the_test_is_no_leak(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tests = """
def test_blocking():
    with socket.create_server(("127.0.0.1", 0)):
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()

async def test_async():
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.sleep, 0)
    async with await anyio.create_tcp_listener(local_host="127.0.0.1"):
        await anyio.to_thread.run_sync(int)
"""
    run(pytester, monkeypatch, tests, backends=f"{ASYNCIO}, {TRIO}").assert_outcomes(passed=4)


def test_what_ends_a_moment_later_is_waited_for(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    tests = """
def test_blocking():
    begun = threading.Event()
    read, write = os.pipe()

    def end_later():
        begun.wait()
        os.close(read)
        os.close(write)

    threading.Thread(target=end_later).start()
    threading.Timer(0.01, begun.set).start()

async def test_async():
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    await reader.read()
    writer.close()
    server.close()
    kept.append(asyncio.get_running_loop().create_task(asyncio.sleep(0.01)))
"""
    run(pytester, monkeypatch, tests, patience_s=60.0).assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("leaving", "named"),
    [
        ("socket.create_server(('127.0.0.1', 0))", "descriptor of AF_INET SOCK_STREAM ('127.0.0.1', *"),
        ("socket.socket(socket.AF_UNIX)", "descriptor of AF_UNIX SOCK_STREAM ''*"),
        ("open(__file__)", "descriptor of *test_a_leak_fails_the_test*.py"),
        ("os.pipe()", "descriptor of pipe:*"),
        ("Sleeper()", "thread 'mine'"),
    ],
)
def test_a_leak_fails_the_test_that_made_it_and_no_other(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, leaving: str, named: str
) -> None:
    tests = f"""
def test_blocking():
    kept.append({leaving})

async def test_async():
    kept.append({leaving})

def test_of_another():
    pass
"""
    result = run(pytester, monkeypatch, tests)
    result.assert_outcomes(passed=4, errors=3)
    result.stdout.fnmatch_lines(["left behind by this test:", f"  {named}"])


def test_a_task_that_a_test_leaves_on_its_loop_fails_it(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    tests = """
async def test_async():
    kept.append(asyncio.get_running_loop().create_task(asyncio.Event().wait(), name="mine"))

async def test_of_another():
    pass
"""
    result = run(pytester, monkeypatch, tests)
    result.assert_outcomes(passed=4, errors=2)
    result.stdout.fnmatch_lines(
        ["left behind by this test:", "  task 'mine': <coroutine object Event.wait *"]
    )


def test_a_leak_on_trio_fails_the_test(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    tests = """
async def test_async():
    kept.append(socket.create_server(("127.0.0.1", 0)))
"""
    result = run(pytester, monkeypatch, tests, backends=TRIO)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["  descriptor of AF_INET SOCK_STREAM ('127.0.0.1', *"])
