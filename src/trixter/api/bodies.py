"""What requests carry: one struct for each body, which decodes it, checks it and describes it."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from trixter.errors import SettingError
from trixter.faults import Corrupt, CorruptMode, Direction, Fault, Hold, Latency, Slice, Terminate, Throttle

# The original reads whole numbers as u64. msgspec checks bounds within an i64 only, so this one is
# checked in __post_init__.
LARGEST_WHOLE = 2**64 - 1

Whole = Annotated[int, Meta(ge=0, extra_json_schema={"maximum": LARGEST_WHOLE})]
Milliseconds = Annotated[float, Meta(ge=0)]

# No bounds to decode by: the original answers 400 where a bound would make it 422.
Probability = Annotated[float, Meta(extra_json_schema={"minimum": 0, "maximum": 1})]

Mode = Literal["insert", "flip"]

DoorName = Literal["open", "refusing", "down"]


class Body(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Refuse what the original would: unknown fields, and whole numbers that are no u64."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, int) and value > LARGEST_WHOLE:
                raise SettingError(name, value, f"a whole number from 0 to {LARGEST_WHOLE}")


class FaultBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Describe one fault whole: an option that is left out has its default."""

    direction: Literal["upstream", "downstream", "both"] = "both"

    @property
    def directions(self) -> tuple[Direction, ...]:
        """The directions that are meant."""
        return tuple(Direction) if self.direction == "both" else (Direction(self.direction),)

    def fault(self) -> Fault:
        """Return the settings.

        Raises:
            SettingError: If they are outside their range.
        """
        raise NotImplementedError


class DelayBody(FaultBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Latency: every byte leaves a while after it arrived."""

    delay_ms: Annotated[Whole, Meta(description="0 switches it off, if there is no jitter")]
    jitter_ms: Annotated[Milliseconds, Meta(description="the most that is added or taken off")] = 0

    def fault(self) -> Latency:
        return Latency(delay_s=self.delay_ms / 1000, jitter_s=self.jitter_ms / 1000)


class ThrottleBody(FaultBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A steady rate for each connection and direction."""

    rate_bytes: Annotated[Whole, Meta(description="bytes per second; 0 switches it off")]
    queue_bytes: Annotated[
        Whole, Meta(description="what may wait for its turn; 0 means 100 ms worth, at least 64 KiB")
    ] = 0

    def fault(self) -> Throttle:
        return Throttle(rate_bytes_per_s=self.rate_bytes, queue_bytes=self.queue_bytes)


class SliceBody(FaultBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Small writes."""

    size_bytes: Annotated[Whole, Meta(description="the largest slice; 0 switches it off")]
    variation_bytes: Annotated[Whole, Meta(description="taken off at most; less than the size")] = 0
    gap_ms: Annotated[Milliseconds, Meta(description="between one slice and the next")] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.fault()  # two fields that contradict each other are a wrong shape, like each of them alone

    def fault(self) -> Slice:
        return Slice(
            size_bytes=self.size_bytes, variation_bytes=self.variation_bytes, gap_s=self.gap_ms / 1000
        )


class TerminationBody(FaultBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Random resets."""

    probability_rate: Annotated[Probability, Meta(description="for each operation; 0 switches it off")]

    def fault(self) -> Terminate:
        return Terminate(probability=self.probability_rate)


class CorruptionBody(FaultBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Wrong bytes."""

    probability_rate: Annotated[Probability, Meta(description="for each operation; 0 switches it off")]
    mode: Annotated[Mode, Meta(description="put random bytes in front, or change bytes in place")] = "insert"

    def fault(self) -> Corrupt:
        return Corrupt(probability=self.probability_rate, mode=CorruptMode(self.mode))


class HoldBody(FaultBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing leaves, until the hold is over."""

    held: Annotated[bool, Meta(description="false ends it: all that was held leaves at once")]

    def fault(self) -> Hold:
        return Hold(is_on=self.held)


class ShutdownBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a connection is shut down, which the log and the events repeat; and how."""

    reason: str
    reset: Annotated[bool, Meta(description="both peers get RST, and not an ordinary end")] = False


class ProxyBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change about the proxy."""

    door: Annotated[
        DoorName, Meta(description="`refusing` leaves live connections alone, `down` resets them")
    ]


class DefaultsBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change about the connections to come; what is left out stays."""

    delay: DelayBody | UnsetType = UNSET
    throttle: ThrottleBody | UnsetType = UNSET
    slice: SliceBody | UnsetType = UNSET
    termination: TerminationBody | UnsetType = UNSET
    corruption: CorruptionBody | UnsetType = UNSET
    hold: HoldBody | UnsetType = UNSET
    connection_duration_ms: Annotated[Whole, Meta(description="0 means no end")] | UnsetType = UNSET

    @property
    def faults(self) -> list[FaultBody]:
        """The faults that are described."""
        described = (self.delay, self.throttle, self.slice, self.termination, self.corruption, self.hold)
        return [body for body in described if body is not UNSET]


FAULT_BODIES: dict[str, type[FaultBody]] = {
    "delay": DelayBody,
    "throttle": ThrottleBody,
    "slice": SliceBody,
    "termination": TerminationBody,
    "corruption": CorruptionBody,
    "hold": HoldBody,
}
"""Each fault's endpoint, by the stem of its path."""

JSON_NAMES = {
    "delay_s": "delay_ms",
    "jitter_s": "jitter_ms",
    "rate_bytes_per_s": "rate_bytes",
    "gap_s": "gap_ms",
    "probability": "probability_rate",
    "duration_s": "connection_duration_ms",
    "is_on": "held",
}
"""The fields whose settings have another name in Python; all others have the same."""
