"""Serving: the proxy and its API, bound together, started, and stopped by a signal."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import resource
import secrets
import socket
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from trixter.addresses import Address, text_of
from trixter.cli import signals
from trixter.cli.formatting import counted, tally, traffic
from trixter.cli.logs import configure, connection_log, standard_error
from trixter.cli.options import Options
from trixter.cli.upstream_check import UpstreamCheck
from trixter.errors import JournalError, SettingError, TrixterError, bind_error
from trixter.faults import Direction
from trixter.proxy import Proxy
from trixter.proxy.listen_socket import listen_sockets
from trixter.proxy.loop import LoopContext, loop_factory
from trixter.proxy.memory import Memory

if TYPE_CHECKING:
    from trixter.api import ApiServer
    from trixter.cli.journal_file import JournalFile
    from trixter.control.commands import Command
    from trixter.control.journal import Journal, Replay

# The limit that macOS grants when it names none (OPEN_MAX in its sys/syslimits.h).
MACOS_DESCRIPTORS = 10_240

# So many collections of the younger generation come before a full one that none happens; 0 would mean always.
NEVER = 10**9

log = logging.getLogger("trixter.cli")


def serve(options: Options) -> int:
    """Run the proxy until SIGINT or SIGTERM, and return the exit status.

    Raises:
        BindError: If a port cannot be had; then nothing was accepted.
    """
    configure(options.log_level, options.log_format)
    raise_descriptor_limit()
    return run_until_complete(_serve(bound_service(options)))


def bound_service(options: Options) -> Service:
    """Bind every port, and log the seed.

    Raises:
        BindError: If a port cannot be had; then nothing was accepted.
        TrixterError: If the upstream is what the proxy listens on.
        JournalError: If the journal cannot be written, or the one to replay not be repeated.
    """
    replay = _replay_of(options)
    seed = options.random_seed if options.random_seed is not None else secrets.randbits(64)
    service = Service(options, replay.seed if replay else seed, replay)
    try:
        service.bind()
    except SettingError as exc:
        raise TrixterError(f"--{exc.name} must be {exc.accepts}, not {exc.value!r}") from exc
    log.info("random seed: %d", service.seed)
    if replay is not None:
        log.info("a replay of %s: faults that are set are not applied", options.replay)
    return service


def _replay_of(options: Options) -> Replay | None:
    if options.replay is None:
        return None
    from trixter.control.journal import read_replays

    replays = read_replays(options.replay)
    if len(replays) != 1:
        raise JournalError(options.replay, 1, f"it has {len(replays)} proxies, and here is one")
    return next(iter(replays.values()))


def run_until_complete(main: Coroutine[Any, Any, int]) -> int:
    """Run a coroutine on the best available loop, and return its result.

    Args:
        main: Ends by itself, or at a signal (``signals.stop_event()``).
    """
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            status = runner.run(main)
        signals.ignore()
        return status
    finally:
        standard_error().flush()  # before an error message, which does not pass through this writer


async def _serve(service: Service) -> int:
    stopped = signals.stop_event()
    try:
        await service.start()
        disable_full_collections()
        await stopped.wait()
    finally:
        await service.stop()
    service.log_summary()
    return 0


def disable_full_collections() -> None:
    """Keep full garbage collections from stopping the traffic.

    With 9,000 connections one takes 80 to 140 ms and finds nothing: a connection that ended is freed with
    its last reference (tests/proxy/test_freed.py). Young objects are still collected.

    The objects that exist now are frozen without a collection before it: that took 10 to 15 ms of the start,
    and found some 700 objects.
    """
    gc.freeze()
    gc.enable()
    gc.set_threshold(*gc.get_threshold()[:2], NEVER)


def raise_descriptor_limit() -> None:
    """Raise the soft limit of open descriptors to the hard one: each connection takes two."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (hard, MACOS_DESCRIPTORS):
        with contextlib.suppress(ValueError, OSError):
            if wanted == resource.RLIM_INFINITY or wanted > soft:
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            return


