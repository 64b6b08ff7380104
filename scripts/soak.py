"""A soak test: checked traffic through a proxy whose settings change all the time.

    python scripts/soak.py --minutes 60

Hundreds of connections send bulk and messages through `trixter` to an echo server, all on loopback, while
every setting changes at random, 20 times a second, through the API, and connections are killed at random.
Every byte that comes back is compared; where corruption was set, it is counted. In the end the faults are
removed, bytes in flight have to arrive, and the proxy must have as many descriptors, threads and connections
as at the start, and as many objects as at half-time.

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
import socket
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import httpx2
import uvloop

CHANGES_PER_S = 20.0
# So many tasks change settings at a time: a response of the API may take a while on a busy machine.
CHANGERS = 12
CONNECTIONS = 200

# All clients together; bulk counts as one for each piece, and is sent without a pause between them. What can
# go wrong depends on the settings and on how many connections are open, not on how busy the processor is.
SENDS_PER_S = 350.0
PIECE_BYTES = 65536

# Below the kernel's range for clients.
LISTENING_PORTS = (20_000, 30_000)

# The proxy refuses clients, or resets all of them, this often; and one that was refused comes again so soon.
REFUSAL_EVERY_S = 60.0
REFUSAL_S = 0.2

# New connections get a fault that harms them for so long.
HARMFUL_DEFAULTS_S = 0.5

# A transfer without progress for so long, after the faults were removed, is lost.
TIMEOUT_S = 300.0

# Sooner than the server ends idle connections to its API.
LIMITS = httpx2.Limits(keepalive_expiry=1.0)

# Each transfer sends this, over and over, from an offset of its own.
PATTERN = random.Random(1).randbytes(1 << 20)
DOUBLED = PATTERN * 2

BULK_BYTES = (100_000, 4_000_000)
MESSAGES = (5, 200)
MESSAGE_BYTES = (1, 4000)

# In the second half, which asks for no more than the first: the descriptions of faults that the API keeps may
# still grow by some thousands. A few blocks for each connection would be more.
MORE_BLOCKS = 20_000

# That is no leak: what hundreds of connections hold at most, in small pieces, stays with Python's allocator.
MORE_MEMORY_MB = 256.0

# The command, which tells what it has allocated when it is asked to.
PROGRAM = """
import gc, signal, sys

def tell(*_):
    gc.collect()
    print("allocated blocks:", sys.getallocatedblocks(), file=sys.stderr, flush=True)

signal.signal(signal.SIGUSR1, tell)

from trixter.cli import entry_point

entry_point()
"""


class Harm(Enum):
    """Effects that a change may have on a transfer."""

    EARLY_END = "early end"
    WRONG_BYTES = "wrong bytes"


class Outcome(Enum):
    """Results of a transfer."""

    COMPLETE = "complete"
    CORRUPTED = "corrupted on purpose"
    KILLED = "killed on purpose"
    REFUSED = "refused on purpose"
    LOST = "lost"


@dataclass
class Tally:
    """The results of all transfers."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    compared_bytes: int = 0
    counted_bytes: int = 0
    changes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


@dataclass
class Transfer:
    """One connection: its bytes to send, to receive back, and to compare."""

    size_bytes: int
    starts_at: int
    received_bytes: int = 0
    harms: set[Harm] = field(default_factory=set)
    """Effects that the changes made so far may have on it."""

    def piece(self, start: int, size_bytes: int) -> bytes:
        at = (self.starts_at + start) % len(PATTERN)
        return DOUBLED[at : at + size_bytes]

    @property
    def is_compared(self) -> bool:
        return Harm.WRONG_BYTES not in self.harms

    def check(self, data: bytes) -> bool:
        """Count received bytes; return whether they may be the bytes that were sent."""
        expected = self.piece(self.received_bytes, len(data))
        self.received_bytes += len(data)
        return data == expected or not self.is_compared

    def outcome(self, *, has_ended: bool) -> Outcome:
        """Return its result, once it has ended or makes no more progress.

        Bytes may be wrong or more than were sent, where corruption was set, but never fewer.
        """
        if has_ended and self.is_compared and self.received_bytes == self.size_bytes:
            return Outcome.COMPLETE
        if has_ended and not self.is_compared and self.received_bytes >= self.size_bytes:
            return Outcome.CORRUPTED
        return Outcome.KILLED if has_ended and Harm.EARLY_END in self.harms else Outcome.LOST


