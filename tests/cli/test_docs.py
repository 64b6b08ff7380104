"""``trixter docs``: the pages, wherever the program keeps them."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from trixter.cli import docs
from trixter.cli.main import main

ROOT = Path(__file__).parents[2]

FOLDER = ROOT / "docs"
PAGES = {"readme", *(str(path.relative_to(FOLDER).with_suffix("")) for path in FOLDER.rglob("*.md"))}


def shown(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    with pytest.raises(SystemExit) as left:
        main(["docs", *args])
    assert left.value.code == 0
    return capsys.readouterr().out


def test_the_list_has_every_page_with_its_title_and_begins_with_the_tour(
    capsys: pytest.CaptureFixture[str],
) -> None:
    *rows, _, hint = shown(capsys).splitlines()
    assert rows[0].split() == ["readme", "trixter"]
    assert {row.split()[0] for row in rows} == PAGES
    assert f"{'faults':<{max(map(len, PAGES))}}  The faults, exactly" in rows
    assert hint == "`trixter docs PAGE` shows one of them."


@pytest.mark.parametrize("typed", ["faults", "Faults", "faults.md", "docs/faults.md"])
def test_a_page_is_shown_unchanged_to_a_program(typed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, typed) == (ROOT / "docs/faults.md").read_text()


def test_at_a_terminal_a_page_is_rendered_for_a_pager(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    paged: list[str] = []
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("click.echo_via_pager", paged.append)
    shown(capsys, "faults")
    (text,) = paged
    assert "The faults, exactly" in text
    assert "# The faults" not in text


def test_a_rendered_page_has_links_to_the_web_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    text = "# Ends\n\n[Here](#ends), [there](faults.md#ends), [two\nlines](../README.md), [far](https://x.example)"
    plain = click.unstyle(docs.rendered(text))
    assert plain.split() == ["Ends", "Here,", "there,", "two", "lines,", "far", "(https://x.example)"]
    assert max(map(len, plain.splitlines())) <= 60


def test_a_page_in_a_folder_is_named_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docs/how-to").mkdir(parents=True)
    for name in ("README.md", "docs/how-to/ci.md", "docs/site.css"):
        (tmp_path / name).touch()
    monkeypatch.setattr(docs, "files", lambda package: tmp_path / "none")
    monkeypatch.setattr(docs, "__file__", str(tmp_path / "src/trixter/cli/docs.py"))
    assert [*docs.pages()] == ["readme", "how-to/ci"]


def test_a_program_built_without_the_pages_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docs, "__file__", str(tmp_path / "src/trixter/cli/docs.py"))
    with pytest.raises(SystemExit) as left:
        main(["docs"])
    assert left.value.code == 1
    assert capsys.readouterr().err == "trixter: this copy of trixter has no documentation\n"