class Service:
    """The proxy and the API of one ``trixter`` command.

    Args:
        options: The command's options.
        seed: The seed from which all random streams branch off.
        replay: The record that connections repeat; ``None``: their faults decide.
    """

    def __init__(self, options: Options, seed: int, replay: Replay | None = None) -> None:
        self._options = options
        self.seed = seed
        self.proxy = Proxy(
            listen=options.listen,
            upstream=options.upstream,
            seed=seed,
            defaults=options.defaults(),
            **options.tuning(),
        )
        self.proxy.observers = [connection_log()]  # in place of the lines that `logging` writes
        if replay is not None:
            self.proxy.replay = replay.faults
        self._journal: Journal | None = None
        self._journal_file: JournalFile | None = None
        self._api_sockets: list[socket.socket] = []
        self._api: ApiServer | None = None
        self._context: LoopContext | None = None
        self._check: UpstreamCheck | None = None

    @property
    def api_addresses(self) -> list[str]:
        """The addresses on which the API listens, once bound."""
        return [text_of(sock.getsockname()) for sock in self._api_sockets]

    def bind(self) -> None:
        """Bind every port, and accept nothing yet.

        Raises:
            BindError: If one of them cannot be had.
            SettingError: If the upstream is what the proxy listens on.
        """
        if self._options.api is not None:
            self._api_sockets = listen_sockets(self._options.api, "api")
        try:
            for sock in self._api_sockets:
                # Two sockets that are only bound may share a port. One that listens has it for itself, so
                # a proxy and an API on the same port are told apart here and not when the proxy starts.
                sock.listen()
            self.proxy.bind()
            self._open_journal()
        except OSError as exc:
            self._close_api_sockets()
            raise bind_error(str(self._options.api), exc) from exc
        except TrixterError:
            self.proxy.stop()
            self._close_api_sockets()
            raise

    def _open_journal(self) -> None:
        if self._options.journal is None and self._options.replay is None:
            return
        from trixter.control.journal import Journal, JournaledProxy

        name, write = "proxy", None
        if self._options.journal is not None:
            from trixter.cli.journal_file import JournalFile

            proxies = (JournaledProxy(name, self.seed, str(self.proxy.upstream)),)
            self._journal_file = JournalFile(self._options.journal, proxies)
            write = self._journal_file.add
        # Without a file, it only says where a replay leaves its record.
        journal = self._journal = Journal(name, "api", write=write, most_entries=0)
        self.proxy.observers.append(journal)
        self.proxy.on_decision = journal.on_decision

    async def start(self) -> None:
        """Start both, and log their addresses."""
        memory = Memory(self._options.total_limit_bytes)
        self._context = LoopContext(asyncio.get_running_loop(), memory=memory)
        self.proxy.start(self._context)
        log.info("listening on %s → upstream %s", ", ".join(self.proxy.listen_addresses), self.proxy.upstream)
        if self._options.upstream_check:
            self._check = UpstreamCheck(self.proxy.upstream, self._context)
            self._check.start()
        if self._api_sockets:
            await self._start_api()
        for address in self.api_addresses:
            log.info("API on http://%s", address)
        if self._options.api_token is None:
            open_to_all = [
                each for each in self.api_addresses if not Address.parse_tcp(each, "api").is_loopback
            ]
            if open_to_all:
                log.warning(
                    "any host that reaches http://%s can change the faults: --api-token asks for a token",
                    " or http://".join(open_to_all),
                )

    async def _start_api(self) -> None:
        # A web framework takes as long to import as all the rest to start: bytes flow meanwhile.
        await asyncio.to_thread(_import_api)
        from trixter.api import ApiServer, create_app
        from trixter.control.controller import Controller

        controller = Controller(self.proxy, on_command=self._on_command)
        app = create_app(controller, token=self._options.api_token, names=self._options.api_name)
        server = self._api = ApiServer(app, self._api_sockets)
        await server.start()

    def _on_command(self, command: Command[Any], result: object) -> None:
        if self._journal is not None:
            self._journal.on_command(command, result)

    async def stop(self) -> None:
        """Stop both at once; every connection ends. Idempotent."""
        self.proxy.stop()
        if self._check is not None:
            self._check.cancel()
        if self._context is not None:
            self._context.close()
            self._context = None
        if self._api is not None:
            api, self._api = self._api, None
            await api.stop()
        self._close_api_sockets()
        if self._journal_file is not None:
            self._journal_file.end()

    def log_summary(self) -> None:
        """Log what the proxy has counted, and the seed; call it when the proxy has stopped."""
        registry = self.proxy.registry
        up, down = (registry.forwarded_bytes(direction) for direction in Direction)
        counts: dict[str, Any] = {
            "connections": registry.accepted,
            "bytes_upstream": up,
            "bytes_downstream": down,
            "ended": dict(registry.ended),
            "faults": dict(self.proxy.strikes),
            "random_seed": self.seed,
        }
        parts = [f"{counted(registry.accepted)} {traffic(up, down)}"]
        parts += [f"{name}: {tally(each)}" for name in ("ended", "faults") if (each := counts[name])]
        log.info("summary: %s; to replay it: --random-seed %d", "; ".join(parts), self.seed, extra=counts)

    def _close_api_sockets(self) -> None:
        for sock in self._api_sockets:
            sock.close()
        self._api_sockets = []


def _import_api() -> None:
    from trixter.api import ApiServer, create_app  # noqa: F401 - to have imported it
