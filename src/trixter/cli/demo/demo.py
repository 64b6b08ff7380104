"""``trixter demo``: start a server, a proxy and its API, run the show, and print commands to try next."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import socket
import sys
from collections.abc import Callable
from math import inf
from pathlib import Path

import click
from rich.console import Console
from rich.control import Control
from rich.segment import ControlType
from rich.text import Text

from trixter.cli.demo import peers
from trixter.cli.demo.show import NotShownError, Show
from trixter.cli.formatting import size
from trixter.cli.logs import configure
from trixter.cli.options import Options
from trixter.cli.serve import Service, run_until_complete
from trixter.cli.signals import stop_event
from trixter.cli.tables import console
from trixter.errors import TrixterError
from trixter.monotonic import monotonic

# The ports of all examples in the docs, so that their commands can be pasted while the demo runs.
PROXY_PORT = 8080
UPSTREAM_PORT = 8181
API_PORT = 8888

# The width of the show's first column.
COLUMN = 31

# The ends of steps after which the network is good.
GOOD = ("no faults", "off", "again")

BAR_COLUMNS = 20

# A bar is drawn again at most so often: a fast transfer is done before the second time.
REDRAW_S = 0.03


@click.command()
@click.option("--stay", is_flag=True, help="Keep it all running afterwards, to try for yourself.")
def demo(stay: bool) -> int:
    """Watch a connection go bad and good again.

    Starts a web server, a proxy in front of it and the proxy's API, all on this machine; then talks through
    the proxy while the API makes the network bad and good again, and measures what a client sees.
    """
    configure("warning", "text", is_terse=True)
    proxy_port, upstream_port, api_port = (
        _free(port) if stay else 0 for port in (PROXY_PORT, UPSTREAM_PORT, API_PORT)
    )
    options = Options(
        listen=f"127.0.0.1:{proxy_port}",
        upstream=peers.start_server(upstream_port).address,
        api=f"127.0.0.1:{api_port}",
    )
    service = Service(options, secrets.randbits(64))
    service.bind()
    return run_until_complete(_demo(service, stay=stay))


async def _demo(service: Service, *, stay: bool) -> int:
    stopped = stop_event()
    try:
        await service.start()
        proxy, api = service.proxy.listen_addresses[0], service.api_addresses[0]
        server = str(service.proxy.upstream)
        _print(f"client -> proxy {proxy} -> server {server}\nthe API is on {api}\n")
        complaint = await _show_unless(stopped, proxy, api)
        if stopped.is_set():
            return 0
        if complaint:
            print(f"trixter demo: {complaint}", file=sys.stderr)
            return 1
        if stay:
            _print(while_it_stays(program_name(), proxy=proxy, upstream=server, api=api))
            configure("info", "text")
            await stopped.wait()
        else:
            _print(after_the_show(program_name()))
        return 0
    finally:
        await service.stop()


async def _show_unless(stopped: asyncio.Event, proxy: str, api: str) -> str:
    """Run the show in a thread until it ends or is stopped; return the reason if it failed.

    A thread, because its client blocks, as most clients do.
    """
    async with asyncio.TaskGroup() as group:
        show = group.create_task(asyncio.to_thread(tell, proxy, api), name="show")
        interruption = group.create_task(stopped.wait(), name="interruption")
        done, _ = await asyncio.wait({show, interruption}, return_when=asyncio.FIRST_COMPLETED)
        # The thread ends by itself when its connections do.
        show.cancel()
        interruption.cancel()
    return show.result() if show in done else ""


def tell(proxy: str, api: str) -> str:
    """Run the show and print its steps; return the reason if it fails, else an empty text."""
    try:
        lines = StepLines(console())
        Show(proxy, api, lines.step, progress=lines.transfer).run()
    except (NotShownError, OSError, TrixterError) as exc:
        return getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
    return ""


class StepLines:
    """The lines of the steps; at a terminal with colours, and with a bar while a transfer is under way.

    Args:
        screen: Where they are printed.
        clock: Returns a time in seconds.
    """

    def __init__(self, screen: Console, clock: Callable[[], float] = monotonic) -> None:
        self._screen = screen
        self._clock = clock
        self._drawn_at = -inf

    def step(self, done: str, seen: str) -> None:
        """Print a step, in place of its bar."""
        self._draw(Text.assemble(f"  {done:<{COLUMN}}", (seen, "green" if done.endswith(GOOD) else "yellow")))
        self._screen.print()
        self._drawn_at = -inf

    def transfer(self, network: str, received_bytes: int, all_bytes: int, seconds: float) -> None:
        """Draw the bar of a transfer, if this is a terminal."""
        now = self._clock()
        if not self._screen.is_terminal or now < self._drawn_at + REDRAW_S:
            return
        self._drawn_at = now
        filled = min(BAR_COLUMNS, BAR_COLUMNS * received_bytes // all_bytes)
        rate = f"{size(round(received_bytes / seconds)) if seconds else size(0)}/s"
        bar = f"{'━' * filled}{'╌' * (BAR_COLUMNS - filled)}"
        self._draw(Text.assemble(f"  {network:<{COLUMN}}", (bar, "cyan"), f" {rate}"))

    def _draw(self, line: Text) -> None:
        if self._screen.is_terminal:
            self._screen.control(Control((ControlType.CARRIAGE_RETURN,), (ControlType.ERASE_IN_LINE, 2)))
        self._screen.print(line, end="", no_wrap=True, overflow="ignore", crop=False)


def _print(text: str) -> None:
    # Unbuffered, so that a reader at the other end of a pipe sees each line at once.
    print(text, flush=True)


def _free(port: int) -> int:
    """Return the port if it is free, else 0: any other."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return 0
    return port


def after_the_show(program: str) -> str:
    """Return commands to try after a demo that ends."""
    return f"""
Type next:

  the same, left running, with commands to paste
    {program} demo --stay

  a proxy in front of a server of your own, here one on port 8181
    {program} --listen 127.0.0.1:8080 --upstream 127.0.0.1:8181 \\
      --api 127.0.0.1:8888

  and, in another terminal: its connections, 250 ms for all, and their end
    {program} watch
    {program} set --all --delay-ms 250
    {program} kill --all

  every option
    {program} --help"""


def while_it_stays(program: str, *, proxy: str, upstream: str, api: str) -> str:
    """Return commands to try on a demo that keeps running."""
    at = "" if api == f"127.0.0.1:{API_PORT}" else f" --api {api}"
    return f"""
All of it keeps running until Ctrl-C: the proxy on http://{proxy},
in front of the server on http://{upstream},
with its API on http://{api}. Paste into another terminal:

  a connection that lasts: a line each second
    curl -N http://{proxy}/ticks

  all connections, live; the keys are below them
    {program} watch{at}

  250 ms for all of them, a slow network for new ones, a reset of all
    {program} set --all --delay-ms 250{at}
    {program} defaults --profile 2g{at}
    {program} kill --all --reset{at}

  a request, and the time it takes
    curl -s -w '%{{time_total}} s\\n' http://{proxy}/

The log:"""


def program_name() -> str:
    """Return the command that starts this program again from the current directory."""
    invoked = Path(sys.argv[0])
    if invoked.name == "__main__.py":
        return f"{_as_typed(Path(sys.executable))} -m trixter"
    return _as_typed(invoked)


def _as_typed(program: Path) -> str:
    """Return the shortest form of a path that a shell in this directory understands."""
    found = shutil.which(program.name)
    if found and Path(found).samefile(program):
        return program.name
    if program.is_relative_to(Path.cwd()):
        return str(program.relative_to(Path.cwd()))
    return str(program)
