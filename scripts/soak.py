"""Load that stays: checked traffic through a proxy whose settings change all the time.

    python scripts/soak.py --minutes 60

Hundreds of connections send bulk and messages through `trixter` to an echo server, all on loopback, while
settings change at random 20 times a second through the API and connections are killed at random. Every byte
that comes back is compared. In the end the faults are taken away, what is under way has to arrive, and the
proxy has to hold as many descriptors, threads and connections as at the start, and about as much memory.

Prints a table in Markdown. Exit status 1: a transfer was lost, a byte was wrong, or something was left over.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import secrets
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import uvloop

CHANGES_PER_S = 20.0
# So many change settings at a time: an answer of the API may take a while on a machine that is busy.
HANDS = 8
CONNECTIONS = 200

# A transfer that gets nowhere for so long, after the faults were taken away, is lost.
PATIENCE_S = 300.0

# Sooner than the server ends idle connections to its API.
LIMITS = httpx2.Limits(keepalive_expiry=1.0)

# What is sent: this, over and over, from a place of its own in each transfer.
PATTERN = random.Random(1).randbytes(1 << 20)
DOUBLED = PATTERN * 2

BULK_BYTES = (100_000, 4_000_000)
MESSAGES = (5, 200)
MESSAGE_BYTES = (1, 4000)

# Python's and malloc's own: a process that has carried gigabytes keeps some of the memory it once needed.
MORE_MEMORY_MB = 64.0


@dataclass
class Tally:
    """What became of all transfers."""

    outcomes: Counter[str] = field(default_factory=Counter)
    compared_bytes: int = 0
    changes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


@dataclass
class Transfer:
    """One connection's worth: bytes to send, to get back, and to compare."""

    size_bytes: int
    starts_at: int
    received_bytes: int = 0
    was_condemned: bool = False
    """Whether a change was made by which it may end before it is complete."""

    def piece(self, start: int, size_bytes: int) -> bytes:
        at = (self.starts_at + start) % len(PATTERN)
        return DOUBLED[at : at + size_bytes]

    def check(self, data: bytes) -> bool:
        """Take in what came back; say whether it is what was sent."""
        expected = self.piece(self.received_bytes, len(data))
        self.received_bytes += len(data)
        return data == expected


class Proxy:
    """The `trixter` command under test, and its API."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, api: str, log: Path) -> None:
        self.process, self.port, self.log = process, port, log
        self.http = httpx2.AsyncClient(base_url=api, timeout=PATIENCE_S, limits=LIMITS)
        self._api = api

    async def call(self, method: str, path: str, body: dict[str, object] | None = None) -> httpx2.Response:
        try:
            answer = await self.http.request(method, path, json=body)
        except httpx2.TransportError:
            # The server may close a connection that was idle just as it is used again. All calls here can be
            # repeated; one that fails twice is a failure.
            answer = await self.http.request(method, path, json=body)
        if answer.status_code >= 400 and answer.status_code != 404:  # that one has ended meanwhile
            raise RuntimeError(f"{method} {path} {body}: {answer.status_code} {answer.text}")
        return answer

    async def hang_up(self) -> None:
        """Close what is connected to the API, and let the proxy notice."""
        await self.http.aclose()
        self.http = httpx2.AsyncClient(base_url=self._api, timeout=PATIENCE_S, limits=LIMITS)
        await asyncio.sleep(1)

    async def id_of(self, client: str) -> str | None:
        """Return the id of the open connection from that address, if there is one."""
        shown = (await self.call("GET", f"/connections?client={client}")).json()
        return next((each["conn_info"]["id"] for each in shown), None)

    async def stats(self) -> dict[str, object]:
        stats: dict[str, object] = (await self.call("GET", "/proxy")).json()["stats"]
        return stats

    def resources(self) -> dict[str, float]:
        """Return what the process has: descriptors, threads, memory in megabytes."""
        here = Path(f"/proc/{self.process.pid}")
        status = (here / "status").read_text()
        numbers = {name: int(value) for name, value in re.findall(r"(\w+):\s+(\d+)", status)}
        return {
            "descriptors": len(list((here / "fd").iterdir())),
            "threads": numbers["Threads"],
            "memory_mb": round(numbers["VmRSS"] / 1024, 1),
        }


@asynccontextmanager
async def running_proxy(upstream: int, seed: int) -> AsyncIterator[Proxy]:
    log = Path(f"soak-{os.getpid()}.log")
    with log.open("wb") as stream:
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-m", "trixter", "--listen=127.0.0.1:0", "--api=127.0.0.1:0"],
            *[f"--upstream=127.0.0.1:{upstream}", f"--random-seed={seed}"],
            stderr=stream,
        )
    try:
        listening = await _logged(log, r"listening on 127.0.0.1:(\d+)")
        proxy = Proxy(process, int(listening), "http://" + await _logged(log, r"API on http://(\S+)"), log)
        yield proxy
        await proxy.http.aclose()
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await process.wait()
        log.unlink()


async def _logged(log: Path, pattern: str) -> str:
    async with asyncio.timeout(PATIENCE_S):
        while not (found := re.search(pattern, log.read_text())):
            await asyncio.sleep(0.05)
    return found[1]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    writer.close()


def write(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Write; on uvloop, a connection that was reset meanwhile would be a `RuntimeError`."""
    if writer.is_closing():
        raise ConnectionResetError
    writer.write(data)


