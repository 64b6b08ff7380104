"""Decoding of what the API answers: states, faults and errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET

from trixter.api import schemas
from trixter.control import ALL, ConnectionInfo, ProxyInfo, Stats
from trixter.errors import ApiError, ConnectionNotFound, OverrideNotFound
from trixter.faults import CATALOGUE, Direction, Fault, Faults
from trixter.faults.entry import Entry
from trixter.settings import Availability, Defaults

# What is not there, by the code of the answer that says so.
MISSING = {"connection_not_found": ConnectionNotFound, "override_not_found": OverrideNotFound}

# What is shown of an answer that is none of trixter's.
MOST_SHOWN_CHARACTERS = 100

ReplyT = TypeVar("ReplyT")


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold an answer of the API.

    Args:
        status: The HTTP status.
        body: As it came.
    """

    status: int
    body: bytes

    def require_success(self, target: str = ALL) -> None:
        """Raise what the API refused.

        Args:
            target: The id of the connection or override that was meant.

        Raises:
            ConnectionNotFound: If that connection is over.
            OverrideNotFound: If that override is not there.
            ApiError: If it refused something else, or failed.
        """
        if 200 <= self.status < 300:
            return
        try:
            refusal = msgspec.json.decode(self.body, type=schemas.ErrorReply)
            message, code = refusal.error, refusal.code
        except (msgspec.DecodeError, UnicodeDecodeError):
            shown = " ".join(self.body.decode(errors="replace").split())[:MOST_SHOWN_CHARACTERS]
            message = f"this is no answer of trixter's API: {shown}" if shown else "no reason was given"
            code = ""
        missing = MISSING.get(code)
        raise ApiError(self.status, message, code) if missing is None else missing(target)

    def read(self, kind: type[ReplyT], target: str = ALL) -> ReplyT:
        """Return what it carries.

        Raises:
            ApiError: As ``require_success``, or if it carries something else.
        """
        self.require_success(target)
        try:
            return msgspec.json.decode(self.body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise ApiError(self.status, f"this is no answer of trixter's API: {exc}") from exc


def defaults_of(shown: schemas.DefaultsReply) -> Defaults:
    """Return the defaults that are shown like this."""
    return Defaults(
        upstream=faults_of(shown.upstream),
        downstream=faults_of(shown.downstream),
        connection_duration_s=shown.connection_duration_ms / 1000,
    )


def proxy_info(shown: schemas.ProxyReply) -> ProxyInfo:
    """Return the state of a proxy that is shown like this."""
    counted = shown.stats
    return ProxyInfo(
        listen=tuple(shown.listen),
        upstream=shown.upstream,
        availability=Availability(shown.availability),
        stats=Stats(
            connections_accepted=counted.connections_accepted,
            connections_open=counted.connections_open,
            connections_dialling=counted.connections_dialling,
            bytes_upstream=counted.bytes.upstream,
            bytes_downstream=counted.bytes.downstream,
            ended=counted.ended,
        ),
    )


def connection_info(shown: schemas.Status) -> ConnectionInfo:
    """Return the state of a connection that is shown like this."""
    return ConnectionInfo(
        id=shown.conn_info.id,
        client=shown.conn_info.downstream,
        upstream=shown.conn_info.upstream,
        age_s=shown.age_ms / 1000,
        faults={
            Direction.UPSTREAM: faults_of(shown.faults.upstream),
            Direction.DOWNSTREAM: faults_of(shown.faults.downstream),
        },
        forwarded_bytes=_by_direction(shown.bytes),
        held_bytes=_by_direction(shown.held_bytes),
        state=shown.state,
    )


def faults_of(shown: schemas.FaultsOn | schemas.AllFaults) -> Faults:
    """Return the faults of one direction that are shown like this."""
    faults: list[Fault] = []
    for entry in CATALOGUE:
        first = getattr(shown, entry.stem)
        more = UNSET if shown.more is UNSET else getattr(shown.more, entry.stem)
        replies = [first, *([] if more is UNSET else more)]
        faults += [_fault_of(entry, reply) for reply in replies if reply is not UNSET]
    return Faults(*faults)


def _fault_of(entry: Entry, reply: Any) -> Fault:
    values = {name: getattr(reply, name) for name in reply.__struct_fields__}
    return entry.from_json({name: value for name, value in values.items() if value is not UNSET})


def _by_direction(shown: schemas.PerDirection) -> dict[Direction, int]:
    return {Direction.UPSTREAM: shown.upstream, Direction.DOWNSTREAM: shown.downstream}