class Proxy:
    """The `trixter` command under test, and its API."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, api: str, log: Path) -> None:
        self.process, self.port, self.log = process, port, log
        self.http = httpx2.AsyncClient(base_url=api, timeout=TIMEOUT_S, limits=LIMITS)
        self._api = api

    async def call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> httpx2.Response:
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
        self.http = httpx2.AsyncClient(base_url=self._api, timeout=TIMEOUT_S, limits=LIMITS)
        await asyncio.sleep(1)

    async def id_of(self, client: str) -> str | None:
        """Return the id of the open connection from that address, if there is one."""
        shown = (await self.call("GET", f"/connections?client={client}")).json()
        return next((each["conn_info"]["id"] for each in shown), None)

    async def stats(self) -> dict[str, Any]:
        stats: dict[str, Any] = (await self.call("GET", "/proxy")).json()["stats"]
        return stats

    async def resources(self) -> dict[str, float]:
        """Return the process's descriptors, threads and memory in megabytes."""
        here = Path(f"/proc/{self.process.pid}")
        status = (here / "status").read_text()
        numbers = {name: int(value) for name, value in re.findall(r"(\w+):\s+(\d+)", status)}
        return {
            "descriptors": len(list((here / "fd").iterdir())),
            "threads": numbers["Threads"],
            "blocks": await self._allocated_blocks(),
            "memory_mb": round(numbers["VmRSS"] / 1024, 1),
        }

    async def _allocated_blocks(self) -> int:
        told = re.compile(r"allocated blocks: (\d+)\n")
        before = len(told.findall(self.log.read_text()))
        self.process.send_signal(signal.SIGUSR1)
        async with asyncio.timeout(TIMEOUT_S):
            while len(found := told.findall(self.log.read_text())) == before:
                await asyncio.sleep(0.05)
        return int(found[-1])


@asynccontextmanager
async def running_proxy(upstream: int, seed: int) -> AsyncIterator[Proxy]:
    log = Path(f"soak-{os.getpid()}.log")
    port = free_port(random.Random(seed))
    with log.open("wb") as stream:
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-c", PROGRAM, f"--listen=127.0.0.1:{port}", "--api=127.0.0.1:0"],
            *[f"--upstream=127.0.0.1:{upstream}", f"--random-seed={seed}"],
            stderr=stream,
        )
    try:
        proxy = Proxy(process, port, "http://" + await _logged(log, r"API on http://(\S+)"), log)
        yield proxy
        await proxy.http.aclose()
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await process.wait()
        log.unlink()


def free_port(draw: random.Random) -> int:
    """Return a port that no client gets while the proxy has closed its listener."""
    while True:
        port = draw.randint(*LISTENING_PORTS)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


