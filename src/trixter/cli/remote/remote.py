"""A proxy that runs elsewhere, for subcommands."""

from __future__ import annotations

from typing import TypeVar

from trixter.client.blocking import Client
from trixter.client.calls import Call
from trixter.control import Step

ResultT = TypeVar("ResultT")


class Remote(Client):
    """Ask a proxy step by step, rather than by words that can be undone, or for what its API says itself."""

    def perform(self, step: Step[ResultT]) -> ResultT:
        """Return the result of one step."""
        result: ResultT = self._perform(step)
        return result

    def read(self, path: str) -> str:
        """Return what the API answers there.

        Raises:
            ApiError: If it refuses.
        """
        answer = self._send(Call("GET", path))
        answer.require_success()
        return answer.body.decode()

    def __enter__(self) -> Remote:
        return self
