"""The lines of the table of bench/service: ratios, an engine a section."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import harness
from bench.harness import Row
from bench.service.engines import ENGINES

BASE = "pymalloc"
JEMALLOC = "jemalloc"

Lines = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class _Figure:
    """A line of the table; IDLE in its title stands for the seconds without requests."""

    title: str
    columns: Sequence[str]  # added up
    aim: float | None = None
    base: str = BASE
    less_is_better: bool = True
    detail: bool = False


_EVERYBODY = ("pss_idle", "master_pss_idle")
_WITH_LAZY = (*_EVERYBODY, "lazy_idle")
_LISTED = (
    _Figure("requests a second", ["requests_per_second"], 1.0, less_is_better=False),
    _Figure("CPU time a request", ["cpu_ms_per_request"], 1.0),
    _Figure("latency, 95th percentile", ["latency_p95_ms"]),
    _Figure("PSS of all processes, IDLE s after the load", _EVERYBODY, 0.6),
    _Figure("PSS of all processes, IDLE s after the load, over jemalloc's", _EVERYBODY, 0.5,
            base=JEMALLOC),
    _Figure("PSS with LazyFree, IDLE s after the load", _WITH_LAZY, 0.6),
    _Figure("PSS with LazyFree, IDLE s after the load, over jemalloc's", _WITH_LAZY, 0.5,
            base=JEMALLOC),
    _Figure("PSS of all workers, right after the load", ["pss_after"], 0.6, detail=True),
    _Figure("PSS of all workers, IDLE s after the load", ["pss_idle"], 0.6, detail=True),
    _Figure("PSS of all workers, right after the load, over jemalloc's", ["pss_after"], 0.6,
            base=JEMALLOC, detail=True),
    _Figure("shared memory of all workers, before the load", ["shared_forked"], 1.0,
            less_is_better=False, detail=True),
    _Figure("shared memory of all workers, IDLE s after it", ["shared_idle"], 1.0,
            less_is_better=False, detail=True),
    _Figure("private memory of all workers, before the load", ["private_forked"], detail=True),
)  # fmt: skip


def rows(path: Path) -> list[Row]:
    """Return the lines of the table: ratios to pymalloc, and memory over jemalloc's."""
    facts, lines = harness.read_results(path)
    engines = dict.fromkeys(line["engine"] for line in lines)
    return [row for engine in engines for row in _of_engine(facts, lines, engine)]


def _of_engine(facts: Mapping[str, str], lines: Lines, engine: str) -> Iterator[Row]:
    workers = next(line["workers"] for line in lines if line["engine"] == engine)
    packages = ", ".join(
        package
        for package in facts["packages"].split(", ")
        if package.split()[0] in ENGINES[engine].packages
    )
    section = (
        f"A service, {engine}, {workers} workers, Python {facts['python']} ({packages}): "
        "over pymalloc's"
    )
    names = {line["allocator"] for line in lines}
    for figure in _LISTED:
        # Older files do not have every column.
        if figure.base in names and set(figure.columns) <= lines[0].keys():
            ratios = harness.paired(_summed(lines, figure.columns, engine), figure.base)
            yield harness.ratio_row(
                section, figure.title.replace("IDLE", facts["idle"]), ratios, figure.aim,
                less_is_better=figure.less_is_better, detail=figure.detail,
            )  # fmt: skip


def _summed(lines: Lines, columns: Sequence[str], engine: str) -> dict[str, dict[int, float]]:
    """{allocator: {round: sum of the columns}} of an engine."""
    found = [harness.by_allocator(lines, column, engine=engine) for column in columns]
    return {
        name: {number: sum(one[name][number] for one in found) for number in of}
        for name, of in found[0].items()
    }