async def _logged(log: Path, pattern: str) -> str:
    async with asyncio.timeout(TIMEOUT_S):
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
    """Clients that transfer, and tasks that change settings, until the time is over.

    Args:
        proxy: What all of it goes through.
        draw: Decides everything that is random here.
        connections: How many at a time.
        sends_per_s: How often all of them together send; 0 for as often as they can.
    """

    def __init__(
        self, proxy: Proxy, draw: random.Random, connections: int, sends_per_s: float = SENDS_PER_S
    ) -> None:
        self.proxy, self.draw, self.connections = proxy, draw, connections
        self._pause_s = connections / sends_per_s if sends_per_s else 0.0
        self.tally = Tally()
        self.under_way: list[Transfer] = []
        self.open: dict[str, Transfer] = {}  # by the client's address
        self.harming: Counter[Harm] = Counter()
        self._over = asyncio.Event()

    async def run(self, seconds: float) -> None:
        """Transfer and change for so long; then send no more, and let all bytes arrive."""
        self._over.clear()
        end = time.monotonic() + seconds
        async with asyncio.TaskGroup() as clients:
            for number in range(self.connections):
                clients.create_task(self._client(), name=f"client {number}")
            async with asyncio.TaskGroup() as changers:
                for number in range(CHANGERS):
                    changers.create_task(self._keep_changing(end), name=f"changer {number}")
                changers.create_task(self._keep_refusing(end), name="availability")
            self._over.set()
            await self._calm()

    async def _keep_changing(self, end: float) -> None:
        while (began := time.monotonic()) < end:
            await self._change()
            await asyncio.sleep(max(CHANGERS / CHANGES_PER_S - (time.monotonic() - began), 0))

    async def _keep_refusing(self, end: float) -> None:
        while (wait_s := self.draw.uniform(0, 2 * REFUSAL_EVERY_S)) < end - time.monotonic():
            await asyncio.sleep(wait_s)
            self.tally.changes["availability"] += 1
            with self._harming(Harm.EARLY_END, self.under_way):
                await self.proxy.call(
                    "PATCH", "/proxy", {"availability": self.draw.choice(["refusing", "down"])}
                )
                await asyncio.sleep(REFUSAL_S)
                await self.proxy.call("PATCH", "/proxy", {"availability": "up"})

    @contextmanager
    def _harming(self, harm: Harm, transfers: Iterable[Transfer]) -> Iterator[None]:
        """Expect an effect on these transfers, and on every one that begins before the end of the block."""
        self.harming[harm] += 1
        for transfer in transfers:
            transfer.harms.add(harm)
        yield
        self.harming[harm] -= 1

    async def _client(self) -> None:
        while not self._over.is_set():
            await self._transfer()

    async def _transfer(self) -> None:
        draw, is_bulk = self.draw, self.draw.random() < 0.3
        count = 1 if is_bulk else draw.randint(*MESSAGES)
        sizes = [draw.randint(*(BULK_BYTES if is_bulk else MESSAGE_BYTES)) for _ in range(count)]
        transfer = Transfer(sum(sizes), draw.randrange(len(PATTERN)), harms=set(+self.harming))
        self.under_way.append(transfer)
        try:
            outcome = await self._outcome_of(transfer, self._bulk if is_bulk else self._messages, sizes)
        finally:
            self.under_way.remove(transfer)
        self.tally.outcomes[outcome] += 1
        if outcome is Outcome.LOST:
            self.tally.wrong.append(f"lost: {transfer}")
        if outcome is Outcome.REFUSED:
            await asyncio.sleep(REFUSAL_S)

    async def _outcome_of(self, transfer: Transfer, transmit: Transmit, sizes: list[int]) -> Outcome:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.proxy.port)
        except ConnectionError:
            return Outcome.REFUSED if Harm.EARLY_END in transfer.harms else Outcome.LOST
        host, port = writer.get_extra_info("sockname")
        self.open[f"{host}:{port}"] = transfer
        try:
            await transmit(reader, writer, transfer, sizes)
        except TimeoutError:
            return transfer.outcome(has_ended=False)
        except (OSError, asyncio.IncompleteReadError):  # a shutdown after a reset is ENOTCONN
            return transfer.outcome(has_ended=True)
        finally:
            del self.open[f"{host}:{port}"]
            writer.transport.abort()
        return transfer.outcome(has_ended=True)

    async def _bulk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, transfer: Transfer, sizes: list[int]
    ) -> None:
        async def send() -> None:
            with suppress(OSError):  # the receiver says what that means
                await self._pause(transfer.size_bytes / PIECE_BYTES)
                for start in range(0, transfer.size_bytes, PIECE_BYTES):
                    if self._over.is_set():
                        transfer.size_bytes = start
                        break
                    write(writer, transfer.piece(start, min(PIECE_BYTES, transfer.size_bytes - start)))
                    await writer.drain()
                if not writer.is_closing():
                    writer.write_eof()

        sending = asyncio.create_task(send(), name="send")
        try:
            await self._read_to_the_end(reader, transfer)
        finally:
            sending.cancel()
            await asyncio.wait([sending])

    async def _pause(self, sends: float) -> None:
        """Wait, with the connection open, as long as so many sends may take; no longer than until the end."""
        if self._pause_s:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), self.draw.uniform(0, 2 * sends * self._pause_s))

    async def _messages(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, transfer: Transfer, sizes: list[int]
    ) -> None:
        start = 0
        for size_bytes in sizes:
            await self._pause(1)
            if self._over.is_set():
                transfer.size_bytes = start
                break
            write(writer, transfer.piece(start, size_bytes))
            start += size_bytes
            self._compare(transfer, await self._in_time(reader.readexactly(size_bytes)))
        with suppress(RuntimeError):  # the end was ours to send, and is of no use any more
            writer.write_eof()
        await self._read_to_the_end(reader, transfer)

    async def _read_to_the_end(self, reader: asyncio.StreamReader, transfer: Transfer) -> None:
        while data := await self._in_time(reader.read(65536)):
            self._compare(transfer, data)

    async def _in_time(self, reading: object) -> bytes:
        """Wait for bytes: without limit while faults are on, for ``TIMEOUT_S`` afterwards."""
        task = asyncio.ensure_future(reading)  # type: ignore[call-overload]
        try:
            while True:
                done, _ = await asyncio.wait([task], timeout=TIMEOUT_S)
                if done:
                    received: bytes = task.result()
                    return received
                if self._over.is_set():
                    raise TimeoutError
        finally:
            task.cancel()

    def _compare(self, transfer: Transfer, data: bytes) -> None:
        if not transfer.check(data):
            self.tally.wrong.append(f"wrong bytes before {transfer.received_bytes} of {transfer}")
        if transfer.is_compared:
            self.tally.compared_bytes += len(data)
        else:
            self.tally.counted_bytes += len(data)

    async def _change(self) -> None:
        """Change one setting, of one connection, of all, or of those to come; or kill a connection."""
        draw = self.draw
        what = draw.choice([*HARMLESS, *HARMLESS, *HARMFUL, "shutdown", "defaults"])
        if what == "defaults":
            self.tally.changes[what] += 1
            await self._change_defaults(
                draw.choice([*HARMLESS, *HARMLESS, *HARMFUL, "connection_duration_ms"])
            )
        elif what in HARMLESS and draw.random() < 0.1:
            self.tally.changes["_all"] += 1
            await self.proxy.call("PATCH", f"/connections/_all/{what}", self._settings(what))
        elif self.open:
            client, transfer = draw.choice(list(self.open.items()))
            id = await self.proxy.id_of(client)
            if id is not None:
                self.tally.changes[what] += 1
                await self._change_one(id, what, transfer)

    async def _change_one(self, id: str, what: str, transfer: Transfer) -> None:
        if what == "shutdown":
            transfer.harms.add(Harm.EARLY_END)
            body: dict[str, object] = {"reason": "soak", "reset": self.draw.random() < 0.5}
            await self.proxy.call("POST", f"/connections/{id}/shutdown", body)
            return
        if what in HARMFUL:
            transfer.harms.add(HARMFUL[what])
        await self.proxy.call("PATCH", f"/connections/{id}/{what}", self._settings(what))

    async def _change_defaults(self, what: str) -> None:
        if what in HARMLESS:
            await self.proxy.call("PATCH", "/defaults", {what: self._settings(what)})
            return
        # What has echoed a byte was accepted before, and keeps the defaults of then.
        not_accepted = [transfer for transfer in self.under_way if not transfer.received_bytes]
        with self._harming(HARMFUL.get(what, Harm.EARLY_END), not_accepted):
            body: Any = self.draw.randint(1, 5000) if what not in HARMFUL else self._settings(what)
            await self.proxy.call("PATCH", "/defaults", {what: body})
            await asyncio.sleep(HARMFUL_DEFAULTS_S)
            await self.proxy.call("PATCH", "/defaults", {what: off(what)})

    def _settings(self, what: str) -> dict[str, object]:
        draw = self.draw
        return {"direction": draw.choice(["upstream", "downstream", "both"])} | draw.choice(ON[what])

    async def _calm(self) -> None:
        """Remove all faults, so that bytes in flight can arrive."""
        for what in ON:
            await self.proxy.call("PATCH", f"/connections/_all/{what}", off(what))
            await self.proxy.call("PATCH", "/defaults", {what: off(what)})


