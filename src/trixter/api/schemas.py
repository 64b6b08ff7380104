"""Schemas: one struct for each body and each reply, which decodes or encodes it and describes it.

Those of the faults are made from the catalogue. Fields of the original come first and keep their order; ours
follow them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, defstruct

from trixter.errors import SettingError
from trixter.faults import CATALOGUE, Direction, Fault
from trixter.faults.entry import Entry, Setting, Type

# The original reads whole numbers as u64. msgspec checks bounds within an i64 only, so this one is
# checked in __post_init__.
LARGEST_WHOLE = 2**64 - 1

Whole = Annotated[int, Meta(ge=0, extra_json_schema={"maximum": LARGEST_WHOLE})]

# No bounds to decode by: the original answers 400 where a bound would make it 422.
Probability = Annotated[float, Meta(extra_json_schema={"minimum": 0, "maximum": 1})]

Number = int | float
"""Whole where it can be: ``250``, as it was asked for, not ``250.0``."""

# A name is kept, and shown, for each connection that has the fault.
LONGEST_NAME = 100
NAME = "tells several of one kind apart; without one, it takes the place of all of its kind"

AvailabilityName = Literal["up", "refusing", "down"]

State = Literal["open", "dialling"]
"""The state of a connection: ``dialling`` until its upstream has answered."""

IN_BODIES: dict[Type, Any] = {
    Type.WHOLE: Whole,
    Type.NUMBER: Annotated[float, Meta(ge=0)],
    Type.PROBABILITY: Probability,
    Type.SWITCH: bool,
}
IN_REPLIES: dict[Type, Any] = {
    Type.WHOLE: Number,  # Python takes fractions of a millisecond
    Type.NUMBER: Number,
    Type.PROBABILITY: float,
    Type.SWITCH: bool,
}

JSON_NAMES = {each.field: each.json_name for entry in CATALOGUE for each in entry.settings}
JSON_NAMES |= {"connection_duration_s": "connection_duration_ms", "is_quiet": "quiet"}
"""The names in JSON of the settings that Python names."""


class Body(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A body that refuses what the original refuses: unknown fields, and whole numbers that are no u64."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, int) and value > LARGEST_WHOLE:
                raise SettingError(name, value, f"a whole number from 0 to {LARGEST_WHOLE}")


class FaultBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A body that sets one fault: an option that is left out has its default."""

    entry: ClassVar[Entry]

    direction: Literal["upstream", "downstream", "both"] = "both"
    name: Annotated[str, Meta(description=NAME, max_length=LONGEST_NAME)] = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            self.fault()
        except SettingError as exc:
            # Fields that contradict each other are a wrong shape, like each of them alone. A probability is
            # not: the original looks for the connection first.
            if exc.name != "probability":
                name = JSON_NAMES[exc.name]
                raise SettingError(name, getattr(self, name), exc.accepts) from exc

    @property
    def directions(self) -> tuple[Direction, ...]:
        """The directions that the body names; ``both`` stands for those that the fault fits."""
        if self.direction == "both":
            return tuple(each for each in Direction if self.entry.kind.fits(each))
        return (Direction(self.direction),)

    def fault(self) -> Fault:
        """Return the settings.

        Raises:
            SettingError: If they are outside their range.
        """
        return self.entry.from_json({name: getattr(self, name) for name in self.__struct_fields__})


def _body_of(entry: Entry) -> type[FaultBody]:
    """Return the struct of the bodies that set a fault; its first setting is required."""
    fields: list[Any] = []
    for each in entry.settings:
        kind: Any = Annotated[_type_of(each, IN_BODIES), Meta(description=each.meaning)]
        optional = () if each is entry.first else (each.to_json(entry.default(each)),)
        fields.append((each.json_name, kind, *optional))
    body: type[FaultBody] = defstruct(  # type: ignore[assignment]  # it has that base
        f"{_title(entry)}Body",
        fields,
        bases=(FaultBody,),
        namespace={"__doc__": entry.summary, "entry": entry},
        module=__name__,
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
    )
    return body


def _reply_of(entry: Entry) -> type[Struct]:
    """Return the struct that shows a fault in force."""
    fields: list[Any] = []
    for each in entry.settings:
        kind = int if each.unit and each.unit.is_whole else _type_of(each, IN_REPLIES)
        if each.is_reply_field:
            fields.append((each.json_name, kind))
        else:
            fields.append((each.json_name, kind | UnsetType, UNSET))
    fields.append(("name", str | UnsetType, UNSET))
    return defstruct(
        _title(entry),
        fields,
        namespace={"__doc__": entry.summary},
        module=__name__,
        frozen=True,
        gc=False,
    )


def _type_of(setting: Setting, types: dict[Type, Any]) -> Any:
    if setting.choices is not None:
        return Literal[tuple(each.value for each in setting.choices)]
    return types[setting.takes]


def _title(entry: Entry) -> str:
    return entry.stem.title().replace("_", "")


FAULT_BODIES: dict[str, type[FaultBody]] = {entry.stem: _body_of(entry) for entry in CATALOGUE}
"""Each fault's endpoint, by the stem of its path."""

REPLIES: dict[str, type[Struct]] = {entry.stem: _reply_of(entry) for entry in CATALOGUE}
"""The struct that shows each fault, by its stem."""


class ShutdownBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The reason of a shutdown, which the log and the events repeat, and its kind."""

    reason: str
    reset: Annotated[bool, Meta(description="both peers get RST, and not an ordinary end")] = False


class ProxyBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change of the proxy itself."""

    availability: Annotated[
        AvailabilityName, Meta(description="`refusing` leaves live connections alone, `down` resets them")
    ]


# gc=False throughout: answers hold no cycles, and ten thousand of them must not start a collection
# on the loop that carries the traffic.

if TYPE_CHECKING:

    class _FaultBodies(Body, frozen=True):
        def __getattr__(self, stem: str) -> Any: ...

    class MoreFaults(Struct, frozen=True):
        def __getattr__(self, stem: str) -> Any: ...

    class FaultsOn(Struct, frozen=True):
        def __getattr__(self, stem: str) -> Any: ...

    class AllFaults(Struct, frozen=True):
        def __getattr__(self, stem: str) -> Any: ...

else:
    _FaultBodies = defstruct(
        "_FaultBodies",
        [(stem, kind | UnsetType, UNSET) for stem, kind in FAULT_BODIES.items()],
        bases=(Body,),
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
    )
    MoreFaults = defstruct(
        "MoreFaults",
        [(stem, list[kind] | UnsetType, UNSET) for stem, kind in REPLIES.items()],
        namespace={"__doc__": "The second and further faults of each kind."},
        module=__name__,
        frozen=True,
        gc=False,
        kw_only=True,
    )
    _more = ("more", MoreFaults | UnsetType, UNSET)
    FaultsOn = defstruct(
        "FaultsOn",
        [*((stem, kind | UnsetType, UNSET) for stem, kind in REPLIES.items()), _more],
        namespace={"__doc__": "The faults of one direction that are on."},
        module=__name__,
        frozen=True,
        gc=False,
        kw_only=True,
    )
    AllFaults = defstruct(
        "AllFaults",
        [*REPLIES.items(), _more],
        namespace={"__doc__": "All faults of one direction; what is off is zero, or false."},
        module=__name__,
        frozen=True,
        gc=False,
        kw_only=True,
    )


class DefaultsBody(_FaultBodies, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change of what new connections start with; what is left out stays."""

    connection_duration_ms: Annotated[Whole, Meta(description="0 means no end")] | UnsetType = UNSET

    @property
    def faults(self) -> list[FaultBody]:
        """The faults that are described."""
        described = (getattr(self, stem) for stem in FAULT_BODIES)
        return [body for body in described if body is not UNSET]


class ConnInfo(Struct, frozen=True, gc=False):
    """The id and the addresses of a connection."""

    id: str
    downstream: str
    upstream: str


class Duration(Struct, frozen=True, gc=False):
    """A span of time as Rust writes it."""

    secs: int
    nanos: int


class PerDirection(Struct, frozen=True, gc=False):
    """A number of bytes for each direction."""

    upstream: int
    downstream: int


class FaultsPerDirection(Struct, frozen=True, gc=False):
    """The faults of each direction."""

    upstream: FaultsOn
    downstream: FaultsOn


class Status(Struct, frozen=True, gc=False, kw_only=True):
    """One connection. Where its directions differ, the original's fields show the greater value."""

    conn_info: ConnInfo
    delay: Duration
    throttle_rate: int
    slice_size: int
    terminate_probability_rate: float
    corrupt_probability_rate: float
    age_ms: int
    bytes: PerDirection
    held_bytes: PerDirection
    faults: FaultsPerDirection
    state: State = "open"


class DefaultsReply(Struct, frozen=True, gc=False):
    """The faults and the duration that new connections start with."""

    upstream: AllFaults
    downstream: AllFaults
    connection_duration_ms: Number


class Stats(Struct, frozen=True, gc=False):
    """The counters of a proxy since it was made, connections that are over included."""

    connections_accepted: int
    connections_open: int
    bytes: PerDirection
    ended: dict[str, int]
    connections_dialling: int = 0


class ProxyReply(Struct, frozen=True, gc=False):
    """The proxy itself."""

    listen: list[str]
    upstream: str
    availability: AvailabilityName
    stats: Stats


class SettingReply(Struct, frozen=True, gc=False, kw_only=True):
    """One setting of a fault. Integers and numbers are 0 or more, and a probability is a number up to 1."""

    name: str
    type: Literal["integer", "number", "probability", "boolean", "choice"]
    required: bool
    default: int | float | bool | str
    unit: str | UnsetType = UNSET
    choices: list[str] | UnsetType = UNSET
    flag: str | UnsetType = UNSET
    description: str


class FaultReply(Struct, frozen=True, gc=False, kw_only=True):
    """One fault of the catalogue: its name in Python, the stem of its calls and fields, and its settings."""

    name: str
    stem: str
    description: str
    direction: (
        Annotated[Literal["upstream", "downstream"], Meta(description="the only one in which it can be set")]
        | UnsetType
    ) = UNSET
    settings: list[SettingReply]


class ErrorReply(Struct, frozen=True, gc=False):
    """An error: a text for people, and a code for programs."""

    error: str
    code: str
