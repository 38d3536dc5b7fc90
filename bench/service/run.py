"""A real service on every allocator: gunicorn with forked workers, of several kinds.

    python -m bench.service.run                     8 rounds, about 40 minutes
    python -m bench.service.run --rounds 2 --requests 200 --engines sync --allocators shoal,jemalloc

Each measurement starts the service anew on a free port of 127.0.0.1, sends it a fixed list of
requests and stops it. What is measured is told in README.md in this directory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench import harness, table
from bench.harness import ROOT, BenchError
from bench.peers import Peer, find_all, prove, versions
from bench.service.engines import Engine, chosen
from bench.service.processes import cpu_seconds, memory, memory_of
from bench.service.rows import BASE, rows
from bench.service.server import Service

COMPARED = ("pymalloc", "shoal", "glibc", "jemalloc", "mimalloc3")
SECONDS_EACH = 14.0

MEASURED = (
    "requests_per_second", "cpu_ms_per_request", "latency_p50_ms", "latency_p95_ms",
    "pss_forked", "pss_after", "pss_idle", "shared_forked", "shared_idle", "private_forked",
    "private_idle", "master_pss_idle", "lazy_idle",
)  # fmt: skip
COLUMNS = ("engine", "round", "allocator", "requests", "workers", *MEASURED)


@dataclass(frozen=True)
class Plan:
    """What one run measures."""

    python: str
    rounds: int
    peers: Sequence[Peer]
    engines: Sequence[Engine] = field(default_factory=lambda: chosen(None))
    requests: int = 1000
    workers: int = 4
    clients: int = 4
    idle: float = 5.0  # seconds between the end of the load and the second look at the memory


def send_load(plan: Plan, port: int, seed: int) -> dict[str, float]:
    """Run load.py to its end, on the interpreter's own allocator, and return what it found."""
    command = [
        plan.python, "-m", "bench.service.load", str(port), str(plan.requests),
        "--clients", str(plan.clients), "--seed", str(seed),
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=ROOT, env=Peer("plain", python_uses_malloc=False).for_python(),
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if done.returncode:
        raise BenchError(done.stderr.strip().splitlines()[-1])
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measure_once(plan: Plan, engine: Engine, peer: Peer, number: int) -> dict[str, float]:
    """Start the service, load it, look at it, stop it."""
    with Service(plan.python, plan.workers, engine, peer, number) as service:
        forked = memory_of(service.workers)
        used = cpu_seconds(service.workers)
        found = send_load(plan, service.port, number)
        after = memory_of(service.workers)
        used = cpu_seconds(service.workers) - used
        time.sleep(plan.idle)
        idle, master = memory_of(service.workers), memory(service.master)
        service.check()
        return {
            "requests": found["requests"],
            "workers": plan.workers,
            "requests_per_second": found["requests"] / found["seconds"],
            "cpu_ms_per_request": used / found["requests"] * 1e3,
            "latency_p50_ms": found["latency_p50"] * 1e3,
            "latency_p95_ms": found["latency_p95"] * 1e3,
            "pss_forked": forked.pss,
            "pss_after": after.pss,
            "pss_idle": idle.pss,
            "shared_forked": forked.shared,
            "shared_idle": idle.shared,
            "private_forked": forked.private,
            "private_idle": idle.private,
            "master_pss_idle": master.pss,
            "lazy_idle": idle.lazy + master.lazy,
        }


def measure(plan: Plan, output: Path) -> None:
    """Measure every engine on every allocator in turn; raw data goes to `output`."""
    names = dict.fromkeys(name for engine in plan.engines for name in engine.packages)
    packages = harness.packages(plan.python, list(names), "service")
    for peer in plan.peers:
        prove(peer, plan.python)
    runs = [(engine, peer) for engine in plan.engines for peer in plan.peers]

    def once(number: int, run: tuple[Engine, Peer]) -> dict[str, object]:
        engine, peer = run
        got = measure_once(plan, engine, peer, number)
        return {"engine": engine.name, "round": number, "allocator": peer.name, **got}

    facts = harness.provenance(
        plan.python, packages=packages, idle=f"{plan.idle:g}", **versions(plan.peers)
    )
    title = f"service {harness.short_version(plan.python)}"
    with (
        harness.Results(output, facts, COLUMNS) as results,
        harness.Progress(title, len(runs) * plan.rounds, SECONDS_EACH) as progress,
    ):
        harness.record(once, _order(plan), results, progress)


def _order(plan: Plan) -> Iterator[tuple[int, tuple[Engine, Peer]]]:
    """Yield round, engine and allocator; what a ratio compares is measured at a stretch."""
    for place, (number, engine) in enumerate(harness.turns(plan.rounds, plan.engines)):
        for _, peer in harness.turns(1, plan.peers, seed=place):
            yield number, (engine, peer)


# ---- Command line -------------------------------------------------------------------------------


def planned(python: str, rounds: int, names: Sequence[str] | None = None) -> Plan:
    """Return the plan of `make bench`."""
    chosen = list(names or COMPARED)
    if BASE not in chosen:
        chosen.append(BASE)
    return Plan(python, rounds, find_all(chosen, python))


def quick(plan: Plan) -> Plan:
    """Return a plan of the same breadth that proves the machinery and measures little."""
    return replace(plan, rounds=1, requests=200, idle=0.1)


def _main() -> None:
    options = harness.parser("A web service under load on each allocator.", rounds=8)
    options.add_argument("--requests", type=harness.positive, default=1000, help="default: 1000")
    options.add_argument("--workers", type=_workers, default=4, help="1 to 4; default: 4")
    options.add_argument("--engines", type=harness.comma_list, metavar="A,B",
                         help="default: all that engines.py knows")  # fmt: skip
    options.add_argument("--show", type=Path, metavar="FILE", help="measure nothing: show raw data")
    got = options.parse_args()
    if got.show is not None:
        table.show(rows(got.show))
        return
    harness.pin(got.cpu)
    plan = replace(
        planned(got.python, got.rounds, got.allocators),
        engines=chosen(got.engines), requests=got.requests, workers=got.workers,
    )  # fmt: skip
    output = got.output or harness.result_file("service", got.python)
    measure(plan, output)
    table.show(rows(output))


def _workers(text: str) -> int:
    """Read the number of workers: an argparse type."""
    number = int(text)
    if not 1 <= number <= 4:
        raise argparse.ArgumentTypeError("from 1 to 4")
    return number


if __name__ == "__main__":
    harness.main(_main)
