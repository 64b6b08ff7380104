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
from trixter.faults.lose_answer import LoseAnswer
from trixter.faults.lose_request import LoseRequest
from trixter.faults.slice import Slice
from trixter.faults.terminate import Terminate
from trixter.faults.throttle import Throttle

WHOLE, NUMBER, PROBABILITY, SWITCH, CHOICE = Type

# A table: a setting in a line or two, with its flag below it.
# fmt: off
CATALOGUE: tuple[Entry, ...] = (
    Entry(Latency, "delay", "Latency: every byte leaves a while after it arrived.", [
        Setting("delay_s", "delay_ms", WHOLE, MILLISECONDS, "0 switches it off, if there is no jitter",
                FlagSpec("--delay-ms", "One-way latency in ms, added in each direction")),
        Setting("jitter_s", "jitter_ms", NUMBER, MILLISECONDS, "the most that is added or taken off",
                FlagSpec("--jitter-ms", "Jitter in ms: latency ± MS, uniform"), varies="around"),
    ], in_profiles=False),  # they have the round trip
    Entry(Throttle, "throttle", "A steady rate for each connection and direction.", [
        Setting("rate_bytes_per_s", "rate_bytes", WHOLE, BYTES_PER_S, "bytes per second; 0 switches it off",
                FlagSpec("--throttle-rate-bytes",
                         "Bandwidth limit in bytes/s, of each connection and direction")),
        Setting("queue_bytes", "queue_bytes", WHOLE, BYTES,
                "what may wait for its turn; 0 means 100 ms worth, at least 64 KiB",
                FlagSpec("--throttle-queue-bytes",
                         "Queue of the limit in bytes; 0 is 100 ms worth, at least 64 KiB"),
                is_reply_field=False),
    ], in_profiles=False),  # they have the published rates
    Entry(Slice, "slice", "Small writes.", [
        Setting("size_bytes", "size_bytes", WHOLE, BYTES, "the largest slice; 0 switches it off",
                FlagSpec("--slice-size-bytes", "Split writes into slices of at most so many bytes")),
        Setting("variation_bytes", "variation_bytes", WHOLE, BYTES,
                "taken off at most; less than the size",
                FlagSpec("--slice-variation-bytes", "Random reduction of a slice, at most so many bytes"),
                varies="below"),
        Setting("gap_s", "gap_ms", NUMBER, MILLISECONDS, "between one slice and the next",
                FlagSpec("--slice-gap-ms", "Pause between slices in ms"), phrase="every {}"),
    ]),
    Entry(Terminate, "termination", "Random resets.", [
        Setting("probability", "probability_rate", PROBABILITY, None, "for each operation; 0 switches it off",
                FlagSpec("--terminate-probability-rate",
                         "Probability of a connection reset (RST), per read and write of up to 8 KiB")),
    ]),
    Entry(Corrupt, "corruption", "Wrong bytes.", [
        Setting("probability", "probability_rate", PROBABILITY, None, "for each operation; 0 switches it off",
                FlagSpec("--corrupt-probability-rate",
                         "Probability of random bytes, per read and write of up to 8 KiB")),
        Setting("mode", "mode", CHOICE, None, "put random bytes in front, or change bytes in place",
                FlagSpec("--corrupt-mode", "Corruption: insert bytes, or flip them  [default: insert]"),
                choices=CorruptMode, phrase="by {}s"),
    ]),
    Entry(LoseRequest, "lose_request", "A message of the client is lost, upstream only.", [
        Setting("probability", "probability_rate", PROBABILITY, None, "for each message; 0 switches it off",
                FlagSpec("--lose-request-probability-rate",
                         "Probability that a message to the server is lost, then a reset (RST)")),
        Setting("silence", "silence", SWITCH, None, "what follows is lost, too, in place of a reset",
                FlagSpec("--lose-request-silence", "Silence after a lost message, in place of a reset"),
                phrase="in silence"),
    ], in_profiles=False),  # networks lose segments, which TCP sends again
    Entry(LoseAnswer, "lose_answer", "A message of the server is lost, downstream only.", [
        Setting("probability", "probability_rate", PROBABILITY, None, "for each message; 0 switches it off",
                FlagSpec("--lose-answer-probability-rate",
                         "Probability that a message of the server is lost, then a reset (RST)")),
        Setting("answer_bytes", "answer_bytes", WHOLE, BYTES, "its first bytes, which arrive all the same",
                FlagSpec("--lose-answer-bytes", "First bytes of a lost message that arrive all the same"),
                phrase="after {}"),
        Setting("silence", "silence", SWITCH, None, "what follows is lost, too, in place of a reset",
                FlagSpec("--lose-answer-silence", "Silence after a lost message, in place of a reset"),
                phrase="in silence"),
    ], in_profiles=False),  # networks lose segments, which TCP sends again
    Entry(Freeze, "freeze", "Nothing leaves, until the freeze is over.", [
        Setting("is_on", "frozen", SWITCH, None, "false ends it: all that was held leaves at once",
                FlagSpec("--freeze", "Stall: forward nothing, and keep the connection open")),
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
