"""The terminals of a page: one shell for most of it, and programs that are left running."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import threading
from pathlib import Path

PATIENCE_S = 40.0

# Programs print this when they accept connections.
READY = re.compile(r"listening on|Serving HTTP on|keeps running|Ready to accept|^ +\d+ s$", re.MULTILINE)


class Terminal:
    """Run one program, and read what it prints while it runs.

    Args:
        command: What runs.
        folder: Where.
    """

    def __init__(self, command: list[str], folder: Path) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
        )
        self._shown = ""
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def shown(self) -> str:
        with self._changed:
            return self._shown

    def shows(self, pattern: re.Pattern[str]) -> bool:
        """Wait until a pattern is printed; return whether it was."""
        with self._changed:
            return self._changed.wait_for(lambda: pattern.search(self._shown) is not None, PATIENCE_S)

    def stop(self) -> None:
        """End the program."""
        self._process.terminate()
        self._process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)

    def _read(self) -> None:
        assert self._process.stdout
        with self._process.stdout as lines:
            for line in lines:
                with self._changed:
                    self._shown += line
                    self._changed.notify_all()


class Shell:
    """A shell that is given one block after another, and keeps its variables in between.

    Args:
        folder: Where it starts.
        scratch: For the blocks and what they print.
    """

    def __init__(self, folder: Path, scratch: Path) -> None:
        self._block, self._printed = scratch / "block.sh", scratch / "printed"
        self._bash = subprocess.Popen(
            ["bash"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self._say("set -o pipefail")

    def run(self, text: str) -> tuple[int, str]:
        """Run a block; return the last status that is not 0, if any, and all it printed."""
        self._block.write_text(text + "\n", encoding="utf-8")
        block, printed = shlex.quote(str(self._block)), shlex.quote(str(self._printed))
        self._say("failure=0; trap 'failure=$?' ERR")
        self._say(f". {block} >{printed} 2>&1 </dev/null; trap - ERR; echo $failure")
        assert self._bash.stdout
        status = self._bash.stdout.readline()
        return int(status or -1), self._printed.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """End the shell."""
        self._bash.communicate(timeout=PATIENCE_S)

    def _say(self, line: str) -> None:
        assert self._bash.stdin
        self._bash.stdin.write(f"{line}\n")


def put_on_path(folder: Path, name: str, script: str) -> None:
    """Add a command to the search path of programs that are started from now on."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (folder / name).chmod(0o755)
    if str(folder) not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
