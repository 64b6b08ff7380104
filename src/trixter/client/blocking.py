"""The client for those who block."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

import httpx2

from trixter.client.answers import Answer
from trixter.client.calls import Call, calls_of
from trixter.client.wire import API_URL, LIMITS, TIMEOUT_S, Verify, Wire, look_again_after_s
from trixter.control import ListenAddress, Listens, News, ProxyFace, Step
from trixter.control.plans import run
from trixter.control.steps import ReadProxy, WaitForNews
from trixter.monotonic import monotonic


class Client(Listens, ProxyFace):
    """Tell a proxy that runs elsewhere what to do, through its API.

    Close it, or use it with ``with``. It may be shared by threads.

    Args:
        url: Where the API is; ``host:port`` will do.
        token: The bearer token that it asks for.
        timeout_s: How long it may take to answer.
        verify: For ``https://``: a file of the CA certificates to trust, in PEM, or an ``ssl.SSLContext``;
            ``False`` trusts every certificate.
        http: What to send with, in place of a client of its own; it stays open, and verifies by itself. For a
            way through an HTTP proxy: those that environment variables name are not used.

    Raises:
        SettingError: If a setting is outside its range.
        ApiUnreachable: From every word, if nothing answers there.
        ApiError: From every word, if the API refuses.
    """

    def __init__(
        self,
        url: str = API_URL,
        *,
        token: str | None = None,
        timeout_s: float = TIMEOUT_S,
        verify: Verify = True,
        http: httpx2.Client | None = None,
    ) -> None:
        self._wire = wire = Wire.to(url, token, timeout_s)
        self._own = None
        if http is None:
            http = self._own = httpx2.Client(verify=wire.verification(verify), trust_env=False, limits=LIMITS)
        self._http = http

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._wire.url!r})"

    @property
    def listen_address(self) -> ListenAddress:
        """Where the proxy listens, as it is reached from here."""
        return ListenAddress.of(self._perform(ReadProxy()).listen, near=self._wire.host)

    def close(self) -> None:
        """Hang up; twice is no error."""
        if self._own is not None:
            self._own.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _perform(self, step: Step[Any]) -> Any:
        if isinstance(step, WaitForNews):
            return _wait(step)
        return run(calls_of(step), self._send)

    def _send(self, call: Call) -> Answer:
        wire = self._wire
        try:
            answer = self._http.request(
                call.method,
                wire.url_of(call),
                content=wire.body_of(call),
                headers=wire.headers,
                timeout=wire.timeout_s,
            )
        except httpx2.RequestError as exc:
            raise wire.unreachable(exc) from exc
        return Answer(answer.status_code, answer.content)


def _wait(step: WaitForNews) -> News:
    if step.since is None:
        return News(0, monotonic())
    # Nothing tells of news over the API.
    time.sleep(look_again_after_s(step.since.number, step.timeout_s))  # noqa: TID251 - for those who block
    return News(step.since.number + 1, monotonic())
