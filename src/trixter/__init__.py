"""trixter: a TCP chaos proxy and a library of stream adapters.

This module is cheap to import and holds the version only. The parts are

- ``trixter.faults``: what happens to bytes (pure: no clock, no socket),
- ``trixter.proxy``: the data plane between a client and a server,
- ``trixter.api``: the REST API that turns its knobs,
- ``trixter.cli``: the ``trixter`` command.
"""

__version__ = "0.1.0"
