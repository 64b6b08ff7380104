"""Actions: the output of a chain."""

from trixter.faults import EOF, RESET, Abort, Close, Eof, Reset


def test_there_is_one_eof_and_one_reset() -> None:
    assert Eof() == EOF
    assert Reset() == RESET
    assert len({EOF, RESET}) == 2


def test_endings_are_told_apart_by_kind_and_reason() -> None:
    assert Abort("terminated") == Abort("terminated")
    assert Abort("terminated") != Abort("duration")
    assert len({Abort("limit"), Close("limit")}) == 2
