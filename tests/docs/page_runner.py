"""Run the blocks of one page in order, as a reader would; a program of its own.

    python -m tests.docs.page_runner PAGE SCRATCH [--own-network]

It prints one line of JSON for each block: ``[line, complaint]``, with an empty complaint if all is well.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.docs.output_patterns import complaint, pattern_of
from tests.docs.pages import Block, blocks_of
from tests.docs.sandbox import bring_up_loopback, prepare
from tests.docs.skipped_blocks import SKIPPED
from tests.docs.terminal import READY, Shell, Terminal


class PageRunner:
    """Run the blocks of a page.

    Args:
        folder: Where the page's commands run.
        scratch: For everything else.
    """

    def __init__(self, folder: Path, scratch: Path) -> None:
        self._folder = folder
        self._scratch = scratch
        self._shell = Shell(folder, scratch)
        self._terminals: dict[str, Terminal] = {}
        self._printed = ""

    def run_block(self, block: Block, *, is_shown: bool) -> str:
        """Run a block; return a complaint, empty if all is well.

        Args:
            block: The block.
            is_shown: Whether the page shows what it prints. If not, the API must not have refused it.
        """
        if block.is_output:
            return self._compare(block)
        if block.language == "diff":
            return self._edit(block)
        if block.option("file"):
            path = self._folder / block.option("file")
            path.write_text(block.text + "\n", encoding="utf-8")
            return ""
        if block.option("terminal"):
            return self._leave_running(block)
        wrong = self._run(block)
        if not wrong and not is_shown and '{"error"' in self._printed:
            wrong = f"refused: {self._printed}"
        return wrong

    def stop(self) -> None:
        """Close every terminal."""
        for terminal in self._terminals.values():
            terminal.stop()
        self._shell.stop()

    def _run(self, block: Block) -> str:
        text = block.text
        if block.language == "python":
            text = f"{sys.executable} {self._write_program(block)}"
        status, self._printed = self._shell.run(text)
        expected = block.option("exits") or "0"
        if expected not in (str(status), "any"):
            return f"status {status}, not {expected}:\n{self._printed}"
        return ""

    def _leave_running(self, block: Block) -> str:
        name = block.option("terminal")
        is_alone = block.info.endswith(" alone")
        for other in [other for other in self._terminals if is_alone or other == name]:
            self._terminals.pop(other).stop()
        command = ["bash", "-c", block.text]
        if block.language == "python":
            command = [sys.executable, str(self._write_program(block))]
        terminal = self._terminals[name] = Terminal(command, self._folder)
        return "" if terminal.shows(READY) else f"nothing to talk to:\n{terminal.shown}"

    def _compare(self, block: Block) -> str:
        name = block.option("output")
        if not name:
            return complaint(block.text, self._printed)
        terminal = self._terminals[name]
        if terminal.shows(pattern_of(block.text.strip())):
            return ""
        return f"terminal {name} does not show\n{block.text}\nbut\n{terminal.shown}"

    def _edit(self, block: Block) -> str:
        lines = block.text.splitlines()
        before, after = (
            "\n".join(line[1:] for line in lines if line[:1] in (" ", sign)) for sign in ("-", "+")
        )
        path = self._folder / block.option("file")
        text = path.read_text(encoding="utf-8")
        if text.count(before) != 1:
            return f"{path.name} has this {text.count(before)} times:\n{before}"
        path.write_text(text.replace(before, after), encoding="utf-8")
        return ""

    def _write_program(self, block: Block) -> Path:
        path = self._scratch / f"line_{block.line}.py"
        path.write_text(block.text + "\n", encoding="utf-8")
        return path


def run_page(page: str, scratch: Path) -> Iterator[tuple[int, str]]:
    """Run all blocks of a page; yield the line of each and the complaint about it."""
    runner = PageRunner(prepare(page, scratch), scratch)
    try:
        blocks = [block for block in blocks_of(page) if block.text not in SKIPPED]
        for block, following in zip(blocks, [*blocks[1:], None], strict=True):
            yield block.line, runner.run_block(block, is_shown=following is not None and following.is_output)
    finally:
        runner.stop()


if __name__ == "__main__":
    if "--own-network" in sys.argv:
        bring_up_loopback()
    for outcome in run_page(sys.argv[1], Path(sys.argv[2])):
        print(json.dumps(outcome), flush=True)
