"""Print requirements: the oldest versions that pyproject.toml allows, and the tools that test them.

Each lower bound becomes the one version allowed, so that a bound which cannot be installed beside the others
fails, and none is raised in silence.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

# What builds trixter, and what its tests need, at the versions used everywhere: only those of users vary.
# Not schemathesis, which asks for a newer rich than trixter does.
TOOLS = (
    "editables",
    "hatchling",
    "aiohttp",
    "coverage",
    "freezegun",
    "gevent",
    "hypothesis",
    "pytest",
    "pytest-asyncio",
    "pytest-repeat",
    "pytest-rerunfailures",
    "pytest-timeout",
    "pytest-xdist",
    "pyyaml",
    "redis",
    "requests",
    "trio",
    "websockets",
)


def oldest(requirement: str) -> str:
    """Turn a requirement with a lower bound into one of that very version.

    Raises:
        ValueError: If it has no lower bound, or anything beside it.
    """
    found = re.fullmatch(r"(?P<name>[\w.-]+)>=(?P<version>[\w.]+)(?P<marker>\s*;.*)?", requirement)
    if not found:
        raise ValueError(f"not of the form NAME>=VERSION: {requirement!r}")
    return f"{found['name']}=={found['version']}{found['marker'] or ''}"


def pinned(tools: tuple[str, ...], pins: str) -> list[str]:
    """Return the pins of tools.

    Raises:
        KeyError: If there is none for a tool.
    """
    of = {line.partition("==")[0]: line for line in pins.splitlines() if "==" in line}
    return [of[tool] for tool in tools]


def main() -> int:
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = Path("requirements/dev.txt").read_text(encoding="utf-8")
    print("\n".join([*map(oldest, project["dependencies"]), *pinned(TOOLS, pins)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
