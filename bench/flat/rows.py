"""The lines of the table of bench/flat, from its raw data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from bench import harness
from bench.harness import SHOAL, Row

BASE = "pickle"
WRITE_AIM = 0.30
READ_AIM = {"3.11": 1.0}  # of pickle.load; later versions:
READ_AIM_LATER = 0.70
EXTRA_AIM = 1.0  # MB

Lines = Sequence[Mapping[str, str]]


def rows(path: Path) -> list[Row]:
    """Return the lines of the table."""
    facts, lines = harness.read_results(path)
    version = ".".join(facts["python"].split(".")[:2])
    time = f"Files of records, Python {version}: CPU time over pickle's"
    memory = f"Files of records, Python {version}: resident at most besides the records, MB"
    read_aim = READ_AIM.get(version, READ_AIM_LATER)
    return [
        _time_row(time, "write, one record a line", lines, "write", WRITE_AIM),
        _time_row(time, "read", lines, "read", read_aim),
        *_faster_rows(time, lines),
        _memory_row(memory, "write", lines, "write"),
        _memory_row(memory, "read", lines, "read"),
        _memory_row(memory, "go through, keeping nothing", lines, "iterate"),
    ]


def _each(lines: Lines, how: str) -> dict[str, dict[int, float]]:
    """CPU seconds a record: {peer: {round: ...}}."""
    found: dict[str, dict[int, float]] = {}
    for line in lines:
        if line["how"] == how:
            seconds = float(line["cpu"]) / int(line["count"])
            found.setdefault(line["allocator"], {})[int(line["round"])] = seconds
    return found


def _ratios(lines: Lines, how: str, base: str) -> dict[str, float]:
    """Medians over rounds of the ratios to a peer in the same round."""
    each = _each(lines, how)
    return {
        name: median(seconds / each[base][number] for number, seconds in values.items())
        for name, values in each.items()
        if base in each
    }


def _time_row(section: str, title: str, lines: Lines, how: str, aim: float) -> Row:
    values = _ratios(lines, how, BASE)
    met = values[SHOAL] <= aim if SHOAL in values else None
    return Row(section, title, values, f"<= {aim:.2f}", met)


def _faster_rows(section: str, lines: Lines) -> list[Row]:
    """How many times as long eval takes."""
    ratios = _ratios(lines, "read", SHOAL)
    if "eval" not in ratios:
        return []
    values = {name: ratios[name] for name in ("eval", "literal_eval") if name in ratios}
    title = "eval a line, over shoal.flat"
    return [Row(section, title, values, ">= 35", values["eval"] >= 35, ranked=False, digits=1)]


def _memory_row(section: str, title: str, lines: Lines, how: str) -> Row:
    found: dict[str, list[float]] = {}
    for line in lines:
        # What is read a tenth is no figure of its own.
        if line["how"] == how and line["allocator"] not in ("eval", "literal_eval"):
            found.setdefault(line["allocator"], []).append(int(line["extra_kib"]) * 1024 / 1e6)
    values = {name: median(extra) for name, extra in found.items()}
    met = values[SHOAL] <= EXTRA_AIM if SHOAL in values else None
    return Row(section, title, values, f"<= {EXTRA_AIM:.0f}", met, digits=1)
