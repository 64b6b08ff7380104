"""A client for subcommands: it sends single commands, and reads responses as text."""

from __future__ import annotations

from trixter.client.client import Client
from trixter.client.codec import HttpRequest
from trixter.control.commands import Command, ResultT


class RawClient(Client):
    """Sends single commands, rather than changes that can be reverted."""

    def send(self, command: Command[ResultT]) -> ResultT:
        """Return the result of a command."""
        return self._send(command)

    def read(self, path: str) -> str:
        """Return the body of the response to a GET request.

        Raises:
            ApiError: If the API refuses.
        """
        answer = self._request(HttpRequest("GET", path))
        answer.require_success()
        return answer.body.decode()
