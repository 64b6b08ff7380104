"""The sync and the async client of a proxy that runs elsewhere, over its API.

Both send the requests that the codec makes of a command, one after another, and have the same methods.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

import httpx2

from trixter.client.codec import HttpRequest, encode, require_encodable
from trixter.client.http import API_URL, LIMITS, TIMEOUT_S, ApiEndpoint, Verify
from trixter.client.lease import LEASE_S, TaskLease, ThreadLease, lease_of
from trixter.client.responses import HttpResponse
from trixter.control import AsyncChange, AsyncProxyHandle, Change, ListenAddress, Override, ProxyHandle
from trixter.control.commands import Command, GetProxy, Renew, ResultT
from trixter.units import Seconds


class Client(ProxyHandle):
    """A sync client of a proxy that runs elsewhere, over its API.

    Close it, or use it with ``with``. Threads may share it.

    Args:
        url: The URL of the API; ``host:port`` will do.
        token: The bearer token that the API requires.
        timeout_s: How long the API may take to answer.
        lease_s: How long an override within ``with`` outlives this client, should it die: the client
            renews it meanwhile.
        verify: For ``https://``: a file of the CA certificates to trust, in PEM, or an ``ssl.SSLContext``;
            ``False`` trusts every certificate.
        http: The httpx2 client to send with, in place of a new one; it stays open, and ``verify`` does not
            apply to it. Use it to go through an HTTP proxy: environment variables that name one are ignored.

    Raises:
        SettingError: If a setting is outside its range.
        ApiUnreachable: From every method that does a request, if nothing answers there.
        ApiError: From every method that does a request, if the API refuses it.
    """

    _requester = "via API"

    def __init__(
        self,
        url: str = API_URL,
        *,
        token: str | None = None,
        timeout_s: Seconds = TIMEOUT_S,
        lease_s: Seconds = LEASE_S,
        verify: Verify = True,
        http: httpx2.Client | None = None,
    ) -> None:
        self._endpoint = endpoint = ApiEndpoint.parse(url, token, timeout_s)
        self._lease_s = lease_of(lease_s)
        self._own = None
        if http is None:
            verification = endpoint.verification(verify)
            http = self._own = httpx2.Client(verify=verification, trust_env=False, limits=LIMITS)
        self._http = http

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._endpoint.url!r})"

    def listen_address(self) -> ListenAddress:
        """Return the address at which this client's host reaches the proxy."""
        info = self._send(GetProxy())
        return ListenAddress.of(info.listen, near=self._endpoint.host)

    def host(self) -> str:
        """Return the host to connect to."""
        return self.listen_address().host

    def port(self) -> int:
        """Return the port to connect to."""
        return self.listen_address().port

    def address(self) -> str:
        """Return host and port as one: ``127.0.0.1:43210``."""
        return self.listen_address().address

    def url(self, scheme: str, path: str = "") -> str:
        """Return a URL of the proxy."""
        return self.listen_address().url(scheme, path)

    def close(self) -> None:
        """Close its connections to the API. Idempotent."""
        if self._own is not None:
            self._own.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _change(self, method: str, override: Override) -> Change:
        return Change(method, override, self._send, self._lease, self._lease_s)

    def _lease(self, id: str) -> ThreadLease:
        return ThreadLease(lambda: self._send(Renew(id, self._lease_s)), self._lease_s)

    def _send(self, command: Command[ResultT]) -> ResultT:
        exchange = encode(command)
        response = HttpResponse(200, b"")
        for request in exchange.requests:
            response = self._request(request)
            response.require_success(exchange.target)
        result: ResultT = exchange.read(response)
        return result

    def _request(self, request: HttpRequest) -> HttpResponse:
        endpoint = self._endpoint
        try:
            response = self._http.request(
                request.method,
                endpoint.url_of(request),
                content=endpoint.content_of(request),
                headers=endpoint.headers,
                timeout=endpoint.timeout_s,
            )
        except httpx2.RequestError as exc:
            raise endpoint.unreachable(exc) from exc
        return HttpResponse(response.status_code, response.content)


class AsyncClient(AsyncProxyHandle):
    """An async client of a proxy that runs elsewhere, over its API, on asyncio or Trio.

    Close it, or use it with ``async with``.

    Args:
        url: The URL of the API; ``host:port`` will do.
        token: The bearer token that the API requires.
        timeout_s: How long the API may take to answer.
        lease_s: How long an override within ``async with`` outlives this client, should it die: the client
            renews it meanwhile.
        verify: For ``https://``: a file of the CA certificates to trust, in PEM, or an ``ssl.SSLContext``;
            ``False`` trusts every certificate.
        http: The httpx2 client to send with, in place of a new one; it stays open, and ``verify`` does not
            apply to it. Use it to go through an HTTP proxy: environment variables that name one are ignored.

    Raises:
        SettingError: If a setting is outside its range.
        ApiUnreachable: From every method that does a request, if nothing answers there.
        ApiError: From every method that does a request, if the API refuses it.
    """

    _requester = "via API"

    def __init__(
        self,
        url: str = API_URL,
        *,
        token: str | None = None,
        timeout_s: Seconds = TIMEOUT_S,
        lease_s: Seconds = LEASE_S,
        verify: Verify = True,
        http: httpx2.AsyncClient | None = None,
    ) -> None:
        self._endpoint = endpoint = ApiEndpoint.parse(url, token, timeout_s)
        self._lease_s = lease_of(lease_s)
        self._own = None
        if http is None:
            verification = endpoint.verification(verify)
            http = self._own = httpx2.AsyncClient(verify=verification, trust_env=False, limits=LIMITS)
        self._http = http

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._endpoint.url!r})"

    async def listen_address(self) -> ListenAddress:
        """Return the address at which this client's host reaches the proxy."""
        info = await self._send(GetProxy())
        return ListenAddress.of(info.listen, near=self._endpoint.host)

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
        """Return a URL of the proxy."""
        return (await self.listen_address()).url(scheme, path)

    async def close(self) -> None:
        """Close its connections to the API. Idempotent."""
        if self._own is not None:
            await self._own.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _change(self, method: str, override: Override) -> AsyncChange:
        require_encodable(override)  # at the call, and not when it is awaited
        return AsyncChange(method, override, self._send, self._lease, self._lease_s)

    def _lease(self, id: str) -> TaskLease:
        return TaskLease(lambda: self._send(Renew(id, self._lease_s)), self._lease_s)

    async def _send(self, command: Command[ResultT]) -> ResultT:
        exchange = encode(command)
        response = HttpResponse(200, b"")
        for request in exchange.requests:
            response = await self._request(request)
            response.require_success(exchange.target)
        result: ResultT = exchange.read(response)
        return result

    async def _request(self, request: HttpRequest) -> HttpResponse:
        endpoint = self._endpoint
        try:
            response = await self._http.request(
                request.method,
                endpoint.url_of(request),
                content=endpoint.content_of(request),
                headers=endpoint.headers,
                timeout=endpoint.timeout_s,
            )
        except httpx2.RequestError as exc:
            raise endpoint.unreachable(exc) from exc
        return HttpResponse(response.status_code, response.content)
