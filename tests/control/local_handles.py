"""Handles of a controller in the same thread, and a clock for their waits: no thread, no HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from anyio.lowlevel import checkpoint

from trixter.control import AsyncProxyHandle, ProxyHandle
from trixter.control.commands import Command, ResultT
from trixter.control.controller import Controller
from trixter.proxy import Proxy
from trixter.testing import ManualClock


def idle_controller(clock: ManualClock | None = None) -> Controller:
    """Return the controller of a proxy that is not started: it has settings, and no connections."""
    return Controller(Proxy(listen="127.0.0.1:0", upstream="127.0.0.1:9", seed=1), clock=clock)


class Recorder:
    """Pass commands to a controller, record them, and let them fail or run a callback after them.

    Args:
        controller: Executes them.
    """

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self.sent: list[Command[Any]] = []
        self.before: dict[type[Command[Any]], Callable[[], object]] = {}
        """What happens, once, just before a command of that kind."""
        self.after: dict[type[Command[Any]], Callable[[], object]] = {}
        """What happens, once, just after a command of that kind."""
        self.now = 100.0
        self.schedule: dict[float, Callable[[], object]] = {}
        """What happens while a handle sleeps, and when."""

    def execute(self, command: Command[ResultT]) -> ResultT:
        """Execute one."""
        self.before.pop(type(command), lambda: None)()
        self.sent.append(command)
        result = self.controller.execute(command)
        self.after.pop(type(command), lambda: None)()
        return result

    def sleep(self, seconds: float) -> None:
        """Let time pass, and what is due happen."""
        self.now += seconds
        for due in sorted(each for each in self.schedule if each <= self.now):
            self.schedule.pop(due)()


class LocalHandle(ProxyHandle):
    """A sync handle."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def _send(self, command: Command[ResultT]) -> ResultT:
        return self.recorder.execute(command)

    def _time(self) -> float:
        return self.recorder.now

    def _sleep(self, seconds: float) -> None:
        self.recorder.sleep(seconds)


class AsyncLocalHandle(AsyncProxyHandle):
    """An async handle; each command takes a moment in which it can be cancelled."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    async def _send(self, command: Command[ResultT]) -> ResultT:
        result = self.recorder.execute(command)
        await checkpoint()
        return result

    def _time(self) -> float:
        return self.recorder.now

    async def _sleep(self, seconds: float) -> None:
        self.recorder.sleep(seconds)
        await checkpoint()
