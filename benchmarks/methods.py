"""The methods of measuring a relay once: each starts a fresh one, loads it, and returns numbers by name."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.generator import loaded, run
from benchmarks.network import Network
from benchmarks.original import OriginalFlags
from benchmarks.peers import Peer
from benchmarks.polling import polled
from benchmarks.ports import unused_ports
from benchmarks.process import Failed, Program, apart

Values = dict[str, float]
"""The numbers of one run. Those that a `Figure` names are in the table; ``results.json`` has all of them."""


@dataclass(frozen=True)
class Trial:
    """One run of one method: the peer, the network, the length, and whether the run is quick."""

    peer: Peer
    network: Network
    seconds: float
    is_quick: bool = False


Method = Callable[[Trial], Values]

# After the last connection has opened, a relay may still be busy with it.
SETTLE_S = 0.5

# A relay that uses less CPU in that time is idle.
IDLE_FOR_S, IDLE_CPU_S = 0.2, 0.005

LEAST_DIRECT_S = 0.5
AGAIN_S = 5.0

# The API answers when the last of 10,000 connections is changed.
MOST_SECONDS_TO_ANSWER = 30.0

_LATENCY = {"delay": {"delay_ms": 250}}
SLOW: dict[str, object] = {"upstream": _LATENCY, "downstream": _LATENCY}
"""An override of both directions."""


def throughput(options: str) -> Method:
    """Measure the messages or bytes per second, the time of one message, and the CPU, under a load.

    Args:
        options: The mode and the options of the load generator.
    """

    def measure(trial: Trial) -> Values:
        (upstream,) = unused_ports(1)
        with trial.peer.relay(upstream, trial.network) as relay:
            before_s = relay.program.cpu_s() if relay.program else 0.0
            got = run(options, port=relay.port, upstream=upstream, seconds=trial.seconds)
            used_s = relay.program.cpu_s() - before_s if relay.program else 0.0
        if not got["count"] and not got["bytes"]:
            raise Failed("nothing came through")
        if got["count"]:
            values = {"rate": got["count"] / got["seconds"]}
            values |= {key: got[f"{key}_us"] for key in ("p50", "p99", "p999")}
        else:
            values = {"rate": got["bytes"] / 1e6 / got["seconds"]}
        if relay.program:
            # A million messages, or a GB.
            values["CPU"] = used_s / (got["total_count"] / 1e6 or got["total_bytes"] / 1e9)
        return values

    return measure


def logged(method: Method) -> Method:
    """Measure the same with the log as each program has it by default."""
    return lambda trial: method(replace(trial, peer=trial.peer.with_log()))


def start_up(trial: Trial) -> Values:
    """Measure the time from the command to the first accepted connection."""
    (upstream,) = unused_ports(1)
    started_at = time.perf_counter()
    with trial.peer.relay(upstream, trial.network) as relay:
        return {"start-up": relay.accepts_since - started_at}


def idle_memory(connections: int) -> Method:
    """Measure the memory of each of so many idle connections."""

    def measure(trial: Trial) -> Values:
        (upstream,) = unused_ports(1)
        with trial.peer.relay(upstream, trial.network) as relay:
            if not relay.program:
                raise Failed("it has no process")
            before_bytes = relay.program.resident_bytes()
            options = f"idle --idle {connections}"
            with loaded(options, port=relay.port, upstream=upstream, seconds=trial.seconds):
                held_bytes = relay.program.resident_bytes() - before_bytes
        return {"memory": held_bytes / connections}

    return measure


def idle_cpu(connections: int) -> Method:
    """Measure the CPU time with so many idle connections."""

    def measure(trial: Trial) -> Values:
        (upstream,) = unused_ports(1)
        with trial.peer.relay(upstream, trial.network) as relay:
            if not relay.program:
                raise Failed("it has no process")
            options = f"idle --idle {connections}"
            with loaded(options, port=relay.port, upstream=upstream, seconds=trial.seconds):
                _pass(SETTLE_S)
                before_s, started_at = relay.program.cpu_s(), time.monotonic()
                _pass(trial.seconds)
                used_s, passed_s = relay.program.cpu_s() - before_s, time.monotonic() - started_at
        return {"idle CPU": used_s / passed_s}

    return measure


def beside_idle(options: str, connections: int) -> Method:
    """Measure one process twice: alone, and beside so many idle connections."""

    def measure(trial: Trial) -> Values:
        (upstream,) = unused_ports(1)
        with trial.peer.relay(upstream, trial.network) as relay:
            alone = run(options, port=relay.port, upstream=upstream, seconds=trial.seconds)
            options_beside = f"{options} --idle {connections}"
            beside = run(options_beside, port=relay.port, upstream=upstream, seconds=trial.seconds)
        return {
            "alone p99.9": alone["p999_us"],
            "beside p99.9": beside["p999_us"],
            "growth": beside["p999_us"] / alone["p999_us"],
        }

    return measure


def controlled(connections: int) -> Method:
    """Measure the CPU time of calls about so many idle connections; a tenth of them in a quick run.

    An override of both directions is applied, reverted, applied again and left to expire; and a listing.
    """

    def measure(trial: Trial) -> Values:
        (upstream,) = unused_ports(1)
        options = f"idle --idle {connections // 10 if trial.is_quick else connections}"
        with (
            trial.peer.relay(upstream, trial.network) as relay,
            loaded(options, port=relay.port, upstream=upstream, seconds=trial.seconds),
        ):
            program = relay.program
            if not program:
                raise Failed("it has no process")

            answer: Any = None

            def cost_s(method: str, path: str, body: object = None) -> float:
                nonlocal answer
                before_s = program.cpu_s()
                answer = call(relay.api, method, path, body)
                return _settled_cpu_s(program) - before_s

            values: Values = {}
            _settled_cpu_s(program)
            values["first change"] = cost_s("POST", "/overrides", SLOW)
            values["revert"] = cost_s("DELETE", f"/overrides/{answer['id']}")
            values["change"] = cost_s("POST", "/overrides", SLOW)
            override = f"/overrides/{answer['id']}"
            values["listing"] = cost_s("GET", "/connections")
            if any(each["delay"] == {"secs": 0, "nanos": 0} for each in answer):
                raise Failed("it changed only some of the connections")
            values["expiry"] = cost_s("PATCH", override, {"ttl_ms": 1})
            if call(relay.api, "GET", "/overrides", None):
                raise Failed("its override did not expire")
        return values

    return measure


def journaled(options: str) -> Method:
    """Measure the rate with a journal in a file as a share of that without one, under a load.

    Two processes take short turns, so that a machine that drifts does so for both.
    """

    def measure(trial: Trial) -> Values:
        if not isinstance(trial.peer, OriginalFlags):
            raise Failed("it has no journal")
        ports = unused_ports(2)
        with TemporaryDirectory() as folder, ExitStack() as running:
            peers = [trial.peer, trial.peer.with_flags("--journal", f"{folder}/journal")]
            relays = [
                running.enter_context(peer.relay(upstream, trial.network))
                for peer, upstream in zip(peers, ports, strict=True)
            ]

            def rate_of(index: int) -> float:
                got = run(options, port=relays[index].port, upstream=ports[index], seconds=trial.seconds / 2)
                return got["count"] / got["seconds"]

            rates = [[rate_of(index) for index in order] for order in ((0, 1), (1, 0))]
        plain, with_journal = rates[0][0] + rates[1][1], rates[0][1] + rates[1][0]
        if not plain:
            raise Failed("nothing came through")
        return {"share": with_journal / plain, "rate": with_journal / 2}

    return measure


def added_latency(connections: int, *, idle: int = 0, is_polled: bool = False) -> Method:
    """Measure the error of a delay in one direction: the time of a trip less that of the direct path.

    The direct path is measured immediately before, at the same pace. Errors are in ms, without their sign:
    too early is an error, too. ``least`` is the shortest trip of all, with nothing subtracted.
    """

    options = f"oneway --connections {connections}"

    def measure(trial: Trial) -> Values:
        (upstream,) = unused_ports(1)
        direct_s = trial.seconds if trial.is_quick else max(LEAST_DIRECT_S, trial.seconds / 4)
        with apart():
            direct = run(options, port=upstream, upstream=upstream, seconds=direct_s)
            got = _watched(trial, options, trial.seconds, idle, is_polled=is_polled)
            if (
                trial.is_quick and not got["count"]
            ):  # on a busy machine, a first trip may take longer than that
                got = _watched(trial, options, AGAIN_S, idle, is_polled=is_polled)
        if not got["count"]:
            raise Failed("nothing came through")
        due_us = trial.network.delay_ms * 1e3 + direct["p50_us"]
        return {
            "p50 error": abs(got["p50_us"] - due_us) / 1e3,
            "p99 error": abs(got["p99_us"] - due_us) / 1e3,
            "least": got["min_us"] / 1e3,
            "direct p50": direct["p50_us"] / 1e3,
            "p50": got["p50_us"] / 1e3,
            "p99": got["p99_us"] / 1e3,
        }

    return measure


def throttled(*, idle: int = 0, is_polled: bool = False) -> Method:
    """Measure the error of a rate: send as many bytes as it carries in the seconds of the trial."""

    def measure(trial: Trial) -> Values:
        rate_bytes = trial.network.rate_bytes
        options = f"paced --size {round(rate_bytes * trial.seconds)}"
        # A relay that is far too slow is stopped, and its rate is that of the bytes until then.
        got = _watched(trial, options, 1.5 * trial.seconds + 1, idle, is_polled=is_polled)
        if not got["bytes"]:
            raise Failed("nothing came through")
        arrived = got["bytes"] / got["seconds"] / rate_bytes
        return {"error": abs(arrived - 1) * 100, "share": arrived}

    return measure


def _watched(trial: Trial, options: str, seconds: float, idle: int, *, is_polled: bool) -> Values:
    """Start the peer and put a load on it, beside idle connections; poll its API meanwhile if asked."""
    (upstream,) = unused_ports(1)
    with (
        trial.peer.relay(upstream, trial.network) as relay,
        polled(relay.api, idle, is_quick=trial.is_quick) if is_polled else nullcontext(),
    ):
        return run(f"{options} --idle {idle}", port=relay.port, upstream=upstream, seconds=seconds)


def call(api: int, method: str, path: str, body: object) -> Any:
    """Call the API on a loopback port, and return its answer, if that is JSON.

    Raises:
        Failed: If it refuses the call.
    """
    request = urllib.request.Request(
        f"http://127.0.0.1:{api}{path}",
        method=method,
        headers={"Content-Type": "application/json"},
        data=None if body is None else json.dumps(body).encode(),
    )
    try:
        with urllib.request.urlopen(request, timeout=MOST_SECONDS_TO_ANSWER) as answer:
            text = answer.read()
            return json.loads(text) if "json" in (answer.headers.get_content_type() or "") else text
    except urllib.error.HTTPError as exc:
        raise Failed(f"its API refused {method} {path}: {exc.read()!r}") from exc


def _settled_cpu_s(program: Program) -> float:
    """Return the CPU time of a program, as soon as it has used next to none for a while."""
    used_s = program.cpu_s()
    while True:
        _pass(IDLE_FOR_S)
        before_s, used_s = used_s, program.cpu_s()
        if used_s - before_s < IDLE_CPU_S:
            return used_s


def _pass(seconds: float) -> None:
    """Let time pass while the relay is idle."""
    threading.Event().wait(seconds)
