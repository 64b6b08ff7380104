"""Proxies beside a test, in the same process: for sync tests, and for tests on asyncio and Trio."""

from __future__ import annotations

import secrets
import warnings
from concurrent.futures import Future
from types import TracebackType
from typing import Any, NoReturn, Protocol, Self, TypeVar, Unpack, cast

import anyio

from trixter.addresses import Address, text_of
from trixter.control import AsyncChange, AsyncProxyHandle, Change, ListenAddress, ProxyHandle
from trixter.control.commands import Command, ResultT
from trixter.control.fault_methods import (
    AnyDirection,
    FaultKeywords,
    FaultMethods,
    directions_of,
    faults_by_direction,
    meant_by,
)
from trixter.control.journal import Replay, Strike
from trixter.errors import SettingError
from trixter.faults import Fault, Faults
from trixter.faults.faults import as_faults
from trixter.monotonic import monotonic
from trixter.profiles import Profile, find_profile
from trixter.proxy import Defaults
from trixter.proxy.tuning import TuningKeywords
from trixter.testing.background import BackgroundProxy
from trixter.testing.loop_thread import LoopThread, wait_future
from trixter.testing.mark import KEYWORDS, FindProfile, apply_mark, with_profile

SEED_BITS = 64

ChangeT = TypeVar("ChangeT")


class BoundSocket(Protocol):
    """A socket that has an address, such as that of a server."""

    def getsockname(self) -> Any:
        """Return its address."""


Upstream = str | int | tuple[Any, ...] | BoundSocket
"""``host:port`` or ``unix:/path``; a port of this host; a pair of host and port; the server's socket."""


class ProxyKeywords(FaultKeywords, TuningKeywords, total=False):
    """The keywords of proxies: faults, as the mark takes them, and ``Tuning``."""


