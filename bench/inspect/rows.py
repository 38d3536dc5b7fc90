"""The lines of the table of bench/inspect, from its raw data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench import harness
from bench.harness import SHOAL, Row, Spread
from bench.inspect.tools import NOBODY

Line = Mapping[str, str]
Lines = Sequence[Line]
Figure = Callable[[Line], "float | str"]

GIB_AIM = 1.0  # seconds
LIVE_AIM = 0.1  # per cent
LARGE = 1000  # MiB


def rows(path: Path) -> list[Row]:
    """Return the lines of the table."""
    facts, lines = harness.read_results(path)
    head = f"Inspect, Python {'.'.join(facts['python'].split('.')[:2])}"
    heaps = dict.fromkeys(_heap(line) for line in lines)
    found = []
    for title, figure, aim in _FIGURES:
        for heap in heaps:
            of = [line for line in lines if _heap(line) == heap]
            is_aimed = figure is not _seconds or int(heap[1]) >= LARGE
            found.append(_row(f"{head}: {title}", _title(*heap), of, figure, aim * is_aimed))
    return [*found, _told(f"{head}: of live bytes, held bytes and what pins them", lines)]


def _heap(line: Line) -> tuple[str, str, str]:
    return line["heap"], line["mib"], line["share"]


def _title(heap: str, mib: str, share: str) -> str:
    kept = "" if float(share) == 1 else f", {float(share):.0%} of it kept"
    return f"{mib} MiB on {'Shoal' if heap == SHOAL else heap}{kept}"


def _seconds(line: Line) -> str:
    return "" if line["allocator"] == NOBODY else line["seconds"]


def _cpu(line: Line) -> str:
    """Guppy computes in the process itself."""
    return "" if float(line["cpu"]) == 0 else line["cpu"]


def _off(line: Line) -> float | str:
    if not line["live"]:
        return ""
    truth = float(line["truth"])
    return 100 * abs(float(line["live"]) - truth) / truth


# What a section is called, its figure ("" where there is none), and what Shoal aims at.
_FIGURES: tuple[tuple[str, Figure, float], ...] = (
    ("seconds", _seconds, GIB_AIM),
    ("CPU seconds of the command", _cpu, 0),
    ("seconds for reading the heap", lambda line: line["reading"], 0),
    ("longest stop of the process, ms", lambda line: line["stop_ms"], 0),
    ("live bytes, % off what the allocator says", _off, LIVE_AIM),
)


def _told(section: str, lines: Lines) -> Row:
    told = {
        line["allocator"]: float(line["told"])
        for line in lines
        if line["heap"] == "pymalloc" and line["allocator"] != NOBODY
    }
    return Row(section, "how many are told", told, less_is_better=False, digits=0)


def _row(
    section: str, title: str, lines: Lines, figure: Figure, aim: float, digits: int = 3
) -> Row:
    values: dict[str, list[float]] = {}
    for line in lines:
        if figure(line) != "":
            values.setdefault(line["allocator"], []).append(float(figure(line)))
    spreads = {name: Spread.of(of) for name, of in values.items()}
    medians = {name: spread.median for name, spread in spreads.items()}
    text = {
        name: f"{s.median:,.{digits}f} ({s.lower:,.{digits}f}-{s.upper:,.{digits}f})"
        for name, s in spreads.items()
    }
    met = medians[SHOAL] <= aim if aim and SHOAL in medians else None
    return Row(
        section, title, medians, f"<= {aim:g}" if aim else "", met, digits=digits, text=text
    )  # fmt: skip
