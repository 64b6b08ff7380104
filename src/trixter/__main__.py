"""``python -m trixter`` is the ``trixter`` command."""

from __future__ import annotations

from trixter.cli import entry_point

entry_point()