Transmit = Callable[[asyncio.StreamReader, asyncio.StreamWriter, Transfer, list[int]], Awaitable[None]]

# By the last part of their path, each with what is set; often they are switched off.
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
        {
            "size_bytes": 128
        },  # of 16, they would take a core of CI; tests/e2e/test_starvation_slices.py sends slices of 1
        {"size_bytes": 500, "variation_bytes": 400},
        {"size_bytes": 4000, "gap_ms": 1},
    ],
    "freeze": [{"frozen": False}, {"frozen": False}, {"frozen": False}, {"frozen": True}],
}
HARMFUL = {
    "termination": Harm.EARLY_END,
    "corruption": Harm.WRONG_BYTES,
    "lose_request": Harm.EARLY_END,
    "lose_answer": Harm.EARLY_END,
}
ON: dict[str, list[dict[str, object]]] = HARMLESS | {
    "termination": [{"probability_rate": 0.01}],
    "corruption": [
        {"probability_rate": 0.01},
        {"probability_rate": 0.1, "mode": "flip"},
        {"probability_rate": 0.0},
    ],
    # In silence, a transfer stands still until all faults are removed: seldom, or in the end all would.
    "lose_request": [
        {"probability_rate": 0.01, "direction": "upstream"},
        {"probability_rate": 0.0005, "silence": True, "direction": "both"},
    ],
    "lose_answer": [
        {"probability_rate": 0.01, "answer_bytes": 100, "direction": "downstream"},
        {"probability_rate": 0.0005, "silence": True, "direction": "both"},
    ],
}


