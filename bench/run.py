"""Everything under bench/, and the table with Shoal's place in every row: what `make bench` calls.

    python -m bench.run --python PATH           everything; says beforehand how long it takes
    python -m bench.run --quick                 every part, hardly measured: does it run?
    python -m bench.run --only speed,memory     some parts
    python -m bench.run --show [--markdown] [--summary]
                                                the table of what was measured before

Raw data goes to bench/results (or the directory that --output names), one file a part and version
of Python.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bench.c.run as c_programs
import bench.columns.run as columns
import bench.compact.run as compact
import bench.flat.run as flat_files
import bench.inspect.run as inspector
import bench.large.run as large
import bench.pickles.run as pickles
import bench.profile.run as profiler
import bench.rounds.run as rounds
import bench.service.run as service
from bench import harness, memory, realistic, release, speed, table
from bench.comparison import Comparison
from bench.harness import RESULTS, ROOT, BenchError, Row

QUICK_RESULTS = ROOT / "build" / "bench-quick"


@dataclass(frozen=True)
class Choice:
    """What the command line asks for."""

    python: str
    rounds: int
    allocators: Sequence[str] | None
    quick: bool


@dataclass(frozen=True)
class Part:
    """A part of the table: how to measure it into a file, and the rows of such a file."""

    measure: Callable[[Choice, Path], None]
    rows: Callable[[Path], list[Row]]
    of_python: bool = True  # else it is not measured once for each version


def _speed(choice: Choice, output: Path) -> None:
    plan = speed.planned(choice.python, choice.rounds, choice.allocators)
    speed.measure(speed.quick(plan) if choice.quick else plan, output)


def _memory(choice: Choice, output: Path) -> None:
    plan = memory.planned(choice.python, choice.allocators)
    memory.measure(memory.quick(plan) if choice.quick else plan, output)


def _realistic(choice: Choice, output: Path) -> None:
    plan = realistic.planned(choice.python, choice.allocators)
    realistic.measure(realistic.quick(plan) if choice.quick else plan, output)


def _release_plan(choice: Choice) -> release.Plan:
    plan = release.planned(choice.python, choice.rounds)
    return release.quick(plan) if choice.quick else plan


def _release_speed(choice: Choice, output: Path) -> None:
    speed.measure(_release_plan(choice).speed, output)


def _release_churn(choice: Choice, output: Path) -> None:
    release.measure_churn(_release_plan(choice), output)


def _c_programs(choice: Choice, output: Path) -> None:
    # pymalloc is no allocator for a C program.
    names = [n for n in choice.allocators or () if n != speed.BASE] or None
    plan = c_programs.planned(choice.rounds, names, choice.python)
    c_programs.measure(c_programs.quick(plan) if choice.quick else plan, output)


def _service(choice: Choice, output: Path) -> None:
    plan = service.planned(choice.python, math.ceil(choice.rounds / 2), choice.allocators)
    service.measure(service.quick(plan) if choice.quick else plan, output)


def _compared(comparison: Comparison[Any], fewer: int) -> Part:
    """Return a part whose processes take a second each or more: so many times fewer rounds."""

    def measure(choice: Choice, output: Path) -> None:
        rounds = math.ceil(choice.rounds / fewer)
        comparison.measure(comparison.plan(choice.python, rounds, quick=choice.quick), output)

    return Part(measure, comparison.rows)


# In the order of the table. The names are those of the files of raw data.
PARTS = {
    "speed": Part(_speed, speed.rows),
    "memory": Part(_memory, memory.rows),
    "realistic": Part(_realistic, realistic.rows),
    "release-speed": Part(_release_speed, release.speed_rows),
    "release-churn": Part(_release_churn, release.churn_rows),
    "rounds": _compared(rounds.COMPARISON, fewer=3),
    "compact": _compared(compact.COMPARISON, fewer=4),
    "large": _compared(large.COMPARISON, fewer=5),
    "c": Part(_c_programs, c_programs.rows, of_python=False),
    "service": Part(_service, service.rows),
    "profile": _compared(profiler.COMPARISON, fewer=2),
    "inspect": _compared(inspector.COMPARISON, fewer=3),
    "pickle": _compared(pickles.COMPARISON, fewer=2),
    "flat": _compared(flat_files.COMPARISON, fewer=2),
    "columns": _compared(columns.COMPARISON, fewer=2),
}


def output_of(name: str, choice: Choice, directory: Path) -> Path:
    """Return the file that a part writes."""
    return (
        directory / harness.result_file(name, choice.python if PARTS[name].of_python else "").name
    )


def measured(names: Sequence[str], directory: Path) -> list[Row]:
    """Return the rows of all files of these parts, whatever the version of Python."""
    return [
        row
        for name in names
        for path in sorted([*directory.glob(f"{name}.csv"), *directory.glob(f"{name}-3.*.csv")])
        for row in PARTS[name].rows(path)
    ]


def measure(names: Sequence[str], choice: Choice, directory: Path) -> tuple[list[Row], list[str]]:
    """Measure the parts and return their rows, and a line for each part that could not run."""
    rows: list[Row] = []
    failed: list[str] = []
    for name in names:
        path = output_of(name, choice, directory)
        try:
            PARTS[name].measure(choice, path)
        except BenchError as error:
            failed.append(f"{name}: {error}")
            print(f"bench: {name}: {error}", file=sys.stderr)
        else:
            rows += PARTS[name].rows(path)
    return rows, failed


def _options() -> argparse.Namespace:
    options = harness.parser("All benchmarks, and one table.", rounds=15)
    options.add_argument("--only", type=harness.comma_list, default=list(PARTS), metavar="A,B",
                         help=f"of {', '.join(PARTS)}")  # fmt: skip
    options.add_argument("--quick", action="store_true", help="prove that every part runs")
    options.add_argument("--show", action="store_true", help="measure nothing: the table so far")
    options.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    options.add_argument("--summary", action="store_true", help="print the rows with aims only")
    got = options.parse_args()
    for name in got.only:
        if name not in PARTS:
            raise BenchError(f"unknown part '{name}'; known: {', '.join(PARTS)}")
    return got


def _main() -> None:
    got = _options()
    directory = got.output or (QUICK_RESULTS if got.quick else RESULTS)
    failed: list[str] = []
    if got.show:
        rows = measured(got.only, directory)
    else:
        harness.pin(got.cpu)
        choice = Choice(got.python, got.rounds, got.allocators, got.quick)
        rows, failed = measure(got.only, choice, directory)
    if got.summary:
        rows = table.summary(rows)
    if got.markdown:
        print((table.markdown_of_all if got.summary else table.markdown)(rows))
    else:
        table.show(rows)
    if failed:
        raise BenchError(f"not measured: {'; '.join(failed)}")


if __name__ == "__main__":
    harness.main(_main)
