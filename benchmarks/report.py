"""The table and the chart."""

from __future__ import annotations

from html import escape
from math import log2
from statistics import median

from benchmarks.measures import MEASURES, Bar, Figure, Measure

OURS = "trixter"

Samples = dict[str, list[float]]


def ratios(samples: Samples, peer: str) -> list[float]:
    """Return ours to the peer's, repetition by repetition: both ran on the machine as it was then."""
    pairs = zip(samples.get(OURS, []), samples.get(peer, []), strict=False)
    return [ours / theirs for ours, theirs in pairs if theirs]


def write_table(measure: Measure, figures: dict[str, Samples]) -> None:
    """Print one measure: a line for each figure and peer, with the bar where there is one."""
    print(f"\n{measure.title}")
    for figure in measure.figures:
        samples = figures[figure.key]
        for peer, values in samples.items():
            line = f"  {figure.key:<7}{peer:<15}{median(values):>12,.1f} {figure.unit:<15}"
            if peer != OURS and (ratio := ratios(samples, peer)):
                line += f"ours/theirs {median(ratio):6.2f}  [{min(ratio):.2f} to {max(ratio):.2f}]"
                line += _verdict(figure, peer, median(ratio))
            print(line)


def _verdict(figure: Figure, peer: str, ratio: float) -> str:
    bars = [bar for bar in figure.bars if bar.against == peer and bar.ratio]
    return "".join(f"  {_sign(bar)} {bar.ratio:g}: {'yes' if _is_met(bar, ratio) else 'NO'}" for bar in bars)


def _sign(bar: Bar) -> str:
    return "≥" if bar.at_least else "≤"


def _is_met(bar: Bar, ratio: float) -> bool:
    return ratio >= bar.ratio if bar.at_least else ratio <= bar.ratio


# The chart: a row for each measure, a dot for each peer, on a scale of powers of two.
WIDTH, ROW, LABEL = 900, 26, 330
SMALLEST, LARGEST = 1 / 8, 64
COLOURS = {"Rust original": "#b7410e", "Toxiproxy": "#00758f", "HAProxy": "#888888"}


def chart(results: dict[str, dict[str, Samples]]) -> str:
    """Return an SVG: how many times as good ours is as each peer, measure by measure."""
    rows = [
        (f"{measure.title} ({figure.key})", figure, results[measure.title][figure.key])
        for measure in MEASURES
        if measure.title in results
        for figure in measure.figures
    ]
    height = ROW * (len(rows) + 3)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif"'
        ' font-size="13"><rect width="100%" height="100%" fill="white"/>'
    ]
    for column, (peer, colour) in enumerate(COLOURS.items()):
        x = LABEL + column * 180
        parts.append(
            f'<circle cx="{x}" cy="16" r="5" fill="{colour}"/><text x="{x + 10}" y="20">{peer}</text>'
        )
    for exponent in range(int(log2(SMALLEST)), int(log2(LARGEST)) + 1):
        line, name = _x(2.0**exponent), f"{2.0**exponent:g} x"
        colour = "black" if exponent == 0 else "#dddddd"
        parts.append(f'<line x1="{line}" y1="44" x2="{line}" y2="{height}" stroke="{colour}"/>')
        parts.append(f'<text x="{line}" y="40" text-anchor="middle" fill="#555555">{name}</text>')
    for number, (label, figure, samples) in enumerate(rows):
        y = ROW * (number + 2) + 12
        parts.append(f'<text x="{LABEL - 30}" y="{y + 4}" text-anchor="end">{escape(label)}</text>')
        for peer, colour in COLOURS.items():
            if found := ratios(samples, peer):
                times = median(found) if figure.more_is_better else 1 / median(found)
                parts.append(f'<circle cx="{_x(times)}" cy="{y}" r="5" fill="{colour}"/>')
    return "\n".join([*parts, "</svg>\n"])


def _x(times: float) -> float:
    share = (log2(min(max(times, SMALLEST), LARGEST)) - log2(SMALLEST)) / (log2(LARGEST) - log2(SMALLEST))
    return round(LABEL + share * (WIDTH - LABEL - 30), 1)
