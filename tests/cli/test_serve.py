"""The command as a process, with flags, ports and a log."""

from __future__ import annotations

import resource
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.program import COMMAND, WITHOUT_UVLOOP, Program, closed_port, connect, echo_server
from trixter.cli.serve import raise_descriptor_limit

pytestmark = pytest.mark.slow

Start = Callable[..., Program]

ANY = ("--listen", "127.0.0.1:0")
LOOPS = pytest.mark.parametrize("code", [COMMAND, WITHOUT_UVLOOP], ids=["uvloop", "asyncio"])


@LOOPS
def test_bytes_pass_and_the_log_tells(start: Start, code: str) -> None:
    with echo_server() as server:
        program = start(*ANY, "--upstream", server, "--random-seed", "42", code=code)
        with connect(program.proxy()) as client:
            client.sendall(b"ping")
            assert client.recv(100) == b"ping"
        program.wait_for("ended: closed")
        assert program.stop() == 0
    told = [line.split(maxsplit=2)[1:] for line in program.log.splitlines()]
    assert [level for level, _ in told] == ["INFO"] * 6
    seed, listening, opened, ended, stopping, summary = (message for _, message in told)
    assert seed == "random seed: 42"
    assert listening.endswith(f"→ upstream {server}")
    assert server in opened
    assert "4 B up, 4 B down" in ended
    assert stopping == "stopping: SIGTERM"
    assert summary == ("summary: 1 connection ↑ 4 B ↓ 4 B; ended: 1 closed; to replay it: --random-seed 42")


def test_a_seed_that_is_not_given_is_drawn_and_told(start: Start) -> None:
    seeds = set()
    for _ in range(2):
        program = start(*ANY, "--upstream", "127.0.0.1:9")
        seeds.add(int(program.wait_for(r"random seed: (\d+)$")[1]))
        program.stop()
    assert len(seeds) == 2
    assert all(0 <= seed < 2**64 for seed in seeds)


def test_the_seed_repeats_the_random_decisions(start: Start) -> None:
    seen = []
    for _ in range(2):
        with echo_server() as server:
            args = ("--corrupt-probability-rate", "1", "--random-seed", "7")
            program = start(*ANY, "--upstream", server, *args)
            with connect(program.proxy()) as client:
                client.sendall(b"ping")
                client.shutdown(socket.SHUT_WR)
                got = b""
                while data := client.recv(65536):
                    got += data
            seen.append(got)
            program.stop()
    assert len(seen[0]) > len(b"ping")
    assert seen[0] == seen[1]


@pytest.mark.parametrize("taken", ["--listen", "--api"])
def test_a_port_in_use_is_one_line_and_exit_status_1(start: Start, taken: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        program = start(*ANY, "--upstream", "127.0.0.1:9", taken, address)
        assert program.end() == (1, "")
    assert program.log == f"trixter: cannot listen on {address}: address already in use\n"


def test_so_is_an_address_of_another_machine(start: Start) -> None:
    program = start("--listen", "192.0.2.1:80", "--upstream", "127.0.0.1:9")
    assert program.end() == (1, "")
    assert program.log == "trixter: cannot listen on 192.0.2.1:80: cannot assign requested address\n"


def test_so_is_one_port_for_both(start: Start) -> None:
    with closed_port() as address:
        pass
    program = start("--listen", address, "--upstream", "127.0.0.1:9", "--api", address)
    assert program.end() == (1, "")
    assert program.log == f"trixter: cannot listen on {address}: address already in use\n"


@pytest.mark.parametrize("more", [(), ("--api", "127.0.0.1:0")])
def test_so_is_an_upstream_that_is_the_listening_address(start: Start, more: tuple[str, ...]) -> None:
    with closed_port() as address:
        pass
    program = start("--listen", address, "--upstream", address, *more)
    assert program.end() == (1, "")
    accepts = "another address than the proxy listens on"
    assert program.log == f"trixter: --upstream must be {accepts}, not {address!r}\n"


def test_a_wrong_flag_is_one_line_and_exit_status_2(start: Start) -> None:
    program = start(*ANY, "--upstream", "127.0.0.1:9", env={"TRIXTER_DELAY_MS": "soon"})
    assert program.end() == (2, "")
    assert program.log == (
        "trixter: TRIXTER_DELAY_MS must be a whole number of milliseconds, 0 or more, not 'soon'\n"
    )


def test_when_the_upstream_is_down_the_client_is_closed_and_an_error_names_it(start: Start) -> None:
    with closed_port() as server:
        program = start(*ANY, "--upstream", server)
        proxy = program.proxy()
        for _ in range(2):  # the first does not take the proxy with it
            with connect(proxy) as client, suppress(ConnectionResetError):
                assert client.recv(100) == b""
            assert server in program.wait_for("ERROR .*").group()
        assert program.stop() == 0


def test_the_largest_numbers_are_harmless(start: Start) -> None:
    most = str(2**64 - 1)
    flags = (
        "--throttle-rate-bytes",
        "--slice-size-bytes",
        "--connection-duration-ms",
        "--buffer-limit-bytes",
    )
    args = [arg for flag in (*flags, "--connect-timeout-ms") for arg in (flag, most)]
    with echo_server() as server:
        program = start(*ANY, "--upstream", server, *args)
        with connect(program.proxy()) as client:
            client.sendall(b"ping")
            assert client.recv(100) == b"ping"
        assert program.stop() == 0


def test_python_m_trixter_is_the_command(start: Start) -> None:
    program = start("--version", code="import runpy; runpy.run_module('trixter', run_name='__main__')")
    assert program.end()[0] == 0


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="reads limits from /proc")
def test_it_may_have_as_many_descriptors_as_the_system_grants(start: Start) -> None:
    code = f"import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (64, 128)); {COMMAND}"
    program = start(*ANY, "--upstream", "127.0.0.1:9", code=code)
    program.proxy()
    limits = Path(f"/proc/{program.pid}/limits").read_text()
    program.stop()
    assert next(line for line in limits.splitlines() if "open files" in line).split()[3:5] == ["128", "128"]


def test_raising_the_limit_twice_is_no_error() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    raise_descriptor_limit()
    raise_descriptor_limit()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert soft == hard == before[1]
