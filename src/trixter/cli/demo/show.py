"""The show: faults set and removed through the API, and their effect as a client measures it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from trixter.cli.demo.peers import HttpClient, Response
from trixter.cli.formatting import rate, size
from trixter.client.client import Client
from trixter.control import ConnectionHandle
from trixter.monotonic import monotonic

SMALL = "/"
SOME = "/bytes/256"
LARGE_BYTES = 32 * 1024
LARGE = f"/bytes/{LARGE_BYTES}"

DELAY_MS = 250
RATE_BYTES_PER_S = 64 * 1024
SLICE_BYTES = 16
GAP_MS = 5

# A measured time may be shorter than the fault by this factor: clocks differ.
NEARLY = 0.99

# Far more than any step takes: the show must end even if the network does not get better.
TIMEOUT_S = 10.0

# A client on a busy machine may find several slices in one read, but not nearly all of them.
FEWEST_PIECES = 4

# How often a step is tried: a busy machine may delay a response, or join its pieces.
TRIES = 3

Say = Callable[[str, str], None]
"""Called with the change to the network, and its effect on the client."""

Progress = Callable[[str, int, int, float], None]
"""Called during a transfer: the state of the network, the bytes so far and in all, and the seconds so far."""


class NotShownError(Exception):
    """A step did not have the effect that it should show."""


class Show:
    """The steps of the show: each sets a fault on a connection, measures it, and removes it.

    Every step raises ``NotShownError`` if it has no effect, and ``OSError`` if the proxy or the API is gone.

    Args:
        proxy: The address of the proxy, ``host:port``.
        api: The address of its API, ``host:port``.
        say: Called after each step.
        progress: Called during a transfer.
        timeout_s: The time-out of each request and read.
    """

    def __init__(
        self,
        proxy: str,
        api: str,
        say: Say,
        *,
        progress: Progress = lambda network, received_bytes, all_bytes, seconds: None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._proxy = proxy
        self._api = api
        self._say = say
        self._progress = progress
        self._timeout_s = timeout_s
        self._at_first = b""

    def run(self) -> None:
        """Go through all the steps."""
        self.no_faults()
        self.delay()
        self.throttle()
        self.slice()
        self.corruption()
        self.termination()
        self.shutdown()
        self.no_faults_again()

    def no_faults(self) -> None:
        """Forward bytes without faults."""
        with self._connection() as (client, _):
            self._at_first = client.get(LARGE).whole
            self._say("no faults", f"a request takes {client.get(SMALL).took}")

    def delay(self) -> None:
        """Delay every byte, in both directions."""
        with self._connection() as (client, connection):
            connection.latency(DELAY_MS / 1000)
            slow = client.get(SMALL)
            least_s = 2 * DELAY_MS / 1000
            _require(slow.took_s >= NEARLY * least_s, "delay", f"the request took only {slow.took}")
            self._say(f"delay {DELAY_MS} ms", f"it takes {slow.took}: {DELAY_MS} ms in each direction")

            connection.latency(0)
            quick = _repeat(lambda: client.get(SMALL), lambda answer: answer.took_s < least_s)
            _require(quick.took_s < least_s, "delay off", f"the request still took {quick.took}")
            self._say("delay off", f"it takes {quick.took}")

    def throttle(self) -> None:
        """Cap the rate."""
        with self._connection() as (client, connection):
            connection.throttle(RATE_BYTES_PER_S)
            network = f"throttle to {rate(RATE_BYTES_PER_S)}"
            slow = self._transfer(client, network)
            least_s = LARGE_BYTES / RATE_BYTES_PER_S
            _require(slow.took_s >= NEARLY * least_s, "throttle", f"32 KiB took only {slow.took}")
            seen = f"{size(round(len(slow.whole) / slow.took_s))}/s"
            self._say(network, f"32 KiB take {slow.took}: {seen} with headers")

            connection.throttle(0)
            quick = _repeat(
                lambda: self._transfer(client, "throttle off"), lambda answer: answer.took_s < least_s
            )
            _require(quick.took_s < least_s, "throttle off", f"32 KiB still took {quick.took}")
            self._say("throttle off", f"32 KiB take {quick.took}")

    def slice(self) -> None:
        """Forward bytes in small pieces."""
        with self._connection() as (client, connection):
            whole = client.get(SOME)
            connection.slice(SLICE_BYTES, gap_s=GAP_MS / 1000, direction="downstream")
            sliced = _repeat(lambda: client.get(SOME), lambda answer: len(answer.pieces) >= FEWEST_PIECES)
        pieces = f"{len(sliced.pieces)} pieces"
        _require(len(sliced.pieces) >= FEWEST_PIECES, "slice", f"the answer came in {pieces}")
        _require(sliced.whole == whole.whole, "slice", "the answer is another one")
        largest = max(map(len, sliced.pieces))
        done = f"slice to {SLICE_BYTES} bytes, {GAP_MS} ms apart"
        self._say(done, f"{pieces} come, the largest of {largest} bytes")

    def corruption(self) -> None:
        """Insert random bytes in front of a response."""
        with self._connection() as (client, connection):
            expected = client.get(SOME).whole
            connection.corrupt(1.0, direction="downstream")
            corrupt = client.get_until_closed(SOME).whole
        extra_bytes = len(corrupt) - len(expected)
        _require(extra_bytes > 0, "corruption", "the answer is as it should be")
        self._say("corrupt what comes back", f"{extra_bytes:,} random bytes in front of the answer")

    def termination(self) -> None:
        """Reset a connection with probability 1."""
        with self._connection() as (client, connection):
            connection.terminate(1.0)
            try:
                answer = client.get(SMALL)
            except ConnectionResetError:
                self._say("terminate at the next byte", "the client sees ECONNRESET")
            else:
                raise NotShownError(f"termination: the answer came after {answer.took}")

    def shutdown(self) -> None:
        """Close one of two connections."""
        with self._connection() as (victim, doomed), self._connection() as (bystander, _):
            doomed.close("the demo wants it so")
            try:
                victim.wait_until_closed()
            except TimeoutError:
                raise NotShownError("shutdown: the connection goes on") from None
            took = bystander.get(SMALL).took
            self._say("close one of two", f"it is closed; the other answers in {took}")

    def no_faults_again(self) -> None:
        """Forward the same bytes as in the beginning."""
        with self._connection() as (client, _):
            at_last = client.get(LARGE)
        _require(at_last.whole == self._at_first, "no faults again", "other bytes than at first")
        self._say("no faults again", f"32 KiB take {at_last.took}: the same bytes as at first")

    def _transfer(self, client: HttpClient, network: str) -> Response:
        began_at = monotonic()
        return client.get(
            LARGE, lambda received: self._progress(network, received, LARGE_BYTES, monotonic() - began_at)
        )

    @contextmanager
    def _connection(self) -> Iterator[tuple[HttpClient, ConnectionHandle]]:
        """Connect a client; yield it, and a handle of its connection."""
        with (
            closing(HttpClient(self._proxy, timeout_s=self._timeout_s)) as client,
            Client(self._api, timeout_s=self._timeout_s) as proxy,
        ):
            client.get(SMALL)  # once it is answered, the API lists it
            found = next((each for each in proxy.connections() if each.info.client == client.address), None)
            if found is None:
                raise NotShownError(f"GET /connections: {client.address} is not among them")
            yield client, found


def _repeat(measure: Callable[[], Response], is_shown: Callable[[Response], bool]) -> Response:
    """Measure until the effect is seen, ``TRIES`` times at most; return the last response."""
    for _ in range(TRIES - 1):
        if is_shown(answer := measure()):
            return answer
    return measure()


def _require(condition: bool, step: str, otherwise: str) -> None:
    if not condition:
        raise NotShownError(f"{step}: {otherwise}")
