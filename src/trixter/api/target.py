"""Request targets in absolute form, as clients send them that take the API for an HTTP proxy."""

from __future__ import annotations

import re
from urllib.parse import unquote

from starlette.types import Scope

# `http://host:port/path`: RFC 9112, section 3.2.2. A server must accept it.
ABSOLUTE_FORM = re.compile(rb"[a-z][a-z0-9+.-]*://(?P<authority>[^/]*)(?P<path>.*)", re.IGNORECASE)


def origin_form(scope: Scope) -> Scope:
    """Return the request as if its target were the path alone, and its ``Host`` that of the target.

    RFC 9112 wants the ``Host`` header ignored then, so no page can hide its own name behind another one.

    Args:
        scope: Of an HTTP request; returned as it is if its target is none of that form.
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
