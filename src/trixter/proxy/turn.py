"""A turn: how long one callback may work while other connections, the API and signals wait."""

from __future__ import annotations

TURN_S = 0.001