def off(what: str) -> Any:
    """Return what switches a setting off."""
    if what == "connection_duration_ms":
        return 0
    if what in HARMFUL:
        return {"probability_rate": 0}
    return HARMLESS[what][0]


async def soak(minutes: float, connections: int, sends_per_s: float, seed: int) -> int:
    task = asyncio.current_task()
    assert task is not None
    # Ended by a time limit, say, the soak must not leave its proxy behind.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    server = await asyncio.start_server(echo, "127.0.0.1", 0, backlog=1000)
    upstream = server.sockets[0].getsockname()[1]
    async with server, running_proxy(upstream, seed) as proxy:
        draw = random.Random(seed)
        # What is made with the first connections and the first bulk, and kept, is no leak.
        await Soak(proxy, draw, connections, sends_per_s).run(min(2.0, minutes * 6))
        before = await settled(proxy)
        began = time.monotonic()
        soaked = Soak(proxy, draw, connections, sends_per_s)
        await soaked.run(minutes * 30)
        at_half_time = await settled(proxy)
        await soaked.run(minutes * 30)
        after = await settled(proxy)
        took_s = time.monotonic() - began
        stats = await proxy.stats()
        crashes = proxy.log.read_text().count("internal error")
    report = Report(
        f"{took_s / 60:.1f} minutes, {connections} connections at a time, seed {seed}",
        soaked.tally,
        took_s,
        {"at the start": before, "at half-time": at_half_time, "in the end": after},
        stats["ended"],
        crashes,
    )
    print(report.table())
    for wrong in soaked.tally.wrong[:20]:
        print(wrong, file=sys.stderr)
    for fault in report.faults():
        print(f"soak: {fault}", file=sys.stderr)
    return 1 if report.faults() else 0


