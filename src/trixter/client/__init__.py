"""Clients: they control a proxy that runs elsewhere, through its API.

    a method ──▶ a command ──codec──▶ one request ──HTTP──▶ API
                 its result ◀──codec── its response ◀───────┘

- ``client.py``: ``trixter.Client`` and ``trixter.AsyncClient``, over httpx2. They only send.
- ``codec.py``: the requests of a command, and the units of the API; ``responses.py``: reads the responses.
- ``http.py``: the endpoint, its headers and certificates, and failures to reach it.
- ``lease.py``: keeps an override alive as long as its client lives.
"""
