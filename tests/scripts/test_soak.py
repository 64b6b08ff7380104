"""The verdict of the soak: lost transfers, wrong bytes and leaks."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from scripts.soak import (
    HARMFUL,
    MORE_BLOCKS,
    MORE_MEMORY_MB,
    ON,
    Harm,
    Outcome,
    Report,
    Tally,
    Transfer,
    free_port,
    off,
)
from trixter.api.schemas import FAULT_BODIES, DefaultsBody

HAD = {"descriptors": 20.0, "threads": 3.0, "blocks": 150_000.0, "memory_mb": 40.0}
GOOD = Counter({Outcome.COMPLETE: 9, Outcome.CORRUPTED: 2, Outcome.KILLED: 3})


def report(outcomes: Counter[Outcome] = GOOD, *, wrong: int = 0, crashes: int = 0, **after: float) -> Report:
    tally = Tally(outcomes=outcomes, compared_bytes=5_000_000_000, wrong=["wrong"] * wrong)
    tally.changes["delay"] = 1200
    had = {"at the start": HAD, "at half-time": HAD, "in the end": HAD | after}
    return Report("1.0 minutes", tally, 60.0, had, {"closed": 14}, crashes)


def test_what_comes_back_is_compared_at_its_place() -> None:
    transfer = Transfer(size_bytes=300_000, starts_at=1_000_000)
    assert transfer.check(transfer.piece(0, 65_536))
    assert transfer.check(transfer.piece(65_536, 100_000))  # over the end of the pattern
    assert not transfer.check(transfer.piece(0, 10))
    assert transfer.received_bytes == 65_536 + 100_000 + 10


@pytest.mark.parametrize(
    ("received_bytes", "harms", "has_ended", "outcome"),
    [
        (100, set(), True, Outcome.COMPLETE),
        (100, {Harm.EARLY_END}, True, Outcome.COMPLETE),
        (99, set(), True, Outcome.LOST),
        (101, set(), True, Outcome.LOST),
        (99, {Harm.EARLY_END}, True, Outcome.KILLED),
        (99, {Harm.EARLY_END}, False, Outcome.LOST),  # nothing comes any more, and nothing ended it
        (100, set(), False, Outcome.LOST),
        (150, {Harm.WRONG_BYTES}, True, Outcome.CORRUPTED),
        (99, {Harm.WRONG_BYTES}, True, Outcome.LOST),
        (99, {Harm.WRONG_BYTES, Harm.EARLY_END}, True, Outcome.KILLED),
    ],
)
def test_what_becomes_of_a_transfer(
    received_bytes: int, harms: set[Harm], has_ended: bool, outcome: Outcome
) -> None:
    transfer = Transfer(size_bytes=100, starts_at=0, received_bytes=received_bytes, harms=harms)
    assert transfer.outcome(has_ended=has_ended) is outcome


def test_where_corruption_was_set_bytes_are_counted_and_not_compared() -> None:
    transfer = Transfer(size_bytes=10, starts_at=0, harms={Harm.WRONG_BYTES})
    assert transfer.check(b"anything")
    assert transfer.received_bytes == 8


def test_a_good_run_has_no_faults() -> None:
    assert report().faults() == []
    assert report(memory_mb=HAD["memory_mb"] + MORE_MEMORY_MB).faults() == []
    assert report(descriptors=19.0).faults() == []


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        (report(GOOD + Counter({Outcome.LOST: 1}), wrong=1), "1 transfers were lost"),
        (report(wrong=2), "2 times the bytes were wrong"),
        (report(crashes=1), "1 internal errors are in the log"),
        (report(descriptors=21.0), "descriptors are left over"),
        (report(threads=4.0), "threads are left over"),
        (report(blocks=HAD["blocks"] + MORE_BLOCKS + 1), "objects are left over"),
        (report(memory_mb=HAD["memory_mb"] + MORE_MEMORY_MB + 1), "it takes more and more memory"),
        *[
            (report(Counter({**GOOD, missing: 0})), f"none was {missing.value}")
            for missing in (Outcome.COMPLETE, Outcome.CORRUPTED, Outcome.KILLED)
        ],
    ],
)
def test_a_bad_run_says_what_is_bad(bad: Report, fault: str) -> None:
    assert bad.faults() == [fault]


def test_the_table_has_what_was_found() -> None:
    lines = report(memory_mb=41.5).table().splitlines()
    assert lines[:2] == ["| what | value |", "| --- | --- |"]
    assert "| settings changed | 1200 (20.0 a second): delay 1200 |" in lines
    assert "| bytes compared | 5.00 GB |" in lines
    assert "| transfers killed on purpose | 3 |" in lines
    assert "| transfers lost | 0 |" in lines
    assert "| memory_mb | 40 at the start, 40 at half-time, 41.5 in the end |" in lines


def test_every_setting_of_the_api_is_changed() -> None:
    assert {*ON, "connection_duration_ms"} == {*DefaultsBody.__struct_fields__}
    for what, settings in ON.items():
        body = FAULT_BODIES[what]
        set_fields = {name for each in settings for name in each} | {"direction"}
        assert set_fields == {*body.__struct_fields__} - {"name"}, what
        assert body(**off(what)).fault().is_off
    assert {*HARMFUL} <= {*ON}


def test_its_port_is_none_that_a_client_gets() -> None:
    port = free_port(random.Random(1))
    with open("/proc/sys/net/ipv4/ip_local_port_range") as line:
        assert port < int(line.read().split()[0])
