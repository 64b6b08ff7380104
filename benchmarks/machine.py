"""The machine on which the benchmark runs."""

from __future__ import annotations

import os
import platform
import re
import resource
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.results import Facts


def facts(versions: dict[str, str]) -> Facts:
    """Return the facts that a comparison of two results needs.

    Args:
        versions: Peer → version.
    """
    return Facts(
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)),
        kernel=f"{platform.system()} {platform.release()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        versions=versions,
    )


def allow_all_descriptors() -> None:
    """Raise the limit of open files to the hard limit; programs started from here inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _cpu() -> str:
    with suppress(OSError):
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        if found:
            return found[1]
    return platform.machine()
