"""The folder and the network in which a page's commands run."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.docs.pages import ROOT
from tests.docs.terminal import put_on_path

# What the commands of the pages need, beside Python.
PROGRAMS = ("bash", "curl", "git", "jq", "make", "redis-cli", "redis-server")

# What the pages listen on.
PORTS = (6379, 7001, 7002, 7003, 8001, 8002, 8003, 8080, 8181, 8888)

OWN_NETWORK = ["unshare", "--user", "--map-root-user", "--net"]

# The page that changes the code does so in a copy of these.
COPIED = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Makefile",
    "README.md",
    "benchmarks",
    "deploy",
    "docs",
    "examples",
    "pyproject.toml",
    "requirements",
    "scripts",
    "src",
    "tests",
)

# <linux/sockios.h>, <linux/if.h>
SIOCSIFFLAGS = 0x8914
IFF_UP = 1


def prepare(page: str, scratch: Path) -> Path:
    """Prepare a reader's folder and commands; return the folder.

    ``trixter`` is this one. ``make`` believes that it has set everything up: these tests run in what it
    set up, whatever that is called.
    """
    source, folder = ROOT / "src", scratch / "sandbox"
    folder.mkdir()
    if page == "CONTRIBUTING.md":
        copy_project(folder)
        source = folder / "src"
    # A copy's coverage is not counted, settings would change what is shown, and no reader is called by make.
    for name in [name for name in os.environ if name.startswith(("COVERAGE", "MAKE", "MFLAGS", "TRIXTER_"))]:
        del os.environ[name]
    # Plugins that none of the pages' tests needs take longer to load than those tests to run.
    light = "-p no:schemathesis -p no:asyncio -p no:randomly -p no:rerunfailures -p no:repeat"
    path = [str(source)]
    if page != "CONTRIBUTING.md":
        light += " -p no:hypothesispytest"
        # A reader who has installed trixter has no Trio. Where it is found, AnyIO's plugin and httpx2 load
        # it, which takes a quarter of the time of most commands.
        (scratch / "trio.py").write_text("raise ImportError('a reader has not installed it')\n")
        path.append(str(scratch))
    os.environ |= {"PYTHONPATH": os.pathsep.join(path), "PYTHONUNBUFFERED": "1", "PYTEST_ADDOPTS": light}
    os.environ["HYPOTHESIS_NO_PLUGINS"] = "1"  # schemathesis again
    # A reader's tests ask whether the steps are complete, and the ordinary run whether the properties hold.
    os.environ["HYPOTHESIS_PROFILE"] = "brief"
    stamps = "-o .venv/runtime.stamp -o .venv/dev.stamp"
    put_on_path(scratch / "bin", "make", f'exec {shutil.which("make")} {stamps} "$@"')
    put_on_path(scratch / "bin", "trixter", f'exec {sys.executable} -m trixter "$@"')
    put_on_path(scratch / "bin", "python3", f'exec {sys.executable} "$@"')
    put_on_path(scratch / "bin", "pytest", f'exec {sys.executable} -m pytest "$@"')
    return folder


def copy_project(folder: Path) -> None:
    """Make a clone that may be changed."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(sys.prefix)
    git = ["git", "-c", "user.name=reader", "-c", "user.email=reader@example.com"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "--no-verify", "-m", "as cloned"]):
        subprocess.run([*git, *command], cwd=folder, check=True)


def obstacle(*, has_own_network: bool) -> str:
    """Return why this machine cannot run the pages; empty if it can."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"needs {', '.join(missing)}"
    taken = [] if has_own_network else [port for port in PORTS if is_taken(port)]
    return f"needs the ports {taken}" if taken else ""


def can_have_own_network() -> bool:
    """Return whether a page can have a loopback interface of its own, with every port free (Linux)."""
    if shutil.which(OWN_NETWORK[0]) is None:
        return False
    return subprocess.run([*OWN_NETWORK, "true"], capture_output=True).returncode == 0


@contextmanager
def holding_ports() -> Iterator[None]:
    """Hold a lock, so that only one page at a time runs on this machine's network, of all processes."""
    import fcntl

    with Path(__file__).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def bring_up_loopback() -> None:
    """Switch the loopback interface of a new network on."""
    import fcntl

    with socket.socket() as sock:
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


def is_taken(port: int) -> bool:
    """Return whether a port is taken."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
