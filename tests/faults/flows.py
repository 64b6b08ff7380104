"""Driving chains in tests: time as a number, and bytes as they leave."""

from __future__ import annotations

from dataclasses import dataclass, field

from trixter.faults import EOF, Abort, Action, Chain, Close, Dice, Fault, Faults, Freeze, Reset
from trixter.faults.chain_output import OnDecision


def sent(actions: list[Action]) -> bytes:
    """Return the bytes among the actions, in order."""
    return b"".join(action for action in actions if isinstance(action, bytes))


@dataclass
class Departure:
    """One thing that left, and when."""

    at: float
    action: Action


@dataclass
class Other:
    """The other direction of a chain's connection."""

    forwarded_bytes: int = 0
    has_ended: bool = True


@dataclass
class Flow:
    """A chain, a time, and all that has left so far."""

    chain: Chain
    now: float = 0.0
    other: Other = field(default_factory=Other)
    departures: list[Departure] = field(default_factory=list)

    @classmethod
    def under(
        cls, *faults: Fault, seed: int = 1, now: float = 0.0, on_decision: OnDecision | None = None
    ) -> Flow:
        other = Other()
        chain = Chain(Faults(*faults), Dice(seed), now, on_decision=on_decision, other=other)
        return cls(chain, now, other)

    def put(self, data: bytes) -> None:
        self.chain.put(data, self.now)
        self.take()

    def put_eof(self) -> None:
        self.chain.put_eof(self.now)
        self.take()

    def put_reset(self) -> None:
        self.chain.put_reset(self.now)
        self.take()

    def change(self, *faults: Fault) -> None:
        self.chain.change(Faults(*faults), self.now)
        self.take()

    def take(self) -> list[Action]:
        actions = self.chain.take(self.now)
        self.note(*actions)
        return actions

    def note(self, *actions: Action) -> None:
        """Note what leaves now."""
        self.departures += [Departure(self.now, action) for action in actions]

    def wait_until(self, then: float) -> None:
        """Let time pass, and keep every appointment on the way."""
        while (when := self.chain.wake_at()) is not None and when <= then:
            assert when >= self.now, "an appointment in the past"
            self.now = when
            self.take()
        self.now = max(self.now, then)

    def run_dry(self) -> None:
        """Keep appointments until there are none left; then end what is held for longer than that."""
        repeated = 0
        while (when := self.chain.wake_at()) is not None:
            assert when >= self.now, "an appointment in the past"
            # A piece may move from one stage to the next unseen; but then time goes on.
            repeated = 0 if when > self.now else repeated + 1
            assert repeated < 10, "woken for the same time again and again"
            self.now = when
            self.take()
        if self.chain.faults.find(Freeze):
            self.change(*self.chain.faults.without(Freeze))
            assert self.chain.wake_at() is None, "something was left behind by those that come before a hold"

    @property
    def bytes_out(self) -> bytes:
        return sent([departure.action for departure in self.departures])

    @property
    def pieces(self) -> list[bytes]:
        return [d.action for d in self.departures if isinstance(d.action, bytes)]

    @property
    def ended(self) -> Action | None:
        """How it ended, if it did; nothing may follow that."""
        ends = [d.action for d in self.departures if not isinstance(d.action, bytes)]
        if not ends:
            return None
        assert [d.action for d in self.departures[-len(ends) :]] == ends, "bytes came after an end"
        assert all(end == EOF for end in ends[:-1]), "something came after the last end"
        assert len(ends) <= 2
        assert ends[-1] == EOF or isinstance(ends[-1], Abort | Close | Reset)
        return ends[-1]
