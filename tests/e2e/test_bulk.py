"""A quarter of a gigabyte through a bad network, there and back, byte for byte."""

from __future__ import annotations

import hashlib
import random
import socket
from threading import Thread

import pytest

from tests.e2e.conftest import Start
from tests.e2e.measuring import READ_BYTES

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timing]

TOTAL_BYTES = 256 * 1024 * 1024
BLOCK_BYTES = 1024 * 1024


# Well under a minute is what it must take; the rest is for machines that do something else as well.
@pytest.mark.timeout(60)
def test_256_mib_there_and_back_under_latency_and_jitter(start: Start, echo_port: int) -> None:
    trixter = start(f"--upstream=127.0.0.1:{echo_port}")
    trixter.change_defaults(delay={"delay_ms": 20, "jitter_ms": 10})
    sent, received = hashlib.blake2b(), hashlib.blake2b()
    with trixter.connect() as client:

        def upload() -> None:
            dice = random.Random(256)
            for _ in range(TOTAL_BYTES // BLOCK_BYTES):
                block = dice.randbytes(BLOCK_BYTES)
                sent.update(block)
                client.sendall(block)
            client.shutdown(socket.SHUT_WR)

        uploading = Thread(target=upload)
        uploading.start()
        received_bytes = 0
        while data := client.recv(READ_BYTES):
            received.update(data)
            received_bytes += len(data)
        uploading.join()

    assert received_bytes == TOTAL_BYTES
    assert received.digest() == sent.digest()
    trixter.wait_for_log(rf"ended: closed; .* {TOTAL_BYTES} B up, {TOTAL_BYTES} B down")
