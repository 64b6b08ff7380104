"""A client of an API imports no server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import trixter.api

SRC = Path(trixter.api.__file__).parents[2]


@pytest.mark.parametrize("name", ["trixter.api", "trixter.api.schemas", "trixter.api.status"])
def test_importing_the_shapes_loads_no_web_framework(name: str) -> None:
    program = f"import sys, {name}; print(*sys.modules)"
    # A bare environment: a coverage run must not add modules of its own.
    bare = {"PYTHONPATH": str(SRC)}
    run = subprocess.run(
        [sys.executable, "-c", program], env=bare, capture_output=True, text=True, check=True
    )
    assert {"anyio", "starlette", "uvicorn"}.isdisjoint(run.stdout.split())


def test_what_it_offers_is_there_when_it_is_asked_for() -> None:
    from trixter.api.app import create_app
    from trixter.api.server import ApiServer

    assert trixter.api.create_app is create_app
    assert trixter.api.ApiServer is ApiServer


def test_what_it_does_not_offer_is_missing_as_usual() -> None:
    with pytest.raises(AttributeError, match=r"module 'trixter\.api' has no attribute 'create_ap'"):
        _ = trixter.api.create_ap  # type: ignore[attr-defined]
