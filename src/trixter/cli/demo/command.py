"""The ``trixter demo`` subcommand."""

from __future__ import annotations

import click


@click.command(short_help="Watch a connection go bad and good again; nothing else needed.")
@click.option("--stay", is_flag=True, help="Keep it all running afterwards, to try for yourself.")
def demo(stay: bool) -> int:
    """Watch a connection go bad and good again.

    Starts a web server, a proxy in front of it and the proxy's API, all on this machine; then talks through
    the proxy while the API makes the network bad and good again, and measures what a client sees.
    """
    from trixter.cli.demo.perform import perform

    return perform(stay=stay)
