"""Seeds are derived from the run's, by name and by nothing else."""

from __future__ import annotations

from trixter.testing.seeds import seed_for


def test_a_seed_depends_on_the_root_and_the_name_only() -> None:
    # Written down: a seed from last year's report must still be good.
    assert seed_for(7, "tests/test_shop.py::test_price") == 10776604037579502182
    assert seed_for(7, "tests/test_shop.py::test_price") != seed_for(8, "tests/test_shop.py::test_price")
    assert seed_for(7, "tests/test_shop.py::test_price") != seed_for(7, "tests/test_shop.py::test_other")


def test_any_name_has_a_seed() -> None:
    assert 0 <= seed_for(7, "test_x[\udcff]") < 2**64
