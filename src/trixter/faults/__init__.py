"""Deciding: what happens to bytes.

Given these bytes, at this time, with these dice, under these settings: what leaves, when, and how does it
end? Everything here is ordinary code that answers this. It has no clock (time is an argument), no randomness
of its own (``Dice`` is an argument), no socket, loop or thread; a test of it is a list of bytes and times.

- A **fault** (``Latency(delay_s=0.25)``) is settings: frozen, checked when made.
- **Faults** are the immutable set of them in one direction; empty means calm.
- A **stage** is the running state of one fault in one direction of one connection.
- A **chain** runs the stages of one direction: ``put`` bytes, ``take`` actions, ask ``wake_at``.

One file per fault, settings and stage side by side; ``catalogue.py`` describes each once for the other rooms.
"""

from __future__ import annotations

from trixter.faults.actions import EOF, RESET, Abort, Action, Close, Decision, Effect, End, Eof, Reset
from trixter.faults.catalogue import CANONICAL_ORDER, CATALOGUE
from trixter.faults.chain import Chain
from trixter.faults.corrupt import Corrupt, CorruptMode
from trixter.faults.dice import Dice
from trixter.faults.fault import Direction, Fault, Stage, StageOrder
from trixter.faults.faults import NO_FAULTS, Faults
from trixter.faults.freeze import Freeze
from trixter.faults.latency import Latency
from trixter.faults.lose_answer import LoseAnswer
from trixter.faults.lose_request import LoseRequest
from trixter.faults.slice import Slice
from trixter.faults.terminate import Terminate
from trixter.faults.throttle import Throttle

__all__ = [
    "CANONICAL_ORDER",
    "CATALOGUE",
    "EOF",
    "NO_FAULTS",
    "RESET",
    "Abort",
    "Action",
    "Chain",
    "Close",
    "Corrupt",
    "CorruptMode",
    "Decision",
    "Dice",
    "Direction",
    "Effect",
    "End",
    "Eof",
    "Fault",
    "Faults",
    "Freeze",
    "Latency",
    "LoseAnswer",
    "LoseRequest",
    "Reset",
    "Slice",
    "Stage",
    "StageOrder",
    "Terminate",
    "Throttle",
]
