"""The REST API: list connections, read and change their faults and the defaults, end connections.

    request ──▶ guard ──▶ route ──▶ handler ──▶ controller ──▶ proxy
                 │          │          │
                 403, 401   404, 405   body: 415, 413, 400, 422 ─▶ 404 ─▶ 400, 409

- ``app.py`` makes the application. Its guard refuses requests of other sites' pages, and of callers without
  the token.
- ``routes.py`` lists all operations (``routing.py``) and performs them: a handler reads and checks everything
  first, and hands what changes the proxy to the controller. ``openapi.py`` describes them.
- ``schemas.py`` has the shapes, those of faults from the catalogue: they decode, check, encode and describe
  themselves; ``override_schemas.py`` has those of overrides. ``status.py`` fills in the replies.
- ``http.py`` reads bodies and makes responses; it turns exceptions into ``{"error": …, "code": …}``, and the
  settings' names into the API's.
- ``server.py`` runs it on the proxy's own loop, so long jobs yield to the traffic (``listing.py``).
- No client may take the traffic's share: ``server.py`` accepts up to a limit (``limits.py``), and
  ``http_protocol.py`` sets deadlines, and closes so that a response arrives.

Calls, bodies and successful responses are the Rust original's, and so are the statuses of errors but for
those that docs/coming-from-rust.md lists. Two error texts are its own (``http.py``); the others are ours.

Importing this package loads no web framework: a client needs the schemas, and no server.
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
