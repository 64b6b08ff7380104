"""The site's configuration: ``make docs`` builds docs/ into build/docs, and any warning fails it.

The pages are read on a code host, too, so they link to files as they are. Four of those files stand elsewhere
and are pages of the site all the same: their places in docs/ are taken by the files when the site is built.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from trixter import __version__
from trixter.api.openapi import describe_api
from trixter.api.routes import Handlers, operations_of
from trixter.control.controller import Controller
from trixter.proxy import Proxy

DOCS = Path(__file__).parent
ROOT = DOCS.parent
OPENAPI = ROOT / "build/openapi.json"

# Files outside docs/, and the pages of the site that they are.
PAGES_ELSEWHERE = {
    "README.md": "index",
    "CHANGELOG.md": "changelog",
    "CONTRIBUTING.md": "contributing",
    "benchmarks/README.md": "benchmarks",
    "examples/README.md": "examples",
}

# A link to a file; what follows # is an anchor in it.
FILE_LINK = re.compile(r"(?<=\]\()(?![a-z]+:)([^)#\s]+)(#[^)\s]*)?(?=\))")

project = "trixter"
author = "the trixter authors"
release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinxcontrib.openapi"]

# A code host shows what is between colons as text.
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
# Output with "…" in it is no JSON.
suppress_warnings = ["misc.highlighting_failure"]

# Descriptions of the API have their code between single backticks.
default_role = "literal"

autodoc_member_order = "bysource"
autoclass_content = "both"
autodoc_default_options = {
    "members": True,
    "show-inheritance": True,
    "inherited-members": "Exception,Generic,Protocol,int,Enum,tuple",
}
maximum_signature_line_length = 88

html_theme = "furo"
html_title = f"trixter {__version__}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False


def describe(app: Sphinx) -> None:
    """Write the API's own description to a file, for the page that shows it."""
    proxy = Proxy(listen="127.0.0.1:0", upstream="127.0.0.1:1", seed=1)
    described = describe_api(operations_of(Handlers(Controller(proxy))), asks_token=True)
    OPENAPI.parent.mkdir(exist_ok=True)
    OPENAPI.write_text(json.dumps(described), encoding="utf-8")


def read(app: Sphinx, page: str, source: list[str]) -> None:
    """Take a page's text from the file elsewhere that it is, and lead its links to pages of the site."""
    file = DOCS / f"{page}.md"
    for name, its_page in PAGES_ELSEWHERE.items():
        if page == its_page != "index":
            file = ROOT / name
            source[0] = file.read_text(encoding="utf-8")
    folder = (DOCS / page).parent

    def target(link: re.Match[str]) -> str:
        path = Path(os.path.normpath(file.parent / link[1]))
        its_page = PAGES_ELSEWHERE.get(os.path.relpath(path, ROOT))
        path = DOCS / f"{its_page}.md" if its_page else path
        return os.path.relpath(path, folder) + (link[2] or "")

    source[0] = FILE_LINK.sub(target, source[0])


def public_bases(app: Sphinx, name: str, obj: type, options: object, bases: list[Any]) -> None:
    """Leave out bases that only share code."""
    bases[:] = [each for each in bases if not getattr(each, "__name__", "").startswith("_")]


def signature(
    app: Sphinx,
    what: str,
    name: str,
    obj: object,
    options: object,
    arguments: str | None,
    returns: str | None,
) -> tuple[str | None, str | None]:
    """Name the result of a method that sync and async handles share; write a default as one would."""
    is_async = ".Async" in name
    results = {
        "ChangeT": "AsyncChange" if is_async else "Change",
        "DoneT": "Coroutine" if is_async else "None",
    }
    result = results.get(str(returns).rpartition(".")[2], returns)
    return re.sub(r"<function (\w+)>", r"\1", arguments or "") or None, result


def plain_text(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Begin the text of a property with nothing: napoleon takes what is before a colon for a type."""
    if what in ("property", "attribute"):
        lines[:0] = ["..", ""]


def setup(app: Sphinx) -> None:
    """Connect these to the build."""
    app.connect("builder-inited", describe)
    app.connect("source-read", read)
    app.connect("autodoc-process-bases", public_bases)
    app.connect("autodoc-process-signature", signature)
    app.connect("autodoc-process-docstring", plain_text, priority=0)  # before napoleon
