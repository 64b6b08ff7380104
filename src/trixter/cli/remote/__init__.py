"""Subcommands that talk to the API of a running proxy.

- ``ls.py`` lists the connections; ``set.py``, ``defaults.py`` and ``kill.py`` change something.
- ``flags.py``: the flags they share; ``steps.py``: the fault flags, as steps of ``trixter.control``.
- ``listing.py``: the table of connections, and one-line summaries; ``remote.py``: the client.
"""
