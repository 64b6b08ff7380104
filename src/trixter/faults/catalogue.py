"""The catalogue: each fault described once, as a table to read.

Everything outside of a fault's own file follows from its entry: bodies and replies of the REST API, OpenAPI,
the client's codec, the flags, the keywords of the mark, the keys of profiles, what ``ls`` prints, the table
in the documentation. ``entry.py`` describes the columns.
"""

from __future__ import annotations

from collections.abc import Mapping

from trixter.faults.corrupt import Corrupt, CorruptMode
from trixter.faults.entry import BYTES, BYTES_PER_S, MILLISECONDS, Entry, FlagSpec, Setting, Type
from trixter.faults.fault import Fault
from trixter.faults.freeze import Freeze
from trixter.faults.latency import Latency
from trixter.faults.slice import Slice
from trixter.faults.terminate import Terminate
from trixter.faults.throttle import Throttle

WHOLE, NUMBER, PROBABILITY, SWITCH, CHOICE = Type

# A table: a setting in a line or two, with its flag below it.
# fmt: off
CATALOGUE: tuple[Entry, ...] = (
    Entry(Latency, "delay", "Latency: every byte leaves a while after it arrived.", [
        Setting("delay_s", "delay_ms", WHOLE, MILLISECONDS, "0 switches it off, if there is no jitter",
                FlagSpec("--delay-ms", "Each byte leaves this long after it arrived.")),
        Setting("jitter_s", "jitter_ms", NUMBER, MILLISECONDS, "the most that is added or taken off",
                FlagSpec("--jitter-ms", "Give or take so much of the delay."), varies="around"),
    ], in_profiles=False),  # they have the round trip
    Entry(Throttle, "throttle", "A steady rate for each connection and direction.", [
        Setting("rate_bytes_per_s", "rate_bytes", WHOLE, BYTES_PER_S, "bytes per second; 0 switches it off",
                FlagSpec("--throttle-rate-bytes", "Bytes leave at this rate.")),
        Setting("queue_bytes", "queue_bytes", WHOLE, BYTES,
                "what may wait for its turn; 0 means 100 ms worth, at least 64 KiB", is_reply_field=False),
    ], in_profiles=False),  # they have the published rates
    Entry(Slice, "slice", "Small writes.", [
        Setting("size_bytes", "size_bytes", WHOLE, BYTES, "the largest slice; 0 switches it off",
                FlagSpec("--slice-size-bytes", "Nothing larger leaves in one piece.")),
        Setting("variation_bytes", "variation_bytes", WHOLE, BYTES,
                "taken off at most; less than the size", varies="below"),
        Setting("gap_s", "gap_ms", NUMBER, MILLISECONDS, "between one slice and the next", phrase="every {}"),
    ]),
    Entry(Terminate, "termination", "Random resets.", [
        Setting("probability", "probability_rate", PROBABILITY, None, "for each operation; 0 switches it off",
                FlagSpec("--terminate-probability-rate", "The connection is reset at an operation.")),
    ]),
    Entry(Corrupt, "corruption", "Wrong bytes.", [
        Setting("probability", "probability_rate", PROBABILITY, None, "for each operation; 0 switches it off",
                FlagSpec("--corrupt-probability-rate", "Random bytes are put in front of operations.")),
        Setting("mode", "mode", CHOICE, None, "put random bytes in front, or change bytes in place",
                choices=CorruptMode, phrase="by {}s"),
    ]),
    Entry(Freeze, "freeze", "Nothing leaves, until the freeze is over.", [
        Setting("is_on", "frozen", SWITCH, None, "false ends it: all that was held leaves at once",
                FlagSpec("--freeze", "Bytes stay where they are, until it is taken back.")),
    ], in_profiles=False),  # a network on which nothing ever arrives is none
)
"""In the order of the API: the original's come first, ours follow."""
# fmt: on

CANONICAL_ORDER: tuple[type[Fault], ...] = tuple(
    sorted((entry.kind for entry in CATALOGUE), key=lambda kind: kind.order)
)
"""Each kind of fault, in the order in which a byte meets them."""

ENTRIES: Mapping[type[Fault], Entry] = {entry.kind: entry for entry in CATALOGUE}
"""The entry of each kind."""
