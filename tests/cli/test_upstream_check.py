"""The check of the upstream at the start warns, disturbs no server, and costs the start nothing."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.program import closed_port
from tests.proxy.servers import resolve_to_nothing
from tests.proxy.waiting import until
from trixter.addresses import Address, text_of
from trixter.cli import upstream_check
from trixter.cli.options import Options
from trixter.cli.serve import Service
from trixter.cli.upstream_check import UpstreamCheck, is_listened_on
from trixter.proxy.loop import LoopContext


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def context(anyio_backend: str) -> LoopContext:
    return LoopContext(asyncio.get_running_loop())


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def address_of(server: socket.socket) -> Address:
    return Address.parse(text_of(server.getsockname()))


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


HEADING = "  sl  local_address rem_address   st tx_queue\n"


@pytest.mark.parametrize(
    ("rows", "port", "is_there"),
    [
        (["0: 0100007F:1F90 00000000:0000 0A 0"], 8080, True),
        (["0: 0100007F:1F90 00000000:0000 0A 0"], 8081, False),
        (["0: 0100007F:0016 00000000:0000 0A 0", "1: 00000000:1F90 00000000:0000 0A 0"], 8080, True),
        (["0: 0100007F:1F90 0100007F:0016 01 0"], 8080, False),
        ([], 8080, False),
    ],
    ids=["listens", "elsewhere", "the second", "a connection", "none"],
)
def test_a_port_is_looked_for_among_the_sockets_that_listen(
    rows: list[str], port: int, is_there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "tcp"
    table.write_text(HEADING + "".join(f"{row}\n" for row in rows))
    monkeypatch.setattr(upstream_check, "TABLES", (str(tmp_path / "none"), str(table)))
    assert is_listened_on(port) is is_there


def test_without_a_table_a_port_counts_as_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream_check, "TABLES", (str(tmp_path / "none"),))
    assert is_listened_on(8080)


@pytest.mark.skipif(not Path(upstream_check.TABLES[0]).exists(), reason="reads a table of Linux")
async def test_a_server_of_this_machine_gets_no_connection(
    context: LoopContext, server: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    UpstreamCheck(address_of(server), context).start()
    with pytest.raises(BlockingIOError):
        server.accept()
    with closed_port() as unused:
        UpstreamCheck(Address.parse(unused), context).start()
    context.close()
    assert warnings(caplog) == [f"upstream {unused} does not answer yet: connection refused"]


async def test_another_server_gets_one_that_is_closed_at_once(
    context: LoopContext,
    server: socket.socket,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(upstream_check, "_is_loopback", lambda target: False)
    check = UpstreamCheck(address_of(server), context)
    check.start()
    client, _ = server.accept()
    with client:
        assert client.recv(1) == b""
    with closed_port() as unused:
        UpstreamCheck(Address.parse(unused), context).start()
    check.cancel()
    check.cancel()
    context.close()
    assert warnings(caplog) == [f"upstream {unused} does not answer yet: connection refused"]


async def test_a_name_that_stands_for_nothing_is_said(
    context: LoopContext, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to_nothing(monkeypatch)
    UpstreamCheck(Address.parse("db.example:5432"), context).start()
    await until(lambda: bool(warnings(caplog)))
    context.close()
    (line,) = warnings(caplog)
    assert line.startswith("upstream db.example:5432 does not answer yet: ")


async def test_a_path_that_is_missing_is_said(
    context: LoopContext, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "there").touch()
    for name in ("there", "missing"):
        UpstreamCheck(Address(path=str(tmp_path / name)), context).start()
    context.close()
    why = "does not answer yet: no such file or directory"
    assert warnings(caplog) == [f"upstream unix:{tmp_path}/missing {why}"]


async def test_an_answer_that_comes_after_the_end_is_ignored(
    context: LoopContext, caplog: pytest.LogCaptureFixture
) -> None:
    check = UpstreamCheck(Address.parse("db.example:5432"), context)
    check.cancel()
    check._on_resolved(OSError("too late"))
    context.close()
    assert warnings(caplog) == []


@pytest.mark.parametrize("is_checked", [True, False])
async def test_the_command_checks_unless_it_is_told_not_to_and_counts_no_connection(
    is_checked: bool, anyio_backend: str, caplog: pytest.LogCaptureFixture
) -> None:
    with closed_port() as unused:
        service = Service(Options(listen="127.0.0.1:0", upstream=unused, upstream_check=is_checked), seed=1)
        service.bind()
        await service.start()
        await service.stop()
    assert len(warnings(caplog)) == is_checked
    assert service.proxy.registry.accepted == 0
