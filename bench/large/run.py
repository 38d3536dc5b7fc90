"""What large heaps cost on each allocator: to make, to walk, to collect, to copy, to drop.

    python -m bench.large.run --python PATH [--rounds 3] [--sizes 0.25,1,4]

The heaps are in heaps.py, what is done with them in program.py. The larger a heap, the more of its
time goes into finding pages: an allocator can lessen that by pages of 2 MiB. Sizes are gigabytes of
live bytes, so a heap is the same work for everyone. One process runs at a time, as two would share
the processor's caches.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from bench import harness
from bench.comparison import Comparison
from bench.harness import SHOAL, BenchError
from bench.large.heaps import HEAPS
from bench.large.rows import COLUMNS, MOMENTS, rows
from bench.peers import Peer, find, proof_of, prove, versions
from bench.resident import Watched
from bench.speed import with_base

COMPARED = (
    "pymalloc", SHOAL, "shoal-huge", "jemalloc-thp", "tcmalloc", "mimalloc3", "mimalloc3-large",
)  # fmt: skip
SIZES = (0.25, 1.0)  # gigabytes that are alive
LONG = 15
"""Rounds from which on a heap of 4 GB is measured, too."""

TRACED = 20_000
"""Things whose bytes are counted; those of a heap are as large."""


class Case(NamedTuple):
    """A program with the gigabytes that it makes."""

    program: str
    size: float


@dataclass(frozen=True)
class Plan:
    """What one run measures."""

    python: str
    rounds: int
    peers: Sequence[Peer]
    sizes: Sequence[float] = SIZES

    def cases(self) -> list[Case]:
        """Return what each allocator runs in a round."""
        return [Case(program, size) for size in self.sizes for program in HEAPS]


def planned(python: str, rounds: int, names: Sequence[str] | None = None) -> Plan:
    """Return the plan of `make bench`."""
    sizes = (*SIZES, 4.0) if rounds >= LONG else SIZES
    return Plan(python, rounds, with_base(names or present(python), python), sizes)


def present(python: str) -> list[str]:
    """Return the allocators compared that are there, and name those that are not."""
    found = []
    for name in COMPARED:
        try:
            found.append(find(name, python).name)
        except BenchError as error:
            print(f"bench: left out: {error}", file=sys.stderr)
    return found


def quick(plan: Plan) -> Plan:
    """Return a plan of the same breadth that proves the machinery and measures little."""
    return replace(plan, rounds=1, sizes=[size / 100 for size in plan.sizes])


def command(plan: Plan, program: str, count: int, peer: Peer, *trace: str) -> list[str]:
    """Return the command of one run."""
    module = [plan.python, "-m", "bench.large.program"]
    return [*module, program, str(count), *proof_of(peer), *trace]


def live_bytes(plan: Plan, program: str) -> float:
    """Return the bytes of one thing that a program makes, its place in the list included."""
    peer = plan.peers[0]
    run = command(plan, program, TRACED, peer, "trace")
    found = json.loads(harness.run(run, peer.for_python()))
    return float(found["live"]) / TRACED


def measure_once(plan: Plan, case: Case, count: int, peer: Peer, number: int) -> dict[str, float]:
    """Run a program once and return what was resident, in KiB, and the CPU seconds of each step."""
    run = command(plan, case.program, count, peer)
    with Watched(run, peer.for_python(number)) as process:
        resident = {moment: process.at_stop() for moment in MOMENTS}
        took: Mapping[str, float] = json.loads(process.finish())
    data = {moment: found.data for moment, found in resident.items()}
    return {**data, "huge": resident["made"].huge, **took}


def order(plan: Plan) -> Iterator[tuple[int, tuple[Case, Peer]]]:
    """Yield round, program and allocator; a program runs on all allocators at a stretch."""
    for turn, (number, case) in enumerate(harness.turns(plan.rounds, plan.cases())):
        for _, peer in harness.turns(1, plan.peers, seed=turn):
            yield number, (case, peer)


def measure(plan: Plan, output: Path) -> None:
    """Measure every program and size on every allocator."""
    for peer in plan.peers:
        prove(peer, plan.python)
    each = {program: live_bytes(plan, program) for program in HEAPS}

    def once(number: int, run: tuple[Case, Peer]) -> dict[str, object]:
        case, peer = run
        count = round(case.size * 1e9 / each[case.program])
        found = measure_once(plan, case, count, peer, number)
        return {
            "program": case.program, "size": f"{case.size:g}", "round": number,
            "allocator": peer.name, "live": round(count * each[case.program] / 1024), **found,
        }  # fmt: skip

    facts = harness.provenance(plan.python, huge_pages=huge_pages(), **versions(plan.peers))
    title = f"large {harness.short_version(plan.python)}"
    total = len(plan.cases()) * len(plan.peers) * plan.rounds
    seconds_each = 0.3 + 18.0 * sum(plan.sizes) / len(plan.sizes)
    with (
        harness.Results(output, facts, COLUMNS) as results,
        harness.Progress(title, total, seconds_each) as progress,
    ):
        harness.record(once, order(plan), results, progress)


def huge_pages() -> str:
    """Return when the system gives pages of 2 MiB: `madvise`, `always`, `never`."""
    try:
        text = Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text()
    except OSError:
        return "not in this kernel"
    return text.partition("[")[2].partition("]")[0]


# ---- The command line ---------------------------------------------------------------------------


def add_options(options: ArgumentParser) -> None:
    """Add the option for sizes."""
    options.add_argument("--sizes", type=gigabytes, metavar="A,B",
                         help="gigabytes, of 0.25, 1 and 4 as a rule")  # fmt: skip


def gigabytes(text: str) -> list[float]:
    """Split `0.25,1` into [0.25, 1.0]: an argparse type."""
    found = [float(part) for part in harness.comma_list(text)]
    if not found or min(found) <= 0:
        raise ValueError(text)
    return found


def with_sizes(plan: Plan, got: Namespace) -> Plan:
    """Return a plan with the sizes that the command line names."""
    return replace(plan, sizes=got.sizes) if got.sizes else plan


COMPARISON = Comparison(
    "large", "What large heaps cost.", 3, planned, quick, measure, rows,
    adds=add_options, takes=with_sizes,
)  # fmt: skip


if __name__ == "__main__":
    harness.main(COMPARISON.main)
