"""The journal of a run: connections, overrides and decisions, as values and as lines of JSON."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from os import PathLike, fspath
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from trixter.control.commands import Apply, Command, Revert
from trixter.control.overrides import Override
from trixter.errors import JournalError, SettingError, os_error_text
from trixter.faults import NO_FAULTS, Decision, Direction, Effect, Faults, StageOrder
from trixter.faults.actions import Moment, Place
from trixter.faults.fault import kind_name, settings_of
from trixter.faults.replayed import Replayed, replayed
from trixter.monotonic import monotonic
from trixter.proxy.connection import Connection
from trixter.proxy.end_reason import CLOSED, EndReason

VERSION = 1

# Of one proxy, in memory: the decisions of a test, or of the last seconds of a load test; some 10 MB.
MOST_ENTRIES = 20_000

log = logging.getLogger("trixter.journal")

By = Literal["api", "test", "scenario"]


class JournaledProxy(Struct, frozen=True):
    """A proxy of a journal.

    Args:
        name: Its name: ``proxy`` on the command line, ``proxy 1`` and so on in a test.
        seed: The seed of its randomness.
        upstream: Its upstream, as it was given.
    """

    name: str
    seed: int
    upstream: str


class Bundle(Struct, frozen=True):
    """The origin of a journal that is to be repeated elsewhere: a test that failed, and its environment.

    Args:
        test: The node id of the test.
        seed: The seed of the run.
        command: The command that repeats the test with that seed.
        python: The implementation and version of Python.
        platform: The operating system, its version and the processor.
        packages: The versions of the installed packages.
    """

    test: str
    seed: Annotated[int, Meta(ge=0)]
    command: str
    python: str
    platform: str
    packages: dict[str, str]


class Header(Struct, frozen=True, tag_field="event", tag="journal"):
    """The first line.

    Args:
        version: The version of the format.
        proxies: The proxies.
        part: The number of the file among those of one run, from 1.
        bundle: Its origin, if it is to be repeated elsewhere.
    """

    version: int
    proxies: tuple[JournaledProxy, ...]
    part: int = 1
    bundle: Bundle | UnsetType = UNSET


class Entry(Struct, frozen=True, tag_field="event"):
    """A line about a proxy.

    Args:
        at_s: Seconds since the proxy's journal began.
        proxy: The name of the proxy.
    """

    at_s: float
    proxy: str


class Opened(Entry, frozen=True, tag="opened"):
    """A connection's upstream has answered.

    Args:
        connection: Its number, from 1 for each seed.
        client: The client's address.
    """

    connection: int
    client: str


class Ended(Entry, frozen=True, tag="ended"):
    """A connection is over.

    Args:
        connection: Its number.
        client: The client's address.
        reason: The reason, as in the log.
        bytes_upstream: Bytes that the upstream has taken.
        bytes_downstream: Bytes that the client has taken.
    """

    connection: int
    client: str
    reason: str
    bytes_upstream: int
    bytes_downstream: int


class Applied(Entry, frozen=True, tag="applied"):
    """An override was applied.

    Args:
        by: The room that the command came from.
        id: Its id; empty if it is permanent.
        override: Its settings that are not at their defaults.
    """

    by: By
    id: str
    override: Mapping[str, Any]


class Reverted(Entry, frozen=True, tag="reverted"):
    """An override was reverted.

    Args:
        by: The room that the command came from.
        id: Its id.
    """

    by: By
    id: str


class Strike(Entry, frozen=True, tag="decision"):
    """A decision of a fault that did something. Its fields are those of ``Decision``.

    Args:
        connection: The number of the connection.
        direction: The direction.
        kind: The name of the fault.
        effect: The effect on the stream.
        offset_bytes: The bytes that the source sent before.
        detail: What belongs to the effect.
        moment: The event at that byte.
        place: The place of the stage in its chain.
        input_bytes: The bytes that the stage took in before.
    """

    connection: int
    direction: Direction
    kind: str
    effect: Effect
    offset_bytes: int
    detail: Mapping[str, Any]
    moment: Moment
    place: Place
    input_bytes: int

    def __str__(self) -> str:
        where = f"connection {self.connection}, {self.direction.value}, byte {self.offset_bytes:,}"
        return f"{where}: {self.kind}: {_phrase(self.effect, self.detail)}"

    @property
    def decision(self) -> Decision:
        """The decision itself."""
        return Decision(
            kind=self.kind,
            effect=self.effect,
            offset_bytes=self.offset_bytes,
            moment=self.moment,
            detail=self.detail,
            place=self.place,
            input_bytes=self.input_bytes,
        )


def _phrase(effect: Effect, detail: Mapping[str, Any]) -> str:
    match effect:
        case Effect.RESET | Effect.CLOSE:
            return f"{effect.value} ({detail['reason']})"
        case Effect.HALF_CLOSE:
            return "half-close"
        case Effect.INSERT:
            return f"{detail['size_bytes']:,} B inserted"
        case Effect.FLIP:
            return f"{len(detail['bytes'])} B flipped"
        case Effect.LOSE if "size_bytes" not in detail:
            return "all that follows is lost"
        case Effect.LOSE:
            return f"{detail['size_bytes']:,} B lost"
        case Effect.HOLD:
            return f"held for {detail['delay_s']:.6g} s"
        case Effect.SET if not detail:
            return "over"
        case Effect.SET:
            return ", ".join(f"{name} {value}" for name, value in detail.items() if value)
    return "left the record"


class Dropped(Struct, frozen=True, tag_field="event", tag="dropped"):
    """Lines are missing here.

    Args:
        lines: How many.
        why: The reason.
    """

    lines: int
    why: str


Line = Header | Opened | Ended | Applied | Reverted | Strike | Dropped

_encoder = msgspec.json.Encoder(enc_hook=str)  # a fault of a user may put anything into a detail
_decoder = msgspec.json.Decoder(Line)


def line_of(value: Line) -> str:
    """Return a line, without its end."""
    return _encoder.encode(value).decode()


class Journal:
    """The journal of one proxy: on the proxy's loop, and bounded.

    Args:
        name: The name of the proxy.
        by: The room that its commands come from.
        write: Called with each entry; must not block.
        most_entries: So many are kept, the youngest.
    """

    def __init__(
        self,
        name: str,
        by: By,
        *,
        write: Callable[[Line], None] | None = None,
        most_entries: int = MOST_ENTRIES,
    ) -> None:
        self.name = name
        self._by: By = by
        self._write = write
        self._entries: deque[Line] = deque(maxlen=most_entries)
        self.start_over()

    def start_over(self) -> None:
        """Forget all entries, and count the time from now."""
        self._entries.clear()
        self._began_at = monotonic()
        self._recorded = 0
        self.divergence: Strike | None = None
        """The first place at which a replay left its record."""

    @property
    def entries(self) -> list[Line]:
        """The entries, oldest first; at their head, if there were too many, the number of those forgotten."""
        forgotten = self._recorded - len(self._entries)
        dropped = [Dropped(forgotten, "there were more than are kept in memory")] if forgotten else []
        return [*dropped, *self._entries]

    @property
    def strikes(self) -> list[Strike]:
        """What faults did, oldest first."""
        return [
            each for each in self._entries if isinstance(each, Strike) and each.effect is not Effect.DIVERGE
        ]

    def on_opened(self, connection: Connection) -> None:
        self._add(Opened(self._at_s(), self.name, connection.number, connection.client))

    def on_ended(self, connection: Connection, end_reason: EndReason) -> None:
        forwarded = [connection.forwarded_bytes(direction) for direction in Direction]
        number, client = connection.number, connection.client
        self._add(Ended(self._at_s(), self.name, number, client, end_reason.reason, *forwarded))

    def on_decision(self, connection: Connection, direction: Direction, decision: Decision) -> None:
        """Take in a decision of a connection's fault."""
        strike = Strike(
            self._at_s(),
            self.name,
            connection.number,
            direction,
            decision.kind,
            decision.effect,
            decision.offset_bytes,
            decision.detail,
            decision.moment,
            decision.place,
            decision.input_bytes,
        )
        if decision.effect is Effect.DIVERGE and self.divergence is None:
            self.divergence = strike
            log.warning("%s", divergence_text(strike))
        self._add(strike)

    def on_command(self, command: Command[Any], result: object) -> None:
        """Take in a command that was executed."""
        match command:
            case Apply(override=override):
                id = str(result or "")
                self._add(Applied(self._at_s(), self.name, self._by, id, _described(override)))
            case Revert(id):
                self._add(Reverted(self._at_s(), self.name, self._by, id))

    def _at_s(self) -> float:
        return round(monotonic() - self._began_at, 6)

    def _add(self, entry: Line) -> None:
        self._entries.append(entry)
        self._recorded += 1
        if self._write is not None:
            self._write(entry)


