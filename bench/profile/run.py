"""The line profiler beside memory_profiler, memray, Scalene and tracemalloc.

    python -m bench.profile.run --python PATH [--rounds 7] [--allocators shoal,memray] [--cpu 1]

Two kinds of programs: those of programs.py, a function of which is profiled, and benchmarks of
pyperformance of which nothing is, while something else in the same process is. Every measurement
is a fresh process; --allocators names profilers here.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench import harness, speed
from bench.comparison import Comparison
from bench.profile import profilers
from bench.profile.profilers import Profiler, Runs
from bench.profile.rows import rows

COLUMNS = ("program", "round", "allocator", "count", "times", "cpu", "ready_kib", "peak_kib")
SECONDS_EACH = 1.2

# How much a program has to do, and how often, for about half a second.
COUNTS = {"simple_lines": 300_000, "small_blocks": 200_000, "deep_copy": 1_000_000}
TIMES = {"simple_lines": 3, "small_blocks": 2, "deep_copy": 3}
# Not profiled while something else is.
BYSTANDERS = ("deepcopy", "json_dumps", "json_loads", "richards")


@dataclass(frozen=True)
class Plan:
    """What one run measures."""

    python: str
    rounds: int
    profilers: Sequence[Profiler]
    counts: dict[str, int] = field(default_factory=lambda: dict(COUNTS))
    times: dict[str, int] = field(default_factory=lambda: dict(TIMES))
    seconds: float = 0.4  # of a bystander


def planned(python: str, rounds: int, names: Sequence[str] | None = None) -> Plan:
    """Return the plan of `make bench`."""
    return Plan(python, rounds, profilers.chosen(names))


def quick(plan: Plan) -> Plan:
    """Return a plan of the same breadth that proves the machinery and measures little."""
    counts = {name: count // 20 for name, count in plan.counts.items()}
    return replace(plan, rounds=1, counts=counts, times=dict.fromkeys(TIMES, 1), seconds=0.05)


def _program(plan: Plan, runs: Runs, name: str, under: Profiler, number: int) -> dict[str, object]:
    """Measure a program of programs.py once."""
    is_copy = name == "deep_copy"
    count = plan.counts[name] // (1 if is_copy else under.slowness)
    times = 1 if under.slowness > 1 else plan.times[name]
    line = runs.run(
        under, "programs.py", number, name, str(count), str(times), *runs.proof(under)
    )  # fmt: skip
    return {"count": count, "times": times, **json.loads(line)}


def _bystander(
    plan: Plan, runs: Runs, name: str, under: Profiler, number: int, loops: int
) -> dict[str, object]:
    """Measure a benchmark of pyperformance once; loops 0 finds their number."""
    benchmark = speed.BENCHMARKS[name]
    line = runs.run(
        under, "bystander.py", number, str(benchmark.file()), name, str(loops),
        str(plan.seconds), *runs.proof(under), *benchmark.arguments,
    )  # fmt: skip
    found = json.loads(line)
    return {"count": found["loops"], "times": 1, **found}


def _order(plan: Plan) -> Iterator[tuple[int, str, Profiler]]:
    """Yield round, program and profiler; what a ratio compares is measured at a stretch."""
    programs = [*COUNTS, *BYSTANDERS]
    for turn, (number, program) in enumerate(harness.turns(plan.rounds, programs)):
        for _, under in harness.turns(1, plan.profilers, seed=turn):
            yield number, program, under


def measure(plan: Plan, output: Path) -> None:
    """Measure everything in turn."""
    facts = harness.provenance(
        plan.python, packages=profilers.versions(plan.python, plan.profilers)
    )
    total = plan.rounds * len(plan.profilers) * (len(COUNTS) + len(BYSTANDERS))
    title = f"profile {harness.short_version(plan.python)}"
    with tempfile.TemporaryDirectory() as scratch:
        runs = Runs.of(plan.python, Path(scratch))
        base = plan.profilers[0]
        loops = {name: _loops(plan, runs, name, base) for name in BYSTANDERS}
        with (
            harness.Results(output, facts, COLUMNS) as results,
            harness.Progress(title, total, SECONDS_EACH) as progress,
        ):
            for number, program, under in _order(plan):
                found = (
                    _bystander(plan, runs, program, under, number, loops[program])
                    if program in BYSTANDERS
                    else _program(plan, runs, program, under, number)
                )
                known = {key: value for key, value in found.items() if key in COLUMNS}
                results.add(program=program, round=number, allocator=under.name, **known)
                progress.done()


def _loops(plan: Plan, runs: Runs, name: str, base: Profiler) -> int:
    return int(str(_bystander(plan, runs, name, base, 0, 0)["count"]))


COMPARISON = Comparison(
    "profile", "The line profiler beside others.", 7, planned, quick, measure, rows
)


if __name__ == "__main__":
    harness.main(COMPARISON.main)
