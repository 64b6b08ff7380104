"""Every fault there is."""

from pathlib import Path

from trixter.faults import CATALOGUE, Faults, catalogue

FOLDER = Path(catalogue.__file__).parent


def test_the_catalogue_lists_faults_in_the_order_in_which_a_byte_meets_them() -> None:
    assert [kind.order for kind in CATALOGUE] == sorted(kind.order for kind in CATALOGUE)


def test_every_fault_has_a_file_of_its_name() -> None:
    assert all((FOLDER / f"{kind.__name__.lower()}.py").exists() for kind in CATALOGUE)


def test_every_fault_is_off_unless_it_is_told_otherwise() -> None:
    assert all(kind().is_off for kind in CATALOGUE)
    assert not Faults(*(kind() for kind in CATALOGUE))
