"""Plans: what is asked of a proxy, in which order, and what follows from the answers.

A plan is a generator that yields steps and is sent their results. It waits for nothing and talks to nobody,
so one plan serves everybody: ``run`` for those who block, ``run_async`` for those who await.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

StepT = TypeVar("StepT")
ResultT = TypeVar("ResultT")

Asking = Generator[StepT, Any, ResultT]
"""What asks by yielding, is sent the answers, and returns what came of it."""


def run(plan: Asking[StepT, ResultT], perform: Callable[[StepT], Any]) -> ResultT:
    """Perform a plan, step by step; return its result. What a step raises is raised within the plan."""
    try:
        step = next(plan)
        while True:
            try:
                answer = perform(step)
            except BaseException as exc:
                step = plan.throw(exc)
            else:
                step = plan.send(answer)
    except StopIteration as end:
        result: ResultT = end.value
        return result


async def run_async(plan: Asking[StepT, ResultT], perform: Callable[[StepT], Awaitable[Any]]) -> ResultT:
    """Do as ``run`` does, awaiting each step."""
    try:
        step = next(plan)
        while True:
            try:
                answer = await perform(step)
            except BaseException as exc:
                step = plan.throw(exc)
            else:
                step = plan.send(answer)
    except StopIteration as end:
        result: ResultT = end.value
        return result
