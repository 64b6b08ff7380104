"""Setting the stage for the show, and clearing it: the same proxy and API as the command runs."""

from __future__ import annotations

import asyncio
import secrets
import socket
import sys

from trixter.cli.demo import next_steps, upstream
from trixter.cli.demo.show import NotShownError, Show
from trixter.cli.logs import configure
from trixter.cli.options import Options
from trixter.cli.run import run_to_the_end
from trixter.cli.service import Service
from trixter.cli.signals import stop_event
from trixter.errors import TrixterError

# Those of the examples everywhere, so that what is read there can be pasted here.
PROXY_PORT = 8080
UPSTREAM_PORT = 8181
API_PORT = 8888

# Where the second column of the show begins.
COLUMN = 31


def perform(*, stay: bool) -> int:
    """Run the show, and return the exit status.

    Args:
        stay: Keep everything running afterwards, until a signal comes.
    """
    configure("warning", "text", is_terse=True)
    proxy_port, upstream_port, api_port = (
        _free(port) if stay else 0 for port in (PROXY_PORT, UPSTREAM_PORT, API_PORT)
    )
    options = Options(
        listen=f"127.0.0.1:{proxy_port}",
        upstream=upstream.start(upstream_port).address,
        api=f"127.0.0.1:{api_port}",
    )
    service = Service(options, secrets.randbits(64))
    service.bind()
    return run_to_the_end(_perform(service, stay=stay))


async def _perform(service: Service, *, stay: bool) -> int:
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
            _print(next_steps.while_it_stays(proxy=proxy, upstream=server, api=api))
            configure("info", "text")
            await stopped.wait()
        else:
            _print(next_steps.after_the_show(next_steps.program_name()))
        return 0
    finally:
        await service.stop()


async def _show_unless(stopped: asyncio.Event, proxy: str, api: str) -> str:
    """Run the show in a thread, as a client that knows nothing of our loop, until it ends or is stopped."""
    async with asyncio.TaskGroup() as group:
        show = group.create_task(asyncio.to_thread(tell, proxy, api), name="show")
        interruption = group.create_task(stopped.wait(), name="interruption")
        done, _ = await asyncio.wait({show, interruption}, return_when=asyncio.FIRST_COMPLETED)
        # The task that is left is not needed; the thread ends by itself when its connections do.
        show.cancel()
        interruption.cancel()
    return show.result() if show in done else ""


def tell(proxy: str, api: str) -> str:
    """Run the show and print what it shows; return why it failed, if it did."""
    try:
        Show(proxy, api, lambda done, seen: _print(f"  {done:<{COLUMN}}{seen}")).run()
    except (NotShownError, OSError, TrixterError) as exc:
        return getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
    return ""


def _print(text: str) -> None:
    # At once, so that a reader at the other end of a pipe can watch.
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
