"""From options to a running service, until somebody stops it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import resource
import secrets
from collections.abc import Coroutine
from typing import Any

from trixter.cli import signals
from trixter.cli.logs import configure, standard_error
from trixter.cli.options import Options
from trixter.cli.service import Service
from trixter.proxy.loop import loop_factory

# What macOS grants when it names no limit (OPEN_MAX in its sys/syslimits.h).
MACOS_DESCRIPTORS = 10_240

# Generations so often collected that it does not happen; 0 would mean always.
NEVER = 10**9

log = logging.getLogger("trixter.cli")


def run(options: Options) -> int:
    """Run the proxy until SIGINT or SIGTERM, and return the exit status.

    Raises:
        BindError: If a port cannot be had; then nothing was accepted.
    """
    configure(options.log_level, options.log_format)
    raise_descriptor_limit()
    return run_to_the_end(_serve(bound_service(options)))


def bound_service(options: Options) -> Service:
    """Take every port, and tell the seed.

    Raises:
        BindError: If a port cannot be had; then nothing was accepted.
    """
    seed = options.random_seed if options.random_seed is not None else secrets.randbits(64)
    service = Service(options, seed)
    service.bind()
    log.info("random seed: %d", seed)
    return service


def run_to_the_end(main: Coroutine[Any, Any, int]) -> int:
    """Run what stops at a signal (``stop_event()``) on the best loop there is; return what it returns."""
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            status = runner.run(main)
        signals.ignore()
        return status
    finally:
        standard_error().flush()  # before what is printed without it: the reason why this failed


async def _serve(service: Service) -> int:
    stopped = signals.stop_event()
    try:
        await service.start()
        spare_the_collector()
        await stopped.wait()
        return 0
    finally:
        await service.stop()


def spare_the_collector() -> None:
    """Keep full garbage collections from stopping the traffic.

    With 9,000 connections one takes 80 to 140 ms, and finds nothing: a connection that ended is freed by
    its last reference (tests/proxy/test_freed.py). What is young is still collected.

    What is there now is spared without a collection before it: that took 10 to 15 ms of the start, and found
    some 700 objects.
    """
    gc.freeze()
    gc.enable()
    gc.set_threshold(*gc.get_threshold()[:2], NEVER)


def raise_descriptor_limit() -> None:
    """Allow as many descriptors as we may: each connection takes two."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (hard, MACOS_DESCRIPTORS):
        with contextlib.suppress(ValueError, OSError):
            if wanted == resource.RLIM_INFINITY or wanted > soft:
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            return
