"""The client for those who await, on asyncio and Trio."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import anyio
import httpx2

from trixter.client.answers import Answer
from trixter.client.calls import Call, calls_of
from trixter.client.wire import API_URL, LIMITS, TIMEOUT_S, Verify, Wire, look_again_after_s
from trixter.control import AsyncProxyFace, ListenAddress, News, Step
from trixter.control.plans import run_async
from trixter.control.steps import ReadProxy, WaitForNews


class AsyncClient(AsyncProxyFace):
    """Tell a proxy that runs elsewhere what to do, through its API.

    Close it, or use it with ``async with``.

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
        http: httpx2.AsyncClient | None = None,
    ) -> None:
        self._wire = wire = Wire.to(url, token, timeout_s)
        self._own = None
        if http is None:
            http = self._own = httpx2.AsyncClient(
                verify=wire.verification(verify), trust_env=False, limits=LIMITS
            )
        self._http = http

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._wire.url!r})"

    async def listen_address(self) -> ListenAddress:
        """Return where the proxy listens, as it is reached from here."""
        return ListenAddress.of((await self._perform(ReadProxy())).listen, near=self._wire.host)

    async def host(self) -> str:
        """Return the host to connect to."""
        return (await self.listen_address()).host

    async def port(self) -> int:
        """Return the port to connect to."""
        return (await self.listen_address()).port

    async def address(self) -> str:
        """Return host and port as one: ``127.0.0.1:43210``."""
        return (await self.listen_address()).address

    async def url(self, scheme: str, path: str = "") -> str:
        """Return a URL that leads there."""
        return (await self.listen_address()).url(scheme, path)

    async def close(self) -> None:
        """Hang up; twice is no error."""
        if self._own is not None:
            await self._own.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _perform(self, step: Step[Any]) -> Any:
        if isinstance(step, WaitForNews):
            return await _wait(step)
        return await run_async(calls_of(step), self._send)

    async def _send(self, call: Call) -> Answer:
        wire = self._wire
        try:
            answer = await self._http.request(
                call.method,
                wire.url_of(call),
                content=wire.body_of(call),
                headers=wire.headers,
                timeout=wire.timeout_s,
            )
        except httpx2.RequestError as exc:
            raise wire.unreachable(exc) from exc
        return Answer(answer.status_code, answer.content)


async def _wait(step: WaitForNews) -> News:
    if step.since is None:
        return News(0, anyio.current_time())
    # Nothing tells of news over the API.
    await anyio.sleep(look_again_after_s(step.since.number, step.timeout_s))
    return News(step.since.number + 1, anyio.current_time())
