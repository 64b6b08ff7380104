"""What to type next, ready to paste."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

JSON = "-H 'Content-Type: application/json'"


def after_the_show(program: str) -> str:
    """Return the way on from here, for a demo that ends."""
    return f"""
Type next:

  the same, left running, with commands to paste
    {program} demo --stay

  a proxy in front of a server of your own, here one on port 8181
    {program} --listen 127.0.0.1:8080 --upstream 127.0.0.1:8181 --api 127.0.0.1:8888

  and, in another terminal, its connections and 250 ms for all of them
    curl -s http://127.0.0.1:8888/connections
    curl -s -X PATCH http://127.0.0.1:8888/connections/_all/delay {JSON} -d '{{"delay_ms":250}}'

  every option
    {program} --help"""


def while_it_stays(*, proxy: str, upstream: str, api: str) -> str:
    """Return what to try on a demo that keeps running."""
    return f"""
All of it keeps running until Ctrl-C: the proxy on http://{proxy},
in front of the server on http://{upstream},
with its API on http://{api}. Paste into another terminal:

  a request, and the time it takes
    curl -s -w '%{{time_total}} s\\n' http://{proxy}/

  250 ms for connections to come (and, with 0, none)
    curl -s -X PATCH http://{api}/defaults {JSON} -d '{{"delay":{{"delay_ms":250}}}}'

  a connection that lasts: a line each second
    curl -N http://{proxy}/ticks

  the connections there are; a rate for all of them; the end of all of them
    curl -s http://{api}/connections
    curl -s -X PATCH http://{api}/connections/_all/throttle {JSON} -d '{{"rate_bytes":2}}'
    curl -s -X POST http://{api}/connections/_all/shutdown {JSON} -d '{{"reason":"seen enough"}}'

The log:"""


def program_name() -> str:
    """Return what starts this program again, from where the user stands."""
    invoked = Path(sys.argv[0])
    if invoked.name == "__main__.py":
        return f"{_as_typed(Path(sys.executable))} -m trixter"
    return _as_typed(invoked)


def _as_typed(program: Path) -> str:
    """Return the shortest of its names that a shell here understands."""
    found = shutil.which(program.name)
    if found and Path(found).samefile(program):
        return program.name
    if program.is_relative_to(Path.cwd()):
        return str(program.relative_to(Path.cwd()))
    return str(program)