class _LocalProxy(FaultMethods[ChangeT]):
    """A proxy in this process."""

    _requester = "by the test"

    def __init__(
        self,
        upstream: Upstream,
        *,
        listen: str = "127.0.0.1:0",
        profile: str | Profile | None = None,
        faults: Fault | Faults | None = None,
        seed: int | None = None,
        defaults: Defaults | None = None,
        thread: LoopThread | None = None,
        find_profile: FindProfile = find_profile,
        name: str = "proxy",
        replay: Replay | None = None,
        **keywords: Unpack[ProxyKeywords],
    ) -> None:
        """Make a proxy that is not started yet.

        Args:
            upstream: ``host:port`` or ``unix:/path``; also a port of this host, a pair of host and port, or
                the server's socket.
            listen: ``host:port``; port 0 stands for a free one.
            profile: The faults of new connections, such as ``"3g"``.
            faults: Faults in place of the profile's, in the direction or in both; a single fault will do.
            seed: The seed of all its randomness; by default a random one.
            defaults: The defaults of new connections; a profile replaces their faults.
            thread: The thread to share with other proxies; by default a new one.
            find_profile: Finds profiles by their names.
            name: Its name in a journal.
            replay: The record that its connections repeat, whatever faults are set.
            keywords: Faults as the mark takes them, such as ``latency="100ms"``, added to those.
                And settings of ``trixter.proxy.tuning.Tuning``, such as ``idle_timeout_s``. With a
                small ``socket_buffer_bytes``, and a throttle or a freeze, a sender blocks early.

        Raises:
            SettingError: If a setting is outside its range.
            TypeError: If there is no such keyword.
        """
        __tracebackhide__ = True
        tuning, asked = _split(keywords)
        self._find_profile = find_profile
        # Public for the other modules of this package only: users have the methods.
        self.background = BackgroundProxy(
            _text_of_upstream(upstream),
            listen=listen,
            seed=secrets.randbits(SEED_BITS) if seed is None else seed,
            defaults=self._begun_with(defaults or Defaults(), profile, faults, asked),
            thread=thread,
            name=name,
            replay=replay,
            **tuning,
        )

    # In one process a poll costs microseconds.
    _longest_pause_s = 0.01

    @property
    def _may_change(self) -> bool:
        return self.background.is_running  # closed, it never changes again

    def _time(self) -> float:
        return monotonic()

    def __repr__(self) -> str:
        where = ", ".join(self.background.addresses) or "not started"
        return f"<{type(self).__name__} {where} → {self.background.proxy.upstream}>"

    @property
    def seed(self) -> int:
        """The seed of all its randomness."""
        return self.background.seed

    @property
    def upstream(self) -> str:
        """The upstream's address, as it was given."""
        return str(self.background.proxy.upstream)

    @property
    def listen_address(self) -> ListenAddress:
        """The address to connect to, with the real port; also after the close.

        Raises:
            RuntimeError: If it was not started.
        """
        if not self.background.addresses:
            raise RuntimeError("the proxy listens nowhere yet: start it, or use it with `with`")
        return ListenAddress.of(self.background.addresses)

    @property
    def host(self) -> str:
        """The host to connect to."""
        return self.listen_address.host

    @property
    def port(self) -> int:
        """The port to connect to."""
        return self.listen_address.port

    @property
    def address(self) -> str:
        """Host and port as one: ``127.0.0.1:43210``."""
        return self.listen_address.address

    def url(self, scheme: str, path: str = "") -> str:
        """Return a URL of the proxy."""
        return self.listen_address.url(scheme, path)

    def profile(self, profile: str | Profile) -> ChangeT:
        """Replace all faults by those of a profile, such as ``"3g"``."""
        return super().profile(profile if isinstance(profile, Profile) else self._find_profile(profile))

    def _submit_strikes(
        self, kind: str | None, connection: int | None, direction: AnyDirection
    ) -> Future[list[Strike]]:
        """Have the journal read on the proxy's loop, which writes it."""
        directions = directions_of(direction)
        return self.background.submit(
            lambda: [
                each
                for each in self.background.journal.strikes
                if kind in (None, each.kind, each.effect.value)
                and connection in (None, each.connection)
                and each.direction in directions
            ]
        )

    def _begun_with(
        self,
        defaults: Defaults,
        profile: str | Profile | None,
        faults: Fault | Faults | None,
        asked: FaultKeywords,
    ) -> Defaults:
        if profile is not None:
            defaults = with_profile(defaults, profile, self._find_profile)
        if faults is not None:
            for direction, given in faults_by_direction(as_faults(faults), asked.get("direction")).items():
                defaults = defaults.with_faults(direction, given)
        return apply_mark(defaults, self._find_profile, **asked)

    def __reduce__(self) -> NoReturn:
        # The end of a copy would close the proxy of the original.
        raise TypeError(f"{self!r} cannot be copied or pickled")

    def __del__(self) -> None:
        background: BackgroundProxy | None = getattr(
            self, "background", None
        )  # without it, making this failed
        if background is not None and background.is_running:
            background.begin_close()
            warnings.warn(f"{self!r} was not closed", ResourceWarning, stacklevel=2, source=self)


class ChaosProxy(_LocalProxy[Change], ProxyHandle):
    """A proxy beside a sync test: of requests, psycopg, redis-py, or any other client.

    It is the proxy of the ``trixter`` command, on a loop in a background thread. ``with`` starts and closes
    it; after the close, its counters can still be read.

    Example:
        >>> with ChaosProxy("127.0.0.1:9000") as payments:
        ...     client = Client(payments.url("http"))
        ...     with payments.latency(0.250):
        ...         assert client.pay().ok
    """

    def start(self) -> Self:
        """Listen. Idempotent.

        Raises:
            BindError: If the address cannot be bound.
            RuntimeError: If it was closed.
        """
        self.background.start()
        return self

    def close(self) -> None:
        """End every connection, free the port, and end its thread. Idempotent."""
        self.background.close()

    def strikes(
        self, kind: str | None = None, *, connection: int | None = None, direction: AnyDirection = None
    ) -> list[Strike]:
        """Return what faults did to connections, oldest first; of a test under chance, what really happened.

        Args:
            kind: The name of a fault, such as ``"corrupt"``, or an effect, such as ``"reset"``.
            connection: The number of a connection, from 1 in the order in which they came.
            direction: ``"upstream"`` or ``"downstream"``.
        """
        return self._submit_strikes(kind, connection, direction).result()

    def struck(
        self, kind: str | None = None, *, connection: int | None = None, direction: AnyDirection = None
    ) -> bool:
        """Return whether a fault did something. As ``strikes``."""
        return bool(self.strikes(kind, connection=connection, direction=direction))

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:  # also an interrupt just after the start: `with` would not close it
            self.background.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, command: Command[ResultT]) -> ResultT:
        return self.background.send(command).result()

    def _sleep(self, seconds: float) -> None:
        self.background.pause(seconds).result()

    def _sleep_fully(self, seconds: float) -> None:
        self.background.pause(seconds, until_change=False).result()


