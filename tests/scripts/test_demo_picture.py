"""The picture of the demo: a terminal's screen over time, as an SVG."""

from __future__ import annotations

import sys
from xml.etree import ElementTree

from scripts.demo_picture import draw, lines_of, outputs_of

SVG = "{http://www.w3.org/2000/svg}"


def text_of(element: ElementTree.Element) -> str:
    return "".join(element.itertext())


def test_a_line_appears_when_it_is_printed_and_passes_when_it_is_printed_over() -> None:
    lines = lines_of([(0.0, b"$ demo\r\n"), (0.5, b"10 %"), (1.25, b"\r100 %\r\n")])
    shown = [("".join(cell.data for cell in line.cells), line.from_s, line.until_s) for line in lines]
    assert shown == [("10 %", 0.5, 1.25), ("$ demo", 0.0, None), ("100 %", 1.25, None)]


def test_the_picture_is_xml_with_the_text_its_colours_and_its_times() -> None:
    picture = draw(lines_of([(0.25, b"a <b> \x1b[32mgood\x1b[0m\r\n"), (2.0, b"bad")]))
    root = ElementTree.fromstring(picture)
    first, second = root.iter(f"{SVG}text")
    assert (text_of(first), text_of(second)) == ("a <b> good", "bad")
    assert [span.get("class") for span in first] == [None, "green"]
    assert "wait 2.00s" in second.get("style", "")
    assert picture.count("://") == 1, "nothing but the name space is an address: it is shown offline, too"


def test_a_program_prints_to_a_terminal_and_its_output_is_read_to_the_end() -> None:
    program = "import os, sys; print(sys.stdout.isatty(), os.get_terminal_size().columns, 'x' * 9999)"
    outputs = list(outputs_of([sys.executable, "-c", program]))
    assert outputs[0][0] >= 0
    assert b"".join(output for _, output in outputs).startswith(b"True 80 xxx")
    assert sum(len(output) for _, output in outputs) > 9999
