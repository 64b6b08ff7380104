"""A thousand proxies in one process: each has one descriptor, and all of them carry bytes."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROXIES = 1000
# What one process may open: two descriptors for each proxy, and some for all of them.
DESCRIPTORS = 2100

PROGRAM = f"""
import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, ({DESCRIPTORS}, {DESCRIPTORS}))
from tests.testing.echo import connect, echo_server, say
from trixter.testing import Chaos

def open_descriptors():
    return len(os.listdir("/proc/self/fd"))

with echo_server() as upstream, Chaos() as chaos:
    chaos.proxy(upstream)
    before = open_descriptors()
    proxies = [chaos.proxy(upstream) for _ in range({PROXIES - 1})]
    print((open_descriptors() - before) / len(proxies))
    for number, proxy in enumerate(proxies):
        with connect(proxy) as client:
            assert say(client, bytes([number % 256])) == bytes([number % 256])
        proxy.wait_for_no_connections()
    print(sum(proxy.stats().connections_accepted for proxy in proxies))
"""


@pytest.mark.slow
@pytest.mark.usefixtures("uncounted_programs")
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_thousand_proxies_need_fewer_than_2_100_descriptors_and_each_carries_a_byte() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    per_proxy, connections = done.stdout.split()
    assert float(per_proxy) == 1.0
    assert int(connections) == PROXIES - 1
