"""The upstream is dialled within a time, without blocking, and with one call back."""

from __future__ import annotations

import asyncio
import socket
import threading
from pathlib import Path

import pytest

from tests.proxy.connection_harness import ConnectionHarness
from tests.proxy.descriptors import no_descriptor_free
from tests.proxy.servers import Server, dead_address, resolve_to, resolve_to_nothing, silent_server
from tests.proxy.waiting import turns, until
from trixter.addresses import text_of
from trixter.proxy import Address, EndReason
from trixter.proxy.descriptors import DescriptorBudget
from trixter.proxy.dial import RETRY_S, SHORT_RETRY_S, Dialer, DialTarget
from trixter.proxy.resolver import Resolver, literal_target
from trixter.proxy.sockets import Socket

TIMEOUT_S = 12.0


class Call:
    """A dial, and who answered it."""

    def __init__(self, harness: ConnectionHarness, upstream: str, *, reset_on_failure: bool = False) -> None:
        address = Address.parse(upstream)
        self.resolver = Resolver(address, asyncio.get_running_loop())
        self.descriptors = harness.context.descriptors = DescriptorBudget()
        self.shortages: list[str] = []
        dial_target = DialTarget(
            address,
            literal_target(address),
            self.resolver,
            TIMEOUT_S,
            on_short=self.shortages.append,
            reset_on_failure=reset_on_failure,
        )
        self.connected: list[Socket] = []
        self.failed: list[EndReason] = []
        self.dial = Dialer(dial_target, harness.context, self.connected.append, self.failed.append)
        harness.exits.callback(self.hang_up)
        self.dial.start()

    @property
    def is_answered(self) -> bool:
        return bool(self.connected or self.failed)

    def hang_up(self) -> None:
        self.dial.cancel()
        for sock in self.connected:
            sock.close()


async def test_a_near_upstream_is_connected_at_once(harness: ConnectionHarness) -> None:
    call = Call(harness, text_of(harness.server.address))
    (sock,) = call.connected
    assert sock.getpeername() == harness.server.address
    assert not sock.getblocking()
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert harness.clock.next_at is None


async def test_a_refusal_is_told_at_once(harness: ConnectionHarness) -> None:
    assert Call(harness, dead_address()).failed == [EndReason("upstream unreachable", "Connection refused")]


async def test_silence_is_given_up_after_the_timeout(harness: ConnectionHarness) -> None:
    call = Call(harness, text_of(silent_server(harness.exits).address))
    harness.clock.advance(TIMEOUT_S - 0.001)
    await turns()
    assert not call.is_answered
    harness.clock.advance(0.001)
    assert call.failed == [EndReason("connect timeout", "no answer within 12 s")]


@pytest.mark.slow
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_late_answer_counts(harness: ConnectionHarness) -> None:
    welcoming, refusing = silent_server(harness.exits), silent_server(harness.exits)
    calls = [Call(harness, text_of(server.address)) for server in (welcoming, refusing)]
    await turns()
    assert not any(call.is_answered for call in calls)
    # The kernel asks again by itself, after a second: that is not a clock of ours.
    welcoming.sock.listen(100)
    refusing.close()
    await until(lambda: all(call.is_answered for call in calls))
    assert calls[0].connected[0].getpeername() == welcoming.address
    assert calls[1].failed == [EndReason("upstream unreachable", "Connection refused")]
    assert harness.clock.next_at is None


async def test_a_cancelled_dial_calls_nobody_back(harness: ConnectionHarness) -> None:
    call = Call(harness, text_of(silent_server(harness.exits).address))
    call.dial.cancel()
    call.dial.cancel()
    harness.clock.advance(TIMEOUT_S)
    await turns()
    assert not call.is_answered


@pytest.mark.parametrize("dead_first", [True, False])
async def test_the_addresses_of_a_name_are_tried_in_order(
    harness: ConnectionHarness, monkeypatch: pytest.MonkeyPatch, dead_first: bool
) -> None:
    addresses = [dead_address(), text_of(harness.server.address)]
    resolve_to(monkeypatch, *(addresses if dead_first else reversed(addresses)))
    call = Call(harness, "db.example:5432")
    await until(lambda: call.is_answered)
    assert call.connected[0].getpeername() == harness.server.address