async def settled(proxy: Proxy) -> dict[str, float]:
    """Return the proxy's resources once every connection has ended."""
    async with asyncio.timeout(TIMEOUT_S):
        while (await proxy.stats())["connections_open"]:
            await asyncio.sleep(0.1)
    # An idle connection to the API is one of the proxy's descriptors, too.
    await proxy.hang_up()
    return await proxy.resources()


@dataclass
class Report:
    """The result of a run, and what is wrong with it."""

    what_ran: str
    tally: Tally
    took_s: float
    resources: dict[str, dict[str, float]]
    """The process's resources, each time without connections: at the start, at half-time, in the end."""
    ended: dict[str, int]
    """The proxy's counts of connections, by the reason of their end."""
    crashes: int

    @property
    def wrong_transfers(self) -> int:
        return len(self.tally.wrong) - self.tally.outcomes[Outcome.LOST]

    def faults(self) -> list[str]:
        """Return all that is wrong."""
        tally = self.tally
        before, at_half_time, after = self.resources.values()
        conditions = {
            f"{tally.outcomes[Outcome.LOST]} transfers were lost": tally.outcomes[Outcome.LOST] > 0,
            f"{self.wrong_transfers} times the bytes were wrong": self.wrong_transfers > 0,
            f"{self.crashes} internal errors are in the log": self.crashes > 0,
            "descriptors are left over": after["descriptors"] > before["descriptors"],
            "threads are left over": after["threads"] > before["threads"],
            "objects are left over": after["blocks"] - at_half_time["blocks"] > MORE_BLOCKS,
            "it takes more and more memory": after["memory_mb"] - at_half_time["memory_mb"] > MORE_MEMORY_MB,
        }
        # A run in which nothing arrived, or nothing was killed, shows nothing.
        never = {f"none was {outcome.value}": not tally.outcomes[outcome] for outcome in NEEDED}
        return [what for what, is_so in (conditions | never).items() if is_so]

    def table(self) -> str:
        """Return it in Markdown."""
        tally, changes = self.tally, sum(self.tally.changes.values())
        kinds = ", ".join(f"{what} {count}" for what, count in sorted(tally.changes.items()))
        rows: dict[str, object] = {
            "time": self.what_ran,
            "settings changed": f"{changes} ({changes / self.took_s:.1f} a second): {kinds}",
            "bytes compared": f"{tally.compared_bytes / 1e9:.2f} GB",
            "bytes counted, where corruption was set": f"{tally.counted_bytes / 1e9:.2f} GB",
            **{f"transfers {outcome.value}": tally.outcomes[outcome] for outcome in Outcome},
            "wrong bytes, or more than were sent": self.wrong_transfers,
            "connections ended": ", ".join(f"{why} {count}" for why, count in self.ended.items()),
            "internal errors": self.crashes,
        }
        for name in self.resources["at the start"]:
            rows[name] = ", ".join(f"{had.get(name, 0):g} {when}" for when, had in self.resources.items())
        lines = [f"| {name} | {value} |" for name, value in rows.items()]
        return "\n".join(["| what | value |", "| --- | --- |", *lines])


NEEDED = (Outcome.COMPLETE, Outcome.CORRUPTED, Outcome.KILLED)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=2.0, help="how long (default: 2)")
    parser.add_argument("--connections", type=int, default=CONNECTIONS, help=f"at a time ({CONNECTIONS})")
    parser.add_argument(
        "--sends-per-s",
        type=float,
        default=SENDS_PER_S,
        help=f"of all connections together; 0: as often as they can ({SENDS_PER_S:g})",
    )
    parser.add_argument("--seed", type=int, default=secrets.randbits(32), help="of all that is random")
    args = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(soak(args.minutes, args.connections, args.sends_per_s, args.seed))


if __name__ == "__main__":
    sys.exit(main())