class AsyncChaosProxy(_LocalProxy[AsyncChange], AsyncProxyHandle):
    """A proxy beside an async test, on asyncio or Trio: with the methods of ``ChaosProxy``, to be awaited.

    It runs in a background thread, too, so a busy loop of the test does not delay it. ``async with`` starts
    and closes it.

    Example:
        >>> async with AsyncChaosProxy("127.0.0.1:5432") as db:
        ...     async with db.latency(0.250):
        ...         await pool.fetch("select 1")
    """

    async def start(self) -> Self:
        """Listen. Idempotent. Blocks the running loop for a few milliseconds.

        Raises:
            BindError: If the address cannot be bound.
            RuntimeError: If it was closed.
        """
        self.background.start()
        return self

    async def close(self) -> None:
        """End every connection, free the port, and end its thread, also when cancelled. Idempotent."""
        ended = self.background.begin_close()  # from here on, it ends even if this is cancelled
        with anyio.CancelScope(shield=True):
            await wait_future(ended)
        self.background.close()

    async def strikes(
        self, kind: str | None = None, *, connection: int | None = None, direction: AnyDirection = None
    ) -> list[Strike]:
        """Return what faults did to connections, oldest first; of a test under chance, what really happened.

        Args:
            kind: The name of a fault, such as ``"corrupt"``, or an effect, such as ``"reset"``.
            connection: The number of a connection, from 1 in the order in which they came.
            direction: ``"upstream"`` or ``"downstream"``.
        """
        return await wait_future(self._submit_strikes(kind, connection, direction))

    async def struck(
        self, kind: str | None = None, *, connection: int | None = None, direction: AnyDirection = None
    ) -> bool:
        """Return whether a fault did something. As ``strikes``."""
        return bool(await self.strikes(kind, connection=connection, direction=direction))

    async def __aenter__(self) -> Self:
        try:
            return await self.start()
        except BaseException:  # also an interrupt just after the start: `with` would not close it
            self.background.close()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _send(self, command: Command[ResultT]) -> ResultT:
        return await wait_future(self.background.send(command))

    async def _sleep(self, seconds: float) -> None:
        await wait_future(self.background.pause(seconds))

    async def _sleep_fully(self, seconds: float) -> None:
        await wait_future(self.background.pause(seconds, until_change=False))


def _split(keywords: ProxyKeywords) -> tuple[TuningKeywords, FaultKeywords]:
    """Return the keywords of the proxy's tuning, and those of faults."""
    __tracebackhide__ = True
    known = ["listen", "faults", "seed", *TuningKeywords.__annotations__, *KEYWORDS]
    for name in keywords:
        if name not in known:
            meant = meant_by(name, known)
            hint = f"did you mean {meant}?" if meant else f"there are {', '.join(known)}"
            raise TypeError(f"a proxy has no keyword {name!r}: {hint}")
    tuning = {name: value for name, value in keywords.items() if name in TuningKeywords.__annotations__}
    faults = {name: value for name, value in keywords.items() if name not in tuning}
    return cast(TuningKeywords, tuning), cast(FaultKeywords, faults)


def _text_of_upstream(upstream: Upstream) -> str:
    """Return the address of a server as ``Proxy`` takes it, and refuses it if it is none."""
    if isinstance(upstream, int) and not isinstance(upstream, bool):
        return f"127.0.0.1:{upstream}"
    if hasattr(upstream, "getsockname"):
        try:
            upstream = upstream.getsockname()
        except OSError:
            raise SettingError("upstream", upstream, "a socket that is open") from None
        if isinstance(upstream, str):
            return text_of(upstream)
    match upstream:
        case (str() as host, int() as port, *_):  # a server on all addresses is dialled at one of them
            return str(Address(host, port).reachable())
    return upstream  # type: ignore[return-value] # which Proxy refuses, if it is no text


def async_handle_of(proxy: ChaosProxy) -> AsyncChaosProxy:
    """Return a second handle of a proxy, for an async test."""
    handle = AsyncChaosProxy.__new__(AsyncChaosProxy)
    handle.background, handle._find_profile = proxy.background, proxy._find_profile
    return handle
