"""An upstream that is down, unknown or silent: its client is closed, the log says so, and others go on."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack

import pytest

from tests.e2e.conftest import Start
from tests.e2e.conversation import address_of, converse, listener
from tests.e2e.measuring import ends_by_reset

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_an_upstream_that_is_down(start: Start) -> None:
    with listener() as upstream:
        address = address_of(upstream)
        trixter = start(f"--upstream={address}")
        conversation = converse(trixter, upstream)

    with conversation:
        with trixter.connect() as client:
            assert not ends_by_reset(client)
        error = trixter.wait_for_log(r"ERROR .*upstream unreachable.*")[0]
        assert address in error
        assert "refused" in error
        conversation.upstream_s()
        conversation.downstream_s()
        assert [each["conn_info"]["id"] for each in trixter.connections()] == [conversation.id]


def test_it_is_dialled_anew_for_each_connection(start: Start) -> None:
    with socket.socket() as upstream:
        upstream.bind(("127.0.0.1", 0))
        upstream.settimeout(5)
        trixter = start(f"--upstream={address_of(upstream)}")
        with trixter.connect() as client:
            assert not ends_by_reset(client)

        upstream.listen()

        with converse(trixter, upstream) as conversation:
            conversation.upstream_s()


def test_an_upstream_with_an_unknown_name(start: Start) -> None:
    # However long the machine's resolver thinks about it: two seconds are enough.
    trixter = start("--upstream=nowhere.invalid:80", "--connect-timeout-ms=2000")

    for _ in range(2):
        with trixter.connect() as client:
            assert not ends_by_reset(client)

    error = trixter.wait_for_log(r"ERROR .*(upstream unreachable|connect timeout).*")[0]
    assert "nowhere.invalid:80" in error
    assert trixter.connections() == []


def test_an_upstream_that_does_not_answer(start: Start) -> None:
    with listener(backlog=0) as upstream, ExitStack() as pending:
        trixter = start(f"--upstream={address_of(upstream)}", "--connect-timeout-ms=300")
        with converse(trixter, upstream) as conversation:
            _fill_backlog(upstream, pending)

            started_at = time.monotonic()
            with trixter.connect() as waiting:
                # The test does not wait for the connection that dials.
                conversation.upstream_s()
                conversation.downstream_s()
                assert not ends_by_reset(waiting)
                assert time.monotonic() - started_at >= 0.3
            error = trixter.wait_for_log(r"ERROR .*connect timeout.*")[0]
            assert address_of(upstream) in error
            conversation.upstream_s()
            assert len(trixter.connections()) == 1


def _fill_backlog(upstream: socket.socket, pending: ExitStack) -> None:
    """Connect until the kernel takes no more: from then on it answers no client."""
    for _ in range(16):
        sock = pending.enter_context(socket.socket())
        sock.settimeout(0.2)
        try:
            sock.connect(upstream.getsockname())
        except TimeoutError:
            return
    pytest.fail("the kernel's queue has no end")
