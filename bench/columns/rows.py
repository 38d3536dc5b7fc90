"""The lines of the table of bench/columns, from its raw data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import median

from bench import harness
from bench.harness import SHOAL, Row

BASE = "load"
TIME_AIM = 0.35  # of flat.load
MEMORY_AIM = 40.0  # MB, the columns themselves included


def rows(path: Path) -> list[Row]:
    """Return the lines of the table."""
    facts, lines = harness.read_results(path)
    version = ".".join(facts["python"].split(".")[:2])
    section = f"Columns of a million records, Python {version}"
    seconds: dict[str, dict[str, float]] = {}
    extra: dict[str, list[float]] = {}
    for line in lines:
        seconds.setdefault(line["allocator"], {})[line["round"]] = float(line["cpu"])
        extra.setdefault(line["allocator"], []).append(_megabytes(line))
    ratios = {
        name: median(value / seconds[BASE][number] for number, value in each.items())
        for name, each in seconds.items()
        if BASE in seconds
    }
    peaks = {name: median(values) for name, values in extra.items()}
    return [
        _row(section, "CPU time over flat.load's", ratios, TIME_AIM, 2),
        _row(section, "resident at most, with the columns, MB", peaks, MEMORY_AIM, 1),
    ]


def _megabytes(line: Mapping[str, str]) -> float:
    return int(line["extra_kib"]) * 1024 / 1e6


def _row(section: str, title: str, values: dict[str, float], aim: float, digits: int) -> Row:
    met = values[SHOAL] <= aim if SHOAL in values else None
    return Row(section, title, values, f"<= {aim:g}", met, digits=digits)
