"""A run that can be replayed: the seed that was logged decides which operation is the last."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from tests.e2e.conftest import Start
from tests.e2e.conversation import address_of, converse
from tests.e2e.measuring import PATIENCE_S, receive_exactly
from tests.e2e.trixter_process import Trixter

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

FLAGS = ["--terminate-probability-rate=0.02", "--corrupt-probability-rate=0"]


def test_the_same_seed_ends_each_connection_at_the_same_operation(
    start: Start, upstream: socket.socket
) -> None:
    flags = [f"--upstream={address_of(upstream)}", *FLAGS]
    first = start(*flags)
    seed = first.wait_for_log(r"random seed: (\d+)")[1]
    messages = [_messages_until_reset(first, upstream) for _ in range(5)]

    second = start(*flags, f"--random-seed={seed}")

    assert [_messages_until_reset(second, upstream) for _ in range(5)] == messages


def test_two_connections_of_a_run_do_not_end_at_the_same_operation(
    start: Start, upstream: socket.socket
) -> None:
    trixter = start(f"--upstream={address_of(upstream)}", *FLAGS, "--random-seed=42")

    messages = [_messages_until_reset(trixter, upstream) for _ in range(5)]

    assert len(set(messages)) > 1


def test_the_same_seed_corrupts_the_same_bytes(start: Start, upstream: socket.socket) -> None:
    received = []
    for _ in range(2):
        trixter = start(f"--upstream={address_of(upstream)}", "--random-seed=7")
        with converse(trixter, upstream) as conversation:
            conversation.change("corruption", probability_rate=0.5, mode="flip")
            for _ in range(20):
                conversation.client.sendall(bytes(1_000))
                received.append(receive_exactly(conversation.server, 1_000))

    assert received[:20] == received[20:]
    assert len(set(received)) > 2


def _messages_until_reset(trixter: Trixter, upstream: socket.socket) -> int:
    """Ask and answer until it is over; each message is two operations, and the opening is one."""
    try:
        client = trixter.connect()
    except ConnectionResetError:  # the opening was struck, and the reset was here before this returned
        upstream.accept()[0].close()
        return 0
    with client, upstream.accept()[0] as server:
        server.settimeout(PATIENCE_S)
        for messages in range(5_000):
            sender, receiver = (server, client) if messages % 2 else (client, server)
            try:
                sender.sendall(b"x")
                receive_exactly(receiver, 1)
            except (ConnectionResetError, BrokenPipeError):
                return messages
    raise AssertionError("two percent of nothing")


def test_a_replay_of_a_journal_spoils_the_same_bytes_however_they_are_written(
    start: Start, upstream: socket.socket, tmp_path: Path
) -> None:
    journal = tmp_path / "run.jsonl"
    flags = [f"--upstream={address_of(upstream)}"]
    recording = start(*flags, "--corrupt-probability-rate=0.1", f"--journal={journal}")
    recorded = [_received(recording, upstream, write_bytes=5_000) for _ in range(3)]
    recording.stop()

    replay = start(*flags, f"--replay={journal}")

    assert [_received(replay, upstream, write_bytes=777) for _ in range(3)] == recorded
    assert len(set(recorded)) == 3


def test_a_client_that_speaks_differently_is_noticed(
    start: Start, upstream: socket.socket, tmp_path: Path
) -> None:
    journal = tmp_path / "run.jsonl"
    flags = [f"--upstream={address_of(upstream)}"]
    recording = start(*flags, f"--journal={journal}")
    _received(recording, upstream, write_bytes=5_000, size_bytes=10_000)
    recording.stop()

    replay = start(*flags, f"--replay={journal}")
    _received(replay, upstream, write_bytes=5_000, size_bytes=9_000)

    replay.wait_for_log("the replay left the record at connection 1, upstream, byte 9,000")


def _received(
    trixter: Trixter, upstream: socket.socket, *, write_bytes: int, size_bytes: int = 100_000
) -> bytes:
    """Send bytes in writes of that size through the proxy, and return what arrives."""
    payload = bytes(range(250)) * (size_bytes // 250)
    with trixter.connect() as client, upstream.accept()[0] as server:
        server.settimeout(PATIENCE_S)

        def send() -> None:
            for start in range(0, size_bytes, write_bytes):
                client.sendall(payload[start : start + write_bytes])
            client.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        received = b""
        while piece := server.recv(65536):
            received += piece
        sender.join()
        server.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    return received