async def test_an_address_that_is_silent_does_not_use_up_the_time_of_the_next(
    harness: ConnectionHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = silent_server(harness.exits), silent_server(harness.exits), harness.server
    resolve_to(monkeypatch, *(text_of(server.address) for server in servers))
    call = Call(harness, "db.example:5432")
    third_s = TIMEOUT_S / 3
    await until(lambda: harness.clock.next_at == harness.clock.time() + third_s)
    harness.clock.advance(third_s)
    assert not call.is_answered
    harness.clock.advance(third_s)
    assert call.connected[0].getpeername() == harness.server.address


async def test_a_name_whose_addresses_are_all_dead_is_unreachable(
    harness: ConnectionHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to(monkeypatch, dead_address(), dead_address())
    call = Call(harness, "db.example:5432")
    await until(lambda: call.is_answered)
    assert call.failed == [EndReason("upstream unreachable", "Connection refused")]


async def test_a_name_that_nobody_knows_is_unreachable(
    harness: ConnectionHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to_nothing(monkeypatch)
    call = Call(harness, "nowhere.example:80")
    await until(lambda: call.is_answered)
    assert call.failed == [EndReason("upstream unreachable", "Name or service not known")]


async def test_looking_up_is_within_the_timeout_too(
    harness: ConnectionHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_answer = threading.Event()
    harness.exits.callback(may_answer.set)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: may_answer.wait() and [])
    call = Call(harness, "slow.example:80")
    harness.clock.advance(TIMEOUT_S)
    assert call.failed == [EndReason("connect timeout", "no answer within 12 s")]


async def test_a_name_that_is_known_after_the_call_was_cancelled_is_not_dialled(
    harness: ConnectionHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to(monkeypatch, text_of(harness.server.address))
    call = Call(harness, "db.example:5432")
    call.dial.cancel()
    known: list[object] = []
    call.resolver.look_up(known.append)
    await until(lambda: known)
    with pytest.raises(BlockingIOError):
        harness.server.accept()


async def test_a_unix_socket_is_connected_at_once(harness: ConnectionHarness, tmp_path: Path) -> None:
    server = Server(str(tmp_path / "db.sock"))
    harness.exits.callback(server.close)
    assert len(Call(harness, f"unix:{server.address}").connected) == 1


@pytest.mark.parametrize(
    ("name", "words"), [("absent.sock", "No such file or directory"), ("x" * 200, "Invalid argument")]
)
async def test_a_path_without_a_server_is_unreachable(
    harness: ConnectionHarness, tmp_path: Path, name: str, words: str
) -> None:
    assert Call(harness, f"unix:{tmp_path / name}").failed == [EndReason("upstream unreachable", words)]


async def test_a_full_unix_backlog_is_tried_again(harness: ConnectionHarness, tmp_path: Path) -> None:
    server = silent_server(harness.exits, str(tmp_path / "db.sock"))
    call = Call(harness, f"unix:{server.address}")
    for _ in range(3):
        harness.clock.advance(RETRY_S)
        await turns()
        assert not call.is_answered
    server.accept().close()
    harness.clock.advance(RETRY_S)
    assert len(call.connected) == 1


async def test_a_unix_backlog_that_stays_full_is_given_up_after_the_timeout(
    harness: ConnectionHarness, tmp_path: Path
) -> None:
    server = silent_server(harness.exits, str(tmp_path / "db.sock"))
    call = Call(harness, f"unix:{server.address}")
    harness.clock.advance(TIMEOUT_S - 0.001)
    await turns()
    assert not call.is_answered
    harness.clock.advance(0.001)
    assert call.failed == [EndReason("connect timeout", "no answer within 12 s")]


async def test_a_full_descriptor_table_is_not_the_upstream_s_fault(harness: ConnectionHarness) -> None:
    with no_descriptor_free():
        call = Call(harness, text_of(harness.server.address))
        assert call.failed == []  # others may give descriptors back
        assert call.shortages == ["Too many open files"]
        assert call.descriptors.owed == 1
        harness.clock.advance(TIMEOUT_S)
    assert call.failed == [EndReason("out of descriptors", "Too many open files")]
    assert call.descriptors.owed == 0


async def test_a_dial_waits_for_a_descriptor(harness: ConnectionHarness) -> None:
    with no_descriptor_free():
        call = Call(harness, text_of(harness.server.address))
    harness.clock.advance(SHORT_RETRY_S)
    assert len(call.connected) == 1
    assert call.descriptors.owed == 0


async def test_a_dial_that_waits_for_its_name_owes_a_descriptor(
    harness: ConnectionHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to(monkeypatch, text_of(harness.server.address))
    call = Call(harness, "db.example:5432")
    assert call.descriptors.owed == 1
    await until(lambda: call.connected)
    assert call.descriptors.owed == 0
    other = Call(harness, "db.example:5432")
    assert other.descriptors.owed == 1
    other.dial.cancel()
    assert other.descriptors.owed == 0


async def test_a_failure_can_be_a_reset(harness: ConnectionHarness) -> None:
    call = Call(harness, dead_address(), reset_on_failure=True)
    assert [end_reason.reset for end_reason in call.failed] == [True]
