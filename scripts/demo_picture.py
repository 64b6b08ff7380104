"""Draw a run of ``trixter demo`` as an animated SVG: its lines appear when the demo prints them.

python scripts/demo_picture.py [FILE]

The demo runs in a terminal of its own, whose screen is read after each output; so a line that is printed
over is shown in each of its states; what is still to come is pale, so that the picture is never empty. It
goes to ``docs/demo.svg``, or to FILE. Where animations are off, it shows the last state.
"""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from itertools import chain, groupby
from pathlib import Path

import pyte
from pyte.screens import Char

from trixter.monotonic import monotonic

PICTURE = Path(__file__).parents[1] / "docs/demo.svg"

COLUMNS = 80
# More than the demo prints: nothing may scroll.
ROWS = 60

PROMPT = b"$ trixter demo\r\n"
# How long the prompt stands there alone.
PROMPT_S = 0.5

CHARACTER_WIDTH = 8.4
LINE_HEIGHT = 19
MARGIN = 16

# Terminals' colours that are readable on both backgrounds: light, dark.
COLOURS = {
    "black": ("#59636e", "#9198a1"),
    "blue": ("#0969da", "#58a6ff"),
    "brown": ("#9a6700", "#d29922"),
    "cyan": ("#1b7c83", "#39c5cf"),
    "green": ("#1a7f37", "#3fb950"),
    "magenta": ("#8250df", "#bc8cff"),
    "red": ("#cf222e", "#ff7b72"),
}

STYLE = """\
text { font: 14px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #1f2328 }
.panel { fill: #ffffff; stroke: #d1d9e0 }
.bold { font-weight: 600 }
.passing { visibility: hidden }
@keyframes wait { from { opacity: .15 } }
@keyframes pass { from, to { visibility: visible } }
@media (prefers-reduced-motion) { text { animation: none !important } }"""


@dataclass(frozen=True, slots=True)
class Line:
    """A state of one line of the screen.

    Args:
        row: From the top, 0 is the first.
        cells: Its characters, without blanks at the end.
        from_s: When it appears.
        until_s: When it is printed over; ``None`` if it stays.
    """

    row: int
    cells: tuple[Char, ...]
    from_s: float
    until_s: float | None = None


def outputs_of(command: list[str]) -> Iterator[tuple[float, bytes]]:
    """Run a command in a terminal; yield what it prints, each with the seconds since its first output.

    Raises:
        subprocess.CalledProcessError: If it fails.
    """
    ours, its = pty.openpty()
    termios.tcsetwinsize(its, (ROWS, COLUMNS))
    environment = {**os.environ, "TERM": "xterm-256color"}
    began_at = None
    with subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=environment) as process:
        os.close(its)
        with os.fdopen(ours, "rb", buffering=0) as terminal:
            try:
                while output := terminal.read(65536):
                    began_at = began_at or monotonic()
                    yield monotonic() - began_at, output
            except OSError:
                pass  # EIO is the end of a terminal on Linux
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def lines_of(outputs: Iterable[tuple[float, bytes]]) -> list[Line]:
    """Return each line of the screen in each of its states, empty ones left out."""
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    shown: dict[int, Line] = {}
    lines: list[Line] = []
    for at_s, output in outputs:
        stream.feed(output)
        for row in sorted(screen.dirty):
            cells = tuple(screen.buffer[row][column] for column in range(COLUMNS))
            length = len("".join(cell.data for cell in cells).rstrip())
            line = Line(row, cells[:length], at_s)
            before = shown.get(row)
            if before is not None and before.cells == line.cells:
                continue
            if before is not None and before.cells:
                lines.append(Line(row, before.cells, before.from_s, at_s))
            shown[row] = line
        screen.dirty.clear()
    return [*lines, *(line for line in shown.values() if line.cells)]


def draw(lines: list[Line]) -> str:
    """Return the picture of the lines."""
    width = 2 * MARGIN + COLUMNS * CHARACTER_WIDTH
    height = 2 * MARGIN + (1 + max(line.row for line in lines)) * LINE_HEIGHT
    light, dark = (
        "\n".join(f".{name} {{ fill: {pair[shade]} }}" for name, pair in COLOURS.items()) for shade in (0, 1)
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img">',
            "<title>trixter demo: a connection goes bad, and good again</title>",
            f"<style>\n{STYLE}\n{light}",
            "@media (prefers-color-scheme: dark) {",
            "text { fill: #f0f6fc }\n.panel { fill: #0d1117; stroke: #3d444d }",
            f"{dark}\n}}\n</style>",
            f'<rect class="panel" x="0.5" y="0.5" width="{width - 1:g}" height="{height - 1:g}" rx="8"/>',
            *map(_draw_line, lines),
            "</svg>\n",
        ]
    )


def _draw_line(line: Line) -> str:
    y = MARGIN + (line.row + 0.75) * LINE_HEIGHT
    if line.until_s is None:
        timing = f'style="animation: wait {line.from_s:.2f}s step-end"'
    else:
        shown_s = line.until_s - line.from_s
        timing = f'class="passing" style="animation: pass {shown_s:.2f}s {line.from_s:.2f}s step-end"'
    spans, column = [], 0
    for look, run in groupby(line.cells, key=lambda cell: (cell.fg, cell.bold)):
        text = "".join(cell.data for cell in run)
        names = [name for name in (look[0], "bold" if look[1] else "") if name in (*COLOURS, "bold")]
        classes = f' class="{" ".join(names)}"' if names else ""
        if text.strip():
            # A length of its own, so that the columns are straight in every font.
            place = f'x="{MARGIN + column * CHARACTER_WIDTH:g}" textLength="{len(text) * CHARACTER_WIDTH:g}"'
            spans.append(f"<tspan {place}{classes}>{escape(text, quote=False)}</tspan>")
        column += len(text)
    return f'<text xml:space="preserve" y="{y:g}" {timing}>{"".join(spans)}</text>'


def main(picture: Path) -> None:
    """Run the demo, and write its picture."""
    # By its name, as a user does: the demo prints commands to go on with.
    folder = Path(sys.executable).parent
    os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
    outputs = outputs_of([str(folder / "trixter"), "demo"])
    at_once = [(0.0, PROMPT)]
    later = ((PROMPT_S + at_s, output) for at_s, output in outputs)
    picture.write_text(draw(lines_of(chain(at_once, later))), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE)
