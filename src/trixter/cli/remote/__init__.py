"""Subcommands that talk to the API of a running proxy.

- ``commands.py``: ``ls`` lists the connections; ``set``, ``kill`` and ``defaults`` change something.
- ``steps.py``: fault flags as the override that they ask for; ``remote.py``: the client.
"""
