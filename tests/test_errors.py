"""Exceptions: a message of one line, and its parts as attributes."""

from __future__ import annotations

import errno
import os

import pytest

from trixter import errors
from trixter.errors import (
    ApiError,
    ApiUnreachable,
    BindError,
    ConnectionNotFound,
    OutOfDescriptors,
    OverrideNotFound,
    ProfileError,
    SettingError,
    TrixterError,
    WaitTimeout,
)

LINES: dict[TrixterError, str] = {
    SettingError("delay_s", -1, "0 or more"): "delay_s must be 0 or more, not -1",
    BindError("127.0.0.1:80", "permission denied"): "cannot listen on 127.0.0.1:80: permission denied",
    OutOfDescriptors("127.0.0.1:80", "too many open files"): (
        "no descriptor is left to listen with: too many open files; `ulimit -n` sets how many there are"
    ),
    ProfileError("mine.toml", "", "is no TOML"): "mine.toml: is no TOML",
    ProfileError("mine.toml", "profiles.x", "is taken"): "mine.toml: profiles.x: is taken",
    WaitTimeout("rain", 0.5, "there is sun"): "timed out after 0.5 s waiting for rain; there is sun",
    ApiUnreachable("http://x", "it is gone"): "no API answers at http://x: it is gone",
    ApiError(409, "no"): "no (409)",
    ConnectionNotFound("a1-7"): "connection a1-7 not found: it has ended, or never existed",
    OverrideNotFound("a1-7"): "override a1-7 not found: it was reverted, has ended, or never existed",
}


@pytest.mark.parametrize(("error", "line"), LINES.items(), ids=lambda each: type(each).__name__)
def test_an_error_is_one_line(error: TrixterError, line: str) -> None:
    assert str(error) == line


def test_what_is_not_there_is_known_by_its_id_and_has_nothing_of_http() -> None:
    for error in (ConnectionNotFound("a1-7"), OverrideNotFound("a1-7")):
        assert error.id == "a1-7"
        assert isinstance(error, LookupError)
        assert not isinstance(error, ApiError)


def test_a_refusal_of_the_api_has_a_code() -> None:
    error = ApiError(409, "no", "conflict")
    assert (error.status, error.message, error.code) == (409, "no", "conflict")


def test_every_error_of_the_package_stands_in_the_tree() -> None:
    for each in TrixterError.__subclasses__() + BindError.__subclasses__():
        assert f"─ {each.__name__} " in str(errors.__doc__)


@pytest.mark.parametrize("number", sorted(errors.OUT_OF_RESOURCES))
def test_an_address_is_never_named_when_descriptors_ran_out(number: int) -> None:
    refused = errors.bind_error("127.0.0.1:80", OSError(number, os.strerror(number)))
    assert isinstance(refused, OutOfDescriptors)
    assert "127.0.0.1" not in str(refused)


def test_an_address_is_named_when_it_is_the_reason() -> None:
    refused = errors.bind_error("127.0.0.1:80", OSError(errno.EACCES, "Permission denied"))
    assert str(refused) == "cannot listen on 127.0.0.1:80: permission denied"


def test_an_error_of_the_system_without_words_is_shown_as_it_is() -> None:
    assert errors.os_error_text(OSError("a..b is not a host name")) == "a..b is not a host name"


def test_a_wait_in_vain_is_a_timeout() -> None:
    assert isinstance(WaitTimeout("rain", 0.5, "there is sun"), TimeoutError)


def test_a_module_has_only_what_it_offers() -> None:
    import trixter

    with pytest.raises(AttributeError, match="module 'trixter' has no attribute 'Klient'"):
        trixter.Klient  # noqa: B018 - reading fails