class Soak:
    """Clients that transfer, and a hand that changes settings, until the time is over.

    Args:
        proxy: What all of it goes through.
        draw: Decides everything that is random here.
        connections: How many at a time.
    """

    def __init__(self, proxy: Proxy, draw: random.Random, connections: int) -> None:
        self.proxy, self.draw, self.connections = proxy, draw, connections
        self.tally = Tally()
        self.open: dict[str, Transfer] = {}  # by the client's address
        self.is_over = False

    async def run(self, seconds: float) -> None:
        """Transfer and change for so long; then let everything arrive."""
        end = time.monotonic() + seconds
        async with asyncio.TaskGroup() as clients:
            for number in range(self.connections):
                clients.create_task(self._client(), name=f"client {number}")
            async with asyncio.TaskGroup() as hands:
                for number in range(HANDS):
                    hands.create_task(self._keep_changing(end), name=f"hand {number}")
            self.is_over = True
            await self._calm()

    async def _keep_changing(self, end: float) -> None:
        while (began := time.monotonic()) < end:
            await self._change()
            await asyncio.sleep(max(HANDS / CHANGES_PER_S - (time.monotonic() - began), 0))

    async def _client(self) -> None:
        while not self.is_over:
            await self._transfer()

    async def _transfer(self) -> None:
        draw, is_bulk = self.draw, self.draw.random() < 0.3
        count = 1 if is_bulk else draw.randint(*MESSAGES)
        sizes = [draw.randint(*(BULK_BYTES if is_bulk else MESSAGE_BYTES)) for _ in range(count)]
        transfer = Transfer(sum(sizes), draw.randrange(len(PATTERN)))
        reader, writer = await asyncio.open_connection("127.0.0.1", self.proxy.port)
        host, port = writer.get_extra_info("sockname")
        self.open[f"{host}:{port}"] = transfer
        try:
            await (self._bulk if is_bulk else self._messages)(reader, writer, transfer, sizes)
            outcome = "complete" if transfer.received_bytes == transfer.size_bytes else "ended early"
        except (ConnectionError, asyncio.IncompleteReadError):
            outcome = "ended early"
        except TimeoutError:
            outcome = "stuck"
        finally:
            del self.open[f"{host}:{port}"]
            writer.transport.abort()
        if outcome == "ended early" and transfer.was_condemned:
            outcome = "killed"
        elif outcome != "complete":
            self.tally.wrong.append(f"{outcome}: {transfer}")
            outcome = "lost"
        self.tally.outcomes[("bulk" if is_bulk else "messages") + " " + outcome] += 1

    async def _bulk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, transfer: Transfer, sizes: list[int]
    ) -> None:
        async def send() -> None:
            with suppress(ConnectionError):  # the receiver says what that means
                for start in range(0, transfer.size_bytes, 65536):
                    write(writer, transfer.piece(start, min(65536, transfer.size_bytes - start)))
                    await writer.drain()
                if not writer.is_closing():
                    writer.write_eof()

        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(send(), name="send")
            try:
                while data := await self._in_time(reader.read(65536)):
                    self._compare(transfer, data)
            except (ConnectionError, TimeoutError):
                sending.cancel()

    async def _messages(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, transfer: Transfer, sizes: list[int]
    ) -> None:
        start = 0
        for size_bytes in sizes:
            write(writer, transfer.piece(start, size_bytes))
            start += size_bytes
            self._compare(transfer, await self._in_time(reader.readexactly(size_bytes)))
        with suppress(RuntimeError):  # the end was ours to send, and is of no use any more
            writer.write_eof()
        if await self._in_time(reader.read(1)):
            self.tally.wrong.append(f"more came than was sent: {transfer}")

    async def _in_time(self, reading: object) -> bytes:
        """Wait for something to arrive: for ever while faults are on, for a while afterwards."""
        task = asyncio.ensure_future(reading)  # type: ignore[call-overload]
        try:
            while True:
                done, _ = await asyncio.wait([task], timeout=PATIENCE_S)
                if done:
                    received: bytes = task.result()
                    return received
                if self.is_over:
                    raise TimeoutError
        finally:
            task.cancel()

    def _compare(self, transfer: Transfer, data: bytes) -> None:
        self.tally.compared_bytes += len(data)
        if not transfer.check(data):
            self.tally.wrong.append(f"wrong bytes before {transfer.received_bytes} of {transfer}")

    async def _change(self) -> None:
        """Change one setting, of one connection or of all, or kill a connection."""
        draw = self.draw
        if not self.open:
            return
        client, transfer = draw.choice(list(self.open.items()))
        id = await self.proxy.id_of(client)
        if id is None:
            return
        what = draw.choice([*HARMLESS, *HARMLESS, "termination", "shutdown", "defaults"])
        self.tally.changes[what] += 1
        if what == "shutdown":
            transfer.was_condemned = True
            body: dict[str, object] = {"reason": "soak", "reset": draw.random() < 0.5}
            await self.proxy.call("POST", f"/connections/{id}/shutdown", body)
        elif what == "termination":
            transfer.was_condemned = True
            await self.proxy.call("PATCH", f"/connections/{id}/termination", {"probability_rate": 0.01})
        elif what == "defaults":
            stem = draw.choice(list(HARMLESS))
            await self.proxy.call("PATCH", "/defaults", {stem: self._settings(stem)})
        else:
            target = "_all" if draw.random() < 0.1 else id
            await self.proxy.call("PATCH", f"/connections/{target}/{what}", self._settings(what))

    def _settings(self, stem: str) -> dict[str, object]:
        draw = self.draw
        settings = draw.choice(HARMLESS[stem]).copy()
        return settings | {"direction": draw.choice(["upstream", "downstream", "both"])}

    async def _calm(self) -> None:
        """Take all faults away, so that what is under way can arrive."""
        for stem, settings in HARMLESS.items():
            off = settings[0]
            await self.proxy.call("PATCH", f"/connections/_all/{stem}", off)
            await self.proxy.call("PATCH", "/defaults", {stem: off})
        await self.proxy.call("PATCH", "/connections/_all/termination", {"probability_rate": 0})


