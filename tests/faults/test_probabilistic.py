"""Operations: the unit in which probabilities are drawn."""

from dataclasses import dataclass
from typing import ClassVar

from hypothesis import given
from hypothesis import strategies as st

from tests.faults.flows import Flow
from trixter.faults import Dice, Stage, StageOrder
from trixter.faults.probabilistic import OPERATION_BYTES, OperationStage, ProbabilisticFault


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark(ProbabilisticFault):
    """Write ``[`` and ``]`` around every piece, once for each of its operations that is struck."""

    order: ClassVar[StageOrder] = StageOrder.ALTER

    def stage(self, dice: Dice, now: float) -> Stage["Mark"]:
        return MarkStage(self, dice)


class MarkStage(OperationStage[Mark]):
    def begin_read(self, now: float) -> None:
        if self._is_read_struck():
            self.next.put(b"<read>", now)
        self.next.begin_read(now)

    def _apply_to(self, piece: bytes, at_bytes: int, strikes: int, now: float) -> None:
        self.next.put(b"[" * strikes + piece + b"]" * strikes, now)


def test_up_to_8_kib_of_a_read_are_two_operations() -> None:
    flow = Flow.under(Mark(probability=1.0))
    flow.put(b"a" * OPERATION_BYTES)
    flow.put(b"b")
    assert flow.bytes_out == b"[[" + b"a" * OPERATION_BYTES + b"]][[b]]"
    assert OPERATION_BYTES == 8192


def test_a_larger_read_is_several_pairs() -> None:
    flow = Flow.under(Mark(probability=1.0))
    flow.put(b"x" * (2 * OPERATION_BYTES + 1))
    assert [len(piece) - 4 for piece in flow.pieces] == [OPERATION_BYTES, OPERATION_BYTES, 1]


def test_a_read_that_is_begun_before_there_is_something_counts_once() -> None:
    flow = Flow.under(Mark(probability=1.0))
    for _ in range(2):  # tried again
        flow.chain.begin_read(0.0)
        flow.take()
    assert flow.bytes_out == b"<read>"
    flow.put(b"x" * (OPERATION_BYTES + 1))
    assert flow.bytes_out == b"<read>[" + b"x" * OPERATION_BYTES + b"][[x]]"


@given(st.integers(0, 500), st.lists(st.tuples(st.booleans(), st.integers(1, 3)), max_size=20))
def test_begun_before_or_not_the_same_operations_are_struck(seed: int, reads: list[tuple[bool, int]]) -> None:
    begun, ordinary = (Flow.under(Mark(probability=0.3), seed=seed) for _ in range(2))
    for is_begun, pieces in reads:
        if is_begun:
            begun.chain.begin_read(0.0)
        for flow in (begun, ordinary):
            flow.put(b"x" * OPERATION_BYTES * pieces)
    strikes = begun.bytes_out.count(b"<read>") + begun.bytes_out.count(b"[")
    assert strikes == ordinary.bytes_out.count(b"[")


@given(st.integers(0, 500), st.lists(st.integers(1, 40 * 1024), max_size=20))
def test_struck_or_not_every_byte_passes_once_and_in_order(seed: int, sizes: list[int]) -> None:
    flow = Flow.under(Mark(probability=0.3), seed=seed)
    reads = [bytes([65 + number % 20]) * size for number, size in enumerate(sizes)]
    for read in reads:
        flow.put(read)
    assert flow.bytes_out.replace(b"[", b"").replace(b"]", b"") == b"".join(reads)


def test_the_share_of_operations_struck_is_the_probability_however_they_are_read() -> None:
    for read_bytes in (1, OPERATION_BYTES, 10 * OPERATION_BYTES):
        flow = Flow.under(Mark(probability=0.25), seed=9)
        operations = 0
        while operations < 4000:
            flow.put(b"x" * read_bytes)
            operations += 2 * max(read_bytes // OPERATION_BYTES, 1)
        struck = flow.bytes_out.count(b"[")
        # Binomial: within 4 standard deviations, sqrt(n p q); the seed is fixed.
        assert abs(struck - operations * 0.25) < 4 * (operations * 0.25 * 0.75) ** 0.5


@given(st.integers(0, 500), st.lists(st.integers(1, 9), min_size=1, max_size=10))
def test_how_operations_are_read_does_not_change_which_are_struck(seed: int, groups: list[int]) -> None:
    grouped, single = (Flow.under(Mark(probability=0.2), seed=seed) for _ in range(2))
    for operations in groups:
        grouped.put(b"x" * OPERATION_BYTES * operations)
        for _ in range(operations):
            single.put(b"x" * OPERATION_BYTES)
    assert grouped.bytes_out == single.bytes_out


def test_a_change_of_probability_counts_from_the_next_operation() -> None:
    flow = Flow.under(Mark(probability=1e-9))
    flow.put(b"a")
    flow.change(Mark(probability=1.0))
    flow.put(b"b")
    flow.change(Mark(probability=1e-9))
    flow.put(b"c")
    assert flow.bytes_out == b"a[[b]]c"


def test_a_change_to_the_same_probability_does_not_draw_again() -> None:
    def strikes(changes: bool) -> bytes:
        flow = Flow.under(Mark(probability=0.2), seed=5)
        for _ in range(100):
            flow.put(b"x")
            if changes:
                flow.chain.change(flow.chain.faults, flow.now)
        return flow.bytes_out

    assert strikes(changes=True) == strikes(changes=False)


def test_it_is_off_at_probability_0() -> None:
    assert Mark().is_off
    assert not Mark(probability=1e-9).is_off


def test_reads_that_went_around_count_as_operations() -> None:
    around, through = (Flow.under(Mark(probability=0.1), seed=3) for _ in range(2))
    around.take()
    for number in range(200):
        read = b"%d " % number
        through.put(read)
        if around.chain.admits(len(read)):
            around.note(read)
        else:
            around.put(read)
    assert around.bytes_out == through.bytes_out
    assert b"[" in around.bytes_out


def test_the_operations_that_it_might_have_struck_are_counted_across_strikes_and_changes() -> None:
    stage = Mark(probability=0.5).stage(Dice(1), 0.0)
    flow = Flow.under(Mark(probability=0.5), seed=1)
    stage.next = next(iter(flow.chain._stages.values()))
    for _ in range(20):
        stage.put(b"x", 0.0)
    stage.change(Mark(probability=0.1), 0.0)
    stage.count_bypassed(3, 30)
    assert stage.operations == 46
