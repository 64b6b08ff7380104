"""The tested program: a cache that may be lost without harm."""

from __future__ import annotations

from collections.abc import Callable

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry


class Cache:
    """A cache of slow results in Redis; computes them again while Redis cannot be reached."""

    def __init__(self, host: str, port: int, timeout_s: float = 0.2) -> None:
        self._redis = redis.Redis(
            host=host,
            port=port,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 1),
            decode_responses=True,
        )

    def get(self, key: str, compute: Callable[[], str]) -> str:
        try:
            found = self._redis.get(key)
        except redis.RedisError:
            return compute()
        if found is None:
            found = compute()
            self._redis.set(key, found)
        return str(found)

    def close(self) -> None:
        self._redis.close()