def divergence_text(strike: Strike) -> str:
    """Say where a replay left its record."""
    where = f"connection {strike.connection}, {strike.direction.value}, byte {strike.offset_bytes:,}"
    return f"the replay left the record at {where}"


class Replay:
    """The recorded decisions of one proxy, for its connections.

    Args:
        proxy: The proxy of the journal.
        entries: Its entries.
    """

    def __init__(self, proxy: JournaledProxy, entries: Iterable[Entry]) -> None:
        self.seed = proxy.seed
        strikes: dict[tuple[int, Direction], list[Decision]] = {}
        lengths: dict[tuple[int, Direction], int] = {}
        for entry in entries:
            if isinstance(entry, Strike) and entry.effect is not Effect.DIVERGE:
                strikes.setdefault((entry.connection, entry.direction), []).append(entry.decision)
            elif isinstance(entry, Ended) and entry.reason == CLOSED:
                for direction in Direction:
                    key = entry.connection, direction
                    if any(each.loses_rest for each in strikes.get(key, ())):
                        continue
                    is_up = direction is Direction.UPSTREAM
                    forwarded = entry.bytes_upstream if is_up else entry.bytes_downstream
                    lengths[key] = forwarded - sum(map(grown_bytes, strikes.get(key, ())))
        self._struck = strikes.keys()
        self._faults = {
            key: replayed(strikes.get(key, ()), proxy.seed, lengths.get(key))
            for key in {**strikes, **lengths}
        }

    def missing(self, connections: int) -> list[int]:
        """Return the numbers of recorded connections whose decisions were not met, if so many came."""
        return sorted({connection for connection, _ in self._struck if connection > connections})

    def faults(self, connection: int, direction: Direction) -> Faults:
        """Return the faults of a connection; one that the record does not have is calm."""
        return self._faults.get((connection, direction), NO_FAULTS)


