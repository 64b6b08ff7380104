"""The pages leave nothing out: every flag, call, fault, setting and reason is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urldefrag

import pytest
from msgspec import Struct

from tests.docs.fault_table import HEAD, SHORT_HEAD, row_of, short_row_of
from tests.docs.pages import FENCE, PAGES, ROOT, text_of
from trixter import Client, __version__, errors, testing
from trixter.api import http
from trixter.api.openapi import ERRORS
from trixter.api.routes import Handlers, operations_of
from trixter.api.routing import Operation
from trixter.api.schemas import DefaultsBody, FaultBody, Status
from trixter.cli.flags import FAULT_SETTINGS, FLAGS, Flag
from trixter.cli.sweep_command import SWEEP_FLAGS
from trixter.control import ConnectionHandle
from trixter.control.controller import Controller
from trixter.faults import CATALOGUE
from trixter.faults.entry import Entry
from trixter.profiles import Profile, published_profiles
from trixter.profiles.profile import KEYS, KEYS_BY_NAME, Key, key_of
from trixter.proxy import Proxy, end_reason

ENDINGS = sorted(value for name, value in vars(end_reason).items() if name.isupper())
STEMS = {entry.stem for entry in CATALOGUE}
FAULT_FLAGS = {each.flag.name for each in FAULT_SETTINGS}
FAULT_KEYS = {key_of(entry, each) for entry in CATALOGUE for each in entry.settings if entry.in_profiles}
HANDLERS = Handlers(Controller(Proxy(listen="127.0.0.1:0", upstream="127.0.0.1:1", seed=1)))

# The table of docs/faults.md has all that follows from the catalogue. Other pages show what they want of it.
OTHER_FLAGS = [flag for flag in FLAGS if flag.flag_name not in FAULT_FLAGS]
OTHER_KEYS = [key for key in KEYS if key.name not in FAULT_KEYS]
OTHER_CALLS = [each for each in operations_of(HANDLERS) if each.path.rpartition("/")[2] not in STEMS]


def cells(page: str, first: str) -> list[str]:
    """Return the cells of the row of a table that begins with that."""
    rows = [line for line in text_of(page).splitlines() if line.startswith(f"| {first}")]
    assert len(rows) == 1, f"{page} has {len(rows)} rows that begin with {first}"
    return [cell.strip() for cell in rows[0].strip("|").split(" | ")]


@pytest.mark.parametrize("flag", OTHER_FLAGS, ids=lambda flag: flag.flag_name)
def test_the_page_of_options_has_every_flag_but_those_of_faults(flag: Flag) -> None:
    cells("docs/options.md", ", ".join(f"`{name}`" for name in flag.opts))


def test_the_page_of_options_has_flags_that_there_are_with_their_variables_and_defaults() -> None:
    flags = {", ".join(f"`{name}`" for name in flag.opts): flag for flag in FLAGS}
    rows = re.findall(
        r"^\| (`-.+?`) \| `(TRIXTER_\w+)` \| (.+?) \|", text_of("docs/options.md"), re.MULTILINE
    )
    assert len(rows) >= len(OTHER_FLAGS)
    for names, variable, default in rows:
        flag = flags[names]
        assert variable == flag.envvar
        if flag.default is not None and flag.default != ():
            assert default == str(flag.default)


@pytest.mark.parametrize("flag", SWEEP_FLAGS, ids=lambda flag: flag.flag_name)
def test_the_page_of_options_has_every_flag_of_a_sweep_with_its_default(flag: Flag) -> None:
    default = cells("docs/options.md", f"`{flag.flag_name}`")[1]
    assert flag.default is None or default == str(flag.default)


@pytest.mark.parametrize("operation", OTHER_CALLS, ids=lambda call: f"{call.method} {call.path}")
def test_the_api_page_has_every_call_but_those_of_faults(operation: Operation) -> None:
    cells("docs/api.md", f"`{operation.method} {operation.path}`")


def test_the_api_page_has_every_field_but_the_settings_of_faults() -> None:
    bodies: list[type[Struct]] = [FaultBody, DefaultsBody, Status]
    names = {name for body in bodies for name in body.__struct_fields__}
    text = text_of("docs/api.md")
    assert {name for name in names - STEMS if not re.search(rf'[`"]{name}[`"]', text)} == set()


@pytest.mark.parametrize("status", [*ERRORS, HTTPStatus.METHOD_NOT_ALLOWED])
def test_the_api_page_has_every_error(status: HTTPStatus) -> None:
    assert re.search(rf"^\| {status.value} ", text_of("docs/api.md"), re.MULTILINE)


@pytest.mark.parametrize("text", [http.INVALID_PROBABILITY, http.CONNECTION_NOT_FOUND, http.INTERNAL_ERROR])
def test_the_api_page_has_the_words_of_the_errors(text: str) -> None:
    assert f"| `{text}` |" in text_of("docs/api.md")


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.name)
def test_the_faults_page_has_a_section_about_every_fault(entry: Entry) -> None:
    assert f"\n## {entry.kind.__name__}\n" in text_of("docs/faults.md")


def rows_below(page: str, head: str) -> list[str]:
    """Return the rows of the table with that head."""
    text = text_of(page)
    begin = text.index(head)
    return text[begin : text.index("\n\n", begin)].splitlines()[2:]


def test_the_table_of_the_faults_page_is_the_catalogue() -> None:
    assert rows_below("docs/faults.md", HEAD) == [row_of(entry) for entry in CATALOGUE]


def test_the_table_of_the_readme_is_the_catalogue() -> None:
    rows = rows_below("README.md", SHORT_HEAD)
    texts = [row.strip("| ").split(" | ")[1] for row in rows]
    assert all(texts)
    assert rows == [short_row_of(entry, text) for entry, text in zip(CATALOGUE, texts, strict=True)]


def test_the_readme_is_a_page_to_read_at_once() -> None:
    assert len(text_of("README.md").splitlines()) <= 200


@pytest.mark.parametrize(
    "term", ["bandwidth", "packet loss", "blackhole", "backpressure", "partition", "graceful close", "preset"]
)
def test_the_glossary_has_the_terms_that_people_search_for(term: str) -> None:
    cells("docs/glossary.md", term)


@pytest.mark.parametrize("reason", [*ENDINGS, "terminated"])
def test_the_faults_page_has_every_reason_of_an_end(reason: str) -> None:
    cells("docs/faults.md", f"`{reason}`")


def test_the_client_page_has_every_word() -> None:
    words = {name for face in (Client, ConnectionHandle) for name in dir(face) if not name.startswith("_")}
    words -= {entry.name for entry in CATALOGUE}  # the page on faults has those
    text = text_of("docs/client.md")
    assert {word for word in words if not re.search(rf"`{word}[(`]", text)} == set()


@pytest.mark.parametrize("profile", published_profiles().values(), ids=lambda profile: profile.name)
def test_the_client_page_has_every_profile(profile: Profile) -> None:
    numbers = (profile.down_kbit, profile.up_kbit, profile.round_trip_ms)
    shown = ["\N{EN DASH}" if number is None else f"{number:g}" for number in numbers]
    assert cells("docs/client.md", f"`{profile.name}`")[1:] == [*shown, profile.source]


@pytest.mark.parametrize("key", OTHER_KEYS, ids=lambda key: key.name)
def test_the_client_page_has_every_key_of_a_profile_but_those_of_faults(key: Key) -> None:
    cells("docs/client.md", f"`{key.name}`")


def test_the_client_page_has_keys_that_there_are_and_what_they_take() -> None:
    shown = re.findall(r"^\| `(\w+)` \| (.+) \|$", text_of("docs/client.md"), re.MULTILINE)
    rows = {name: accepts for name, accepts in shown if name in KEYS_BY_NAME}
    assert rows == {name: KEYS_BY_NAME[name].accepts for name in rows}
    assert len(rows) >= len(OTHER_KEYS)


@pytest.mark.parametrize(
    "name", sorted(set(errors.__all__) - {"BindError", "OutOfDescriptors", "TrixterError"})
)
def test_the_client_page_has_every_error(name: str) -> None:
    cells("docs/client.md", f"`{name}`")


@pytest.mark.parametrize("name", [*testing.__all__, "chaos_session", "chaos_profiles"])
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
