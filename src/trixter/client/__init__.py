"""Talking to a proxy that runs elsewhere, through its API, with the words of ``trixter.control``.

    a word ──▶ steps ──▶ calls ──HTTP──▶ API
                │          │
                └─ states ◀┴─ answers

- ``calls.py``: which calls a step is, as plans.
- ``stems.py`` and ``answers.py``: how faults travel there, and states travel back.
- ``wire.py``: what both clients know of HTTP: where the API is, what they show, and why there is no answer.
- ``blocking.py``, ``awaiting.py``: ``trixter.Client`` and ``trixter.AsyncClient``, over httpx2. They send and
  wait, and that is all.
"""
