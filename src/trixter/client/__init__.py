"""Clients: a proxy that runs elsewhere, told what to do through its API.

    a method ──▶ a command ──codec──▶ one request ──HTTP──▶ API
                 its result ◀──codec── its answer ◀─────────┘

- ``client.py``: ``trixter.Client`` and ``trixter.AsyncClient``, over httpx2. They send, and that is all.
- ``codec.py``: which request a command is; ``stems.py``: the units of the API; ``answers.py``: how answers
  are read.
- ``http.py``: the endpoint, its headers and certificates, and failures to reach it.
- ``lease.py``: what keeps an override alive as long as its client lives.
"""
