"""CONTROL: what can be told to a proxy, decided without talking to any.

    a word ──▶ an edit ──plan──▶ steps ──▶ who performs them: a proxy in this process, or an API
    latency()   what changes,      │
                and what was       └──results──▶ back into the plan
                there before

- ``words.py``: the vocabulary, once, for everybody; values are checked here.
- ``edits.py``: what each word changes, and how it is taken back.
- ``steps.py``, ``states.py``: what can be asked of a proxy, and the answers.
- ``plans.py``: generators that yield steps, and the two drivers, for those who block and those who await.
- ``waits.py``: waiting for conditions.
- ``change.py``: what words return.
- ``faces.py``: all of it put together; whoever extends one says only how a step is performed.

Nothing here does I/O.
"""

from __future__ import annotations

from trixter.addresses import ListenAddress
from trixter.control.change import AsyncChange, Change
from trixter.control.faces import AsyncLiveConnection, AsyncProxyFace, LiveConnection, ProxyFace
from trixter.control.listening import Listens
from trixter.control.states import ConnectionState, News, ProxyState, Stats
from trixter.control.steps import ALL, Step
from trixter.control.swap import Swap

__all__ = [
    "ALL",
    "AsyncChange",
    "AsyncLiveConnection",
    "AsyncProxyFace",
    "Change",
    "ConnectionState",
    "ListenAddress",
    "Listens",
    "LiveConnection",
    "News",
    "ProxyFace",
    "ProxyState",
    "Stats",
    "Step",
    "Swap",
]
