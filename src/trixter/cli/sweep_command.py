"""``trixter sweep``: a command under one break after another, and the map of its outcomes.

The proxies of tests are imported when the command runs: help and completion do without them.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING, Any

import click

from trixter.cli.command import SETTINGS, VARIABLES, SectionedCommand
from trixter.cli.flags import BYTES, FAULTS, FLAGS, MILLISECONDS, OUTPUT, SEED, Flag, own_flag
from trixter.cli.formatting import printable
from trixter.cli.options import Options
from trixter.cli.repeated_command import CannotRun, RepeatedCommand, Stopped
from trixter.cli.run_command import OWN_FLAGS, ProxyEnvironment, require_both
from trixter.cli.signals import KILLED
from trixter.cli.types import OneOf, OnOff, Seconds, ValueType, WholeNumber
from trixter.errors import SettingError, SweepError
from trixter.proxy.end_reason import CONNECT_TIMEOUT, UPSTREAM_UNREACHABLE
from trixter.testing.breaks import BreakWith
from trixter.testing.calm_round import Point
from trixter.testing.sweep import Kind, Outcome

if TYPE_CHECKING:
    from trixter.testing.chaos import Chaos
    from trixter.testing.rounds import Round

FAILED = 1

# Of what the command printed: its end.
SHOWN_LINES = 20

HELP = """Run a command without faults, then under one break after another, and map the outcomes.

\b
Example:
  trixter sweep --upstream 127.0.0.1:5432 --break lose_answer -- \\
    ./import.sh {host} {port}

The command finds the proxy as under `trixter run`: in TRIXTER_PROXY_ADDRESS, TRIXTER_PROXY_HOST and
TRIXTER_PROXY_PORT, or in place of {address}, {host} and {port} in its arguments. Each round runs it once,
with an empty standard input, and kills what it leaves in its process group. It has to begin from the same
state each time.

Exit status 0 of the command is the outcome ok, any other one an error. The exit status of the sweep is 1 if a
round has an outcome that is not accepted.
"""

EPILOG = f"{VARIABLES} Options of the break, the rounds and the output have none."

ADDRESS_HINT = "its address is in TRIXTER_PROXY_ADDRESS, and in place of {address} in the arguments"

BREAK = "Break"
ROUNDS = "Rounds"


class Points(OneOf):
    """The points of a sweep, also as a test writes them: ``every byte``."""

    def __init__(self) -> None:
        super().__init__("POINTS", "operation", "message", "byte", "connection")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return f"every {super().convert(str(value).removeprefix('every '), param, ctx)}"


class Kinds(ValueType):
    """Kinds of outcomes, with commas between them."""

    name = "outcomes"
    form = "OUTCOMES"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        known, kinds = [each.value for each in Kind], str(value).lower().split(",")
        if not set(kinds) <= set(known):
            self.refuse(f"some of {', '.join(known)}, with commas between them", value, param, ctx)
        return kinds


class RoundId(ValueType):
    """The id of a round."""

    name = "round"
    form = "ROUND"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Point:
        try:
            return Point.parse(str(value))
        except SettingError as exc:
            self.refuse(f"a point {exc.accepts}", value, param, ctx)


BREAKS = [each.value for each in BreakWith]
DIRECTIONS = OneOf("DIRECTION", "upstream", "downstream", "both")
STATUS = WholeNumber("STATUS", least=1, most=255)

SWEEP_FLAGS = [
    own_flag("--break", BREAK, OneOf("BREAK", *BREAKS), f"Kind: {', '.join(BREAKS)}", "reset"),
    own_flag(
        "--at",
        BREAK,
        Points(),
        "Points: every operation, message, byte or connection  [default: operation, or message to lose one]",
    ),
    own_flag(
        "--direction", BREAK, DIRECTIONS, "Direction: upstream (to the server), downstream or both", "both"
    ),
    own_flag("--break-delay-ms", BREAK, MILLISECONDS, "Latency, or pause of a cut, in ms", 200),
    own_flag("--answer-bytes", BREAK, BYTES, "Part of a lost answer, in bytes, that arrives all the same", 0),
    own_flag("--silence", BREAK, OnOff(), "Silence behind a lost message, in place of a reset", False),
    own_flag("--also-retry", BREAK, OnOff(), "Break the retry as well, where the command came back", False),
    own_flag("--exhaustive", ROUNDS, OnOff(), "Try every byte, also between two of one outcome", False),
    own_flag(
        "--max-rounds", ROUNDS, WholeNumber("N", least=1), "Most rounds: of more points, evenly chosen ones"
    ),
    own_flag(
        "--round-timeout-s",
        ROUNDS,
        Seconds(),
        "Time-out of a round, in seconds: a longer one hangs  [default: 5 times the calm one, at least 5]",
    ),
    own_flag("--accept", ROUNDS, Kinds(), "Outcomes that pass: of ok, error, hang, leak, wrong", "ok,error"),
    own_flag(
        "--wrong-status", ROUNDS, STATUS, "Exit status that makes the outcome wrong, in place of an error"
    ),
    own_flag("--plan", ROUNDS, OnOff(), "Run the calm round alone, and show how many would follow", False),
    own_flag("--round", ROUNDS, RoundId(), "Round to run alone after the calm one, such as 1:downstream:214"),
    own_flag("--json", OUTPUT, OnOff(), "Print the map as JSON; for people it goes to standard error", False),
    own_flag("--verbose", OUTPUT, OnOff(), "Show all that the command prints, in every round", False),
]
NOT_SHARED = {"journal", "replay", "random_seed"}
ADDRESS_FLAGS = [OWN_FLAGS.get(str(each.name), each) for each in FLAGS if each.name in ("listen", "upstream")]
DEFAULTS_FLAGS = [
    *(each for each in FLAGS if each.section == FAULTS and each.name not in NOT_SHARED),
    Flag("--random-seed", FAULTS, SEED, "Seed of all randomness  [default: random]"),
]

# The flags of settings that a sweep refuses, where they have another name.
FLAG_NAMES = {"break_with": "--break", "point": "--round"}


class SweepCommand(SectionedCommand):
    """A command that remembers its arguments, to print those that repeat one of its rounds."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.obj = list(args)
        return super().parse_args(ctx, args)