# Each begins with what switches it off.
HARMLESS: dict[str, list[dict[str, object]]] = {
    "delay": [{"delay_ms": 0}, {"delay_ms": 5}, {"delay_ms": 50, "jitter_ms": 50}, {"delay_ms": 200}],
    "throttle": [
        {"rate_bytes": 0},
        {"rate_bytes": 50_000},
        {"rate_bytes": 2_000_000},
        {"rate_bytes": 500_000, "queue_bytes": 10_000},
    ],
    "slice": [
        {"size_bytes": 0},
        {"size_bytes": 16},
        {"size_bytes": 500, "variation_bytes": 400},
        {"size_bytes": 4000, "gap_ms": 1},
    ],
    "hold": [{"held": False}, {"held": False}, {"held": False}, {"held": True}],
}


async def soak(minutes: float, connections: int, seed: int) -> int:
    server = await asyncio.start_server(echo, "127.0.0.1", 0, backlog=1000)
    upstream = server.sockets[0].getsockname()[1]
    async with server, running_proxy(upstream, seed) as proxy:
        draw = random.Random(seed)
        # What is made with the first connections and the first bulk, and kept, is no leak.
        warm = Soak(proxy, draw, connections)
        await warm.run(min(2.0, minutes * 6))
        before = await settled(proxy)
        soaked = Soak(proxy, draw, connections)
        began = time.monotonic()
        await soaked.run(minutes * 60)
        took_s = time.monotonic() - began
        after = await settled(proxy)
        stats = await proxy.stats()
        crashes = proxy.log.read_text().count("internal error")
    return show(soaked.tally, before, after, stats, took_s, seed, connections, crashes)


