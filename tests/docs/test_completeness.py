"""The pages leave nothing out: every flag, call, fault, setting and reason is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urldefrag

import pytest
from msgspec import Struct

from tests.docs.pages import FENCE, PAGES, ROOT, text_of
from trixter import Client, __version__, errors, testing
from trixter.api import answers
from trixter.api.bodies import FAULT_BODIES, DefaultsBody
from trixter.api.openapi import ERRORS
from trixter.api.replies import Status
from trixter.api.routes import Handlers, operations_of
from trixter.api.routing import Operation
from trixter.cli.flag import Flag
from trixter.cli.flags import FLAGS
from trixter.control import ConnectionHandle
from trixter.control.controller import Controller
from trixter.faults import CATALOGUE, Fault
from trixter.profiles import Profile, published_profiles
from trixter.profiles.keys import KEYS, Key
from trixter.proxy import Proxy, ending
from trixter.testing.conditions import FAULT_WORDS

ENDINGS = sorted(value for name, value in vars(ending).items() if name.isupper())
HANDLERS = Handlers(Controller(Proxy(listen="127.0.0.1:0", upstream="127.0.0.1:1", seed=1)))


def cells(page: str, first: str) -> list[str]:
    """Return the cells of the row of a table that begins with that."""
    rows = [line for line in text_of(page).splitlines() if line.startswith(f"| {first}")]
    assert len(rows) == 1, f"{page} has {len(rows)} rows that begin with {first}"
    return [cell.strip() for cell in rows[0].strip("|").split(" | ")]


@pytest.mark.parametrize("flag", FLAGS, ids=lambda flag: flag.flag_name)
def test_the_readme_has_every_flag_with_its_variable_and_default(flag: Flag) -> None:
    _, variable, default, _ = cells("README.md", ", ".join(f"`{name}`" for name in flag.opts))
    assert variable == f"`{flag.envvar}`"
    if flag.default is not None and flag.default != ():
        assert default == str(flag.default)


@pytest.mark.parametrize("stem", FAULT_BODIES)
def test_the_readme_has_the_call_of_every_fault(stem: str) -> None:
    assert f"`PATCH …/{stem}`" in text_of("README.md")


@pytest.mark.parametrize("operation", operations_of(HANDLERS), ids=lambda call: f"{call.method} {call.path}")
def test_the_api_page_has_every_call(operation: Operation) -> None:
    cells("docs/api.md", f"`{operation.method} {operation.path}`")


def test_the_api_page_has_every_field() -> None:
    bodies: list[type[Struct]] = [*FAULT_BODIES.values(), DefaultsBody, Status]
    names = {name for body in bodies for name in body.__struct_fields__}
    text = text_of("docs/api.md")
    assert {name for name in names if not re.search(rf'[`"]{name}[`"]', text)} == set()


@pytest.mark.parametrize("status", [*ERRORS, HTTPStatus.METHOD_NOT_ALLOWED])
def test_the_api_page_has_every_error(status: HTTPStatus) -> None:
    assert re.search(rf"^\| {status.value} ", text_of("docs/api.md"), re.MULTILINE)


@pytest.mark.parametrize(
    "text", [answers.INVALID_PROBABILITY, answers.CONNECTION_NOT_FOUND, answers.INTERNAL_ERROR]
)
def test_the_api_page_has_the_words_of_the_errors(text: str) -> None:
    assert f"| `{text}` |" in text_of("docs/api.md")


@pytest.mark.parametrize("kind", CATALOGUE, ids=lambda kind: kind.__name__)
def test_the_faults_page_has_every_fault_and_setting(kind: type[Fault]) -> None:
    text = text_of("docs/faults.md")
    settings = [setting.name for setting in fields(kind) if setting.name != "name"]
    assert f"\n## {kind.__name__}\n" in text
    assert f"`{kind.__name__}({', '.join(settings)})`" in text


@pytest.mark.parametrize("reason", [*ENDINGS, "terminated"])
def test_the_faults_page_has_every_reason_of_an_end(reason: str) -> None:
    cells("docs/faults.md", f"`{reason}`")


def test_the_client_page_has_every_word() -> None:
    words = {name for face in (Client, ConnectionHandle) for name in dir(face) if not name.startswith("_")}
    text = text_of("docs/client.md")
    assert {word for word in words if not re.search(rf"`{word}[(`]", text)} == set()


@pytest.mark.parametrize("profile", published_profiles().values(), ids=lambda profile: profile.name)
def test_the_client_page_has_every_profile(profile: Profile) -> None:
    numbers = (profile.down_kbit, profile.up_kbit, profile.round_trip_ms)
    shown = ["\N{EN DASH}" if number is None else f"{number:g}" for number in numbers]
    assert cells("docs/client.md", f"`{profile.name}`")[1:] == [*shown, profile.source]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_the_client_page_has_every_key_of_a_profile(key: Key) -> None:
    assert cells("docs/client.md", f"`{key.name}`")[1] == key.accepts


@pytest.mark.parametrize(
    "name", sorted(set(errors.__all__) - {"BindError", "OutOfDescriptors", "TrixterError"})
)
def test_the_client_page_has_every_error(name: str) -> None:
    cells("docs/client.md", f"`{name}`")


@pytest.mark.parametrize("name", [*testing.__all__, *FAULT_WORDS, "chaos_session", "chaos_profiles"])
def test_the_page_on_tests_has_every_name(name: str) -> None:
    assert re.search(rf"\b{name}\b", text_of("docs/testing.md"))


def test_the_changelog_has_this_version() -> None:
    assert f"\n## [{__version__}]" in text_of("CHANGELOG.md")


def links_of(page: str) -> Iterator[str]:
    text = FENCE.sub("", text_of(page))
    yield from (link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link)


def anchors_of(path: Path) -> set[str]:
    """Return what GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", path.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    ("page", "link"), [(page, link) for page in PAGES for link in links_of(page)], ids=str
)
def test_links_between_the_pages_lead_somewhere(page: str, link: str) -> None:
    name, anchor = urldefrag(link)
    path = (ROOT / page).parent / name if name else ROOT / page
    assert path.is_file()
    assert not anchor or anchor in anchors_of(path)
