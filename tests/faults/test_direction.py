"""The two directions."""

from trixter.faults import Direction


def test_a_direction_is_known_by_the_word_the_api_uses() -> None:
    assert [direction.value for direction in Direction] == ["upstream", "downstream"]
    assert Direction("upstream") is Direction.UPSTREAM
