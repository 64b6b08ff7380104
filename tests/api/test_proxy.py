"""The proxy itself: what it has counted, and its availability."""

from __future__ import annotations

import pytest

from tests.api.api_harness import ApiHarness
from tests.api.one_loop import anyio_backend as anyio_backend
from trixter.faults import Direction, Faults, Freeze
from trixter.proxy import Availability, listen_socket
from trixter.proxy.listen_socket import listen_sockets


async def test_it_is_shown_with_where_it_listens_and_what_it_has_counted(harness: ApiHarness) -> None:
    ended, live = await harness.connect(), await harness.connect()
    live.pipe(Direction.DOWNSTREAM).faults = Faults(Freeze(is_on=True))
    await harness.send(live, b"one way")
    ended.close("enough")

    shown = (await harness.http.get("/proxy")).json()

    assert shown == {
        "listen": harness.proxy.listen_addresses,
        "upstream": str(harness.proxy.upstream),
        "availability": "up",
        "stats": {
            "connections_accepted": 2,
            "connections_open": 1,
            "bytes": {"upstream": 1 + 1 + len("one way"), "downstream": 1 + 1},
            "ended": {"shutdown": 1},
            "connections_dialling": 0,
        },
    }


@pytest.mark.parametrize("availability", ["refusing", "down"])
async def test_a_proxy_that_is_refusing_refuses_and_one_that_is_up_does_not(
    harness: ApiHarness, availability: str
) -> None:
    answer = await harness.http.patch("/proxy", json={"availability": availability})

    assert (answer.status_code, answer.content) == (202, b"")
    assert (await harness.http.get("/proxy")).json()["availability"] == availability
    with pytest.raises(ConnectionRefusedError):
        await harness.connect()

    assert await harness.patch("/proxy", {"availability": "up"}) == (202, None)
    await harness.connect()


@pytest.mark.parametrize(("availability", "ended"), [("refusing", {}), ("down", {"proxy down": 2})])
async def test_down_ends_live_connections_and_refusing_does_not(
    harness: ApiHarness, availability: str, ended: dict[str, int]
) -> None:
    for _ in range(2):
        await harness.connect()

    await harness.patch("/proxy", {"availability": availability})

    assert harness.proxy.registry.ended == ended
    assert (await harness.http.get("/proxy")).json()["stats"]["ended"] == ended


async def test_a_port_that_was_lost_meanwhile_is_409_with_the_reason(
    harness: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listen_socket, "CAN_STOP_LISTENING", False)
    await harness.patch("/proxy", {"availability": "refusing"})
    here = harness.proxy.listen_addresses[0]
    (other,) = listen_sockets(here)
    with other:
        other.listen()

        refused = await harness.patch("/proxy", {"availability": "up"})

    assert refused == (409, f"cannot listen on {here}: address already in use")
    assert harness.proxy.availability is Availability.REFUSING


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "Object missing required field `availability`"),
        ({"availability": "ajar"}, "Invalid enum value 'ajar' - at `$.availability`"),
        ({"availability": None}, "Expected `str`, got `null` - at `$.availability`"),
        ({"availability": "down", "upstream": "x"}, "Object contains unknown field `upstream`"),
    ],
)
async def test_what_is_no_availability_is_422(harness: ApiHarness, body: object, error: str) -> None:
    assert await harness.patch("/proxy", body) == (422, error)
    assert harness.proxy.availability is Availability.UP
