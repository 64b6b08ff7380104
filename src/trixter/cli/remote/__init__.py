"""Subcommands that talk to the API of a running proxy.

- ``commands.py``: ``ls`` lists the connections; ``set``, ``kill`` and ``defaults`` change something.
- ``flags.py``: the flags they share; ``steps.py``: the fault flags, as steps of ``trixter.control``.
- ``remote.py``: the client.
"""
