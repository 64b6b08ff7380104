"""``trixter demo``: a client, a server and the network between them, made bad and good again.

- ``command.py``: the subcommand; ``perform.py`` sets the stage and clears it.
- ``show.py``: what happens on it, step by step, each measured and checked.
- ``visitor.py``: the client of the proxy; ``upstream.py``: the server.
"""
