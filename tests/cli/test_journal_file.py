"""A journal in a file: complete or with the number of lines it lost, and never larger than it may be."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from trixter.cli import log_writer
from trixter.cli.journal_file import JournalFile
from trixter.cli.options import Options
from trixter.cli.serve import bound_service
from trixter.control.journal import VERSION, Dropped, Header, JournaledProxy, Opened, line_of, read_replays
from trixter.errors import JournalError

PROXIES = (JournaledProxy("proxy", 5, "127.0.0.1:1"),)
LINE = Opened(0.0, "proxy", 1, "127.0.0.1:2")
PATIENCE_S = 30.0

Open = Callable[..., JournalFile]


@pytest.fixture
def open_file() -> Iterator[Open]:
    """Return a maker of journals; a test that has ended leaves none open."""
    with ExitStack() as exits:

        def opened(path: Path, **settings: int) -> JournalFile:
            file = JournalFile(str(path), PROXIES, **settings)
            exits.callback(file.end, PATIENCE_S)
            return file

        yield opened


def events(path: Path) -> list[str]:
    return [msgspec.json.decode(line)["event"] for line in path.read_text().splitlines()]


def test_what_was_there_is_replaced_and_what_is_written_can_be_read(open_file: Open, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text("of another run\n")
    file = open_file(path)
    for _ in range(3):
        file.add(LINE)
    file.end(PATIENCE_S)
    file.end()  # idempotent
    assert path.read_text().splitlines() == [line_of(Header(VERSION, PROXIES)), *[line_of(LINE)] * 3]
    assert read_replays(path).keys() == {"proxy"}


def test_a_full_file_makes_room_and_the_next_says_which_part_it_is(open_file: Open, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    file = open_file(path, limit_bytes=400)
    for _ in range(20):
        file.add(LINE)
        assert file.flush(PATIENCE_S)
    file.end(PATIENCE_S)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["run.jsonl", "run.jsonl.1"]
    assert path.stat().st_size <= 400 + log_writer.WRITE_BYTES
    assert path.stat().st_mode & 0o777 == 0o600  # it names clients
    with pytest.raises(JournalError, match=r"run\.jsonl:1: it is part \d+ of a journal"):
        read_replays(path)


def test_a_folder_that_is_gone_ends_no_journal_and_fills_no_disk(open_file: Open, tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    path = folder / "run.jsonl"
    file = open_file(path, limit_bytes=400)
    kept = tmp_path / "kept"
    os.link(path, kept)
    path.unlink()
    folder.rmdir()
    for _ in range(20):
        file.add(LINE)
        assert file.flush(PATIENCE_S)
    assert kept.stat().st_size <= 400 + log_writer.WRITE_BYTES
    assert events(kept)[0] == "journal"


def test_a_pipe_is_not_rotated_and_lines_that_nothing_reads_are_counted(
    open_file: Open, tmp_path: Path
) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        file = open_file(path, limit_bytes=10)
        lines = 3 * log_writer.LIMIT_BYTES // len(line_of(LINE))
        for _ in range(lines):
            file.add(LINE)  # and this returns, although nothing is read
        os.set_blocking(reader, True)
        received = b""
        file.add(LINE)
        while b"dropped" not in received:
            received += os.read(reader, 1 << 20)
        begin = received.index(b'{"event":"dropped"')
        dropped = msgspec.json.decode(received[begin:].partition(b"\n")[0], type=Dropped)
        assert 0 < dropped.lines < lines
        assert dropped.why == "the disk was too slow"
    finally:
        os.close(reader)  # and so the writer ends
    assert not (tmp_path / "pipe.1").exists()


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match=r"none/run\.jsonl: no such file or directory"):
        JournalFile(str(tmp_path / "none" / "run.jsonl"), PROXIES)


def options(**settings: Any) -> Options:
    return Options(listen="127.0.0.1:0", upstream="127.0.0.1:1", **settings)


@pytest.mark.parametrize("names", [(), ("one", "two")])
def test_a_journal_of_other_proxies_is_refused_before_anything_starts(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    path = tmp_path / "run.jsonl"
    proxies = tuple(JournaledProxy(name, 5, "127.0.0.1:1") for name in names)
    path.write_text(line_of(Header(VERSION, proxies)) + "\n")
    with pytest.raises(JournalError, match=rf"run\.jsonl:1: it has {len(names)} proxies, and here is one"):
        bound_service(options(replay=str(path), journal=str(tmp_path / "new.jsonl")))
    assert not (tmp_path / "new.jsonl").exists()


def test_a_journal_that_cannot_be_written_leaves_no_port_bound(tmp_path: Path) -> None:
    with pytest.raises(JournalError):  # and tests/leaks.py finds a socket that is left
        bound_service(options(journal=str(tmp_path), api="127.0.0.1:0"))


@pytest.mark.anyio
async def test_a_run_and_its_replay_have_the_same_seed(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    recording = bound_service(options(journal=str(path)))
    await recording.stop()
    replay = bound_service(options(replay=str(path)))
    await replay.stop()
    assert replay.seed == recording.seed
