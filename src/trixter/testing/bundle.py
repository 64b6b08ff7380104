"""Bundles: the journals of failed tests, each with its environment, to be repeated on another machine."""

from __future__ import annotations

import hashlib
import platform
import re
from importlib.metadata import distributions
from pathlib import Path

from trixter.control.journal import Bundle, read_bundle
from trixter.errors import JournalError
from trixter.testing.chaos import Chaos

# As many as a person still reads.
MOST_DIFFERENCES = 20

# A failure depends on these most.
FIRST = ("Python", "Platform", "trixter", "pytest")

LONGEST_NAME = 60


def bundle_of(test: str, seed: int, command: str) -> Bundle:
    """Return the bundle of a test that failed here.

    Args:
        test: The node id of the test.
        seed: The seed of the run.
        command: The command that repeats the test with that seed.
    """
    python = f"{platform.python_implementation()} {platform.python_version()}"
    # Journals are UTF-8, and a node id may contain surrogates: pytest does not escape all of them.
    test, command = (text.encode(errors="backslashreplace").decode() for text in (test, command))
    packages = {str(each.name).lower(): each.version for each in distributions()}
    return Bundle(test, seed, command, python, platform.platform(), dict(sorted(packages.items())))


def write_bundle(folder: Path, chaos: Chaos, bundle: Bundle) -> Path:
    """Write the bundle of a test to a file of its own in a folder, and return the file.

    Raises:
        OSError: If it cannot be written.
        JournalError: If it cannot be repeated, since there were more entries than are kept.
    """
    digest = hashlib.sha256(bundle.test.encode()).hexdigest()
    name = re.sub(r"[^\w.-]+", "-", bundle.test.partition("::")[2], flags=re.ASCII).strip("-")
    path = folder / f"{name[:LONGEST_NAME]}-{digest[:8]}.jsonl"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in chaos.journal_lines(bundle)), encoding="utf-8")
    try:
        read_bundle(path)
    except JournalError:
        path.unlink()
        raise
    return path


def origin_lines(bundle: Bundle) -> list[str]:
    """Return the lines about the origin of a replay, and what differs here."""
    differing = differences(bundle) or ["Python, platform and packages are the same here"]
    lines = [f"with its seed only: {bundle.command}", *differing]
    return [f"chaos replay: {bundle.test}, as it failed elsewhere", *(f"  {each}" for each in lines)]


def differences(bundle: Bundle) -> list[str]:
    """Return what differs here from the environment of a bundle, in lines."""
    there, here = map(_versions_of, (bundle, bundle_of(bundle.test, bundle.seed, bundle.command)))
    names = dict.fromkeys((*FIRST, *sorted({*there, *here})))
    pairs = {name: [each.get(name, "not installed") for each in (there, here)] for name in names}
    lines = [f"{name}: {then} there, {now} here" for name, (then, now) in pairs.items() if then != now]
    more = len(lines) - MOST_DIFFERENCES
    return [*lines[:MOST_DIFFERENCES], *([f"and {more} more packages"] if more > 0 else [])]


def _versions_of(bundle: Bundle) -> dict[str, str]:
    return {"Python": bundle.python, "Platform": bundle.platform, **bundle.packages}
