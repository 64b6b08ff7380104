"""``trixter demo``: a client, a server and the network between them, made bad and good again.

- ``demo.py``: the subcommand, which starts and stops all of it.
- ``show.py``: the steps of the show, each measured and checked.
- ``peers.py``: the client and the server.
"""
