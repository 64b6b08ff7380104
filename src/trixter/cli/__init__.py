"""Wiring: the ``trixter`` command, and the only place that knows every part.

- ``main.py``: the command, its subcommands and its exit status; ``command.py``: help, late imports and hints
  of all commands; ``flags.py`` lists the flags, ``types.py`` reads their values, ``options.py`` holds them
  all and turns them into settings of the proxy.
- ``serve.py``: the proxy and its API, bound, started, and stopped by a signal (``signals.py``);
  ``upstream_check.py``: a warning if no server answers at the start.
- ``logs.py``: the format of the log; ``log_writer.py``: writing it, also to a reader that has stopped
  reading.
- ``run_command.py``: ``trixter run``, and the command that it runs.
- ``sweep_command.py``: ``trixter sweep``, and its map; ``repeated_command.py``: the command that it runs in
  every round.
- ``remote.py``: the subcommands for a running proxy; ``watch.py``: ``trixter watch``;
  ``raw_client.py``: their client; ``tables.py`` and ``formatting.py``: their output.
- ``profiles.py``: ``trixter profiles``; ``docs.py``: ``trixter docs``; ``demo/``: ``trixter demo``.

A subcommand's module is imported when the subcommand is called. The API's web framework and the event loop
are imported where they are needed, and not before.
"""

from __future__ import annotations

import gc
import io
import os
import sys

from trixter.cli import signals

__all__ = ["entry_point"]


def entry_point() -> None:
    """Run the ``trixter`` command.

    Raises:
        SystemExit: Always, with the exit status.
    """
    _open_standard_streams()
    # Before the imports, which take most of the time of the start.
    signals.leave_quietly()
    # Imported objects live as long as the program. To look through them for garbage, over and over, is a
    # sixth of the CPU of the start. The proxy enables the collector again when it runs, other commands do so
    # at once.
    gc.disable()
    from trixter.cli.main import main

    main()


def _open_standard_streams() -> None:
    """Open ``/dev/null`` in place of standard input, output or error if the caller has closed it.

    Standard output escapes the characters that its encoding lacks.

    Otherwise sockets get these numbers: print() would write to them, and libuv aborts the process when one of
    them is closed.
    """
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(descriptor)
        except OSError:
            # The kernel takes the lowest free number, and those below it are open by now. A child inherits
            # it, like any standard stream.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, mode, closefd=False))  # noqa: SIM115 - as long as we run
    # An encoding without arrows must not end a command; standard error escapes them by itself.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
