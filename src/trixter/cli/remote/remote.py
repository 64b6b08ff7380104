"""A client for subcommands: a command at a time, or what the API answers as it is."""

from __future__ import annotations

from trixter.client.client import Client
from trixter.client.codec import HttpRequest
from trixter.control.commands import Command, ResultT


class Remote(Client):
    """Send commands as they are, rather than changes that can be reverted."""

    def send(self, command: Command[ResultT]) -> ResultT:
        """Return the result of a command."""
        return self._send(command)

    def read(self, path: str) -> str:
        """Return what the API answers there.

        Raises:
            ApiError: If it refuses.
        """
        answer = self._request(HttpRequest("GET", path))
        answer.require_success()
        return answer.body.decode()
