"""Chaos, the type of the pytest fixtures ``chaos`` and ``chaos_session``: a maker of proxies."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from functools import partial
from os import PathLike, fspath
from types import TracebackType
from typing import Self, TypedDict, Unpack

from msgspec import UNSET

from trixter.control.commands import Apply
from trixter.control.fault_methods import AnyDirection, directions_of
from trixter.control.journal import (
    VERSION,
    Bundle,
    Header,
    Line,
    Replay,
    Strike,
    line_of,
    read_replays,
)
from trixter.control.overrides import complete
from trixter.errors import JournalError
from trixter.faults import Fault, Faults
from trixter.profiles import Profile, find_profile
from trixter.settings import Defaults
from trixter.testing.background import BackgroundProxy
from trixter.testing.breaks import Break
from trixter.testing.chaos_proxy import SEED_BITS, AsyncChaosProxy, ChaosProxy, ProxyKeywords, Upstream
from trixter.testing.loop_thread import LoopThread
from trixter.testing.mark import FindProfile
from trixter.testing.rounds import Sweep, SweepOptions
from trixter.units import Seconds

# The size of a derived seed.
SEED_BYTES = 8

ChangeDefaults = Callable[[Defaults], Defaults]

FindReplay = Callable[[str], Replay | None]
"""Finds the replay of a proxy by its name; ``None``: its faults decide."""


def seed_for(root: int, name: str) -> int:
    """Return the seed of that name, derived from another seed.

    It depends on nothing else: not on the process, the order of the tests, or the selection of tests.
    """
    # A node id may contain surrogates, which cannot be encoded: pytest does not escape all of them.
    digest = hashlib.sha256(f"{root}/{name}".encode(errors="backslashreplace")).digest()
    return int.from_bytes(digest[:SEED_BYTES], "big")


class JournalKeywords(TypedDict):
    """The keywords of a proxy that concern its journal."""

    name: str
    replay: Replay | None


class Chaos:
    """A maker of proxies, which share one thread; ``close`` closes them all.

    Args:
        seed: The seed of all their randomness; by default a random one.
        defaults: The defaults of their connections.
        find_profile: Finds profiles by their names.
    """

    def __init__(
        self,
        seed: int | None = None,
        *,
        defaults: Defaults | None = None,
        find_profile: FindProfile = find_profile,
    ) -> None:
        self.seed = secrets.randbits(SEED_BITS) if seed is None else seed
        """The seed of all its proxies: derive your own randomness from it, to be repeated with theirs."""
        # Kept also if the test drops them: it may need only their address.
        self._proxies: list[ChaosProxy | AsyncChaosProxy] = []
        self._defaults = defaults
        self._find_profile = find_profile
        self.find_replay: FindReplay = no_replay
        """Finds the replays of the proxies to come."""
        self.sweeps: list[Sweep] = []
        """Its sweeps, for the report."""
        self.sweep_options = SweepOptions()
        """The options of the sweeps to come."""
        self._exits = ExitStack()
        self._thread: LoopThread | None = None

    @property
    def background_proxies(self) -> list[BackgroundProxy]:
        """The background proxies of its proxies, in the order of their creation."""
        return [proxy.background for proxy in self._proxies]

    def proxy(
        self,
        upstream: Upstream,
        listen: str = "127.0.0.1:0",
        profile: str | Profile | None = None,
        faults: Fault | Faults | None = None,
        **keywords: Unpack[ProxyKeywords],
    ) -> ChaosProxy:
        """Return a running proxy, for a sync test.

        Args:
            upstream: ``host:port`` or ``unix:/path``; also a port of this host, a pair of host and port, or
                the server's socket.
            listen: ``host:port``; port 0 stands for a free one.
            profile: The faults of new connections, in place of those of the mark.
            faults: Faults in place of those, in the direction or in both; a single fault will do.
            keywords: Faults as the mark takes them, added to those; and the tuning of ``ChaosProxy``.

        Raises:
            SettingError: If a setting is outside its range.
            TypeError: If there is no such keyword.
            BindError: If the address cannot be bound.
        """
        __tracebackhide__ = True
        proxy = ChaosProxy(
            upstream,
            listen=listen,
            profile=profile,
            faults=faults,
            seed=self._next_seed(),
            defaults=self._defaults,
            thread=self._running_thread(),
            find_profile=self._find_profile,
            **self._journal_keywords(),
            **keywords,
        )
        self._start(proxy)
        return proxy

    def async_proxy(
        self,
        upstream: Upstream,
        listen: str = "127.0.0.1:0",
        profile: str | Profile | None = None,
        faults: Fault | Faults | None = None,
        **keywords: Unpack[ProxyKeywords],
    ) -> AsyncChaosProxy:
        """Return a running proxy, for an async test; otherwise as ``proxy``. Blocks for a moment."""
        __tracebackhide__ = True
        proxy = AsyncChaosProxy(
            upstream,
            listen=listen,
            profile=profile,
            faults=faults,
            seed=self._next_seed(),
            defaults=self._defaults,
            thread=self._running_thread(),
            find_profile=self._find_profile,
            **self._journal_keywords(),
            **keywords,
        )
        self._start(proxy)
        return proxy

    def sweep(
        self,
        upstream: Upstream,
        *,
        listen: str = "127.0.0.1:0",
        break_with: str = "reset",
        at: str | None = None,
        direction: AnyDirection = None,
        delay_s: Seconds = 0.2,
        answer_bytes: int = 0,
        silence: bool = False,
        exhaustive: bool = False,
        max_rounds: int | None = None,
        round_timeout_s: Seconds | None = None,
        accept: Collection[str] = ("ok", "error"),
        also: str | None = None,
    ) -> Sweep:
        """Return the rounds of a sweep: a calm one, and then one for each break.

        Each is to be used with ``with``, which gives its proxy; in an async test, iterate with ``async for``,
        and use ``async with``. The body opens its connections itself: those of the round before are over. An
        exception in it is the round's outcome, and the sweep goes on. Blocks for a moment.

        Args:
            upstream, listen: As for ``proxy``.
            break_with: ``"reset"``, ``"close"``, ``"half-close"``, ``"freeze"``, ``"latency"``, ``"cut"``,
                ``"corrupt"``, ``"lose_request"`` or ``"lose_answer"``.
            at: ``"every operation"``, ``"every message"``, ``"every byte"`` or ``"every connection"``; by
                default every operation, and every message to lose.
            direction: ``"upstream"`` or ``"downstream"``; by default both.
            delay_s: The latency, or the pause of a cut.
            answer_bytes: The bytes of a lost answer that arrive all the same.
            silence: Whether a lost message is followed by silence, in place of a reset.
            exhaustive: Whether to try every byte; by default the ends of each read are tried, and between two
                of different outcome, as many as find the change.
            max_rounds: So many rounds at most: of more points, evenly chosen ones are tried.
            round_timeout_s: A longer round hangs; by default one that takes five times as long as the calm
                one, and at least 5 s.
            accept: The outcomes with which the sweep passes, among ``"ok"``, ``"error"``, ``"hang"``,
                ``"leak"`` and ``"wrong"``.
            also: ``"the retry"``: where the body comes back after a retry, the connections of that are broken
                in the same way, each in a round of its own.

        Raises:
            SettingError: If a setting is outside its range, or the break cannot be at such points.
            SweepError: In the loop: if the calm round fails or opens no connection, and at the end, if a
                round has another outcome.
        """
        __tracebackhide__ = True
        where = None if direction is None else directions_of(direction)[0]
        broken = Break.of(break_with, at, where, delay_s=delay_s, answer_bytes=answer_bytes, silence=silence)
        sweep = Sweep(
            self.proxy(upstream, listen),
            broken,
            len(self.sweeps) + 1,
            self.sweep_options,
            exhaustive=exhaustive,
            max_rounds=max_rounds,
            round_timeout_s=round_timeout_s,
            accept=accept,
            also=also,
        )
        self.sweeps.append(sweep)
        return sweep

    def replay(self, path: str | PathLike[str]) -> None:
        """Let the proxies that are made from now on repeat a journal, in place of all faults that are set.

        The first proxy repeats the first one of the journal, and so on.

        Args:
            path: The journal of a test that failed.

        Raises:
            JournalError: If it is no journal that can be repeated.
        """
        self.find_replay = partial(_replay_in, read_replays(path), fspath(path))

    def strikes(self) -> list[Strike]:
        """Return what faults did to the connections of all its proxies, one proxy after another."""
        return [each for proxy in self.background_proxies for each in proxy.call(_strikes_of(proxy))]

    def struck(self, kind: str | None = None) -> bool:
        """Return whether a fault did something: any, or those of a name or an effect."""
        return any(kind in (None, each.kind, each.effect.value) for each in self.strikes())

    def journal(self, bundle: Bundle | None = None) -> tuple[Header, list[Line]]:
        """Return the journal of all its proxies: the header, and the entries of one proxy after another.

        Args:
            bundle: Its origin, if it is to be repeated elsewhere.
        """
        proxies = self.background_proxies
        header = Header(VERSION, tuple(each.journaled for each in proxies), bundle=bundle or UNSET)
        return header, [entry for each in proxies for entry in each.call(_entries_of(each))]

    def journal_lines(self, bundle: Bundle | None = None) -> list[str]:
        """Return that journal as text, for ``replay``."""
        header, entries = self.journal(bundle)
        return [line_of(each) for each in [header, *entries]]

    def close(self) -> None:
        """Close every proxy, and end the thread. Idempotent."""
        self._exits.close()
        self._thread = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _next_seed(self) -> int:
        return seed_for(self.seed, self._next_name())

    def _next_name(self) -> str:
        return f"proxy {len(self._proxies) + 1}"

    def _journal_keywords(self) -> JournalKeywords:
        name = self._next_name()
        return {"name": name, "replay": self.find_replay(name)}

    def _running_thread(self) -> LoopThread:
        if self._thread is None:
            thread = LoopThread()
            self._exits.callback(thread.stop)
            thread.start()
            self._thread = thread
        return self._thread

    def _start(self, proxy: ChaosProxy | AsyncChaosProxy) -> None:
        self._exits.callback(
            proxy.background.close
        )  # first: an interrupt may come on the way back from the start
        proxy.background.start()
        self._proxies.append(proxy)


def no_replay(name: str) -> None:
    """Find no replay."""


def _replay_in(replays: Mapping[str, Replay], path: str, name: str) -> Replay:
    if name not in replays:
        raise JournalError(path, 1, f"it has no {name!r}; its proxies: {', '.join(replays) or 'none'}")
    return replays[name]


def _strikes_of(background: BackgroundProxy) -> Callable[[], list[Strike]]:
    return lambda: background.journal.strikes


def _entries_of(background: BackgroundProxy) -> Callable[[], list[Line]]:
    return lambda: background.journal.entries


class SessionChaos(Chaos):
    """A maker of proxies that live as long as the session; what one test changes, no other test sees."""

    def begin_test(self, seed: int, change_defaults: ChangeDefaults) -> Callable[[], None]:
        """Begin a test, with its own seed and its marks.

        Args:
            seed: The test's seed: its connections draw what they would draw if it ran alone.
            change_defaults: Applies the test's marks to defaults.

        Returns:
            A function that ends the test: it restores the proxies as they were before.
        """
        self.sweeps.clear()  # their maps are in the reports of their tests
        snapshots = [
            (each, each.call(each.controller.snapshot)) for each in self.background_proxies if each.is_running
        ]
        for number, background in enumerate(self.background_proxies, 1):
            if background.is_running:
                background.events.start_over()
                background.journal.start_over()
                own_seed = seed_for(seed, f"session proxy {number}")
                background.call(partial(_begin, background, own_seed, change_defaults))

        def end_test() -> None:
            for background, snapshot in snapshots:
                if background.is_running:
                    background.call(partial(background.controller.restore, snapshot))

        return end_test


def _begin(background: BackgroundProxy, seed: int, change_defaults: ChangeDefaults) -> None:
    proxy = background.proxy
    proxy.reseed(seed)
    background.unused_faults_check.start_over()
    wanted = change_defaults(proxy.defaults)
    if wanted != proxy.defaults:
        background.controller.execute(Apply(override=complete(wanted)))
        background.unused_faults_check.look()
