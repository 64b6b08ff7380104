"""Request targets in absolute form, sent by clients that take the API for an HTTP proxy."""

from __future__ import annotations

import re
from urllib.parse import unquote

from starlette.types import Scope

# `http://host:port/path`: RFC 9112, section 3.2.2. A server must accept it.
ABSOLUTE_FORM = re.compile(rb"[a-z][a-z0-9+.-]*://(?P<authority>[^/]*)(?P<path>.*)", re.IGNORECASE)


def origin_form(scope: Scope) -> Scope:
    """Return the request with its target in origin form, and the target's host as its ``Host``.

    RFC 9112 wants the ``Host`` header ignored then, so a page cannot hide its own name behind another one.

    Args:
        scope: An HTTP request's; returned unchanged if its target is not in absolute form.
    """
    found = ABSOLUTE_FORM.fullmatch(scope.get("raw_path") or b"")
    if found is None:
        return scope
    path = found["path"] or b"/"
    headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
    return {
        **scope,
        "path": unquote(path.decode("ascii", "replace")),
        "raw_path": path,
        "headers": [(b"host", found["authority"]), *headers],
    }
