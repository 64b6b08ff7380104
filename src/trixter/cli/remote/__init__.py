"""The subcommands that talk to the API of a running proxy.

- ``ls.py``, ``watch.py`` show what is connected, once and all the time; ``set.py``, ``defaults.py`` and
  ``kill.py`` change it.
- ``flags.py``: the flags they share; ``steps.py``: fault flags as the override they ask for.
- ``listing.py``: the table of connections; ``changes.py``: what happened between two looks.
"""
