"""Types of flag values. An error message says what a type accepts, as the end of "must be …"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn

import click

from trixter.errors import SettingError, TrixterError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# The original's numbers are unsigned 64-bit ones, and its scripts may contain the largest.
GREATEST = 2**64 - 1

# A day: a wait of years is longer than the system calls accept.
LONGEST_S = 86_400

HAS_PORT = re.compile(r":[0-9]+$")
PORTS_OF_URLS = {"": "", "http": ":80", "https": ":443"}

HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?", re.IGNORECASE)

# How much of a value an error message shows: more makes it no clearer.
SHOWN_CHARACTERS = 60


class ValueType(click.ParamType):  # type: ignore[type-arg]  # older releases of click have no generic one
    """A type of values; its error message gives the accepted values and the refused one."""

    form: str
    """The placeholder of a value in the help."""

    def refuse(
        self, accepts: str, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> NoReturn:
        text = str(value)
        shown = text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
        # repr() keeps line breaks and terminal codes out of the one line that this becomes.
        self.fail(f"must be {accepts}, not {shown!r}", param, ctx)


def completions(words: Iterable[str], incomplete: str) -> list[CompletionItem]:
    """Return the words that a shell offers to complete an incomplete one."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(word) for word in words if word.startswith(incomplete)]


class ListenAddress(ValueType):
    """An address to listen on; it stays text, since the proxy resolves it."""

    name = "address"
    form = "HOST:PORT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from trixter.addresses import Address

        try:
            Address.parse_listen(value)
        except SettingError as exc:
            self.refuse(exc.accepts, value, param, ctx)
        return str(value)


class ApiUrl(ValueType):
    """The location of an API: an address or a URL; the value is a URL."""

    name = "address"
    form = "HOST:PORT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from trixter.addresses import Address

        scheme, _, rest = value.rpartition("://")
        scheme = scheme.lower()
        if scheme not in PORTS_OF_URLS:
            self.refuse("host:port, or a URL that begins with http:// or https://", value, param, ctx)
        # As the proxy takes it: `trixter --api :8888` and `trixter ls --api :8888`.
        address = f"127.0.0.1{rest}" if rest.startswith(":") and rest[1:].isdigit() else rest
        if scheme:
            address = address.rstrip("/")
        if scheme and re.search("[/?#@]", address):
            self.refuse(
                f"a URL of a host and a port alone, such as {scheme}://127.0.0.1:8888", value, param, ctx
            )
        try:
            with_port = address if HAS_PORT.search(address) else address + PORTS_OF_URLS[scheme]
            Address.parse_tcp(with_port, "api", least_port=1)
            address.encode("idna")  # as the client encodes a name
        except SettingError as exc:
            self.refuse(exc.accepts, value, param, ctx)
        except UnicodeError:
            self.refuse("host:port with the name of a host, or its address", value, param, ctx)
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


class WholeNumber(ValueType):
    """A whole number, written in plain digits.

    Args:
        form: The placeholder of a value in the help.
        unit: What is counted; empty for a plain number.
        least: The smallest accepted value.
        most: The largest one.
    """

    name = "whole number"

    def __init__(self, form: str, unit: str = "", *, least: int = 0, most: int = GREATEST) -> None:
        self.form = form
        self._kind = f"a whole number of {unit}" if unit else "a whole number"
        self._least = least
        self._most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        # int() would also take "1_000", " 7 " and the digits of every script, and raise for too many digits.
        is_plain = re.fullmatch("[0-9]+", value)
        number = int(value.lstrip("0")[: len(str(GREATEST)) + 1] or "0") if is_plain else -1
        if number < self._least:
            self.refuse(f"{self._kind}, {self._least} or more", value, param, ctx)
        if number > self._most:
            self.refuse(f"{self._kind} from {self._least} to {self._most}", value, param, ctx)
        return number


class Probability(ValueType):
    """A probability."""

    name = "probability"
    form = "0..1"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            probability = float(value)
        except ValueError:
            probability = -1.0
        if not 0 <= probability <= 1:  # written so that NaN fails too
            self.refuse("a probability between 0.0 and 1.0", value, param, ctx)
        return probability


class Seconds(ValueType):
    """A duration of more than zero seconds."""

    name = "seconds"
    form = "S"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            seconds = float(value)
        except ValueError:
            seconds = 0.0
        if not 0 < seconds <= LONGEST_S:
            self.refuse(f"a number of seconds, more than 0 and at most {LONGEST_S}", value, param, ctx)
        return seconds


class ProfileName(ValueType):
    """The name of a profile; an unknown name is refused when the profile is looked up."""

    name = "name"
    form = "NAME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return str(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete published names, and names in the file of a ``--profiles-file`` before it."""
        from trixter.profiles import all_profiles, published_profiles

        try:
            names: Iterable[str] = all_profiles(ctx.params.get("profiles_file"))
        except TrixterError:  # the command reports the error in the file
            names = published_profiles()
        return completions(names, incomplete)


class OnOff(click.types.BoolParamType, ValueType):
    """The value of a switch; only its environment variable has a text."""

    form = ""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bool:
        try:
            return bool(super().convert(value, param, ctx))
        except click.BadParameter:
            self.refuse("true or false", value, param, ctx)


class Text(ValueType):
    """Any text that JSON can carry."""

    name = "text"
    form = "TEXT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            value.encode()
        except UnicodeEncodeError:  # Python keeps bytes that are not UTF-8 as surrogates
            self.refuse("text in UTF-8", value, param, ctx)
        return str(value)


class FilePath(ValueType):
    """The path of a file; a missing file is reported when it is opened."""

    name = "file"
    form = "FILE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return str(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Let the shell complete file names."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type="file")]


class OneOf(ValueType):
    """One of a few words; upper or lower case does not matter.

    Args:
        form: The placeholder of a value in the help.
        *words: The accepted words, in lower case.
    """

    name = "word"

    def __init__(self, form: str, *words: str) -> None:
        self.form = form
        self._words = words

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        word = str(value).lower()
        if word not in self._words:
            self.refuse(f"{', '.join(self._words[:-1])} or {self._words[-1]}", value, param, ctx)
        return word

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return completions(self._words, incomplete.lower())


class Token(ValueType):
    """A secret, which no message shows."""

    name = "token"
    form = "SECRET"
    accepts = "one or more visible ASCII characters without spaces"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        # A client must be able to send it in a header.
        if not re.fullmatch("[!-~]+", value):
            self.fail(f"must be {self.accepts} (its value is not shown)", param, ctx)
        return str(value)


class ConnectionTarget(ValueType):
    """The id of a live connection, or ``_all`` or ``all`` for each of them."""

    name = "id"
    form = "ID"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from trixter.control.overrides import ALL

        # An id is empty if the variable of a script is: that must not mean all connections.
        if not value.strip() or not value.isprintable() or len(value) > SHOWN_CHARACTERS:
            shown = repr(value[:SHOWN_CHARACTERS])
            raise click.UsageError(
                f"the id of a connection must be one that `trixter ls` lists, not {shown}", ctx
            )
        return ALL if value == "all" else str(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete the ids of the live connections; none if the API does not answer at once."""
        from trixter.cli.raw_client import live_ids

        ids = live_ids(ctx.params.get("api"), ctx.params.get("api_token"), ctx.params.get("api_ca"))
        return completions(ids, incomplete)
