"""Starting the proxy, then the child; ending with the child's status."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import resource
import subprocess
from collections.abc import Sequence

from trixter.cli import signals
from trixter.cli.child.introduction import Introduction
from trixter.cli.child.relay import Relay
from trixter.cli.logs import configure, standard_error
from trixter.cli.options import Options
from trixter.cli.run import bound_service, raise_descriptor_limit, run_to_the_end, spare_the_collector
from trixter.cli.service import Service
from trixter.errors import os_error_text

# What shells answer with.
NOT_FOUND = 127
NOT_RUNNABLE = 126

Limits = tuple[int, int]

log = logging.getLogger("trixter.cli")


def perform(options: Options, command: Sequence[str], *, is_terse: bool) -> int:
    """Run the command beside a proxy, and return its exit status.

    Args:
        options: Of the proxy.
        command: Its name and its arguments.
        is_terse: Whether to leave out what happens to connections, unless it is a warning.

    Raises:
        BindError: If a port cannot be had; then the command was not started.
    """
    configure(options.log_level, options.log_format, is_terse=is_terse)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    raise_descriptor_limit()
    return run_to_the_end(_perform(bound_service(options), options, command, limits))


async def _perform(service: Service, options: Options, command: Sequence[str], limits: Limits) -> int:
    try:
        await service.start()
        spare_the_collector()
        api = next(iter(service.api_addresses), None)
        introduction = Introduction(service.proxy.listen_addresses[0], api, options.api_token)
        relay = Relay()
        try:
            child = _start(introduction.fill_in(command), introduction.environment, limits)
        except OSError as exc:
            standard_error().write(f"trixter: cannot run {command[0]!r}: {os_error_text(exc)}")
            return NOT_FOUND if exc.errno == errno.ENOENT else NOT_RUNNABLE
        relay.to(child)
        status = await _end_of(child)
        if status:
            text = "%s ended with status %d; to repeat its luck: --random-seed %d"
            log.info(text, command[0], status, service.seed)
        return status
    finally:
        await service.stop()


async def _end_of(child: subprocess.Popen[bytes]) -> int:
    """Wait for it, and return its status as a shell would."""
    try:
        status = await asyncio.to_thread(child.wait)
    finally:
        if child.poll() is None:  # something went wrong with us
            child.terminate()
    return status if status >= 0 else signals.KILLED - status


def _start(command: Sequence[str], variables: dict[str, str], limits: Limits) -> subprocess.Popen[bytes]:
    # With the descriptors that we were granted ourselves: many programs take more as a reason to be slow.
    ours = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[0], ours[1]))
    try:
        return subprocess.Popen(command, env=os.environ | variables)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, ours)
