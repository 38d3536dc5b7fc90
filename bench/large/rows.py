"""The table of bench/large from its raw data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from bench import harness
from bench.harness import Row
from bench.large.heaps import HEAPS
from bench.speed import BASE

MOMENTS = ("start", "made", "kept", "dropped")
"""When memory is read, in KiB; `huge` is of `made`."""

STEPS = {
    "build": "building",
    "walk": "random walk",
    "collect": "full collection",
    "copy": "deepcopy of a tenth",
    "dumps": "json.dumps",
    "drop": "dropping all but 2 %",
}
"""What is timed, in CPU seconds."""

COLUMNS = ("program", "size", "round", "allocator", "live", *MOMENTS, "huge", *STEPS)

# Over pymalloc's, where a heap is of the size that the aims are for.
AIMED = "1"
AIMS = {"build": 0.9, "walk": 0.65, "collect": 0.8, "copy": 0.9, "dumps": 0.95}
PEAK_AIM = 1.01

Lines = Sequence[Mapping[str, str]]
Values = dict[str, dict[int, float]]  # {allocator: {round: value}}


def rows(path: Path) -> list[Row]:
    """Return the lines of the table: of each size what it takes, and what stays."""
    facts, lines = harness.read_results(path)
    version = ".".join(facts["python"].split(".")[:2])
    found: list[Row] = []
    for size in sorted({line["size"] for line in lines}, key=float):
        heaps = f"Heaps of {size} GB, Python {version}"
        of = {
            program: [line for line in lines if (line["program"], line["size"]) == (program, size)]
            for program in HEAPS
        }
        for program, some in of.items():
            found += _over_base(f"{heaps}: over pymalloc's", program, some, aimed=size == AIMED)
        for program, some in of.items():
            found += _stays(f"{heaps}: resident", program, some)
    return found


def _over_base(section: str, program: str, lines: Lines, *, aimed: bool) -> Iterator[Row]:
    """Yield the rows of CPU time, and of what is resident when all is made."""
    for step, title in STEPS.items():
        if all(line[step] for line in lines):
            ratios = harness.paired(harness.by_allocator(lines, step), BASE)
            aim = AIMS.get(step) if aimed else None
            yield harness.ratio_row(section, f"{program}: {title}", ratios, aim)
    ratios = harness.paired(harness.by_allocator(lines, "made"), BASE)
    aim = PEAK_AIM if aimed else None
    yield harness.ratio_row(section, f"{program}: resident when all is made", ratios, aim)


def _stays(section: str, program: str, lines: Lines) -> Iterator[Row]:
    """Yield the rows of what is resident, over live bytes and over what was resident then.

    When all is made it is of the whole process: some allocators take 20 MB before they are asked.
    """
    made, grown = harness.by_allocator(lines, "made"), _grown(lines, "made")
    for title, above, below in (
        ("all is made, over live bytes", made, harness.by_allocator(lines, "live")),
        ("2 % are kept, over all made", _grown(lines, "kept"), grown),
        ("all is dropped, over all made", _grown(lines, "dropped"), grown),
    ):
        yield harness.ratio_row(section, f"{program}: {title}", _divided(above, below))
    huge = _divided(harness.by_allocator(lines, "huge"), made)
    shares = {name: median(of) for name, of in huge.items()}
    yield Row(section, f"{program}: share on pages of 2 MiB", shares, ranked=False)


def _grown(lines: Lines, moment: str) -> Values:
    """Return what is resident at a moment on top of what was at the start: at least 1 KiB.

    What --quick makes can lie in what was there.
    """
    start = harness.by_allocator(lines, "start")
    return {
        name: {number: max(1.0, value - start[name][number]) for number, value in of.items()}
        for name, of in harness.by_allocator(lines, moment).items()
    }


def _divided(above: Values, below: Values) -> dict[str, list[float]]:
    return {
        name: [value / below[name][number] for number, value in of.items()]
        for name, of in above.items()
    }
