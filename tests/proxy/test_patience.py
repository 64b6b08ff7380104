"""Staying awake is tried as often as it pays off."""

from __future__ import annotations

from trixter.proxy.patience import MOST_SKIPPED, Patience


def tries(patience: Patience, looks: int) -> list[bool]:
    """Look that many times, each in vain."""
    tried = []
    for _ in range(looks):
        tried.append(patience.is_worth_it())
        if tried[-1]:
            patience.was_in_vain()
    return tried


def test_it_is_worth_a_try_at_first() -> None:
    assert Patience().is_worth_it()


def test_while_it_pays_off_it_is_always_worth_it() -> None:
    patience = Patience()
    for _ in range(100):
        assert patience.is_worth_it()
        patience.paid_off()


def test_each_time_in_vain_it_is_tried_half_as_often() -> None:
    tried = tries(Patience(), 20)
    assert [place for place, was_tried in enumerate(tried) if was_tried] == [0, 2, 6, 14]


def test_it_is_tried_now_and_then_forever() -> None:
    patience = Patience()
    tries(patience, 1000)
    assert tries(patience, 10 * (MOST_SKIPPED + 1)).count(True) == 10


def test_one_success_makes_it_worth_it_again() -> None:
    patience = Patience()
    tries(patience, 1000)
    while not patience.is_worth_it():
        pass
    patience.paid_off()
    assert patience.is_worth_it()
