"""The tested program: a client that retries when the network fails."""

from __future__ import annotations

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry


class OutOfReach(Exception):
    """The price service cannot be reached now."""


class Shop:
    """A client of a price service, with up to three attempts."""

    def __init__(self, url: str, timeout_s: float = 2.0) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.mount("http://", HTTPAdapter(max_retries=Retry(total=2, backoff_factor=0)))

    def price(self, article: str) -> int:
        try:
            answer = self._session.get(f"{self._url}/price/{article}", timeout=self._timeout_s)
        except requests.RequestException as exc:
            raise OutOfReach(str(exc)) from exc
        return int(answer.text)

    def close(self) -> None:
        self._session.close()
