"""The plan of a sweep: points of a calm round, what is tried of them, and the map of outcomes."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trixter.errors import SettingError
from trixter.faults import Direction, Effect
from trixter.faults.actions import Moment
from trixter.testing.breaks import Break, BreakWith, Span, break_faults, place_text, spans_of
from trixter.testing.calm_round import MOST_KEPT_BYTES, Point, Record
from trixter.testing.sweep import Kind, Outcome, Plan, SweepMap

UP, DOWN = Direction.UPSTREAM, Direction.DOWNSTREAM
OK, ERROR, HANG = Outcome(Kind.OK), Outcome(Kind.ERROR, "ConnectionError"), Outcome(Kind.HANG)


def recorded(*reads: tuple[int, Direction, bytes]) -> Record:
    record = Record()
    for connection, direction, data in reads:
        record.connections = max(record.connections, connection)
        record.add(connection, direction, data)
    return record


# Two requests and their answers, the second in two reads, and beside them a connection that says nothing.
DIALOGUE = recorded((1, UP, b"ab"), (1, DOWN, b"cdef"), (1, UP, b"gh"), (1, DOWN, b"ij"), (1, DOWN, b"kl"))
DIALOGUE.connections = 2


def places(broken: Break, record: Record = DIALOGUE) -> list[str]:
    spans = spans_of(record, broken)
    return [each.first.id + ("" if each.first == each.last else f"+{each.count - 1}") for each in spans]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("every connection", ["1:upstream:0:reached", "2:upstream:0:reached"]),
        (
            "every message",
            ["1:upstream:0", "1:downstream:0", "1:upstream:2", "1:downstream:4"],
        ),
        (
            "every operation",
            [
                "1:upstream:0:reached",
                "2:upstream:0:reached",
                "1:upstream:0",
                "1:upstream:2:reached",
                "1:downstream:0",
                "1:downstream:4:reached",
                "1:upstream:2",
                "1:upstream:4:reached",
                "1:downstream:4",
                "1:downstream:6",
                "1:downstream:8:reached",
            ],
        ),
        (
            "every byte",
            [
                "1:upstream:0+1",
                "1:downstream:0+3",
                "1:upstream:2+1",
                "1:upstream:4:reached",
                "1:downstream:4+1",
                "1:downstream:6+1",
                "1:downstream:8:reached",
            ],
        ),
    ],
)
def test_points_are_those_of_the_calm_round_in_the_order_in_which_it_comes_by(
    at: str, expected: list[str]
) -> None:
    assert places(Break.of("reset", at)) == expected
    only_down = [each for each in expected if "downstream" in each]
    if only_down and at != "every operation":  # the opening is that of both directions
        assert places(Break.of("reset", at, DOWN)) == only_down


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (Break.of("lose_request"), ["1:upstream:0", "1:upstream:2"]),
        (Break.of("lose_answer", answer_bytes=3), ["1:downstream:3", "1:downstream:7"]),
        (Break.of("lose_answer", answer_bytes=4), []),  # nothing of them would be lost
        (Break.of("cut", "every message", DOWN), ["1:downstream:2", "1:downstream:6"]),
        (Break.of("cut", "every byte", DOWN), ["1:downstream:1+2", "1:downstream:5", "1:downstream:7"]),
        (Break.of("corrupt", "every operation", UP), ["1:upstream:0", "1:upstream:2"]),
    ],
)
def test_a_break_has_only_the_points_that_it_can_have(broken: Break, expected: list[str]) -> None:
    if expected:
        assert places(broken) == expected
    else:
        with pytest.raises(SettingError, match="a point downstream at every message"):
            places(broken)


def test_an_operation_is_at_most_8_kib() -> None:
    record = recorded((1, UP, bytes(20_000)))
    assert places(Break.of("corrupt"), record) == ["1:upstream:0", "1:upstream:8192", "1:upstream:16384"]


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: Break.of("explode"), "break_with"),
        (lambda: Break.of("reset", "every moon"), "at"),
        (lambda: Break.of("lose_request", "every byte"), "at"),
        (lambda: Break.of("lose_request", direction=DOWN), "direction"),
        (lambda: Break.of("lose_answer", direction=UP), "direction"),
        (lambda: Break.of("corrupt", "every connection"), "at"),
        (lambda: Break.of("reset", answer_bytes=1), "answer_bytes"),
        (lambda: Break.of("lose_answer", answer_bytes=-1), "answer_bytes"),
        (lambda: Break.of("reset", silence=True), "silence"),
        (lambda: Break.of("latency", delay_s=-1), "delay_s"),
        (lambda: Plan([], most_rounds=0), "max_rounds"),
        (lambda: Point.parse("1:sideways:3"), "point"),
        (lambda: Point.parse("1:upstream:3:never"), "point"),
        (lambda: Point.parse(""), "point"),
    ],
)
def test_a_break_that_its_direction_or_point_cannot_have_is_refused_by_name(
    make: Callable[[], object], name: str
) -> None:
    with pytest.raises(SettingError) as caught:
        make()
    assert caught.value.name == name


@pytest.mark.parametrize("moment", [Moment.BYTE, Moment.REACHED])
def test_the_id_of_a_point_is_the_point(moment: Moment) -> None:
    point = Point(3, DOWN, 4711, moment)
    assert Point.parse(point.id) == point


def effects(kind: BreakWith, point: Point) -> list[tuple[Effect, int, object]]:
    broken = Break(kind, Break.of("reset").at, (UP, DOWN), delay_s=0.5)
    (replayed,) = break_faults(DIALOGUE, broken, point)
    return [(each.effect, each.input_bytes, each.detail) for each in replayed.decisions]  # type: ignore[attr-defined]


def test_a_break_is_a_decision_at_its_byte() -> None:
    at = Point(1, DOWN, 3)
    assert effects(BreakWith.RESET, at) == [(Effect.RESET, 3, {"reason": "sweep", "behind": True})]
    assert effects(BreakWith.CLOSE, at) == [(Effect.CLOSE, 3, {"reason": "sweep"})]
    assert effects(BreakWith.HALF_CLOSE, at) == [(Effect.HALF_CLOSE, 3, {})]
    assert effects(BreakWith.FREEZE, at) == [(Effect.SET, 3, {"is_on": True})]
    assert effects(BreakWith.LATENCY, at) == [(Effect.HOLD, 3, {"delay_s": 0.5})]
    held = [(Effect.HOLD, 3, {"delay_s": 0.5}), (Effect.HOLD, 4, {"delay_s": 0.0})]
    assert effects(BreakWith.CUT, at) == held  # to the end of the message
    assert effects(BreakWith.CORRUPT, at) == [(Effect.FLIP, 3, {"bytes": [(0, ord("f"), ord("f") ^ 0xFF)]})]


@pytest.mark.parametrize("before", [[], [(1, UP, b"\x00\x00\x00\x08\x04\xd2\x16/"), (1, DOWN, b"S")]])
def test_under_tls_bytes_are_said_to_be_of_records(before: list[tuple[int, Direction, bytes]]) -> None:
    outgoing = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    record = recorded(*before, (1, UP, outgoing.read()), (2, UP, b"\x16\x03\x01\x00\x05hello"))
    assert place_text(record, Point(1, UP, 3)).startswith(
        "connection 1, upstream, byte 3, of TLS records, after `"
    )
    assert "TLS" not in place_text(record, Point(2, UP, 3))
    swept = SweepMap("localhost:443", Break.of("reset"), record, Plan([]), 0.1, 0.1)
    assert swept.lines()[2] == "  under TLS: bytes are those of its records, which hide what they carry"
    assert swept.to_json()["tls_connections"] == [1]


def test_a_point_is_described_with_the_bytes_around_it_as_text_or_hex() -> None:
    record = recorded((1, DOWN, b"HTTP/1.1 200 OK\r\n"), (1, DOWN, b"\x00\xff"))
    assert place_text(record, Point(1, DOWN, 17)) == (
        "connection 1, downstream, byte 17, after `HTTP/1.1 200 OK\\r\\n`, before `00 ff`"
    )
    assert place_text(record, Point(1, UP, 0, Moment.REACHED)) == "connection 1, upstream, the opening"
    assert str(Point(1, DOWN, 19, Moment.REACHED)) == "connection 1, downstream, behind 19 bytes"


def test_of_a_download_the_sizes_are_kept_and_not_the_bytes() -> None:
    record = recorded(*[(1, DOWN, bytes(MOST_KEPT_BYTES // 2 + 1))] * 3)
    assert record.kept_bytes == MOST_KEPT_BYTES
    assert record.around(Point(1, DOWN, record.kept_bytes)) == (b"", b"")
    assert [each.stop for each in record.messages()] == [3 * (MOST_KEPT_BYTES // 2 + 1)]


def swept(plan: Plan, outcome_of: Callable[[Point], Outcome]) -> int:
    """Run all rounds; return how many there were."""
    rounds = 0
    while (point := plan.next_point()) is not None:
        assert point not in plan.outcomes, "tried twice"
        plan.note(point, outcome_of(point))
        rounds += 1
    return rounds


def stretch(first: int, last: int) -> Span:
    return Span(Point(1, DOWN, first), Point(1, DOWN, last))


def test_where_the_ends_differ_the_change_is_found_by_halves() -> None:
    plan = Plan([stretch(0, 243)])

    def outcome_of(point: Point) -> Outcome:
        return ERROR if point.offset_bytes < 18 else HANG if point.offset_bytes == 18 else OK

    assert plan.least_rounds == 2
    assert swept(plan, outcome_of) < 20
    assert [str(each).partition(" (")[0] for each in plan.ranges()] == [
        "bytes 0–17: ConnectionError",  # noqa: RUF001
        "byte 18: hang",
        "bytes 19–243: ok",  # noqa: RUF001
    ]


@given(st.lists(st.integers(1, 300), min_size=1, max_size=6), st.lists(st.integers(0, 900), max_size=2))
def test_the_map_has_every_byte_once_and_is_right_where_it_was_tried(
    sizes: list[int], changes: list[int]
) -> None:
    spans, start = [], 0
    for size in sizes:
        spans.append(stretch(start, start + size - 1))
        start += size

    def outcome_of(point: Point) -> Outcome:
        return [OK, ERROR, HANG][sum(point.offset_bytes >= each for each in changes)]

    quick, full = Plan(spans), Plan(spans, exhaustive=True)
    assert swept(full, outcome_of) == full.points == sum(sizes)
    assert swept(quick, outcome_of) <= 2 * len(sizes) + 2 * 2 * 10
    for plan in (quick, full):
        ranges = plan.ranges()
        position = 0
        for each in ranges:
            assert each.first.offset_bytes == position
            position = each.last.offset_bytes + 1
            assert each.tried + each.inferred == position - each.first.offset_bytes
        assert position == sum(sizes)
        assert all(one.outcome != other.outcome for one, other in pairwise(ranges))
    # Outcomes that only grow worse have no two changes that cancel each other: all is found.
    assert [each[:3] for each in map(parts, quick.ranges())] == [
        each[:3] for each in map(parts, full.ranges())
    ]


def parts(each: object) -> tuple[object, ...]:
    return each.first, each.last, each.outcome  # type: ignore[attr-defined]


@given(st.integers(1, 1000), st.integers(1, 1000), st.booleans())
def test_thinning_is_even_and_says_so(count: int, most: int, exhaustive: bool) -> None:
    plan = Plan([stretch(0, count - 1)], exhaustive=exhaustive, most_rounds=most)
    wanted = count if exhaustive else min(count, 2)
    assert plan.is_thinned is (wanted > most)
    assert swept(plan, lambda point: [OK, ERROR][point.offset_bytes % 2]) <= most
    if plan.is_thinned and exhaustive:
        offsets = sorted(each.offset_bytes for each in plan.outcomes)
        assert len(offsets) == most
        gaps = {other - one for one, other in pairwise(offsets)}
        assert not gaps or max(gaps) - min(gaps) <= 1
    tried = sum(each.tried for each in plan.ranges())
    assert tried == len(plan.outcomes)


def test_what_was_left_out_is_said() -> None:
    plan = Plan([stretch(0, 9)], most_rounds=2)
    swept(plan, lambda point: OK if point.offset_bytes else ERROR)
    assert [str(each) for each in plan.ranges()] == [
        "byte 0: ConnectionError",
        "bytes 1–8: not tried",  # noqa: RUF001
        "byte 9: ok",
    ]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(1, 9), st.booleans())
def test_the_parts_of_a_sweep_try_each_point_once_and_as_many_each(
    sizes: list[int], parts: int, exhaustive: bool
) -> None:
    starts = [sum(sizes[:nth]) for nth in range(len(sizes))]
    spans = [stretch(start, start + size - 1) for start, size in zip(starts, sizes, strict=True)]

    def outcome_of(point: Point) -> Outcome:
        return ERROR if point.offset_bytes in starts else OK

    whole = Plan(spans, exhaustive=exhaustive)
    swept(whole, outcome_of)
    dealt = [Plan(spans, exhaustive=exhaustive, part=(nth, parts)) for nth in range(1, parts + 1)]
    tried = [swept(plan, outcome_of) for plan in dealt]
    assert sum(tried) == len(whole.outcomes)
    assert {
        **dealt[0].outcomes,
        **{p: o for each in dealt for p, o in each.outcomes.items()},
    } == whole.outcomes
    assert sum(each.points for each in dealt) == whole.points
    if exhaustive:
        assert max(tried) - min(tried) <= 2 * len(sizes)
