"""What leaves a chain."""

from trixter.faults import EOF, Abort, Close, Eof


def test_there_is_one_eof() -> None:
    assert Eof() == EOF


def test_endings_are_told_apart_by_kind_and_reason() -> None:
    assert Abort("terminated") == Abort("terminated")
    assert Abort("terminated") != Abort("duration")
    assert len({Abort("limit"), Close("limit")}) == 2
