"""A context holds what the proxies of one loop share, so that a further proxy costs one descriptor."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter

import pytest

from tests.leaks import open_descriptors
from tests.proxy.descriptors import no_descriptor_free
from tests.proxy.forked_children import child_of_python
from tests.proxy.proxy_harness import ProxyHarness
from tests.proxy.waiting import until
from trixter.errors import OutOfDescriptors
from trixter.faults import Latency
from trixter.proxy import Defaults, Proxy
from trixter.proxy.loop import LoopContext
from trixter.proxy.memory import Memory

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="counts what only Linux has")


def kinds_of_descriptors() -> Counter[str]:
    """Count this process's descriptors by their kinds: sockets, pipes, epolls, timers."""
    kinds: Counter[str] = Counter()
    for description in open_descriptors():
        kinds[
            description.partition(":")[0] if description.startswith("pipe") else description.split()[0]
        ] += 1
    return kinds


@pytest.fixture
async def context(proxy_harness: ProxyHarness) -> LoopContext:
    context = LoopContext(asyncio.get_running_loop())
    proxy_harness.exits.callback(context.close)
    return context


@on_linux
async def test_a_hundred_proxies_have_one_epoll_one_timerfd_and_one_pipe(proxy_harness: ProxyHarness) -> None:
    before = kinds_of_descriptors()
    context = LoopContext(asyncio.get_running_loop())
    proxy_harness.exits.callback(context.close)
    shared = kinds_of_descriptors() - before
    assert shared == {"anon_inode:[eventpoll]": 1, "anon_inode:[timerfd]": 1, "pipe": 2}
    before = kinds_of_descriptors()
    proxies = [proxy_harness.proxy(context=context) for _ in range(100)]
    assert kinds_of_descriptors() - before == {"AF_INET": 100}  # the listening sockets
    for number, proxy in enumerate(proxies):
        client, server = await proxy_harness.pair(proxy)
        client.send(number.to_bytes(2, "big"))
        assert await server.receive(2) == number.to_bytes(2, "big")
    parts = ("poller", "clock", "buffer", "splicer", "descriptors", "in_flight", "memory")
    for part in parts:
        assert len({id(getattr(proxy.context, part)) for proxy in proxies}) == 1


async def test_a_proxy_that_stops_leaves_the_others_alone(
    proxy_harness: ProxyHarness, context: LoopContext
) -> None:
    slow = Defaults(upstream=Latency(delay_s=0.001))
    stopping, staying = (proxy_harness.proxy(context=context, defaults=slow) for _ in range(2))
    end_reason, _ = await proxy_harness.pair(stopping)
    client, server = await proxy_harness.pair(staying)
    end_reason.send(b"held when it stops")
    client.send(b"held")
    stopping.stop()
    assert await server.receive(4) == b"held"
    stopping.bind()
    stopping.start(context)
    client, server = await proxy_harness.pair(stopping)
    client.send(b"again")
    assert await server.receive(5) == b"again"


async def test_what_all_of_them_hold_is_counted_in_one_memory(proxy_harness: ProxyHarness) -> None:
    memory = Memory(1 << 20)
    context = LoopContext(asyncio.get_running_loop(), memory=memory)
    proxy_harness.exits.callback(context.close)
    slow = Defaults(upstream=Latency(delay_s="1h"))
    for proxy in (proxy_harness.proxy(context=context, defaults=slow) for _ in range(2)):
        client, _ = await proxy_harness.pair(proxy)
        client.send(b"x" * 1000)
    await until(lambda: memory.held_bytes > 2000)


@on_linux
async def test_without_one_a_proxy_has_its_own_and_closes_it(proxy_harness: ProxyHarness) -> None:
    before = kinds_of_descriptors()
    proxy = proxy_harness.proxy()
    assert kinds_of_descriptors() - before == {
        "AF_INET": 1,
        "anon_inode:[eventpoll]": 1,
        "anon_inode:[timerfd]": 1,
        "pipe": 2,
    }
    proxy.stop()
    assert kinds_of_descriptors() == before


async def test_where_no_descriptor_is_left_for_one_the_error_says_so(proxy_harness: ProxyHarness) -> None:
    proxy = Proxy(listen="127.0.0.1:0", upstream="127.0.0.1:1", seed=1)
    proxy.bind()
    proxy_harness.exits.callback(proxy.stop)
    with no_descriptor_free(), pytest.raises(OutOfDescriptors) as refused:
        proxy.start()
    assert "127.0.0.1" not in str(refused.value)


@on_linux
async def test_in_the_child_of_a_fork_its_descriptors_are_closed(
    proxy_harness: ProxyHarness, context: LoopContext
) -> None:
    proxy_harness.proxy(context=context)
    with child_of_python() as child:
        fds = [f"/proc/{child}/fd/{number}" for number in os.listdir(f"/proc/{child}/fd")]
        assert "anon_inode:[timerfd]" not in {os.readlink(fd) for fd in fds}
    assert kinds_of_descriptors()["anon_inode:[timerfd]"] == 1
