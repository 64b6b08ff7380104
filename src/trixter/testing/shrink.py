"""Shrinking: the fewest decisions of a journal with which a test fails as it did, and the proof of it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Generator, Iterable, Iterator, Sequence
from enum import Enum
from errno import ENOTCONN
from itertools import accumulate, pairwise
from typing import NamedTuple

from msgspec.structs import replace

from trixter.control.journal import VERSION, Header, JournaledProxy, Replay, Strike, grown_bytes, line_of
from trixter.faults import Direction, Effect
from trixter.faults.actions import Place
from trixter.testing.sweep import counted

# So often is the test run with the minimum, and so often without it.
CONFIRMATIONS = 5

# As many as a person still reads.
MOST_SHOWN = 20

Kept = frozenset[int]
"""The numbers of the deltas that a run has, from 0."""

NONE: Kept = frozenset()


class Verdict(Enum):
    """The end of a run, compared with that of the run that failed."""

    FAILS = "fails"
    """In the same way."""
    DIFFERS = "fails in another way"
    PASSES = "passes"
    HANGS = "hangs"


class Failure(NamedTuple):
    """The identity of a failure: the type of its exception, and the last line of the test's file in it.

    Not its text: a loop fails at one line with different values. A lost connection has no line either: a
    client meets a reset as it connects, sends or receives, as ECONNRESET or EPIPE: that is up to the kernel.

    Args:
        kind: The type; ``ConnectionError`` for a lost connection, also if that is the cause of the exception.
        line: The line; 0 if there is none.
    """

    kind: type[BaseException]
    line: int

    @classmethod
    def of(cls, exc: BaseException, path: str) -> Failure:
        """Return the identity of a failure.

        Args:
            exc: Its exception.
            path: The test's file.
        """
        if _is_lost_connection(exc):
            return cls(ConnectionError, 0)
        line, trace = 0, exc.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == path:
                line = trace.tb_lineno
            trace = trace.tb_next
        return cls(type(exc), line)


def _is_lost_connection(exc: BaseException | None) -> bool:
    if isinstance(exc, BaseExceptionGroup):
        return all(map(_is_lost_connection, exc.exceptions))
    is_lost = isinstance(exc, OSError) and (isinstance(exc, ConnectionError) or exc.errno == ENOTCONN)
    return is_lost or (exc is not None and _is_lost_connection(exc.__cause__))


class Shrink:
    """The search for a minimum: one run after another, for the next one depends on the verdicts.

    First come all deltas, and none: a test that passes with all is not repeated by its journal, and one that
    fails with none does not need it. Then deltas are left out in halves, quarters and so on, and one by one,
    until no single one can be left out. Last come runs with the minimum, in turns with those that have all
    other deltas: if these pass, the minimum is the cause.

    Args:
        count: How many deltas there are.
    """

    def __init__(self, count: int) -> None:
        self.all: Kept = frozenset(range(count))
        self.kept = self.all
        """The fewest until now with which the test fails as it did."""
        self.is_minimal = False
        """Whether no single one of them can be left out."""
        self.verdicts: defaultdict[Kept, Counter[Verdict]] = defaultdict(Counter)
        """Those of each set of deltas; of the minimum and its counterpart, those of the last runs."""
        self.runs = 0
        """How many there were."""
        self._is_repeated = False
        self._steps = self._search()
        self._next: Kept | None = next(self._steps)

    def next_run(self) -> Kept | None:
        """Return the deltas of the next run; ``None``: there is none."""
        return self._next

    def note(self, verdict: Verdict) -> None:
        """Take in the verdict of that run."""
        assert self._next is not None
        self.runs += 1
        self.verdicts[self._next][verdict] += 1
        try:
            self._next = self._steps.send(verdict)
        except StopIteration:
            self._next = None

    def lines(self, texts: Sequence[str]) -> list[str]:
        """Return what is known until now, as text.

        Args:
            texts: Those of all deltas.
        """
        of_all = counted(len(self.all), "decision")
        if self.verdicts[self.all] and not self._is_repeated:
            return [f"run again with the same {of_all}, it {self._rate(self.all)}"]
        if not self.kept:
            return [f"of {of_all} none is needed: without any, it {self._rate(NONE)}"]
        if self.kept == self.all and not self.is_minimal:
            return [f"of {of_all} it is not known yet which are needed"]
        is_or_are = "is" if len(self.kept) == 1 else "are"
        first = f"of {of_all} {len(self.kept):,} {is_or_are} enough"
        if not self.is_minimal:
            first += ", and perhaps fewer"
        shown = [texts[each] for each in sorted(self.kept)[:MOST_SHOWN]]
        if len(self.kept) == 1:
            return [f"{first}: {shown[0]}", *self._proof("it")]
        more = len(self.kept) - len(shown)
        listed = [f"  {text}" for text in [*shown, *([f"and {more:,} more"] if more else [])]]
        return [f"{first}:", *listed, *self._proof("them")]

    def _search(self) -> Generator[Kept, Verdict, None]:
        self._is_repeated = yield from self._fails(self.all)
        if not self._is_repeated:
            yield from self._repeat(self.all)
        elif (yield from self._fails(NONE)):
            self.kept = NONE
            yield from self._repeat(NONE)
        else:
            yield from self._reduce()
            self.is_minimal = True
            others = self.all - self.kept
            self.verdicts[self.kept].clear()  # it was chosen because it failed
            yield from self._repeat(self.kept, others)
            if self.verdicts[others][Verdict.FAILS]:
                yield from self._repeat(NONE)

    def _fails(self, kept: Iterable[int]) -> Generator[Kept, Verdict, bool]:
        verdict = yield frozenset(kept)
        return verdict is Verdict.FAILS

    def _repeat(self, *all_kept: Kept) -> Generator[Kept, Verdict, None]:
        """Run in turns, until there are as many verdicts of each as are needed."""
        for nth in range(CONFIRMATIONS):
            for kept in all_kept:
                if self.verdicts[kept].total() <= nth:
                    yield kept

    def _reduce(self) -> Generator[Kept, Verdict, None]:
        size = 1 << (len(self.all) - 1).bit_length()
        while size > 2:
            size //= 2
            start = 0
            while start < len(self.kept):
                if not (yield from self._leave_out(start, size)):
                    start += size
        # One by one, and round and round: one that was needed may be so no more without another.
        start = needed = 0
        while needed < len(self.kept):
            if (yield from self._leave_out(start % len(self.kept), 1)):
                needed = 0
            else:
                start, needed = start % len(self.kept) + 1, needed + 1

    def _leave_out(self, start: int, size: int) -> Generator[Kept, Verdict, bool]:
        """Leave out neighbours if the test fails without them, too; return whether it does.

        The first ones are tried first: what came last is the likely cause.
        """
        deltas = sorted(self.kept)
        rest = frozenset(deltas[:start] + deltas[start + size :])
        if not rest or not (yield from self._fails(rest)):  # it passes without any
            return False
        self.kept = rest
        return True

    def _proof(self, pronoun: str) -> list[str]:
        """Return the line about the minimum as a cause, if it was tried."""
        others = self.all - self.kept
        if not self.is_minimal or not self.verdicts[self.kept] or not self.verdicts[others]:
            return []
        line = f"with {pronoun}: {self._rate(self.kept)}; without {pronoun}: {self._rate(others)}"
        if others and self.verdicts[others][Verdict.FAILS]:
            line += f"; without any: {self._rate(NONE)}"
        return [line]

    def _rate(self, kept: Kept) -> str:
        verdicts = self.verdicts[kept]
        parts = [f"{each.value} {verdicts[each]} of {verdicts.total()}" for each in Verdict if verdicts[each]]
        return ", ".join(parts) + (" (flaky)" if len(parts) > 1 else "")


class Deltas:
    """The decisions of a journal, as deltas: each can be left out without a change to the others.

    A decision is a delta of its own, with one exception: settings that a fault follows, until they are over.

    Args:
        proxies: The proxies of the journal.
        strikes: Its decisions.
    """

    def __init__(self, proxies: Sequence[JournaledProxy], strikes: Iterable[Strike]) -> None:
        self._proxies = tuple(proxies)
        self._strikes = tuple(strikes)
        self._deltas: list[list[int]] = []
        self._streams: dict[tuple[str, int, Direction], dict[Place, list[int]]] = {}
        followed: dict[tuple[str, int, Direction, Place], list[int]] = {}
        for number, each in enumerate(self._strikes):
            stream = each.proxy, each.connection, each.direction
            self._streams.setdefault(stream, {}).setdefault(each.place, []).append(number)
            stage = *stream, each.place
            if each.effect is not Effect.SET:
                if not _is_end_of_delay(each):
                    self._deltas.append([number])
            elif each.detail:
                if stage not in followed:
                    followed[stage] = []
                    self._deltas.append(followed[stage])
                followed[stage].append(number)
            elif stage in followed:
                followed.pop(stage).append(number)

    def __len__(self) -> int:
        return len(self._deltas)

    def texts(self) -> list[str]:
        """Return the text of each delta."""
        return [self._text(self._strikes[delta[0]]) for delta in self._deltas]

    def strikes(self, kept: Kept) -> list[Strike]:
        """Return the decisions of these deltas, as they would have been made without the others.

        What a fault inserts or loses moves the bytes at which the stages behind it decide: they are moved
        back. A delay that is left out is none, and not the one before it.
        """
        numbers = {number for each in kept for number in self._deltas[each]}
        found: dict[int, Strike | None] = {}
        for stages in self._streams.values():
            missing = _Missing()
            for _, made in sorted(stages.items()):
                recorded = [(number in numbers, self._strikes[number]) for number in made]
                found.update(zip(made, _without_others(recorded, missing), strict=True))
                missing = missing.behind(recorded)
        return [strike for _, strike in sorted(found.items()) if strike is not None]

    def replays(self, kept: Kept) -> dict[str, Replay]:
        """Return the replays of the proxies with these deltas only, by name.

        Raises:
            SettingError: If a decision cannot be repeated.
        """
        strikes = self.strikes(kept)
        return {
            proxy.name: Replay(proxy, [each for each in strikes if each.proxy == proxy.name])
            for proxy in self._proxies
        }

    def journal_lines(self, kept: Kept) -> list[str]:
        """Return a journal with these deltas only."""
        return [line_of(Header(VERSION, self._proxies)), *map(line_of, self.strikes(kept))]

    def _text(self, strike: Strike) -> str:
        proxy = f"{strike.proxy}, " if len(self._proxies) > 1 else ""
        where = f"{strike.direction.value}, byte {strike.offset_bytes:,}"
        return f"{strike.kind}, {proxy}connection {strike.connection}, {where}"


class _Missing:
    """Bytes that a stage took in when the journal was written, and does not now.

    Args:
        gaps: The position of each gap, in the bytes that the stage took in then, and its size; a negative one
            is that of bytes that it takes in now, and did not then.
    """

    def __init__(self, gaps: Iterable[tuple[int, int]] = ()) -> None:
        self._gaps = sorted(gaps)
        self._positions = [position for position, _ in self._gaps]
        self._totals = [0, *accumulate(size for _, size in self._gaps)]

    def before(self, position: int) -> int:
        """Return how many bytes are missing before a position."""
        nth = bisect_left(self._positions, position)
        missing = self._totals[nth]
        if nth:
            start, size = self._gaps[nth - 1]
            missing -= max(start + size - position, 0)  # it is in the middle of the gap
        return missing

    def behind(self, recorded: Sequence[tuple[bool, Strike]]) -> _Missing:
        """Return the same for the stage behind this one.

        Args:
            recorded: The decisions of this stage, and whether each is kept.
        """
        growths = [(strike.input_bytes, grown_bytes(strike)) for _, strike in recorded]
        lost = _Missing((position, -growth) for position, growth in growths if growth < 0)
        gaps, positions, totals = [], list[int](), [0]
        for (is_kept, _), (position, growth) in zip(recorded, growths, strict=True):
            if not is_kept:
                # Of lost bytes that are not taken in any more, none comes back.
                gone = self.before(position - growth) - self.before(position) if growth < 0 else 0
                gaps.append((position + totals[-1] - lost.before(position), growth + gone))
            if growth > 0:
                positions.append(position)
                totals.append(totals[-1] + growth)
        for start, size in self._gaps:
            # What this stage inserted into a gap has cut it in two.
            inside = positions[bisect_right(positions, start) : bisect_left(positions, start + size)]
            for first, end in pairwise([start, *inside, start + size]):
                inserted, lost_before = totals[bisect_right(positions, first)], lost.before(first)
                left = end - first - (lost.before(end) - lost_before if size > 0 else 0)
                gaps.append((first + inserted - lost_before, left))
        return _Missing(gap for gap in gaps if gap[1])


def _without_others(recorded: Sequence[tuple[bool, Strike]], missing: _Missing) -> Iterator[Strike | None]:
    """Yield for each decision of a stage the one in its place; ``None``: there is none."""
    delay_s = 0.0
    for is_kept, strike in recorded:
        placed = replace(strike, input_bytes=strike.input_bytes - missing.before(strike.input_bytes))
        if strike.effect is not Effect.HOLD:
            yield placed if is_kept else None
            continue
        former_s, delay_s = delay_s, strike.detail["delay_s"] if is_kept else 0.0
        yield replace(placed, detail={"delay_s": delay_s}) if delay_s != former_s else None


def _is_end_of_delay(strike: Strike) -> bool:
    return strike.effect is Effect.HOLD and not strike.detail["delay_s"]
