"""What a proxy is like, in words, for the report of a test that fails."""

from __future__ import annotations

from dataclasses import fields

from trixter.faults import Direction, Fault, Faults
from trixter.proxy import Connection, Proxy
from trixter.settings import Defaults, Door

# Connections that have faults of their own, before the rest of them is only counted.
SHOWN = 10


def text_of_fault(fault: Fault) -> str:
    """Write a fault as it is made, without the settings that were left alone."""
    given = (
        f"{each.name}={getattr(fault, each.name)!r}"
        for each in fields(fault)
        if getattr(fault, each.name) != each.default
    )
    return f"{type(fault).__name__}({', '.join(given)})"


def text_of_faults(upstream: Faults, downstream: Faults) -> str:
    """Write the faults of both directions."""
    if not upstream and not downstream:
        return "calm"
    texts = [", ".join(map(text_of_fault, faults)) or "calm" for faults in (upstream, downstream)]
    if texts[0] == texts[1]:
        return f"{texts[0]}, both ways"
    return f"upstream {texts[0]}; downstream {texts[1]}"


def text_of_defaults(defaults: Defaults) -> str:
    """Write what connections start with."""
    text = text_of_faults(defaults.upstream, defaults.downstream)
    return f"{text}; reset at the age of {defaults.duration_s:g} s" if defaults.duration_s else text


def in_force(proxy: Proxy) -> list[str]:
    """Return what is wrong with the network now, a line for each thing; ``calm`` if nothing is."""
    lines = [text_of_defaults(proxy.defaults)]
    if proxy.door is not Door.OPEN:
        lines.append(f"new connections are refused: {proxy.door.value}")
    usual = [proxy.defaults.faults(direction) for direction in Direction]
    odd = [each for each in proxy.registry if _faults_of(each) != usual]
    lines += [f"connection {each.number}: {text_of_faults(*_faults_of(each))}" for each in odd[:SHOWN]]
    if len(odd) > SHOWN:
        lines.append(f"and {len(odd) - SHOWN} more connections with faults of their own")
    return lines


def _faults_of(connection: Connection) -> list[Faults]:
    return [connection.pipe(direction).faults for direction in Direction]