def read_replays(path: str | PathLike[str]) -> dict[str, Replay]:
    """Read a journal; return the replay of each of its proxies, by name.

    Raises:
        JournalError: If it cannot be read or is no journal of this version, a line is wrong or cut off, or
            lines are missing.
    """
    header, *entries = _read(fspath(path))
    assert isinstance(header, Header)
    return {
        proxy.name: Replay(
            proxy, (each for each in entries if isinstance(each, Entry) and each.proxy == proxy.name)
        )
        for proxy in header.proxies
    }


def read_bundle(path: str | PathLike[str]) -> Bundle | None:
    """Read a journal; return its origin, or ``None`` if it has none.

    Raises:
        JournalError: As ``read_replays``.
    """
    header, *_ = _read(fspath(path))
    assert isinstance(header, Header)
    return header.bundle or None


def _read(path: str) -> Iterator[Line]:
    try:
        with open(path, "rb") as file:
            text = file.read()
    except OSError as exc:
        raise JournalError(path, 0, os_error_text(exc)) from exc
    lines = text.split(b"\n")
    if lines[-1]:
        raise JournalError(path, len(lines), "the line is cut off")
    names: set[str] = set()
    for number, line in enumerate(lines[:-1] or [b""], 1):
        try:
            value = _decoder.decode(line)
            if isinstance(value, Strike):
                value = _checked(value)
        except (msgspec.DecodeError, SettingError) as exc:
            raise JournalError(path, number, "not the line of a journal: " + str(exc)) from exc
        if isinstance(value, Header) is not (number == 1):
            raise JournalError(path, number, "the header must be the first line, and only that")
        if isinstance(value, Header):
            if value.version != VERSION:
                raise JournalError(path, 1, f"its version is {value.version}, and only {VERSION} can be read")
            if value.part != 1:
                raise JournalError(
                    path, 1, f"it is part {value.part} of a journal, which needs its beginning"
                )
            names = {each.name for each in value.proxies}
        if isinstance(value, Dropped):
            raise JournalError(path, number, f"{value.lines} lines are missing: {value.why}")
        if isinstance(value, Entry) and value.proxy not in names:
            raise JournalError(path, number, f"the header has no proxy {value.proxy!r}")
        yield value


