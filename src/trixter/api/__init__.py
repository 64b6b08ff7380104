"""The REST API: what is connected, what is wrong with it, and the knobs.

    request ──▶ guard ──▶ routing ──▶ a call ──▶ controller ──▶ proxy
                 │           │           │
                 403, 401    404, 405    reading: 415, 413, 400, 422 ─▶ 404 ─▶ 400, 409

- ``routes.py`` lists everything that can be asked (requests are routed, and described, by that list), and
  does it: a call reads and checks everything first, and hands what changes the proxy to the controller.
- ``bodies.py`` and ``replies.py`` are the shapes: they decode, check, encode and describe themselves;
  ``overrides.py`` has those of overrides.
- ``answers.py`` turns exceptions into ``{"error": …, "code": …}``, and the settings' names into the API's.
- ``guard.py`` turns away other sites' pages, and callers without the token; ``target.py`` reads targets in
  absolute form.
- ``server.py`` runs it on the proxy's own loop, so long jobs take turns with the traffic (``turns.py``).
- No client may take the traffic's share: ``acceptor.py`` accepts up to a limit (``connection_limit.py``),
  ``http_protocol.py`` sets deadlines, ``lingering.py`` closes, ``refusal_log.py`` keeps the log short.

Calls, bodies and successful answers are the Rust original's, and so are the statuses of errors but for those
that docs/coming-from-rust.md lists. Two error texts are its own (``answers.py``); the others are ours.

Importing this loads no web framework: whoever only asks an API needs the shapes, and not a server.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trixter.api.app import create_app
    from trixter.api.server import ApiServer
else:  # a type checker would take every name for one of ours

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_HOMES[name]), name)
        return value


__all__ = ["ApiServer", "create_app"]

_HOMES = {"ApiServer": "trixter.api.server", "create_app": "trixter.api.app"}
