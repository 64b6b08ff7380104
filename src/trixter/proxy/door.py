"""Whether somebody who knocks is let in."""

from __future__ import annotations

from enum import Enum


class Door(Enum):
    """Say what becomes of new connections, and of those there are.

    Shut, the port still belongs to the proxy: nobody else can take it, and it can be opened again.
    """

    OPEN = "open"
    """New connections are accepted."""

    REFUSING = "refusing"
    """New connections are refused, as if nothing listened there; those there are go on."""

    DOWN = "down"
    """New connections are refused, and those there are have been reset."""
