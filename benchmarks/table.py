"""The table: the medians of each figure, the ratios of ours to each peer's, and the bars."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from benchmarks.bars import Bar, Figure, Samples, present, ratios, verdict
from benchmarks.measure import Measure
from benchmarks.measures import MEASURES
from benchmarks.peers import CONTESTANTS, OURS
from benchmarks.results import Facts, Figures, Results

LABEL, COLUMN = 28, 17


def heading(facts: Facts, columns: Sequence[str] = CONTESTANTS) -> str:
    """Return the first lines: the machine, the versions of the contestants, and the names of the columns."""
    versions = ", ".join(f"{peer} {version}" for peer, version in facts.versions.items())
    lines = [f"{facts.date}, {facts.cores} cores of {facts.cpu}, {facts.kernel}, {facts.python}", versions]
    if absent := [peer for peer in columns if peer not in facts.versions]:
        lines.append(f"left out, not installed (make bench-peers): {', '.join(absent)}")
    return "\n".join([*lines, "", _row("", {peer: peer for peer in columns}, columns)])


def block(
    measure: Measure,
    figures: Figures,
    *,
    has_verdicts: bool = True,
    columns: Sequence[str] = CONTESTANTS,
) -> str:
    """Return the rows of one measure.

    Args:
        measure: The measure.
        figures: Its samples.
        has_verdicts: Whether the bars are shown; a quick run decides nothing.
        columns: The contestants, in order.
    """
    lines = ["", measure.title]
    for figure in measure.figures:
        rows = _rows(figure, figures.get(figure.key, {}), has_verdicts=has_verdicts)
        lines += [_row(label, cells, columns) for label, cells in rows]
    return "\n".join(lines)


def one_sided(measures: Iterable[Measure], results: Results, other: str) -> str:
    """Return the list of figures of which ours was better, or worse, in every repetition.

    Args:
        measures: The measures.
        results: Their samples; figures with a single repetition are not judged.
        other: The contestant beside ours.
    """
    lines = []
    for measure in measures:
        for figure in measure.figures:
            found = ratios(results.measured[measure.title].get(figure.key, {}), other)
            if len(found) > 1 and (min(found) > 1 or max(found) < 1):
                word = "better" if (found[0] > 1) == figure.more_is_better else "worse"
                ratio = f"{median(found):.2f} ({min(found):.2f} to {max(found):.2f})"
                lines.append(f"  {word}: {measure.title}: {figure.key}, ours to theirs {ratio}")
    return "\n".join(["", f"On one side in every repetition: {len(lines) or 'none'}.", *lines])


def unmet(results: Results) -> str:
    """Return the list of bars that were not met, or not measured."""
    bars = [
        (measure, figure, bar, bar.is_met(results.measured[measure.title].get(figure.key, {})))
        for measure in MEASURES
        if measure.title in results.measured
        for figure in measure.figures
        for bar in figure.bars
    ]
    met = sum(is_met is True for *_, is_met in bars)
    lines = ["", f"{met} of {len(bars)} bars are met.{' The others:' if met < len(bars) else ''}"]
    for measure, figure, bar, is_met in bars:
        if is_met is not True:
            lines.append(f"  {verdict(is_met)}: {measure.title}: {_sentence(results, measure, figure, bar)}")
    return "\n".join(lines)


def whole(results: Results) -> str:
    """Return everything, as the run that measured it printed it."""
    blocks = [
        block(measure, results.measured[measure.title])
        for measure in MEASURES
        if measure.title in results.measured
    ]
    return "\n".join([heading(results.facts), *blocks, unmet(results)])


def _rows(figure: Figure, samples: Samples, *, has_verdicts: bool) -> list[tuple[str, dict[str, str]]]:
    rows = [(f"  {figure.key}, {figure.unit}", _values(figure, samples))]
    compared = {peer: ratios(samples, peer) for peer in samples if peer != OURS}
    if any(compared.values()) and not _is_about_ours_alone(figure):
        rows.append(("    ours to theirs", {peer: f"{median(r):.2f}" for peer, r in compared.items() if r}))
        spread = {peer: f"{min(r):.2f} to {max(r):.2f}" for peer, r in compared.items() if len(r) > 1}
        if spread:
            rows.append(("    from, to", spread))
    if has_verdicts and figure.bars:
        bars = {bar.against or OURS: f"{bar} {verdict(bar.is_met(samples))}" for bar in figure.bars}
        rows.append(("    bar", bars))
    return rows


def _values(figure: Figure, samples: Samples) -> dict[str, str]:
    """Return the cells; a contestant without such a figure, such as no proxy without CPU time, has none."""
    cells = {}
    for peer in (peer for peer in samples if samples[peer]):
        found = present(samples, peer)
        cells[peer] = f"{median(found):,.{figure.digits}f}" if found else "failed"
    return cells


def _is_about_ours_alone(figure: Figure) -> bool:
    """Return whether only ours is judged: then the peers' figures stand beside it without a ratio."""
    return bool(figure.bars) and not any(bar.against for bar in figure.bars)


def _sentence(results: Results, measure: Measure, figure: Figure, bar: Bar) -> str:
    value = bar.value(results.measured[measure.title].get(figure.key, {}))
    what = f"{figure.key} {bar}" + (f" of {bar.against}'s" if bar.against else f" {figure.unit}")
    return what if value is None else f"{what}, but {value:.{max(2, figure.digits)}f}"


def _row(label: str, cells: dict[str, str], columns: Sequence[str]) -> str:
    return (label.ljust(LABEL) + "".join(cells.get(peer, "").rjust(COLUMN) for peer in columns)).rstrip()