@click.command(
    cls=SweepCommand,
    name="sweep",
    help=HELP,
    epilog=EPILOG,
    params=[*ADDRESS_FLAGS, *SWEEP_FLAGS, *DEFAULTS_FLAGS],
    # Everything after the command's name belongs to the command, also without a `--`.
    context_settings=SETTINGS | {"allow_interspersed_args": False},
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="-- COMMAND [ARGS]…")
@click.pass_context
def sweep(ctx: click.Context, /, command: tuple[str, ...], **values: Any) -> int:
    """Sweep a command, and print the map."""
    require_both(ctx, values["upstream"], command)
    own = {str(each.name): values.pop(str(each.name)) for each in SWEEP_FLAGS}
    options = Options.of(ctx, values)
    from trixter.testing.chaos import Chaos

    with Chaos(options.random_seed, defaults=options.defaults()) as chaos:
        try:
            return CommandSweep(ctx, options, own, command, chaos).run()
        except SettingError as exc:
            raise click.UsageError(_in_flags(exc), ctx) from exc


def _in_flags(exc: SettingError) -> str:
    """Return the text of an error with the names of flags."""
    text = f"{FLAG_NAMES.get(exc.name, '--' + exc.name.replace('_', '-'))} must be {exc.accepts}"
    value = exc.value.value if isinstance(exc.value, Enum) else exc.value
    is_told = exc.accepts.startswith("left out")
    return text.replace("break_with=", "--break ") + ("" if is_told else f", not {value!r}")


