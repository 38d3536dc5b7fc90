"""What stays in a process that worked in rounds and then calls nobody for five seconds.

    python -m bench.rounds.run --python PATH [--rounds 5] [--allocators shoal,jemalloc]

The programs are in program.py: lists made and dropped four times, and NumPy arrays that eight
threads made and the main thread drops, with and without a call that asks the allocator to give back
all that it can. In memory that is what a server is between two bursts of requests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

from bench import harness
from bench.comparison import Comparison
from bench.harness import SHOAL, Row
from bench.peers import Peer, proof_of, prove, versions
from bench.resident import Resident, Watched
from bench.speed import BASE, with_base

COMPARED = (
    "pymalloc", SHOAL, "jemalloc", "jemalloc-decay0", "jemalloc-background", "mimalloc3",
)  # fmt: skip
COUNTS = {"lists": 600_000, "arrays": 6_000, "arrays, trim": 6_000}
IDLE = 5.0  # seconds
TITLES = {
    "lists": "lists, four times",
    "arrays": "eight threads' arrays, dropped by another",
    "arrays, trim": "eight threads' arrays, dropped by another, trim",
}
# How memory is counted: its column, and its name in the table.
MEASURES = {"data": "anonymous Pss less LazyFree", "rss": "RSS"}
MOMENTS = ("start", "at_once", "idle")
COLUMNS = (
    "program", "round", "allocator",
    *(f"{moment}_{measure}" for moment in MOMENTS for measure in MEASURES),
)  # fmt: skip

LISTS_AIM = 1.0  # of what pymalloc has resident
ARRAYS_AIM = 1.1  # of what the process had resident before it made any


@dataclass(frozen=True)
class Plan:
    """What one run measures. `jobs` processes run at the same time: they sleep most of it."""

    python: str
    rounds: int
    peers: Sequence[Peer]
    counts: Mapping[str, int] = field(default_factory=lambda: dict(COUNTS))
    idle: float = IDLE
    jobs: int = 2


def planned(python: str, rounds: int, names: Sequence[str] | None = None) -> Plan:
    """Return the plan of `make bench`."""
    return Plan(python, rounds, with_base(names or COMPARED, python))


def quick(plan: Plan) -> Plan:
    """Return a plan of the same breadth that proves the machinery and measures little."""
    counts = {program: count // 20 for program, count in plan.counts.items()}
    return replace(plan, rounds=1, counts=counts, idle=0.1, jobs=4)


def measure_once(plan: Plan, program: str, peer: Peer) -> dict[str, int]:
    """Run a program once and return what is resident, in KiB."""
    command = [
        plan.python, "-m", "bench.rounds.program", program, str(plan.counts[program]),
        str(plan.idle), *proof_of(peer),
    ]  # fmt: skip
    with Watched(command, peer.for_python()) as process:
        found: list[Resident] = [process.at_stop() for _ in MOMENTS]
        process.finish()
    return {
        f"{moment}_{measure}": getattr(resident, measure)
        for moment, resident in zip(MOMENTS, found)
        for measure in MEASURES
    }


def measure(plan: Plan, output: Path) -> None:
    """Measure every program on every allocator."""
    packages = harness.packages(plan.python, ["numpy"], "rounds")
    for peer in plan.peers:
        prove(peer, plan.python)
    runs = [(program, peer) for program in plan.counts for peer in plan.peers]

    def once(number: int, run: tuple[str, Peer]) -> dict[str, object]:
        program, peer = run
        got = measure_once(plan, program, peer)
        return {"program": program, "round": number, "allocator": peer.name, **got}

    facts = harness.provenance(
        plan.python, packages=packages, idle=f"{plan.idle:g}", **versions(plan.peers)
    )
    title = f"rounds {harness.short_version(plan.python)}"
    seconds_each = (plan.idle + 3.0) / plan.jobs
    with (
        harness.Results(output, facts, COLUMNS) as results,
        harness.Progress(title, len(runs) * plan.rounds, seconds_each) as progress,
    ):
        harness.record(once, harness.turns(plan.rounds, runs), results, progress, plan.jobs)


# ---- Results ------------------------------------------------------------------------------------


def rows(path: Path) -> list[Row]:
    """Return the lines of the table: what stays, over pymalloc's or over what was there before."""
    facts, lines = harness.read_results(path)
    section = f"After work in rounds and {facts['idle']} s idle, Python {facts['python']}"
    return [
        row
        for measure, counted in MEASURES.items()
        for row in (
            *_lists_rows(section, counted, lines, measure),
            *_arrays_rows(section, counted, lines, measure),
        )
    ]


def _lists_rows(
    section: str, counted: str, lines: Sequence[Mapping[str, str]], measure: str
) -> Iterator[Row]:
    """Yield the megabytes of the lists' program, and their ratio to pymalloc's."""
    for moment, when in {"at_once": "at once", "idle": "idle"}.items():
        found = harness.by_allocator(lines, f"{moment}_{measure}", program="lists")
        megabytes = {name: median(of.values()) / 1024 for name, of in found.items()}
        yield Row(section, f"{TITLES['lists']}: {counted}, MB, {when}", megabytes, digits=1)
    title = f"{TITLES['lists']}: {counted}, over pymalloc's"
    yield harness.ratio_row(section, title, harness.paired(found, BASE), LISTS_AIM)


def _arrays_rows(
    section: str, counted: str, lines: Sequence[Mapping[str, str]], measure: str
) -> Iterator[Row]:
    """Yield what the arrays' programs have over what the same process had before."""
    for program in ("arrays", "arrays, trim"):
        before = harness.by_allocator(lines, f"start_{measure}", program=program)
        after = harness.by_allocator(lines, f"idle_{measure}", program=program)
        ratios = {
            name: [of[number] / before[name][number] for number in of]
            for name, of in after.items()
        }  # fmt: skip
        title = f"{TITLES[program]}: {counted}, over that before"
        yield harness.ratio_row(section, title, ratios, ARRAYS_AIM)


COMPARISON = Comparison(
    "rounds", "What stays after work in rounds.", 5, planned, quick, measure, rows
)


if __name__ == "__main__":
    harness.main(COMPARISON.main)
