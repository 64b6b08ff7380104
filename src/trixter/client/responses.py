"""Responses of the API, decoded: states, faults and errors."""

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

# The error to raise, by the code of the response.
MISSING = {"connection_not_found": ConnectionNotFound, "override_not_found": OverrideNotFound}

# How much of a response is shown if it is not one of trixter's API.
MOST_SHOWN_CHARACTERS = 100

ReplyT = TypeVar("ReplyT")


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """One response of the API.

    Args:
        status: The HTTP status.
        body: The body, not yet decoded.
    """

    status: int
    body: bytes

    def require_success(self, target: str = ALL) -> None:
        """Raise the error that the response reports.

        Args:
            target: The id of the connection or override that was meant.

        Raises:
            ConnectionNotFound: If that connection has ended.
            OverrideNotFound: If there is no such override.
            ApiError: If the API refused something else, or failed.
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
        """Return the decoded body.

        Raises:
            ApiError: As ``require_success``, or if the body is something else.
        """
        self.require_success(target)
        try:
            return msgspec.json.decode(self.body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise ApiError(self.status, f"this is no answer of trixter's API: {exc}") from exc


def defaults_of(reply: schemas.DefaultsReply) -> Defaults:
    """Return the defaults in a reply."""
    return Defaults(
        upstream=faults_of(reply.upstream),
        downstream=faults_of(reply.downstream),
        connection_duration_s=reply.connection_duration_ms / 1000,
    )


def proxy_info(reply: schemas.ProxyReply) -> ProxyInfo:
    """Return the state of a proxy in a reply."""
    counted = reply.stats
    return ProxyInfo(
        listen=tuple(reply.listen),
        upstream=reply.upstream,
        availability=Availability(reply.availability),
        stats=Stats(
            connections_accepted=counted.connections_accepted,
            connections_open=counted.connections_open,
            connections_dialling=counted.connections_dialling,
            bytes_upstream=counted.bytes.upstream,
            bytes_downstream=counted.bytes.downstream,
            ended=counted.ended,
        ),
    )


def connection_info(reply: schemas.Status) -> ConnectionInfo:
    """Return the state of a connection in a reply."""
    return ConnectionInfo(
        id=reply.conn_info.id,
        client=reply.conn_info.downstream,
        upstream=reply.conn_info.upstream,
        age_s=reply.age_ms / 1000,
        faults={
            Direction.UPSTREAM: faults_of(reply.faults.upstream),
            Direction.DOWNSTREAM: faults_of(reply.faults.downstream),
        },
        forwarded_bytes=_by_direction(reply.bytes),
        held_bytes=_by_direction(reply.held_bytes),
        state=reply.state,
    )


def faults_of(reply: schemas.FaultsOn | schemas.AllFaults) -> Faults:
    """Return the faults of one direction in a reply."""
    faults: list[Fault] = []
    for entry in CATALOGUE:
        first = getattr(reply, entry.stem)
        more = UNSET if reply.more is UNSET else getattr(reply.more, entry.stem)
        shown = [first, *([] if more is UNSET else more)]
        faults += [_fault_of(entry, each) for each in shown if each is not UNSET]
    return Faults(*faults)


def _fault_of(entry: Entry, reply: Any) -> Fault:
    values = {name: getattr(reply, name) for name in reply.__struct_fields__}
    return entry.from_json({name: value for name, value in values.items() if value is not UNSET})


def _by_direction(reply: schemas.PerDirection) -> dict[Direction, int]:
    return {Direction.UPSTREAM: reply.upstream, Direction.DOWNSTREAM: reply.downstream}
