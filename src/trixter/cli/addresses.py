"""Types of flags whose values are addresses or host names."""

from __future__ import annotations

import re
from typing import Any

import click

from trixter.cli.types import ValueType
from trixter.errors import SettingError

HAS_PORT = re.compile(r":[0-9]+$")

HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?", re.IGNORECASE)


class ListenAddress(ValueType):
    """An address to listen on; it stays text, since the proxy resolves it."""

    name = "address"
    form = "HOST:PORT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from trixter.addresses import Address

        try:
            Address.parse_tcp(value, "listen")
        except SettingError as exc:
            self.refuse(exc.accepts, value, param, ctx)
        return str(value)


class ApiUrl(ValueType):
    """The location of an API: an address or a URL; the value is a URL."""

    name = "address"
    form = "HOST:PORT"
    accepts = "host:port or a URL, such as 127.0.0.1:8888 or http://chaos.example:8888"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from trixter.addresses import Address

        scheme, _, rest = value.rpartition("://")
        if scheme not in ("", "http", "https"):
            self.refuse(self.accepts, value, param, ctx)
        address = rest.rstrip("/") if scheme else rest
        port = {"": "", "http": ":80", "https": ":443"}[scheme]
        try:
            Address.parse_tcp(address if HAS_PORT.search(address) else address + port, "api")
        except SettingError:
            self.refuse(self.accepts, value, param, ctx)
        return f"{scheme or 'http'}://{address}"


class UpstreamAddress(ValueType):
    """The address of a server; it stays text, since the proxy resolves it."""

    name = "address"
    form = "HOST:PORT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from trixter.addresses import Address

        try:
            Address.parse_upstream(value)
        except SettingError as exc:
            self.refuse(exc.accepts, value, param, ctx)
        return str(value)


class HostName(ValueType):
    """A host name, as a ``Host`` header has it, without a port."""

    name = "name"
    form = "NAME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not HOST_NAME.fullmatch(value):
            self.refuse("a host name without a port, such as chaos.example", value, param, ctx)
        return str(value)
