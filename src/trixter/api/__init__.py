"""The REST API: what is connected, what is wrong with it, and the knobs.

    request ──▶ guard ──▶ routing ──▶ a call ──▶ proxy
                 │           │           │
                 403, 401    404, 405    reading: 415, 413, 400, 422 ─▶ 404 ─▶ 400

- ``operations.py`` lists everything that can be asked: requests are routed, and described, by that list.
- ``calls.py`` does it. A call reads and checks everything first, so one that is refused changed nothing.
- ``bodies.py`` and ``replies.py`` are the shapes: they decode, check, encode and describe themselves.
- ``answers.py`` turns exceptions into ``{"error": …}``, and the settings' names into the API's.
- ``guard.py`` turns away other sites' pages, and callers without the token.
- ``server.py`` runs it on the proxy's own loop, so long jobs take turns with the traffic (``turns.py``).

Statuses, bodies and error texts are the Rust original's; what it does not have follows its manners.
"""

from __future__ import annotations

from trixter.api.app import create_app
from trixter.api.server import ApiServer

__all__ = ["ApiServer", "create_app"]
