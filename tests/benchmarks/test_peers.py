"""Peers: each has the faults of the network, and accepts connections."""

from __future__ import annotations

import sys

from benchmarks.network import NO_FAULTS, UNFELT, Network
from benchmarks.original import OriginalFlags, flags
from benchmarks.peers import NoProxy
from benchmarks.ports import unused_ports
from benchmarks.process import listeners, listening_ports
from benchmarks.toxiproxy import Toxiproxy, toxics

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue\n"
LISTENING = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000\n"
CLOSED = "   1: 0100007F:1F91 0100007F:0050 06 00000000:00000000\n"


def test_a_calm_network_sets_no_toxic() -> None:
    assert toxics(NO_FAULTS) == []


def test_each_fault_is_one_toxic_in_toxiproxys_units() -> None:
    network = Network(delay_ms=100, rate_bytes=10_000_000, slice_bytes=1024, probability=1e-9)

    assert toxics(network) == [
        {"type": "latency", "attributes": {"latency": 100}},
        {"type": "bandwidth", "attributes": {"rate": 10_000}},
        {"type": "slicer", "attributes": {"average_size": 1024, "size_variation": 1}},
        {"type": "limit_data", "attributes": {"bytes": 10**15}},
    ]


def test_each_fault_is_one_flag_of_the_original() -> None:
    words = flags(1, 2, 3, Network(delay_ms=100, rate_bytes=500, slice_bytes=1024, probability=1e-9))
    values = dict(zip(words[::2], words[1::2], strict=True))

    assert values == {
        "--listen": "127.0.0.1:1",
        "--upstream": "127.0.0.1:2",
        "--api": "127.0.0.1:3",
        "--delay-ms": "100",
        "--throttle-rate-bytes": "500",
        "--slice-size-bytes": "1024",
        "--terminate-probability-rate": "0.000000001000",
        "--corrupt-probability-rate": "0.000000001000",
    }


def test_faults_that_are_not_felt_are_set_all_the_same() -> None:
    words = flags(1, 2, 3, UNFELT)

    assert float(words[words.index("--corrupt-probability-rate") + 1]) > 0
    assert {toxic["type"] for toxic in toxics(UNFELT)} == {"bandwidth", "slicer", "limit_data"}


def test_only_listeners_count_as_accepting() -> None:
    assert listeners([HEADER, LISTENING, CLOSED]) == {0x1F90}
    assert listeners([HEADER]) == set()


def test_nothing_after_the_listeners_is_read() -> None:
    assert listeners([HEADER, LISTENING, CLOSED, "not a line of the table"]) == {0x1F90}


def test_free_ports_differ_and_no_program_listens_there() -> None:
    ports = unused_ports(3)

    assert len(set(ports)) == 3
    assert listening_ports().isdisjoint(ports)


def test_more_flags_make_another_program_and_leave_the_first_as_it_was() -> None:
    plain = OriginalFlags("ours", [sys.executable, "-c", "import sys; print(sys.argv)"], ["--quiet"], {})

    both = plain.with_flags("--journal", "file")

    assert both.name == plain.name
    assert (plain._more, both._more) == (["--quiet"], ["--quiet", "--journal", "file"])


def test_with_its_log_a_program_has_nothing_of_what_makes_it_quiet() -> None:
    command = [sys.executable, "-c", "import sys; print(sys.argv)"]
    quiet = OriginalFlags(
        "ours", command, ["--seed"], {"A": "1"}, quiet=["--no-log"], quiet_env={"LOG": "off"}
    )
    assert (quiet._more, quiet._env) == (["--seed", "--no-log"], {"A": "1", "LOG": "off"})
    logging = quiet.with_log()
    assert (logging._more, logging._env) == (["--seed"], {"A": "1"})
    assert Toxiproxy()._env
    assert not Toxiproxy().with_log()._env
    assert NoProxy().with_log().name == NoProxy.name
