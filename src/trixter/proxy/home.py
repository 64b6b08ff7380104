"""The home of connections: what a proxy is to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from trixter.faults import Dice
from trixter.proxy.ending import Ending
from trixter.proxy.loop import LoopContext
from trixter.proxy.route import Route
from trixter.settings import Defaults

if TYPE_CHECKING:
    from trixter.proxy.connection import Connection


class Home(Protocol):
    """Where a connection lives: who keeps it, and what it needs to know."""

    context: LoopContext
    route: Route
    defaults: Defaults
    dice: Dice
    limit_bytes: int
    idle_timeout_s: float

    def on_opened(self, connection: Connection) -> None:
        """The upstream answered: bytes flow."""

    def on_ended(self, connection: Connection, ending: Ending) -> None:
        """It is over, and its sockets are closed."""
