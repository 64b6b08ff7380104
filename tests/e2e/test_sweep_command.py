"""``trixter sweep`` of a real client: a retry that charges twice is found, and the mended one passes."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.conversation import address_of, serving
from tests.e2e.measuring import PATIENCE_S

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

# The retry has the key of the first attempt, or, where the bug is planted, one of its own.
CLIENT = """
import pathlib, socket, sys
host, port, ledger = sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3])
is_mended = sys.argv[4] == "mended"
ledger.unlink(missing_ok=True)
for attempt in (1, 2):
    try:
        with socket.create_connection((host, port), 60) as shop:
            shop.sendall(b"charge key %d\\n" % (1 if is_mended else attempt))
            if shop.makefile("rb").readline() == b"paid\\n":
                break
    except ConnectionError as exc:
        print(f"attempt {attempt}: {exc.strerror}")
else:
    sys.exit(1)
charges = ledger.read_text().count("\\n")
print(f"{charges} charges")
sys.exit(0 if charges == 1 else 9)
"""


@contextmanager
def shop(ledger: Path) -> Iterator[socket.socket]:
    """Write each key that is charged to a file, once."""

    def sell(client: socket.socket) -> None:
        with client, client.makefile("rb") as lines:
            try:
                for line in lines:
                    if not ledger.exists() or line not in ledger.read_bytes().splitlines(keepends=True):
                        with ledger.open("ab") as file:
                            file.write(line)
                    client.sendall(b"paid\n")
            except ConnectionError:
                pass

    with serving(sell) as server:
        yield server


def swept(*args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "trixter", "sweep", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)


def test_a_retry_that_is_not_idempotent_is_found_and_the_mended_one_passes(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    client = tmp_path / "client.py"
    client.write_text(CLIENT)
    python = [sys.executable, "-S", str(client), "{host}", "{port}", str(ledger)]
    with shop(ledger) as server:
        flags = ["--upstream", address_of(server), "--at", "message", "--wrong-status", "9", "--accept", "ok"]
        flags += ["--round-timeout-s", str(PATIENCE_S)]
        found = swept(*flags, "--", *python, "careless")
        mended = swept(*flags, "--json", "--", *python, "mended")
    assert (found.returncode, found.stderr) == (1, "")
    point = "reset, connection 1, downstream, byte 0"
    assert found.stdout.splitlines()[3:12] == [
        "  connection 1, upstream",
        "    byte 0: ok after a retry",
        "  connection 1, downstream",
        "    byte 0: wrong",
        f"the round that failed: {point}, before `paid\\n`: wrong: exit status 9",
        "its output:",
        "  | attempt 1: Connection reset by peer",
        "  | 2 charges",
        "to repeat just that round:",
    ]
    assert mended.returncode == 0
    assert [each["detail"] for each in json.loads(mended.stdout)["ranges"]] == ["after a retry"] * 2
