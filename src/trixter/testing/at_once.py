"""A whole plan as one step: performed where the proxy runs, with no byte in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trixter.control import Step
from trixter.control.edits import Edit
from trixter.control.plans import Asking


@dataclass(frozen=True, slots=True)
class AllAtOnce(Step[None]):
    """Perform a plan from beginning to end before anything else happens.

    Args:
        plan: Makes it.
    """

    plan: Callable[[], Asking[Step[Any], None]]


class EditAtOnce(Edit):
    """Change everything at once, and take it back at once.

    In this process a plan can be performed where the proxy runs. So it costs one change of threads instead of
    one for each step, no connection opens halfway, and one who stops waiting cannot tear it apart.
    """

    def __init__(self, edit: Edit) -> None:
        self._edit = edit

    def apply(self) -> Asking[Step[Any], None]:
        yield AllAtOnce(self._edit.apply)

    def restore(self) -> Asking[Step[Any], None]:
        yield AllAtOnce(self._edit.restore)
