"""What stays resident after most of what was made is gone, with compact() and on other allocators.

    python -m bench.compact.run --python PATH [--rounds 3] [--allocators shoal,mimalloc3]

The programs are in program.py and sessions.py: objects of six kinds of which a share is kept,
the ten bursts of bench/workloads, and caches of sessions. Shoal calls compact() when the rest is
dropped; the others collect, which is all that a program can do there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from bench import harness
from bench.compact.rows import COLUMNS, MOMENTS, rows
from bench.comparison import Comparison
from bench.harness import SHOAL
from bench.peers import Peer, proof_of, prove, versions
from bench.resident import Watched
from bench.speed import with_base
from bench.workloads import NAMES

COMPARED = ("pymalloc", SHOAL, "jemalloc-decay0", "mimalloc3")
KINDS = ("float", "str", "tuple", "dict", "object", "json")
SHARES = ("1", "0.1", "0.02", "0.001")  # 1: dense, for what it costs
CACHES = ("dict", "ordered", "lru")


class Case(NamedTuple):
    """A program with what it makes."""

    program: str
    kind: str
    share: str = ""


CASES = (
    *(Case("keep", kind, share) for share in SHARES for kind in KINDS),
    *(Case("burst", name) for name in NAMES),
    *(Case("sessions", cache) for cache in CACHES),
)


@dataclass(frozen=True)
class Plan:
    """What one run measures. `jobs` processes run at the same time: memory does not mind."""

    python: str
    rounds: int
    peers: Sequence[Peer]
    cases: Sequence[Case] = field(default_factory=lambda: CASES)
    size: float = 1.0
    jobs: int = 2


def planned(python: str, rounds: int, names: Sequence[str] | None = None) -> Plan:
    """Return the plan of `make bench`."""
    return Plan(python, rounds, with_base(names or COMPARED, python))


def quick(plan: Plan) -> Plan:
    """Return a plan of the same breadth that proves the machinery and measures little."""
    return replace(plan, rounds=1, size=0.02)


def command(plan: Plan, case: Case, peer: Peer, way: str) -> list[str]:
    """Return the command of one run."""
    module = [plan.python, "-m", "bench.compact.program"]
    what = [case.program, case.kind, case.share or "0", str(plan.size)]
    return [*module, *what, *proof_of(peer), way]


def alive(plan: Plan, case: Case, peer: Peer) -> int:
    """Return the KiB that a program leaves alive."""
    if case.program == "keep":
        return 0
    found = json.loads(harness.run(command(plan, case, peer, "trace"), peer.for_python()))
    return int(found["live"]) // 1024


def measure_once(plan: Plan, case: Case, peer: Peer) -> dict[str, float]:
    """Run a program once and return what is resident, in KiB, and what compact() took."""
    way = "compact" if peer.name == SHOAL else "leave"
    with Watched(command(plan, case, peer, way), peer.for_python()) as process:
        resident = {moment: process.at_stop().data for moment in MOMENTS}
        found: Mapping[str, float] = json.loads(process.finish())
    return {**resident, **found}


def measure(plan: Plan, output: Path) -> None:
    """Measure every case on every allocator."""
    for peer in plan.peers:
        prove(peer, plan.python)
    runs = [(case, peer) for case in plan.cases for peer in plan.peers]
    facts = harness.provenance(plan.python, size=str(plan.size), **versions(plan.peers))
    title = f"compact {harness.short_version(plan.python)}"
    with (
        harness.Results(output, facts, COLUMNS) as results,
        harness.Progress(title, len(runs) * plan.rounds, 4.0 / plan.jobs) as progress,
    ):
        base = plan.peers[0]
        with ThreadPoolExecutor(plan.jobs) as pool:
            found = pool.map(lambda case: alive(plan, case, base), plan.cases)
            traced = dict(zip(plan.cases, found))

        def once(number: int, run: tuple[Case, Peer]) -> dict[str, object]:
            case, peer = run
            return {
                **case._asdict(), "round": number, "allocator": peer.name,
                "traced": traced[case], **measure_once(plan, case, peer),
            }  # fmt: skip

        harness.record(once, harness.turns(plan.rounds, runs), results, progress, plan.jobs)


COMPARISON = Comparison(
    "compact", "What compact() leaves resident.", 3, planned, quick, measure, rows
)


if __name__ == "__main__":
    harness.main(COMPARISON.main)
