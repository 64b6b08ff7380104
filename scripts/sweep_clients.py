"""Sweep public clients, unmodified, with their defaults; print what each does at each point, as Markdown.

    python3 -m venv build/clients
    build/clients/bin/pip install -e . asyncpg==0.32.0 httpx2==2.16.2 "psycopg[binary]==3.3.9" redis==8.1.0 \
        urllib3==2.8.0 websockets==17.4
    build/clients/bin/python scripts/sweep_clients.py >table.md

It needs `redis-server` and Debian's PostgreSQL, which run on loopback ports with their data in a temporary
directory; root starts PostgreSQL as the user `postgres`. The clients are swept beside each other, and mostly
wait: a few minutes. The table is the part of docs/sweep.md below "What clients do".

Each client connects, reads a greeting, orders a book, and closes. A round is wrong if the greeting is another
one, if the client reports success and the server has not exactly one order, or if it has more than one.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import logging
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

from trixter.faults import Direction
from trixter.faults.actions import Moment
from trixter.testing import Chaos
from trixter.testing.breaks import BreakWith
from trixter.testing.calm_round import Point, Record
from trixter.testing.rounds import Sweep
from trixter.testing.sweep import Kind, Outcome

# More than the five and the ten seconds after which some clients give up by default.
ROUND_TIMEOUT_S = 12.0

# An end that overtakes an answer, or does not: all outcomes count.
RACES = {"reset", "close", "half-close", "lose_request", "lose_answer"}
RUNS = 20

# Of the bytes to corrupt, evenly chosen: where the round hangs, each takes as long as that.
CORRUPTED_BYTES = 200

# To `Chaos.sweep`, for each break; they are at every operation or, if they lose one, at every message.
BREAKS: dict[str, dict[str, Any]] = {
    "reset": {},
    "close": {},
    "half-close": {},
    "freeze": {},
    "latency": {"delay_s": 0.2},
    "cut": {"delay_s": 0.2},
    "corrupt": {"at": "every byte", "exhaustive": True, "max_rounds": CORRUPTED_BYTES},
    "lose_request": {},
    "lose_answer": {},
}

STEPS = ("connect", "read", "write", "close")

GREETING = "hello"
# Of one length, and another one in each round: the server may be late with the order of a former one.
BOOK = "book {:06}"

# Of a step, in their order.
PLACES = ("before", "request", "after it", "answer")


@dataclass(frozen=True, slots=True)
class Server:
    """A server with a greeting, which takes orders.

    Args:
        name: Its name and version.
        port: Its port on the loopback address.
        count: Returns how many orders of a book it has.
    """

    name: str
    port: int
    count: Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Client:
    """A client to be swept.

    Args:
        package: Its distribution.
        call: How it is made, for the table.
        serve: Runs its server.
        steps: Takes a host, a port and a book; yields behind each of the ``STEPS``.
    """

    package: str
    call: str
    serve: Callable[[], AbstractContextManager[Server]]
    steps: Callable[[str, int, str], Iterator[None]]


def imported(name: str) -> Any:
    """Import a client, which need not be installed to sweep another one."""
    return importlib.import_module(name)


def redis_steps(host: str, port: int, book: str) -> Iterator[None]:
    with imported("redis").Redis(host, port) as client:
        client.ping()
        yield
        assert client.get("greeting") == GREETING.encode()
        yield
        client.rpush(book, "order")
        yield
    yield


def urllib3_steps(host: str, port: int, book: str) -> Iterator[None]:
    with imported("urllib3").PoolManager() as pool:
        yield
        answer = pool.request("GET", f"http://{host}:{port}/greeting")
        assert (answer.status, answer.data) == (200, GREETING.encode())
        yield
        assert pool.request("POST", f"http://{host}:{port}/orders", body=book).status == 201
        yield
    yield


def httpx2_steps(host: str, port: int, book: str) -> Iterator[None]:
    with imported("httpx2").Client(base_url=f"http://{host}:{port}") as client:
        yield
        answer = client.get("/greeting")
        assert (answer.status_code, answer.text) == (200, GREETING)
        yield
        assert client.post("/orders", content=book).status_code == 201
        yield
    yield


def psycopg_steps(host: str, port: int, book: str) -> Iterator[None]:
    with imported("psycopg").connect(f"host={host} port={port} user=reader dbname=postgres") as connection:
        yield
        assert connection.execute("SELECT text FROM greeting").fetchone() == (GREETING,)
        yield
        connection.execute("INSERT INTO orders VALUES (%s)", [book])
        connection.commit()
        yield
    yield


def asyncpg_steps(host: str, port: int, book: str) -> Iterator[None]:
    with asyncio.Runner() as runner:
        connecting = imported("asyncpg").connect(host=host, port=port, user="reader", database="postgres")
        connection = runner.run(connecting)
        try:
            yield
            assert runner.run(connection.fetchval("SELECT text FROM greeting")) == GREETING
            yield
            runner.run(connection.execute("INSERT INTO orders VALUES ($1)", book))
            yield
        finally:
            runner.run(connection.close())
    yield


def websockets_steps(host: str, port: int, book: str) -> Iterator[None]:
    with imported("websockets.sync.client").connect(f"ws://{host}:{port}") as connection:
        yield
        connection.send("greeting")
        assert connection.recv() == GREETING
        yield
        connection.send(book)
        assert connection.recv() == "ordered"
        yield
    yield


@contextmanager
def running(command: Iterable[str | Path], ready: str, **how: Any) -> Iterator[None]:
    """Run a server from when it prints that it is ready; end it by its process id."""
    process = subprocess.Popen(
        [*command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", **how
    )
    assert process.stdout is not None
    with process:
        try:
            printed = []
            for line in process.stdout:
                printed.append(line)
                if ready in line:
                    break
            else:
                raise RuntimeError(f"it did not start: {''.join(printed)}")
            # Read on: a full pipe would stop it.
            Thread(target=process.stdout.read, daemon=True).start()
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def redis_server() -> Iterator[Server]:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = f"redis-server --bind 127.0.0.1 --port {port} --dir {folder} --save".split()
        with running([*command, ""], "Ready to accept"), imported("redis").Redis(port=port) as direct:
            direct.set("greeting", GREETING)
            # Its answer to a handshake has the number of the connection, now of four digits in every round.
            for _ in range(1000):
                socket.create_connection(("127.0.0.1", port)).close()
            yield Server(
                f"redis-server {direct.info()['redis_version']}",
                port,
                direct.llen,
            )


@contextmanager
def postgresql() -> Iterator[Server]:
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    how: dict[str, Any] = {"user": "postgres"} if os.geteuid() == 0 else {}
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        if how:
            shutil.chown(folder, "postgres")
        data = f"{folder}/data"
        made: list[str | Path] = [
            programs / "initdb",
            "--auth=trust",
            "--username=reader",
            "--no-sync",
            f"--pgdata={data}",
        ]
        subprocess.run(made, check=True, capture_output=True, cwd=folder, **how)
        command = f"{programs}/postgres -D {data} -p {port} -h 127.0.0.1 -k {folder} -c fsync=off".split()
        with (
            running(command, "ready to accept connections", cwd=folder, **how),
            imported("psycopg").connect(
                f"host=127.0.0.1 port={port} user=reader dbname=postgres", autocommit=True
            ) as direct,
        ):
            direct.execute("CREATE TABLE greeting (text text)")
            direct.execute("INSERT INTO greeting VALUES (%s)", [GREETING])
            direct.execute("CREATE TABLE orders (book text)")
            release = direct.execute("SHOW server_version").fetchone()[0].split()[0]
            yield Server(
                f"PostgreSQL {release}",
                port,
                lambda book: direct.execute("SELECT count(*) FROM orders WHERE book = %s", [book]).fetchone()[
                    0
                ],
            )


@contextmanager
def http_server() -> Iterator[Server]:
    orders: list[str] = []

    class Shop(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body of an answer leave in one write

        def do_GET(self) -> None:
            is_there = self.path == "/greeting"
            self._answer(200 if is_there else 404, GREETING.encode() if is_there else b"")

        def do_POST(self) -> None:
            body = self.rfile.read(size := int(self.headers["Content-Length"]))
            if len(body) == size:
                orders.append(body.decode("latin-1"))
                self._answer(201, b"")

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None: ...

    class QuietServer(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None: ...

    with QuietServer(("127.0.0.1", 0), Shop) as server, serving(server):
        yield Server("http.server", server.server_port, orders.count)


@contextmanager
def websockets_server() -> Iterator[Server]:
    orders: list[str] = []

    def handle(connection: Any) -> None:
        with suppress(imported("websockets").ConnectionClosed):
            while True:
                message = connection.recv()
                if message != "greeting":
                    orders.append(str(message))
                connection.send(GREETING if message == "greeting" else "ordered")

    with imported("websockets.sync.server").serve(handle, "127.0.0.1", 0) as server, serving(server):
        yield Server("its own server", server.socket.getsockname()[1], orders.count)


@contextmanager
def serving(server: Any) -> Iterator[None]:
    """Run a server of this process in a thread."""
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


CLIENTS = {
    "redis-py": Client("redis", "Redis(host, port)", redis_server, redis_steps),
    "urllib3": Client("urllib3", "PoolManager()", http_server, urllib3_steps),
    "httpx2": Client("httpx2", "Client()", http_server, httpx2_steps),
    "psycopg": Client("psycopg", "connect(…)", postgresql, psycopg_steps),
    "asyncpg": Client("asyncpg", "connect(…)", postgresql, asyncpg_steps),
    "websockets": Client("websockets", "sync.client.connect(uri)", websockets_server, websockets_steps),
}

# The bytes of a direction of a connection at the end of a step.
Passed = Mapping[tuple[int, Direction], int]


def passed(record: Record) -> Passed:
    """Return how many bytes have passed until now."""
    sizes: dict[tuple[int, Direction], int] = {}
    for read in record.reads:
        key = read.connection, read.direction
        sizes[key] = sizes.get(key, 0) + read.size_bytes
    return sizes


def place_of(point: Point, *, is_one_way: bool) -> str:
    """Return the place of a break in its step.

    Args:
        point: Where it is.
        is_one_way: Whether it does nothing to the answer of a request before it.
    """
    if point.moment is Moment.BYTE:
        return "request" if point.direction is Direction.UPSTREAM else "answer"
    is_after_request = point.direction is Direction.UPSTREAM and point.offset_bytes
    return "after it" if is_after_request and not is_one_way else "before"


def step_of(point: Point, place: str, ends: Iterable[Passed]) -> str:
    """Return the step that meets a break; behind its answer, or what nothing answers, it is the next one.

    Args:
        point: Where it is.
        place: Its place in the step.
        ends: The bytes at the ends of the steps; the last step takes the rest.
    """
    if not point.offset_bytes and point.moment is Moment.REACHED:
        return STEPS[0]
    last_byte = point.offset_bytes - (place == "after it")
    for step, end in zip(STEPS, ends, strict=False):
        if last_byte < end.get((point.connection, point.direction), 0):
            return step
    return STEPS[-1]


def sweep_once(
    client: Client, server: Server, sweep: Sweep, numbers: Iterator[int]
) -> Iterator[tuple[str, str, str]]:
    """Sweep a client; yield the step, the place in it and the outcome of each round."""
    ends: list[Passed] = []
    for network in sweep:
        book = BOOK.format(next(numbers))
        with network as proxy:
            try:
                # The calm round is the first, and its are the ends that count.
                ends.extend(passed(sweep.record) for _ in client.steps(proxy.host, proxy.port, book))
            except Exception:
                assert server.count(book) <= 1
                raise
            assert server.count(book) == 1
    for point, outcome in sweep.plan.outcomes.items():
        place = place_of(point, is_one_way=sweep.broken.kind is BreakWith.FREEZE)
        yield step_of(point, place, ends[: len(STEPS) - 1]), place, text_of(outcome)


def text_of(outcome: Outcome) -> str:
    """Return an outcome as it stands in a cell."""
    if outcome.kind is Kind.ERROR:
        return f"`{outcome.detail}`"
    return "ok after a retry" if outcome == Outcome(Kind.OK, "after a retry") else outcome.kind.value


def cell_of(outcomes: Iterable[tuple[str, str]]) -> str:
    """Return a cell, from the place and the outcome of each round of a step."""
    found: dict[str, set[str]] = {}
    for place, text in outcomes:
        found.setdefault(place, set()).add(text)
    places: dict[str, list[str]] = {}
    for place in PLACES:
        if place in found:
            places.setdefault(" or ".join(sorted(found[place])), []).append(place)
    if len(places) > 1:
        return "; ".join(f"{', '.join(where)}: {text}" for text, where in places.items())
    return next(iter(places), "-")


def table_of(name: str) -> list[str]:
    """Sweep a client with every break; return its part of the table."""
    logging.disable()  # the clients, the server and the proxy tell of each connection that ends
    client = CLIENTS[name]
    with client.serve() as server, Chaos(seed=1) as chaos:
        lines = [
            f"**{name} {version(client.package)}**, `{client.call}`, with {server.name}:",
            "",
            f"| break | {' | '.join(STEPS)} |",
            f"|{' --- |' * (len(STEPS) + 1)}",
        ]
        numbers = count()
        for break_with, settings in BREAKS.items():
            found: dict[str, list[tuple[str, str]]] = {}
            for _ in range(RUNS if break_with in RACES else 1):
                sweep = chaos.sweep(
                    server.port,
                    break_with=break_with,
                    round_timeout_s=ROUND_TIMEOUT_S,
                    accept=[kind.value for kind in Kind],
                    **settings,
                )
                for step, place, text in sweep_once(client, server, sweep, numbers):
                    found.setdefault(step, []).append((place, text))
                print(f"{name}:", *sweep.map.lines(), sep="\n", file=sys.stderr)
            cells = [cell_of(found.get(step, [])) for step in STEPS]
            lines.append(f"| {break_with} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("clients", nargs="*", default=[*CLIENTS], metavar="CLIENT", help=", ".join(CLIENTS))
    chosen = parser.parse_args().clients
    if unknown := ", ".join({*chosen} - {*CLIENTS}):
        parser.error(f"no such client: {unknown}; there are {', '.join(CLIENTS)}")
    # Each in a process of its own: a round that hangs is interrupted in the main thread.
    with ProcessPoolExecutor(len(chosen), multiprocessing.get_context("spawn")) as pool:
        for part in pool.map(table_of, chosen):
            print(*part, "", sep="\n", flush=True)
