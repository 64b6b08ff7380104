"""``trixter run``: a proxy for as long as another command runs.

- ``command.py``: the subcommand; ``perform.py`` starts the proxy, then the child, and waits for it.
- ``introduction.py``: how the child learns where the proxy is.
- ``relay.py``: signals, passed on to the child.
"""
