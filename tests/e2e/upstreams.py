"""Servers in processes of their own, which a user might have behind the proxy."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from tests.e2e.conversation import listener
from tests.e2e.measuring import PATIENCE_S, wait_until


@dataclass(frozen=True)
class RedisServer:
    """The addresses of a redis-server: a port, and a path."""

    port: int
    path: Path


def program(name: str) -> str:
    """Return the path of a program the test needs; skip without it, but never on CI."""
    path = shutil.which(name)
    if path is None:
        missing = f"{name} is not installed, and this test needs it: .ci/run installs it"
        if os.environ.get("CI"):
            pytest.fail(missing, pytrace=False)
        pytest.skip(missing)
    return path


@contextmanager
def running(command: Sequence[str | Path]) -> Iterator[subprocess.Popen[str]]:
    """Run a server; end it by its process id."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    with process:
        try:
            yield process
            process.terminate()
            process.wait(PATIENCE_S)
        finally:
            process.kill()


@contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    """Run a real redis-server that keeps nothing."""
    with listener() as free:
        where = RedisServer(free.getsockname()[1], folder / "redis.sock")
    command = [program("redis-server"), "--bind", "127.0.0.1", "--port", str(where.port)]
    command += ["--unixsocket", str(where.path), "--dir", str(folder), "--logfile", str(folder / "redis.log")]
    with running([*command, "--save", "", "--appendonly", "no"]):
        with redis.Redis(port=where.port) as client:
            wait_until(lambda: _answers(client), "redis-server to answer")
        yield where


@contextmanager
def http_server(folder: Path) -> Iterator[int]:
    """Serve a folder over HTTP with what Python brings; give the port."""
    command = [
        sys.executable,
        "-u",
        "-m",
        "http.server",
        "--bind",
        "127.0.0.1",
        "0",
        "--directory",
        str(folder),
    ]
    with running(command) as process:
        assert process.stdout
        found = re.search(r"port (\d+)", process.stdout.readline())
        assert found
        yield int(found[1])


@contextmanager
def echo_server() -> Iterator[int]:
    """Send back what comes; give the port."""
    with running([sys.executable, Path(__file__).with_name("echo_server.py")]) as process:
        assert process.stdout
        yield int(process.stdout.readline())


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
