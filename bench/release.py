"""What releasing memory costs: Shoal as it is against a Shoal that never gives a page back.

    python -m bench.release --python PATH [--rounds 15]

Two parts: the benchmarks of bench/speed.py, and a loop that allocates and frees 64 MB over and
over (bench/workers/churn.py) in three shapes, where pymalloc's figure shows what a loop costs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench import harness, speed, table
from bench.harness import SHOAL, Row
from bench.peers import Peer, find_all, proof_of, prove, versions, worker

NEVER = "shoal-never"
# How often 64 MB are allocated and freed, for about half a second.
TIMES = {"small_blocks": 10, "one_block": 40, "lists": 10}
COLUMNS = ("shape", "round", "allocator", "times", "cpu")
SPEED_AIM = 1.02
CHURN_AIM = 1.10


@dataclass(frozen=True)
class Plan:
    """What one run measures: churn on `churning`, pyperformance on Shoal with and without."""

    python: str
    rounds: int
    churning: Sequence[Peer]
    speed: speed.Plan
    times: Mapping[str, int]


def planned(python: str, rounds: int, benchmarks: Sequence[str] | None = None) -> Plan:
    """Return the plan of `make bench`."""
    peers = find_all([NEVER, SHOAL], python)
    chosen = speed.chosen(benchmarks)
    again = speed.Plan(python, rounds, peers, chosen, title="release, speed")
    return Plan(python, rounds, [*peers, *find_all([speed.BASE], python)], again, TIMES)


def quick(plan: Plan) -> Plan:
    """Return a plan of the same breadth that proves the machinery and measures little."""
    return replace(plan, rounds=2, speed=speed.quick(plan.speed), times=dict.fromkeys(TIMES, 1))


def measure_churn(plan: Plan, output: Path) -> None:
    """Measure every shape in turn."""
    for peer in plan.churning:
        prove(peer, plan.python)
    runs = [(shape, peer) for shape in plan.times for peer in plan.churning]
    facts = harness.provenance(plan.python, **versions(plan.churning))
    title = f"release, 64 MB {harness.short_version(plan.python)}"
    with (
        harness.Results(output, facts, COLUMNS) as results,
        harness.Progress(title, len(runs) * plan.rounds, 0.8) as progress,
    ):
        for number, (shape, peer) in harness.turns(plan.rounds, runs):  # a round takes seconds
            times = str(plan.times[shape])
            command = worker(plan.python, "churn", shape, times, *proof_of(peer))
            cpu = json.loads(harness.run(command, peer.for_python(number)))["cpu"]
            results.add(shape=shape, round=number, allocator=peer.name, times=times, cpu=cpu)
            progress.done()


# ---- Results ------------------------------------------------------------------------------------


def speed_rows(path: Path) -> list[Row]:
    """Return the lines of the table for the benchmarks of bench/speed.py."""
    facts, _ = harness.read_results(path)
    section = f"Cost of releasing, Python {facts['python']}: CPU time over never releasing"
    found = speed.ratios(path, base=NEVER)
    title = f"geomean of {len(found)} benchmarks"
    return [speed.geomean_row(section, title, found, SPEED_AIM)]


def churn_rows(path: Path) -> list[Row]:
    """Return the lines of the table for the loops over 64 MB."""
    facts, lines = harness.read_results(path)
    section = f"Cost of releasing, Python {facts['python']}: CPU time over never releasing"
    found = []
    for shape in dict.fromkeys(line["shape"] for line in lines):
        of = harness.paired(harness.by_allocator(lines, "cpu", shape=shape), NEVER)
        title = f"64 MB over and over: {shape.replace('_', ' ')}"
        found.append(harness.ratio_row(section, title, of, CHURN_AIM))
    return found


def _main() -> None:
    options = harness.parser("What releasing memory costs.", rounds=15)
    options.add_argument("--benchmarks", type=harness.comma_list, metavar="A,B")
    got = options.parse_args()
    harness.pin(got.cpu)
    plan = planned(got.python, got.rounds, got.benchmarks)
    churn = harness.result_file("release-churn", got.python)
    again = harness.result_file("release-speed", got.python)
    measure_churn(plan, churn)
    table.show(churn_rows(churn))
    speed.measure(plan.speed, again)
    table.show([*speed_rows(again), *churn_rows(churn)])


if __name__ == "__main__":
    harness.main(_main)
