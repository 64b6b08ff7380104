"""The codec: the requests of a command; what the API cannot express is refused before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any, ClassVar

import msgspec
import pytest

from tests.api.api_harness import ApiHarness
from tests.api.one_loop import anyio_backend as anyio_backend
from trixter import AsyncClient
from trixter.client.codec import encode
from trixter.client.responses import HttpResponse
from trixter.control import ALL, AsyncChange, Override, ReplaceFaults
from trixter.control.commands import (
    Apply,
    Command,
    EndConnections,
    GetConnection,
    ListOverrides,
    Renew,
    Revert,
)
from trixter.control.overrides import LIVE, NEW
from trixter.errors import ApiError, ConnectionNotFound, OverrideNotFound, SettingError
from trixter.faults import CATALOGUE, Fault, Latency, Slice, StageOrder, Throttle
from trixter.settings import Availability


@dataclass(frozen=True, slots=True, kw_only=True)
class Slower(Latency):
    """A kind of fault that the API has never heard of."""

    order: ClassVar[StageOrder] = StageOrder.DELAY


REFUSED: dict[str, tuple[Callable[[AsyncClient], AsyncChange], str]] = {
    "a fraction of a millisecond": (
        lambda on: on.latency(0.0005),
        r"^delay_s must be a whole number of milliseconds, over the API, not 0\.0005$",
    ),
    "a fraction of a byte": (
        lambda on: on.throttle(0.5),
        r"^rate_bytes_per_s must be a whole number of bytes per second, over the API, not 0\.5$",
    ),
    "a fraction of a duration": (
        lambda on: on.connection_duration(0.0005),
        "^connection_duration_s must be a whole number of milliseconds, over the API",
    ),
    "a fault of one's own": (
        lambda on: on.set_faults(Slower(delay_s=1)),
        "^faults must be of Latency, Throttle, .*, over the API, not 'Slower'$",
    ),
}


def change(id: str) -> Command[str]:
    return Apply(override=override(Throttle(rate_bytes_per_s=1), target=id), permanent=True)


def end(id: str) -> Command[None]:
    return EndConnections(target=id, reason="", reset=False)


def override(*faults: Fault, target: str = ALL) -> Override:
    one = reduce(ReplaceFaults.then, map(ReplaceFaults.one, faults))
    return Override(target=target, upstream=one, downstream=one)


@pytest.mark.parametrize(("tell", "text"), REFUSED.values(), ids=REFUSED)
async def test_what_the_api_cannot_be_told_is_refused_and_changes_nothing(
    harness: ApiHarness, client: AsyncClient, tell: Callable[[AsyncClient], AsyncChange], text: str
) -> None:
    await harness.connect()
    await client.set_faults(Throttle(rate_bytes_per_s=1000), direction="upstream")
    before = harness.faults()
    with pytest.raises(SettingError, match=text):
        await tell(client)
    assert harness.faults() == before


@pytest.mark.parametrize("id", ["", ".", "..", "a1-1/delay", "../proxy"])
@pytest.mark.parametrize("ask", [GetConnection, change, end])
def test_what_can_be_no_id_is_a_connection_that_never_was(
    ask: Callable[[str], Command[Any]], id: str
) -> None:
    with pytest.raises(ConnectionNotFound, match="it has ended, or never existed"):
        encode(ask(id))


@pytest.mark.parametrize("command", [Revert("a/b"), Renew("..", 1)])
def test_what_can_be_no_id_is_an_override_that_never_was(command: Command[None]) -> None:
    with pytest.raises(OverrideNotFound):
        encode(command)


async def test_all_of_them_are_no_single_connection(client: AsyncClient) -> None:
    with pytest.raises(ConnectionNotFound):
        await client.connection(ALL)


def requests(command: Command[Any]) -> list[tuple[str, str, Any]]:
    return [(each.method, each.path, each.body) for each in encode(command).requests]


def test_an_override_is_one_request() -> None:
    slow = Override(
        target="a1-7",
        upstream=ReplaceFaults.one(Latency(delay_s=0.25)),
        name="slow",
        ttl_s=60,
    )
    assert requests(Apply(override=slow, id="x")) == [
        (
            "POST",
            "/overrides",
            {
                "upstream": {"delay": {"delay_ms": 250, "jitter_ms": 0}},
                "target": "a1-7",
                "name": "slow",
                "ttl_ms": 60000,
                "id": "x",
            },
        )
    ]
    assert requests(Revert("x")) == [("DELETE", "/overrides/x", None)]
    assert requests(Renew("x", 60)) == [("PATCH", "/overrides/x", {"ttl_ms": 60000})]


def test_a_permanent_change_of_connections_is_the_originals_calls() -> None:
    change = override(Latency(delay_s=0.25), Throttle(rate_bytes_per_s=1000.0), target=LIVE)
    assert requests(Apply(override=change, permanent=True)) == [
        ("PATCH", "/connections/_all/delay", {"delay_ms": 250, "jitter_ms": 0}),
        ("PATCH", "/connections/_all/throttle", {"rate_bytes": 1000}),
    ]


def test_a_permanent_change_of_all_faults_switches_off_what_is_not_named() -> None:
    up = ReplaceFaults.everything(Slice(size_bytes=1))
    ((method, path, body),) = requests(
        Apply(override=Override(target=NEW, upstream=up, connection_duration_s=60), permanent=True)
    )
    stems = {entry.stem for entry in CATALOGUE}
    assert (method, path, set(body)) == ("PATCH", "/defaults", {*stems, "connection_duration_ms"})
    assert body["slice"] == {"size_bytes": 1, "variation_bytes": 0, "gap_ms": 0, "direction": "upstream"}
    assert body["freeze"] == {"frozen": False, "direction": "upstream"}


def test_a_permanent_availability_is_a_call_of_the_proxy() -> None:
    change = Override(target=NEW, availability=Availability.DOWN)
    assert requests(Apply(override=change, permanent=True)) == [("PATCH", "/proxy", {"availability": "down"})]


def test_several_of_a_kind_are_no_permanent_change() -> None:
    two = ReplaceFaults.everything(Latency(delay_s=1), Latency(delay_s=2))
    with pytest.raises(SettingError, match="told apart by name, those of one kind, in a permanent change"):
        encode(Apply(override=Override(target=LIVE, upstream=two), permanent=True))


def test_several_of_a_kind_are_told_apart_by_name_in_a_permanent_change() -> None:
    two = ReplaceFaults.everything(Latency(delay_s=1), Latency(delay_s=2, name="far"))
    asked = requests(Apply(override=Override(target=LIVE, upstream=two), permanent=True))
    near, far = ((path, body) for _, path, body in asked if path.endswith("/delay"))
    assert near == ("/connections/_all/delay", {"delay_ms": 1000, "jitter_ms": 0, "direction": "upstream"})
    assert far == (near[0], {"delay_ms": 2000, "jitter_ms": 0, "name": "far", "direction": "upstream"})
    assert asked[-1][1:] == far  # after the one without a name, which would take it away
    assert len(asked) == len(CATALOGUE) + 1


def test_a_command_that_is_no_request_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError, match="no request for"):
        encode(Command())


@pytest.mark.parametrize(
    "odd",
    [
        Override(
            upstream=ReplaceFaults.everything(Latency(delay_s=1), Latency(delay_s=2)),
            downstream=ReplaceFaults.one(Throttle()),
            availability=Availability.REFUSING,
            connection_duration_s=5,
            name="odd",
        ),
        Override(is_quiet=True),
    ],
)
async def test_overrides_are_read_as_they_were_applied(
    harness: ApiHarness, client: AsyncClient, odd: Override
) -> None:
    change = await client.apply(odd)
    (info,) = await client._send(ListOverrides())
    assert (info.id, info.override, info.expires_in_s) == (change.id, odd, None)


@pytest.mark.parametrize(
    ("code", "error"),
    [("connection_not_found", ConnectionNotFound), ("override_not_found", OverrideNotFound), ("x", ApiError)],
)
def test_an_error_is_known_by_its_code_and_not_by_its_text(code: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        HttpResponse(404, msgspec.json.encode({"error": "any text", "code": code})).require_success("a1-7")
