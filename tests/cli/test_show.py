"""The show checks what it shows: a step without effect is an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

import pytest

from tests.cli.inert_api import inert_api
from tests.cli.program import PATIENCE_S, Program, closed_port
from trixter.cli.demo import peers
from trixter.cli.demo.demo import tell
from trixter.cli.demo.peers import HttpClient
from trixter.cli.demo.show import NotShownError, Show

Start = Callable[..., Program]


@pytest.fixture
def server() -> Iterator[str]:
    """Run the demo's server; give its address."""
    with peers.start_server(0) as server:
        yield server.address


def discard(done: str, seen: str) -> None:
    pass


@pytest.mark.slow
def test_a_connection_that_the_api_does_not_know_is_no_show(start: Start) -> None:
    program = start("--listen", "127.0.0.1:0", "--upstream", "127.0.0.1:9", "--api", "127.0.0.1:0")
    api = program.wait_for(r"API on http://([\d.:]+)")[1]
    with (
        peers.start_server(0) as around_the_proxy,
        pytest.raises(NotShownError, match=r"GET /connections: .* is not among them"),
    ):
        Show(around_the_proxy.address, api, discard).run()


class Hasty(HttpClient):
    """Waits for the end of a connection, which does not come, no longer than it must."""

    def wait_until_closed(self) -> None:
        self._sock.settimeout(0.1)
        super().wait_until_closed()


@pytest.mark.slow
def test_a_fault_without_effect_is_no_show(
    start: Start, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine an answer may take as long as under the fault: by this clock, none takes any time.
    monkeypatch.setattr(peers, "monotonic", lambda: 0.0)
    monkeypatch.setattr("trixter.cli.demo.show.HttpClient", Hasty)
    args = ("--listen", "127.0.0.1:0", "--upstream", server, "--api", "127.0.0.1:0")
    program = start(*args)
    host, port = program.proxy()
    with inert_api(program.wait_for(r"API on http://([\d.:]+)")[1]) as api:
        show = Show(f"{host}:{port}", api, discard, timeout_s=PATIENCE_S)
        for step in (
            show.delay,
            show.throttle,
            show.slice,
            show.corruption,
            show.termination,
            show.shutdown,
            show.no_faults_again,  # compares with the bytes that `no_faults()` received: none
        ):
            with pytest.raises(NotShownError, match=step.__name__.replace("_", " ")):
                step()


@pytest.mark.slow
def test_a_client_that_was_kept_waiting_looks_again(
    start: Start, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of the first answer, under the fault, and twice when it is off: the machine was busy at first.
    took_s = [0.0, 0.5, 0.7, 0.1]
    readings = chain.from_iterable((0.0, seconds) for seconds in took_s)
    monkeypatch.setattr(peers, "monotonic", lambda: next(readings))
    shown: list[str] = []
    program = start("--listen", "127.0.0.1:0", "--upstream", server, "--api", "127.0.0.1:0")
    host, port = program.proxy()
    with inert_api(program.wait_for(r"API on http://([\d.:]+)")[1]) as api:
        Show(f"{host}:{port}", api, lambda done, seen: shown.append(seen), timeout_s=PATIENCE_S).delay()
    assert shown == ["it takes 500 ms: 250 ms in each direction", "it takes 100 ms"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "flag", "value"),
    [(Show.delay, "--delay-ms", "250"), (Show.throttle, "--throttle-rate-bytes", "65536")],
)
def test_a_fault_that_stays_when_it_is_switched_off_is_no_show(
    start: Start, server: str, step: Callable[[Show], None], flag: str, value: str
) -> None:
    args = ("--listen", "127.0.0.1:0", "--upstream", server, "--api", "127.0.0.1:0")
    program = start(*args, flag, value)
    host, port = program.proxy()
    with inert_api(program.wait_for(r"API on http://([\d.:]+)")[1]) as api:
        show = Show(f"{host}:{port}", api, discard)
        with pytest.raises(NotShownError, match=f"{step.__name__} off"):
            step(show)


def test_an_api_that_is_none_is_said(server: str) -> None:
    assert "this is no answer of trixter's API" in tell(server, server)


def test_a_show_without_a_stage_says_so() -> None:
    with closed_port() as unused:
        assert tell(unused, unused) == "Connection refused"