async def settled(proxy: Proxy) -> dict[str, float]:
    """Return what the proxy has once every connection has ended."""
    async with asyncio.timeout(PATIENCE_S):
        while (await proxy.stats())["connections_open"]:
            await asyncio.sleep(0.1)
    # An idle connection to the API is one of the proxy's descriptors, too.
    await proxy.hang_up()
    return proxy.resources()


def show(
    tally: Tally,
    before: dict[str, float],
    after: dict[str, float],
    stats: dict[str, object],
    took_s: float,
    seed: int,
    connections: int,
    crashes: int,
) -> int:
    """Print the table; return the exit status."""
    complete, killed, lost = (
        sum(count for outcome, count in tally.outcomes.items() if outcome.endswith(end))
        for end in ("complete", "killed", "lost")
    )
    changes = sum(tally.changes.values())
    left = {name: after[name] - before[name] for name in before}
    rows = {
        "time": f"{took_s / 60:.1f} minutes, {connections} connections at a time, seed {seed}",
        "settings changed": f"{changes} ({changes / took_s:.1f} a second)",
        "bytes compared": f"{tally.compared_bytes / 1e9:.2f} GB",
        "transfers complete": complete,
        "transfers killed on purpose": killed,
        "transfers lost": lost,
        "wrong bytes, or more than were sent": len(tally.wrong) - lost,
        "connections ended": ", ".join(f"{why} {count}" for why, count in stats["ended"].items()),  # type: ignore[attr-defined]
        "internal errors": crashes,
        **{name: f"{before[name]:g} at the start, {after[name]:g} in the end" for name in before},
    }
    print("| what | value |\n| --- | --- |")
    for name, value in rows.items():
        print(f"| {name} | {value} |")
    for wrong in tally.wrong[:20]:
        print(wrong, file=sys.stderr)
    leaks = left["descriptors"] > 0 or left["threads"] > 0 or left["memory_mb"] > MORE_MEMORY_MB
    return 1 if lost or tally.wrong or leaks or crashes or not complete or not killed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=2.0, help="how long (default: 2)")
    parser.add_argument("--connections", type=int, default=CONNECTIONS, help=f"at a time ({CONNECTIONS})")
    parser.add_argument("--seed", type=int, default=secrets.randbits(32), help="of all that is random")
    args = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(soak(args.minutes, args.connections, args.seed))


if __name__ == "__main__":
    sys.exit(main())
