"""The journal: what happened to the connections of a proxy, as values, as lines, and as a replay."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trixter.control.commands import Apply, GetProxy, Revert
from trixter.control.journal import (
    DETAILS,
    VERSION,
    Dropped,
    Ended,
    Header,
    Journal,
    JournaledProxy,
    Line,
    Opened,
    Strike,
    line_of,
    read_replays,
)
from trixter.control.overrides import Override, ReplaceFaults
from trixter.errors import JournalError
from trixter.faults import Decision, Direction, Effect, Faults, Latency
from trixter.faults.actions import Moment, Place
from trixter.faults.replayed import Replayed
from trixter.proxy.end_reason import CLOSED, EndReason
from trixter.settings import Availability

UP, DOWN = Direction


class FakeConnection:
    """As much of a connection as a journal looks at."""

    number = 3
    client = "127.0.0.1:50000"

    def forwarded_bytes(self, direction: Direction) -> int:
        return 10 if direction is UP else 20


def decision(effect: Effect = Effect.RESET, offset_bytes: int = 7, **detail: Any) -> Decision:
    return Decision(
        kind="terminate",
        effect=effect,
        offset_bytes=offset_bytes,
        moment=Moment.BYTE,
        detail=detail or {"reason": "terminated"},
        place=Place(2, 1),
        input_bytes=offset_bytes,
    )


def journal(**settings: Any) -> tuple[Journal, Callable[[Decision], None]]:
    """Return a journal, and a function that decides upstream on connection 3."""
    made = Journal("proxy", "test", **settings)
    return made, lambda each: made.on_decision(FakeConnection(), UP, each)  # type: ignore[arg-type]


def without_times(lines: list[Line]) -> list[dict[str, Any]]:
    values = [json.loads(line_of(line)) for line in lines]
    return [{name: value for name, value in each.items() if name != "at_s"} for each in values]


def test_each_line_has_its_event_and_the_name_of_the_proxy() -> None:
    made, decide = journal()
    connection: Any = FakeConnection()
    made.on_opened(connection)
    decide(decision())
    made.on_ended(connection, EndReason("terminated"))
    assert without_times(made.entries) == [
        {"event": "opened", "proxy": "proxy", "connection": 3, "client": "127.0.0.1:50000"},
        {
            "event": "decision",
            "proxy": "proxy",
            "connection": 3,
            "direction": "upstream",
            "kind": "terminate",
            "effect": "reset",
            "offset_bytes": 7,
            "detail": {"reason": "terminated"},
            "moment": "byte",
            "place": [2, 1],
            "input_bytes": 7,
        },
        {
            "event": "ended",
            "proxy": "proxy",
            "connection": 3,
            "client": "127.0.0.1:50000",
            "reason": "terminated",
            "bytes_upstream": 10,
            "bytes_downstream": 20,
        },
    ]


def test_overrides_are_recorded_with_what_they_change_and_where_they_came_from() -> None:
    made, _ = journal()
    slow = Latency(delay_s=0.25, name="slow")
    override = Override(upstream=ReplaceFaults.one(slow), availability=Availability.DOWN, name="n", ttl_s=5)
    made.on_command(Apply(override=override), "a-1")
    made.on_command(Apply(override=Override(downstream=ReplaceFaults.everything()), permanent=True), "")
    made.on_command(Revert("a-1"), None)
    made.on_command(GetProxy(), None)
    everything = {"target": "_all", "downstream": {"removed": None, "added": []}}
    assert without_times(made.entries) == [
        {
            "event": "applied",
            "proxy": "proxy",
            "by": "test",
            "id": "a-1",
            "override": {
                "target": "_all",
                "upstream": {
                    "removed": ["latency slow"],
                    "added": [{"kind": "latency", "delay_s": 0.25, "jitter_s": 0.0}],
                },
                "availability": "down",
                "ttl_s": 5,
                "name": "n",
            },
        },
        {"event": "applied", "proxy": "proxy", "by": "test", "id": "", "override": everything},
        {"event": "reverted", "proxy": "proxy", "by": "test", "id": "a-1"},
    ]


def test_whatever_a_fault_of_a_user_tells_is_written() -> None:
    made, decide = journal()
    decide(decision(Effect.LOSE, size_bytes=1, why=object))
    assert "object" in line_of(made.entries[0])


def test_the_youngest_entries_are_kept_and_the_others_counted() -> None:
    made, decide = journal(most_entries=3)
    for offset in range(5):
        decide(decision(offset_bytes=offset))
    forgotten = made.entries[0]
    assert isinstance(forgotten, Dropped)
    assert forgotten.lines == 2
    assert [each.offset_bytes for each in made.strikes] == [2, 3, 4]
    made.start_over()
    assert made.entries == []


def test_every_entry_is_written_at_once() -> None:
    written: list[Line] = []
    made, decide = journal(write=written.append)
    decide(decision())
    assert written == made.entries


def test_leaving_the_record_is_no_strike_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    made, decide = journal()
    for _ in range(2):
        decide(decision(Effect.DIVERGE, 4711))
    assert made.strikes == []
    assert [each.message for each in caplog.records] == [
        "the replay left the record at connection 3, upstream, byte 4,711"
    ]


@pytest.mark.parametrize(
    ("effect", "detail", "text"),
    [
        (Effect.RESET, {"reason": "terminated"}, "reset (terminated)"),
        (Effect.CLOSE, {"reason": "limit"}, "close (limit)"),
        (Effect.HALF_CLOSE, {}, "half-close"),
        (Effect.INSERT, {"size_bytes": 5000, "dice": "/x"}, "5,000 B inserted"),
        (Effect.FLIP, {"bytes": [(0, 1, 2), (3, 4, 5)]}, "2 B flipped"),
        (Effect.LOSE, {"size_bytes": 1}, "1 B lost"),
        (Effect.LOSE, {}, "all that follows is lost"),
        (Effect.HOLD, {"delay_s": 0.25}, "held for 0.25 s"),
        (Effect.SET, {"size_bytes": 10, "gap_s": 0.0}, "size_bytes 10"),
        (Effect.DIVERGE, {"x": 1}, "left the record"),
    ],
)
def test_a_strike_reads_as_a_line(effect: Effect, detail: dict[str, Any], text: str) -> None:
    made, decide = journal()
    decide(decision(effect, 4711, **detail))
    (entry,) = made.entries
    assert str(entry) == f"connection 3, upstream, byte 4,711: terminate: {text}"
    assert entry.decision == decision(effect, 4711, **detail)  # type: ignore[union-attr]


def test_every_effect_has_a_check_of_its_detail() -> None:
    assert DETAILS.keys() == set(Effect)


HEADER = Header(VERSION, (JournaledProxy("proxy", 5, "127.0.0.1:1"),))


def strike(effect: Effect = Effect.RESET, **changes: Any) -> Strike:
    values: dict[str, Any] = {
        "connection": 3,
        "direction": UP,
        "kind": "corrupt",
        "offset_bytes": 7,
        "moment": Moment.BYTE,
    }
    values |= {"detail": {"reason": "terminated"}, "place": Place(1, 1), "input_bytes": 7, "proxy": "proxy"}
    return Strike(at_s=0.5, effect=effect, **(values | changes))


def written(folder: Path, *lines: Line | str) -> Path:
    path = folder / "run.jsonl"
    path.write_text("".join(f"{each if isinstance(each, str) else line_of(each)}\n" for each in lines))
    return path


def test_what_was_written_is_what_a_replay_repeats(tmp_path: Path) -> None:
    noise = strike(Effect.INSERT, detail={"size_bytes": 100, "dice": "/x"})
    ended = Ended(1.0, "proxy", 3, "c", CLOSED, 130, 20)
    path = written(tmp_path, HEADER, Opened(0.0, "proxy", 3, "c"), noise, ended)
    replay = read_replays(path)["proxy"]
    assert replay.seed == 5
    assert replay.faults(3, UP) == Faults(
        Replayed(decisions=(noise.decision,), seed=5, length_bytes=30, name="1")
    )
    assert replay.faults(3, DOWN) == Faults(Replayed(length_bytes=20))
    assert replay.faults(4, UP) == Faults()


def test_of_a_connection_that_was_reset_no_length_is_known(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER, strike(), Ended(1.0, "proxy", 3, "c", "terminated", 7, 0))
    assert read_replays(path)["proxy"].faults(3, UP)[0].length_bytes is None  # type: ignore[attr-defined]


def test_of_a_direction_that_fell_silent_no_length_is_known(tmp_path: Path) -> None:
    lost = strike(Effect.LOSE, kind="lose_request", detail={})
    path = written(tmp_path, HEADER, lost, Ended(1.0, "proxy", 3, "c", CLOSED, 7, 20))
    replay = read_replays(path)["proxy"]
    assert replay.faults(3, UP) == Faults(Replayed(decisions=(lost.decision,), seed=5, name="1"))
    assert replay.faults(3, DOWN) == Faults(Replayed(length_bytes=20))


BAD: dict[str, tuple[list[Line | str], int, str]] = {
    "empty": ([], 1, "not the line of a journal"),
    "no JSON": (["{"], 1, "not the line of a journal"),
    "no header": ([strike()], 1, "the header must be the first line"),
    "two headers": ([HEADER, HEADER], 2, "the header must be the first line"),
    "another version": ([Header(99, ())], 1, f"its version is 99, and only {VERSION} can be read"),
    "a later part": ([msgspec.structs.replace(HEADER, part=3)], 1, "it is part 3 of a journal"),
    "lines are missing": ([HEADER, Dropped(4, "disk")], 2, "4 lines are missing: disk"),
    "another proxy": ([HEADER, strike(proxy="other")], 2, "the header has no proxy 'other'"),
    "an unknown event": ([HEADER, '{"event":"quake"}'], 2, "quake"),
    "an unknown effect": ([HEADER, line_of(strike()).replace("reset", "quake")], 2, "quake"),
    "a wrong detail": ([HEADER, strike(Effect.INSERT)], 2, "reason"),
    "endless noise": ([HEADER, strike(Effect.INSERT, detail={"size_bytes": 1 << 40, "dice": ""})], 2, "<="),
    "an unknown fault": ([HEADER, strike(Effect.SET, kind="quake", detail={"x": 1})], 2, "quake"),
    "no such place": ([HEADER, strike(place=Place(99, 1))], 2, "place"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_cannot_be_repeated_is_refused_with_its_line(tmp_path: Path, name: str) -> None:
    lines, number, text = BAD[name]
    path = written(tmp_path, *lines)
    with pytest.raises(JournalError) as caught:
        read_replays(path)
    assert (caught.value.file, caught.value.line) == (str(path), number)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_line_that_is_cut_off_and_a_file_that_is_not_there_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER, strike())
    path.write_text(path.read_text()[:-20])
    with pytest.raises(JournalError, match=r"run\.jsonl:2: the line is cut off"):
        read_replays(path)
    with pytest.raises(JournalError, match="none: no such file"):
        read_replays(tmp_path / "none")


@given(data=st.binary(max_size=60))
def test_any_bytes_are_a_journal_or_are_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed.jsonl"
    path.write_bytes(line_of(HEADER).encode() + b"\n" + data)
    with suppress(JournalError):
        assert read_replays(path)["proxy"].faults(1, UP) == Faults()
