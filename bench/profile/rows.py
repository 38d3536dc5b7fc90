"""The lines of the table of bench/profile, from its raw data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench import harness
from bench.harness import SHOAL, Row, Spread
from bench.profile.profilers import PROFILERS

LINES_A_TURN = 11  # of the programs in programs.py

Lines = Sequence[Mapping[str, str]]
Spreads = dict[str, Spread]

# What each of Shoal's ways of running is called in a row: with every line's resident memory, and
# without. All others are the same in both.
_WITH_RSS = {"shoal": SHOAL, "shoal-pymalloc": "shoal on pymalloc"}
_COUNTERS = {"shoal-counters": SHOAL, "shoal-pymalloc-counters": "shoal on pymalloc"}
_OURS = {*_WITH_RSS, *_COUNTERS, "none", "none-shoal"}


def rows(path: Path) -> list[Row]:
    """Return the lines of the table."""
    facts, lines = harness.read_results(path)
    version = ".".join(facts["python"].split(".")[:2])
    return [
        *_line_rows(f"Profiler, Python {version}: ns added to each executed line", lines),
        *_time_rows(f"Profiler, Python {version}: CPU time over the program alone", lines),
        *_memory_rows(f"Profiler, Python {version}: resident memory added, MiB", lines),
    ]


def _line_rows(section: str, lines: Lines) -> list[Row]:
    found = []
    for names, how, aim in ((_COUNTERS, "counters only", 50.0), (_WITH_RSS, "with RSS", 500.0)):
        for program, title in (
            ("simple_lines", "lines that allocate nothing"),
            ("small_blocks", "lines that make an integer and drop one"),
        ):
            spreads = _compared(_ns_a_line(lines, program), lambda one, base: one - base, names)
            found.append(_row(section, f"{title}, {how}", spreads, aim, digits=0))
    return found


def _time_rows(section: str, lines: Lines) -> list[Row]:
    found = []
    for names, how in ((_COUNTERS, ", counters only"), (_WITH_RSS, ", with RSS")):
        spreads = _ratios(lines, "deep_copy", names)
        found.append(_row(section, f"deepcopy of 1,000,000 integers, profiled{how}", spreads, 1.05))
    bystanders = dict.fromkeys(line["program"] for line in lines if not line["ready_kib"])
    for name in sorted(bystanders):
        spreads = _ratios(lines, name, _WITH_RSS)
        found.append(_row(section, f"{name}, not profiled while something is", spreads, 1.02))
    return found


def _memory_rows(section: str, lines: Lines) -> list[Row]:
    found = []
    for program, column, title, aim in (
        ("simple_lines", "ready_kib", "at the start, one function decorated", 2.0),
        ("deep_copy", "peak_kib", "at the peak of deepcopy of 1,000,000 integers", None),
        ("small_blocks", "peak_kib", "at the peak of lines that make an integer", None),
    ):
        values = harness.by_allocator(lines, column, program=program)
        spreads = _compared(values, lambda one, base: (one - base) / 1024, _WITH_RSS)
        found.append(_row(section, title, spreads, aim, digits=1))
    return found


def _ns_a_line(lines: Lines, program: str) -> dict[str, dict[int, float]]:
    found: dict[str, dict[int, float]] = {}
    for line in lines:
        if line["program"] == program:
            executed = int(line["count"]) * int(line["times"]) * LINES_A_TURN
            of = found.setdefault(line["allocator"], {})
            of[int(line["round"])] = float(line["cpu"]) / executed * 1e9
    return found


def _ratios(lines: Lines, program: str, names: Mapping[str, str]) -> Spreads:
    per_call: dict[str, dict[int, float]] = {}
    for line in lines:
        if line["program"] == program:
            of = per_call.setdefault(line["allocator"], {})
            of[int(line["round"])] = float(line["cpu"]) / int(line["times"])
    return _compared(per_call, lambda one, base: one / base, names)


def _compared(
    values: Mapping[str, Mapping[int, float]],
    compare: Callable[[float, float], float],
    names: Mapping[str, str],
) -> Spreads:
    """Compare each profiler with the program alone, in the same round, on the same allocator."""
    found = {}
    for name, of in values.items():
        if name in _OURS and name not in names:
            continue
        base = values[PROFILERS[name].base]
        found[names.get(name, name)] = Spread.of(compare(of[n], base[n]) for n in of if n in base)
    return found


def _row(section: str, title: str, spreads: Spreads, aim: float | None, digits: int = 3) -> Row:
    medians = {name: spread.median for name, spread in spreads.items()}
    text = {
        name: f"{s.median:,.{digits}f} ({s.lower:,.{digits}f}-{s.upper:,.{digits}f})"
        for name, s in spreads.items()
    }
    met = medians[SHOAL] <= aim if aim is not None and SHOAL in medians else None
    return Row(
        section, title, medians, f"<= {aim:g}" if aim is not None else "", met,
        digits=digits, text=text,
    )  # fmt: skip