Size = Annotated[int, Meta(ge=1, le=1 << 30)]
Byte = Annotated[int, Meta(ge=0, le=255)]


class _Reset(Struct, forbid_unknown_fields=True):
    reason: str
    behind: bool = False


class _Reason(Struct, forbid_unknown_fields=True):
    reason: str


class _Nothing(Struct, forbid_unknown_fields=True):
    pass


class _Noise(Struct, forbid_unknown_fields=True):
    size_bytes: Annotated[int, Meta(ge=1, le=1 << 20)]
    dice: str


class _Flips(Struct, forbid_unknown_fields=True):
    bytes: Annotated[list[tuple[Annotated[int, Meta(ge=0)], Byte, Byte]], Meta(min_length=1)]


class _Lost(Struct, forbid_unknown_fields=True):
    size_bytes: Size | UnsetType = UNSET


class _Held(Struct, forbid_unknown_fields=True):
    delay_s: Annotated[float, Meta(ge=0, le=1e9)]


DETAILS: Mapping[Effect, type[Struct] | None] = {
    Effect.RESET: _Reset,
    Effect.CLOSE: _Reason,
    Effect.HALF_CLOSE: _Nothing,
    Effect.INSERT: _Noise,
    Effect.FLIP: _Flips,
    Effect.LOSE: _Lost,
    Effect.HOLD: _Held,
    Effect.SET: None,  # checked by the fault itself
    Effect.DIVERGE: None,
}


def _checked(strike: Strike) -> Strike:
    """Check what belongs to a decision.

    Raises:
        msgspec.ValidationError: If its detail does not fit its effect.
        SettingError: If there is no such fault, or a setting is outside its range.
    """
    detail = DETAILS[strike.effect]
    if detail is not None:
        msgspec.convert(strike.detail, detail)
    if strike.place.order not in list(StageOrder):
        raise SettingError("place", strike.place, "a place in a chain")
    Replayed(decisions=(strike.decision,))
    return strike


def grown_bytes(decision: Decision | Strike) -> int:
    """Return how many bytes more a decision makes of a stream."""
    size_bytes: int = decision.detail.get("size_bytes", 0)
    return {Effect.INSERT: size_bytes, Effect.LOSE: -size_bytes}.get(decision.effect, 0)


def _described(override: Override) -> dict[str, Any]:
    """Return the settings of an override that are not at their defaults."""
    described: dict[str, Any] = {"target": override.target}
    for direction in Direction:
        if (replaced := override.replaced(direction)) is not None:
            described[direction.value] = {
                "removed": None
                if replaced.keys is None
                else [kind_name(kind) + (f" {name}" if name else "") for kind, name in replaced.keys],
                "added": [{"kind": kind_name(type(each)), **settings_of(each)} for each in replaced.faults],
            }
    if override.availability is not None:
        described["availability"] = override.availability.value
    for name in ("connection_duration_s", "ttl_s"):
        if (value := getattr(override, name)) is not None:
            described[name] = value
    if override.is_quiet:
        described["quiet"] = True
    if override.name:
        described["name"] = override.name
    return described
