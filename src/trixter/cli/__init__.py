"""Wiring: the ``trixter`` command, and the only place that knows every part.

- ``command.py``: the command, and what a mistake gets; ``flags.py`` lists its flags, ``types.py`` and
  ``addresses.py`` read their values, ``options.py`` holds them all and says what they mean to the proxy.
- ``service.py``: the proxy and its API, bound together, started and stopped; ``run.py`` does so until
  somebody stops it (``signals.py``).
- ``logs.py``: what the log looks like; ``log_writer.py``: how it is written, read or not; ``rust_log.py``:
  the level that the original's ``RUST_LOG`` asks for.
- ``demo/``: a show of it all, with nothing else needed; ``child/``: ``trixter run``; ``profiles.py``.
- ``remote/``: the subcommands for a proxy that runs; ``formatting.py`` and ``tables.py``: what they print.

``group.py`` imports the subcommand that is called, and no other.

What is heavy (the event loop, the API's web framework) is imported by those who use it, when they do.
"""

from __future__ import annotations

import gc
import os
import sys

from trixter.cli import signals

__all__ = ["main"]


def main() -> None:
    """Run the ``trixter`` command.

    Raises:
        SystemExit: Always, with the exit status.
    """
    _open_standard_streams()
    # Before all that is slow: imports take most of the time until something runs.
    signals.leave_quietly()
    # What they make lives as long as the program. To look through it for garbage, over and over, is a sixth
    # of the CPU of the start. The proxy switches the collector on again when it runs, other commands at once.
    gc.disable()
    from trixter.cli import command

    command.main()


def _open_standard_streams() -> None:
    """Put ``/dev/null`` where standard input, output or error was closed by the caller.

    Otherwise sockets get these numbers: what prints would write to them, and libuv aborts the process when
    one of them is closed.
    """
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest number is taken, and those below it are open by now. A child gets it, as it would
            # any standard stream.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, mode, closefd=False))  # noqa: SIM115 - as long as we run
