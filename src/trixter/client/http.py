"""HTTP of both clients: the endpoint, its headers and certificates, and failures to reach it."""

from __future__ import annotations

import os
import re
import ssl
from dataclasses import dataclass

import httpx2
import msgspec

from trixter.client.codec import HttpRequest
from trixter.errors import ApiUnreachable, SettingError
from trixter.faults.validators import positive_seconds_of
from trixter.units import Seconds

API_URL = "http://127.0.0.1:8888"
"""The URL of the API in all examples."""

TIMEOUT_S = 5.0

# uvicorn closes idle keep-alive connections after 5 s. The clients drop theirs sooner, so that no request
# races with that close.
IDLE_S = 2.0
LIMITS = httpx2.Limits(keepalive_expiry=IDLE_S)

# A line break would end the header that the token is sent in.
TOKEN = re.compile(r"[^\x00-\x1f\x7f]+")

Verify = ssl.SSLContext | str | bool
"""The argument ``verify`` of both clients: how they verify the API's certificate."""

# OpenSSL's reasons if the peer's response is not TLS.
NO_TLS = {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"}

# h11's message for a response that does not begin with text, such as a TLS alert.
NO_TEXT = "illegal request line"

# OpenSSL's numbers for a valid certificate of an issuer that it does not trust.
UNKNOWN_ISSUER = {18, 19, 20, 21}


@dataclass(frozen=True, slots=True)
class ApiEndpoint:
    """The endpoint of the API: its URL, and the headers and timeout of requests.

    Args:
        url: The API's root.
        headers: The headers of every request.
        timeout_s: How long the API may take to answer.
    """

    url: str
    headers: dict[bytes, bytes]
    timeout_s: float

    @classmethod
    def parse(cls, url: str, token: str | None, timeout_s: Seconds) -> ApiEndpoint:
        """Check the arguments of a client, and return their endpoint.

        Raises:
            SettingError: If one of them is invalid.
        """
        if token is not None and (not isinstance(token, str) or not TOKEN.fullmatch(token)):
            shown = "…" if token else token  # it is a secret
            raise SettingError("token", shown, "text of one character or more, without control characters")
        limit_s = positive_seconds_of("timeout_s", timeout_s)
        headers = {b"Content-Type": b"application/json"}
        if token is not None:
            headers[b"Authorization"] = b"Bearer " + token.encode()
        return cls(_url_of(url), headers, limit_s)

    @property
    def host(self) -> str:
        """The host that the API is at."""
        return httpx2.URL(self.url).host

    def verification(self, verify: Verify) -> ssl.SSLContext | bool:
        """Return ``verify`` for httpx2; without TLS ``False``, since to load certificates takes a while.

        Raises:
            SettingError: If the file cannot be read as one of CA certificates.
        """
        if not self.url.startswith("https:"):
            return False
        return ca_context(verify) if isinstance(verify, str) else verify

    def url_of(self, request: HttpRequest) -> str:
        """Return the URL of a request."""
        return self.url + request.path

    def content_of(self, request: HttpRequest) -> bytes | None:
        """Return the encoded body of a request."""
        return None if request.body is None else msgspec.json.encode(request.body)

    def unreachable(self, exc: httpx2.RequestError) -> ApiUnreachable:
        """Return the error to raise if there is no response."""
        if isinstance(exc, httpx2.TimeoutException):
            return ApiUnreachable(self.url, f"nothing came within {self.timeout_s:g} s")
        return ApiUnreachable(self.url, _reason_of(exc))


def ca_context(file: str) -> ssl.SSLContext:
    """Return a context that trusts the CA certificates in a file, and no others.

    Raises:
        SettingError: If the file cannot be read as one of CA certificates.
    """
    try:
        return ssl.create_default_context(cafile=file)
    except OSError as exc:  # ssl.SSLError is one
        raise SettingError("verify", file, "a file of CA certificates in PEM") from exc


def _url_of(text: str) -> str:
    try:
        url = httpx2.URL(text if "://" in text else f"http://{text}")
        is_good = url.scheme in ("http", "https") and bool(url.host) and not url.query and not url.fragment
        is_good = is_good and (url.port is None or 0 < url.port < 2**16)
    except (httpx2.InvalidURL, TypeError):
        is_good = False
    if not is_good:
        raise SettingError("url", text, f"the URL of an API, such as {API_URL}")
    return str(url).rstrip("/")


def _reason_of(exc: BaseException) -> str:
    """Return the system's own error message, however deep it is wrapped."""
    inner: BaseException | None = exc
    while inner is not None:
        if isinstance(inner, ssl.SSLError):  # its errno is OpenSSL's, not the system's
            return _tls_reason_of(inner)
        if isinstance(inner, OSError) and inner.errno is not None:
            # Loops replace the system's message by their own; a failed name lookup has no other.
            return (os.strerror(inner.errno) if inner.errno > 0 else str(inner.strerror)).lower()
        inner = _wrapped_by(inner)
    reason = str(exc) or type(exc).__name__
    return f"{reason} - is it https://?" if reason == NO_TEXT else reason


def _tls_reason_of(exc: ssl.SSLError) -> str:
    if isinstance(exc, ssl.SSLCertVerificationError):
        reason = f"TLS: certificate verify failed: {exc.verify_message.rstrip('.')}"
        if exc.verify_code in UNKNOWN_ISSUER:
            reason += " - name its CA with verify=FILE, or --api-ca FILE"
        return reason
    reason = f"TLS: {(exc.reason or str(exc)).replace('_', ' ').lower()}"
    return f"{reason} - is it http://?" if exc.reason in NO_TLS else reason


def _wrapped_by(exc: BaseException) -> BaseException | None:
    if isinstance(exc, BaseExceptionGroup):
        first: BaseException = exc.exceptions[0]
        return first
    return exc.__cause__ or exc.__context__
