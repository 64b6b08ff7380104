"""A client for subcommands: single commands, responses as text, and errors that say what to do."""

from __future__ import annotations

import errno
import os
from typing import Any
from urllib.parse import urlsplit

from trixter.cli.command import did_you_mean, suggestions
from trixter.client.client import Client
from trixter.client.codec import HttpRequest
from trixter.client.http import API_URL
from trixter.client.responses import HttpResponse
from trixter.control.commands import Command, ListConnections, ResultT
from trixter.errors import ApiError, ApiUnreachable, ConnectionNotFound, TrixterError

# A person who pressed Tab waits for it.
COMPLETION_TIMEOUT_S = 0.5

UNAUTHORIZED = "unauthorized"

REFUSED = os.strerror(errno.ECONNREFUSED).lower()


class RawClient(Client):
    """Sends single commands, rather than changes that can be reverted."""

    def send(self, command: Command[ResultT]) -> ResultT:
        """Return the result of a command.

        Raises:
            TrixterError: If it fails; the text names similar ids where none has the given one.
        """
        try:
            return self._send(command)
        except ConnectionNotFound as exc:
            near = _similar(exc.id, [each.id for each in self._send(ListConnections())])
            raise TrixterError(f"{exc}{did_you_mean(near)}") from exc
        except ApiError as exc:
            raise self._explained(exc) from exc

    def read(self, path: str) -> str:
        """Return the body of the response to a GET request.

        Raises:
            ApiError: If the API refuses.
        """
        answer = self._request(HttpRequest("GET", path))
        try:
            answer.require_success()
        except ApiError as exc:
            raise self._explained(exc) from exc
        return answer.body.decode()

    def _explained(self, exc: ApiError) -> TrixterError:
        """Return an error that says what to do as well."""
        if exc.code == UNAUTHORIZED:
            return TrixterError(f"{exc}; --api-token or TRIXTER_API_TOKEN gives it")
        # Without a code it is not from an API of trixter: is the address right?
        return exc if exc.code else TrixterError(f"{self._endpoint.url}: {exc}")

    def _request(self, request: HttpRequest) -> HttpResponse:
        try:
            return super()._request(request)
        except ApiUnreachable as exc:
            if exc.reason != REFUSED:
                raise
            remedy = f"start the proxy with `--api {urlsplit(exc.url).netloc}`"
            raise ApiUnreachable(exc.url, f"{exc.reason}; {remedy}") from exc


def live_ids(api: str | None, token: str | None, ca: Any) -> list[str]:
    """Return the ids of the live connections; none if the API does not answer at once.

    Args:
        api: The URL of the API; ``None`` is that of the examples.
        token: The bearer token that it requires.
        ca: The certificates to trust.
    """
    url = api or API_URL
    try:
        with RawClient(url, token=token, timeout_s=COMPLETION_TIMEOUT_S, verify=ca or True) as proxy:
            return [each.id for each in proxy.send(ListConnections())]
    except TrixterError:
        return []


def _similar(id: str, ids: list[str]) -> list[str]:
    """Return the ids with that number, or else those with a similar spelling."""
    return [each for each in ids if each.endswith(f"-{id}")] or suggestions(id, ids)
