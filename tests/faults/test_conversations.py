"""Settings that change while bytes are in flight: Hypothesis writes the conversation."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.faults.flows import Flow
from tests.faults.mixtures import harmless_faults, spans, terminations
from trixter.faults import EOF, Abort, Fault, Faults, Freeze

# Every step looks at all that has been said: half a minute, where the machine has other things to do.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(100)]


class Conversation(RuleBasedStateMachine):
    """Whatever is said in whatever order, the bytes that come out are those that went in, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.flow = Flow.under()
        self.went_in = b""
        self.said_eof = False
        self.number = 0

    @precondition(lambda self: not self.said_eof)
    @rule(size=st.integers(1, 300))
    def put(self, size: int) -> None:
        # Each read is told apart from the others, so that a swap of two cannot go unseen.
        data = bytes((self.number + n) % 251 for n in range(size))
        self.number += size
        self.went_in += data
        self.flow.put(data)

    @precondition(lambda self: not self.said_eof)
    @rule()
    def put_eof(self) -> None:
        self.said_eof = True
        self.flow.put_eof()

    @rule(seconds=spans)
    def wait(self, seconds: float) -> None:
        self.flow.wait_until(self.flow.now + seconds)

    @rule()
    def keep_the_next_appointment(self) -> None:
        when = self.flow.chain.wake_at()
        if when is not None:
            self.flow.wait_until(when)

    @rule(seconds=spans)
    def oversleep(self, seconds: float) -> None:
        self.flow.now += seconds
        self.flow.take()

    @precondition(lambda self: not self.said_eof)
    @rule(size=st.integers(1, 300), faults=harmless_faults)
    def change_and_put_before_a_take(self, size: int, faults: Faults) -> None:
        self.flow.chain.change(faults, self.flow.now)
        self.put(size)

    @rule(faults=harmless_faults)
    def change(self, faults: Faults) -> None:
        self.flow.change(*faults)
        assert self.flow.chain.faults == faults

    @rule()
    def calm_down(self) -> None:
        self.flow.change()
        assert len(self.flow.bytes_out) == len(self.went_in)
        assert self.flow.chain.is_calm

    @invariant()
    def nothing_is_lost_repeated_or_reordered(self) -> None:
        out = self.flow.bytes_out
        assert self.went_in.startswith(out)
        held = len(self.went_in) - len(out)
        assert self.flow.chain.held_bytes >= held
        # Only bytes and the EOF cost anything, and what is held has a deadline, or a freeze holds it.
        if self.flow.chain.held_bytes:
            assert self.flow.chain.wake_at() is not None or self.flow.chain.faults.find(Freeze)
        else:
            assert held == 0

    @invariant()
    def eof_comes_last_if_it_was_said(self) -> None:
        if self.flow.ended is not None:
            assert self.flow.ended == EOF
            assert self.said_eof
            assert self.flow.bytes_out == self.went_in

    def teardown(self) -> None:
        self.flow.run_dry()
        assert self.flow.bytes_out == self.went_in
        assert (self.flow.ended == EOF) == self.said_eof


class DeadlyConversation(Conversation):
    """With random resets among the faults, what came out is still a beginning of what went in."""

    @rule(faults=harmless_faults, deadly=terminations)
    def endanger(self, faults: Faults, deadly: Fault) -> None:
        self.flow.change(*faults, deadly)

    @rule()
    def calm_down(self) -> None:
        self.flow.change()
        assert self.flow.chain.is_calm or self.is_over

    @invariant()
    def eof_comes_last_if_it_was_said(self) -> None:
        if self.is_over:
            assert self.flow.chain.held_bytes == 0
            assert self.flow.chain.wake_at() is None

    @invariant()
    def nothing_is_lost_repeated_or_reordered(self) -> None:
        assert self.went_in.startswith(self.flow.bytes_out)
        if not self.is_over:
            super().nothing_is_lost_repeated_or_reordered()

    @property
    def is_over(self) -> bool:
        return isinstance(self.flow.ended, Abort)

    def teardown(self) -> None:
        self.flow.run_dry()
        assert self.is_over or self.flow.bytes_out == self.went_in


TestConversation = Conversation.TestCase
TestDeadlyConversation = DeadlyConversation.TestCase
TestConversation.settings = settings(stateful_step_count=40)
TestDeadlyConversation.settings = settings(stateful_step_count=40)
