"""The shapes of the chart, and its colours in light and dark mode."""

from __future__ import annotations

from html import escape

# A panel of its own, so that it is legible on every page, also where the page's mode is not the system's.
STYLE = """
svg { font-family: system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; font-size: 13px }
text { fill: #1f2328 }
.panel { fill: #ffffff; stroke: #d1d9e0 }
.stripe { fill: #818b98; opacity: .1 }
.better { fill: #2da44e; opacity: .07 }
.title { font-size: 20px; font-weight: 600 }
.quiet { fill: #59636e; font-size: 12px }
.end { text-anchor: end }
.middle { text-anchor: middle }
.number { text-anchor: end; font-weight: 600; font-variant-numeric: tabular-nums }
.grid { stroke: #818b98; opacity: .3 }
.even { stroke: #1f2328; stroke-width: 1.5 }
.bar { stroke-width: 2.5 }
.spread { stroke-width: 3; stroke-linecap: round; opacity: .4 }
.first { fill: #bc4c00; stroke: #bc4c00 }
.second { fill: #0969da; stroke: #0969da }
text.first, text.second { stroke: none }
.unmet { fill: #ffffff; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc }
  .panel { fill: #0d1117; stroke: #3d444d }
  .quiet { fill: #9198a1 }
  .even { stroke: #f0f6fc }
  .first { fill: #f0883e; stroke: #f0883e }
  .second { fill: #58a6ff; stroke: #58a6ff }
  .unmet { fill: #0d1117 }
}
"""


def document(width: int, height: int, title: str, parts: list[str]) -> str:
    """Return the picture: a panel, and the parts on it."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            f'<rect class="panel" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>',
            *parts,
            "</svg>\n",
        ]
    )


def text(x: float, y: float, words: str, kind: str, *, quiet_words: str = "") -> str:
    """Return a text on the line y, perhaps with a paler one after it."""
    more = f' <tspan class="quiet">{escape(quiet_words)}</tspan>' if quiet_words else ""
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{escape(words)}{more}</text>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """Return a line from one point to another."""
    return f'<line class="{kind}" x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"/>'


def box(x: float, y: float, width: float, height: float, kind: str) -> str:
    """Return a rectangle by its left upper corner."""
    return f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"/>'


def dot(x: float, y: float, kind: str) -> str:
    """Return a round mark."""
    return f'<circle class="{kind}" cx="{x:g}" cy="{y:g}" r="5"/>'


def diamond(x: float, y: float, kind: str) -> str:
    """Return a mark that is not round, for readers who do not see the colours."""
    return f'<path class="{kind}" d="M {x - 6:g} {y:g} l 6 -6 l 6 6 l -6 6 z"/>'
