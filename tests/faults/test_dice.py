"""Seeded dice: reproducible random numbers."""

from collections import Counter

import pytest

from trixter.faults import Dice
from trixter.faults.dice import NEVER


def rolls(dice: Dice) -> list[int]:
    return [dice.between(0, 10**9) for _ in range(5)]


def test_the_same_seed_and_name_give_the_same_stream() -> None:
    assert rolls(Dice(7).branch("a").branch("b")) == rolls(Dice(7).branch("a").branch("b"))


def test_another_seed_or_another_name_gives_another() -> None:
    streams = [Dice(7), Dice(8), Dice(7).branch("a"), Dice(7).branch("b"), Dice(7).branch("a").branch("b")]
    assert len({tuple(rolls(dice)) for dice in streams}) == len(streams)


def test_a_stream_is_the_same_in_every_process() -> None:
    assert rolls(Dice(42).branch("connection 1"))[0] == 365_641_656


def test_drawing_from_one_branch_does_not_move_another() -> None:
    dice = Dice(1)
    other = dice.branch("other")
    rolls(dice.branch("one"))
    assert rolls(other) == rolls(Dice(1).branch("other"))


def test_a_certain_strike_is_the_next_and_an_impossible_one_never_comes() -> None:
    dice = Dice(1)
    assert dice.gap(1.0) == 1
    assert dice.gap(0.0) == NEVER


def test_a_gap_that_does_not_fit_a_counter_is_never() -> None:
    assert Dice(1).gap(1e-300) == NEVER


@pytest.mark.parametrize("probability", [0.5, 0.1, 0.01])
def test_gaps_strike_with_the_probability_asked_for(probability: float) -> None:
    dice = Dice(3)
    gaps = [dice.gap(probability) for _ in range(20_000)]
    assert min(gaps) == 1
    # The mean of n gaps is within 1/p ± 4 standard errors, sqrt(1 - p) / (p sqrt(n)); the seed is fixed.
    assert abs(sum(gaps) / len(gaps) * probability - 1) < 4 * (1 - probability) ** 0.5 / len(gaps) ** 0.5
    # And it has no memory: whether the very next is struck has the probability, too.
    assert abs(gaps.count(1) / len(gaps) / probability - 1) < 4 / (probability * len(gaps)) ** 0.5


def test_gaps_are_spread_like_tosses_of_a_coin() -> None:
    dice, probability, draws = Dice(8), 0.3, 20_000
    gaps = Counter(min(dice.gap(probability), 11) for _ in range(draws))
    expected = {gap: draws * probability * (1 - probability) ** (gap - 1) for gap in range(1, 11)}
    expected[11] = draws * (1 - probability) ** 10
    chi_square = sum((gaps[gap] - count) ** 2 / count for gap, count in expected.items())
    assert chi_square < 29.6  # 10 degrees of freedom: 1 in 1,000 seeds is above it, and this one is fixed


def test_whole_numbers_include_both_ends_and_favour_none() -> None:
    dice = Dice(6)
    drawn = Counter(dice.between(1, 6) for _ in range(6000))
    assert sorted(drawn) == [1, 2, 3, 4, 5, 6]
    assert sum((count - 1000) ** 2 / 1000 for count in drawn.values()) < 20.5  # 5 degrees, 1 in 1,000


def test_centred_luck_reaches_from_minus_one_to_one_and_leans_nowhere() -> None:
    dice = Dice(5)
    draws = [dice.centred() for _ in range(10_000)]
    assert -1 <= min(draws) < -0.99
    assert 0.99 < max(draws) <= 1
    assert abs(sum(draws) / len(draws)) < 0.02


def test_noise_and_positions_have_the_size_asked_for() -> None:
    dice = Dice(5)
    assert len(dice.noise(1000)) == 1000
    positions = dice.positions(8, 10)
    assert len(set(positions)) == 8
    assert set(positions) <= set(range(10))
