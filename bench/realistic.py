"""Memory that stays after a burst of realistic work: ten programs on each allocator.

    python -m bench.realistic --python PATH [--rounds 3] [--workloads json_feed,...]

The programs are in bench/workloads. Live is what the burst leaves alive, as tracemalloc counts it
in a run of its own; resident is over the start of the burst; held is resident less live.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from bench import harness, table
from bench.harness import SHOAL, BenchError, Row
from bench.peers import Peer, proof_of, prove, versions, worker
from bench.resident import Watched
from bench.speed import BASE, with_base
from bench.workloads import NAMES

COLUMNS = (
    "workload", "round", "allocator", "live", "live_peak", "start", "peak_rss", "end", "later",
)  # fmt: skip
AIM = 0.50  # sum of what stays, of pymalloc's


@dataclass(frozen=True)
class Plan:
    """What one run measures. `jobs` processes run at the same time: memory does not mind."""

    python: str
    rounds: int
    peers: Sequence[Peer]
    workloads: Sequence[str] = NAMES
    size: float = 1.0
    jobs: int = 2


def traced(plan: Plan, workload: str, peer: Peer) -> dict[str, int]:
    """Return the live bytes of a workload at its end and at its peak, in KiB."""
    command = worker(plan.python, "burst", workload, str(plan.size), *proof_of(peer), "trace")
    found = json.loads(harness.run(command, peer.for_python()))
    return {"live": found["live"] // 1024, "live_peak": found["peak"] // 1024}


def measure_once(plan: Plan, workload: str, peer: Peer) -> dict[str, int]:
    """Run a workload once and return what is resident, in KiB."""
    command = worker(plan.python, "burst", workload, str(plan.size), *proof_of(peer))
    with Watched(command, peer.for_python()) as process:
        start, end, later = (process.at_stop() for _ in range(3))
        process.finish()
    return {"start": start.data, "peak_rss": end.peak, "end": end.data, "later": later.data}


def measure(plan: Plan, output: Path) -> None:
    """Measure every workload on every allocator."""
    for peer in plan.peers:
        prove(peer, plan.python)
    runs = [(name, peer) for name in plan.workloads for peer in plan.peers]
    facts = harness.provenance(plan.python, size=str(plan.size), **versions(plan.peers))
    title = f"realistic {harness.short_version(plan.python)}"
    with (
        harness.Results(output, facts, COLUMNS) as results,
        harness.Progress(title, len(runs) * plan.rounds, 3.0 / plan.jobs) as progress,
    ):
        base = plan.peers[0]
        with ThreadPoolExecutor(plan.jobs) as pool:
            found = pool.map(lambda name: traced(plan, name, base), plan.workloads)
            live = dict(zip(plan.workloads, found))

        def once(number: int, run: tuple[str, Peer]) -> dict[str, object]:
            name, peer = run
            got = measure_once(plan, name, peer)
            return {
                "workload": name, "round": number, "allocator": peer.name, **live[name], **got,
            }  # fmt: skip

        harness.record(once, harness.turns(plan.rounds, runs), results, progress, plan.jobs)


# ---- Results ------------------------------------------------------------------------------------


def rows(path: Path) -> list[Row]:
    """Return the lines of the table: each workload's resident MB at the end, and the sums."""
    facts, lines = harness.read_results(path)
    version = ".".join(facts["python"].split(".")[:2])
    section = f"At the end of realistic bursts, Python {version}: MB over the start"
    workloads = [name for name in NAMES if any(line["workload"] == name for line in lines)]
    names = list(dict.fromkeys(line["allocator"] for line in lines))

    def middle(column: str, workload: str, name: str, less: str = "") -> float:
        found = harness.by_allocator(lines, column, workload=workload)[name]
        minus = harness.by_allocator(lines, less, workload=workload)[name] if less else {}
        return median(value - minus.get(n, 0) for n, value in found.items()) / 1024

    live = {w: middle("live", w, BASE) for w in workloads}
    peak = sum(middle("live_peak", w, BASE) for w in workloads)
    stays = {name: {w: middle("end", w, name, "start") for w in workloads} for name in names}
    later = {name: sum(middle("later", w, name, "start") for w in workloads) for name in names}
    sums = {name: sum(of.values()) for name, of in stays.items()}
    held = {name: sums[name] - sum(live.values()) for name in names}
    most = {n: harness.geomean(middle("peak_rss", w, n) for w in workloads) for n in names}
    return [
        *(
            Row(section, f"{w} ({live[w]:.1f} live)", {n: stays[n][w] for n in names}, digits=1)
            for w in workloads
        ),
        Row(section, f"sum ({sum(live.values()):.0f} live, {peak:.0f} at peak)", sums, digits=0),
        Row(section, "sum, 1 s later", later, digits=0),
        Row(section, "sum of held (resident less live)", held, digits=0),
        _to_base(section, "sum over pymalloc's", sums),
        _to_base(section, "sum of held over pymalloc's", held),
        Row(section, "peak RSS over pymalloc's, geomean", {n: most[n] / most[BASE] for n in names}),
    ]


def _to_base(section: str, title: str, values: dict[str, float]) -> Row:
    """Return the row of the ratios to pymalloc's, with the aim."""
    ratio = {name: value / values[BASE] for name, value in values.items()}
    met = ratio[SHOAL] <= AIM if SHOAL in ratio else None
    return Row(section, title, ratio, f"<= {AIM:.2f}", met)


def planned(python: str, names: Sequence[str] | None = None) -> Plan:
    """Return the plan of `make bench`. Memory varies little: three rounds are enough."""
    return Plan(python, 3, with_base(names, python))


def quick(plan: Plan) -> Plan:
    """Return a plan of the same breadth that proves the machinery and measures little."""
    return replace(plan, rounds=1, size=0.05, jobs=4)


def _main() -> None:
    options = harness.parser("Memory that stays after realistic work.", rounds=3)
    options.add_argument("--workloads", type=harness.comma_list, default=NAMES, metavar="A,B")
    options.add_argument("--size", type=float, default=1.0, help="of the work")
    options.add_argument("--jobs", type=harness.positive, default=2, help="processes at a time")
    got = options.parse_args()
    for name in got.workloads:
        if name not in NAMES:
            raise BenchError(f"unknown workload '{name}'; known: {', '.join(NAMES)}")
    harness.pin(got.cpu)
    peers = with_base(got.allocators, got.python)
    output = got.output or harness.result_file("realistic", got.python)
    measure(Plan(got.python, got.rounds, peers, got.workloads, got.size, got.jobs), output)
    table.show(rows(output))


if __name__ == "__main__":
    harness.main(_main)
