"""The REST API, as the demo uses it: over HTTP, like everybody else."""

from __future__ import annotations

import http.client
import json
from http import HTTPStatus
from typing import Any


class Knobs:
    """Turn the knobs of a running proxy.

    Args:
        address: The API's, ``host:port``.
        patience_s: How long to wait for anything.
    """

    def __init__(self, address: str, *, patience_s: float) -> None:
        self._api = http.client.HTTPConnection(address, timeout=patience_s)

    def close(self) -> None:
        """Hang up."""
        self._api.close()

    def id_of(self, client: str) -> str | None:
        """Return the id of the connection that comes from that address, if there is one."""
        listed = json.loads(self._call("GET", "/connections"))
        ids = (each["conn_info"]["id"] for each in listed if each["conn_info"]["downstream"] == client)
        return next(ids, None)

    def turn(self, connection_id: str, knob: str, **body: Any) -> None:
        """Set one fault of one connection."""
        self._call("PATCH", f"/connections/{connection_id}/{knob}", body)

    def shut_down(self, connection_id: str, reason: str) -> None:
        """Close one connection."""
        self._call("POST", f"/connections/{connection_id}/shutdown", {"reason": reason})

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> bytes:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        self._api.request(method, path, json.dumps(body) if body is not None else None, headers)
        response = self._api.getresponse()
        text = response.read()
        if response.status not in (HTTPStatus.OK, HTTPStatus.ACCEPTED):
            raise ConnectionError(f"{method} {path} was answered {response.status}: {text.decode()}")
        return text