class CommandSweep:
    """The sweep of a command.

    Args:
        ctx: Of the ``trixter sweep`` that runs.
        options: Of the proxy.
        own: The values of the flags that only a sweep has.
        command: Its name and its arguments.
        chaos: Makes the proxy.

    Raises:
        SettingError: If a setting is outside its range, or the break cannot be at such points.
        BindError: If the address cannot be listened on.
    """

    def __init__(
        self,
        ctx: click.Context,
        options: Options,
        own: Mapping[str, Any],
        command: Sequence[str],
        chaos: Chaos,
    ) -> None:
        self._ctx = ctx
        self._own = own
        self._command = command
        self._seed = chaos.seed if options.faults.values or options.profile else None
        self._progress = _progress_of(own["verbose"])
        self._repeated = RepeatedCommand(_write if own["verbose"] else None)
        # What was printed in the first round that failed; until there is one, in the last round.
        self._printed: tuple[Point, bytes] | None = None
        from trixter.testing.rounds import SweepOptions

        chaos.sweep_options = SweepOptions(
            is_plan_only=own["plan"],
            only=None if own["round"] is None else (1, own["round"]),
            on_progress=self._progress,
            on_hang=self._repeated.end,
            subject="the command",
        )
        self._sweep = chaos.sweep(
            options.upstream,
            listen=options.listen,
            break_with=own["break"],
            at=own["at"],
            direction=None if own["direction"] == "both" else own["direction"],
            delay_s=f"{own['break_delay_ms']}ms",
            answer_bytes=own["answer_bytes"],
            silence=own["silence"],
            also="the retry" if own["also_retry"] else None,
            exhaustive=own["exhaustive"],
            max_rounds=own["max_rounds"],
            round_timeout_s=own["round_timeout_s"],
            accept=own["accept"],
        )

    def run(self) -> int:
        """Run all rounds, print the map, and return the exit status.

        Raises:
            SweepError: If the calm round fails, or opens no connection.
            SettingError: If the calm round has no point for the break, or not that of the round.
        """
        status, ended_by = 0, None
        try:
            with self._repeated:
                self._progress("sweep: the calm round")
                for network in self._sweep:
                    self._run_round(network)
        except SweepError:
            if self._first_failed is None:
                self._show_calm_output()
                raise
            status = FAILED
        except Stopped as exc:
            status, ended_by = KILLED + exc.number, signal.Signals(exc.number).name
        except CannotRun as exc:
            click.echo(f"trixter: {printable(str(exc))}", err=True)
            return exc.status
        finally:
            self._progress("")
        self._report(ended_by)
        return status

    def _run_round(self, network: Round) -> None:
        if self._printed is not None and not self._is_failed(self._printed[0]):
            self._printed = None
        with network as proxy:
            environment = ProxyEnvironment(proxy.address)
            status = self._repeated.run(environment.substitute(self._command), environment.variables)
            if network.point is not None:
                network.note(*self._outcome_of(status))
        if network.point is None:
            self._require_calm(network, status)
        elif self._printed is None:
            self._printed = network.point, bytes(self._repeated.output)

    def _outcome_of(self, status: int) -> tuple[Outcome, str]:
        if status == 0:
            return Outcome(Kind.OK), ""
        if status == self._own["wrong_status"]:
            return Outcome(Kind.WRONG), _status_text(status)
        return Outcome(Kind.ERROR, _status_text(status)), ""

    def _require_calm(self, network: Round, status: int) -> None:
        """Refuse a command whose calm round fails, or opens no connection.

        Raises:
            SweepError: With the reason.
        """
        proxy, timeout_s = self._sweep.proxy, self._own["round_timeout_s"]
        ended = proxy.stats().ended
        is_unreachable = any(ended.get(reason) for reason in (UPSTREAM_UNREACHABLE, CONNECT_TIMEOUT))
        if timeout_s is not None and network.duration_s >= timeout_s:
            why = "the command hangs"
        elif status:
            why = f"the command fails without any break: {_status_text(status)}"
        elif self._sweep.record.connections:
            return
        elif is_unreachable:
            why = "the command had no connection to the server"
        else:
            why = f"the command opened no connection through the proxy: {ADDRESS_HINT}"
        if is_unreachable:
            why += f"; {proxy.upstream} cannot be reached"
        raise SweepError(why)

    def _show_calm_output(self) -> None:
        self._progress("")
        if self._repeated.output and not self._own["verbose"]:
            shown = _quoted(bytes(self._repeated.output), "the output of the calm round")
            click.echo("\n".join(shown), err=True)

    def _is_failed(self, point: Point) -> bool:
        return self._sweep.plan.outcomes[point].kind.value not in self._own["accept"]

    @property
    def _first_failed(self) -> Point | None:
        """The first round whose outcome is not accepted."""
        return next(filter(self._is_failed, self._sweep.plan.outcomes), None)

    def _report(self, ended_by: str | None) -> None:
        """Print the map, and the first round that failed with the command that repeats it."""
        lines = self._sweep.map.lines()
        if ended_by is not None:
            lines.append(f"stopped by {ended_by}")
        failed, repeat = self._first_failed, None
        if failed is not None:
            repeat = self._command_of(failed)
            lines.append(f"the round that failed: {self._sweep.describe(failed)}")
            if self._printed is not None and not self._own["verbose"]:
                lines += _quoted(self._printed[1], "its output")
            lines += ["to repeat just that round:", f"  {repeat}"]
        click.echo("\n".join(map(printable, lines)), err=self._own["json"])
        if self._own["json"]:
            value = {"command": self._command, **self._sweep.map.to_json(), "stopped_by": ended_by}
            del value["lines"]
            value |= {"failed": failed and failed.id, "repeat": repeat}
            click.echo(json.dumps(value, indent=2))

    def _command_of(self, point: Point) -> str:
        """Return the command line that repeats a round."""
        flags: list[str] = self._ctx.obj[: -len(self._command)]
        if flags[-1] == "--":
            flags.pop()
        if self._own["round"] is None:
            flags += ["--round", point.id]
        if self._seed is not None and self._ctx.params["random_seed"] is None:
            flags += ["--random-seed", str(self._seed)]
        return shlex.join([*self._ctx.command_path.split(), *flags, "--", *self._command])


def _status_text(status: int) -> str:
    """Describe a status as ``subprocess`` has it."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:  # a real-time signal
        return f"killed by signal {-status}"


def _quoted(output: bytes, name: str) -> list[str]:
    """Return the end of what a command has printed, as lines of a report."""
    lines = output.decode(errors="replace").expandtabs().splitlines()
    if len(lines) > SHOWN_LINES:
        name += f", its last {SHOWN_LINES} lines (--verbose shows all)"
    return [
        f"{name}:" if lines else f"{name}: none",
        *(f"  | {printable(each)}" for each in lines[-SHOWN_LINES:]),
    ]


def _progress_of(is_verbose: bool) -> Callable[[str], None]:
    """Return what shows the round in progress: at a terminal, in one line; with the output, above it."""
    is_terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def show(text: str) -> None:
        if is_verbose and text:
            click.echo(text, err=True)
        elif is_terminal and not is_verbose:
            click.echo(f"\r\x1b[K{text[: shutil.get_terminal_size().columns - 1]}", nl=False, err=True)

    return show


def _write(data: bytes) -> None:
    with suppress(OSError):  # of a reader that has gone: the sweep goes on
        click.echo(data, nl=False, err=True)
