"""shoal.flat beside pickle, repr and eval, JSON lines (json, orjson, msgspec) and CSV.

    python -m bench.flat.run --python PATH [--rounds 7] [--allocators shoal,pickle] [--cpu 1]

The records are those of experiment B: a million tuples of a float, a string of 20 letters and
a 64-bit integer. Every measurement is a fresh process; --allocators names peers here.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench import harness
from bench.comparison import Comparison
from bench.flat.rows import BASE, rows
from bench.harness import ROOT, SHOAL, BenchError

COLUMNS = ("how", "round", "allocator", "count", "cpu", "extra_kib")
SECONDS_EACH = 4.0
COUNT = 1_000_000
WRITERS = ("shoal", "pickle", "repr", "json", "orjson", "msgspec", "csv")  # of work.py
READERS = ("shoal", "pickle", "eval", "literal_eval", "json", "orjson", "msgspec", "csv")
SLOWNESS = {"eval": 10, "literal_eval": 10}  # they get so much less to do
WRITTEN_BY = {"eval": "repr", "literal_eval": "repr"}
WORK = ROOT / "bench" / "flat" / "work.py"


@dataclass(frozen=True)
class Plan:
    """What one run measures."""

    python: str
    rounds: int
    peers: Sequence[str]
    count: int = COUNT


def planned(python: str, rounds: int, names: Sequence[str] | None = None) -> Plan:
    """Return the plan of `make bench`; what the others are compared with is always in it."""
    known = list(dict.fromkeys([*WRITERS, *READERS]))
    unknown = set(names or ()) - set(known)
    if unknown:
        raise BenchError(f"{min(unknown)}: no such peer; there are {', '.join(known)}")
    return Plan(python, rounds, [one for one in known if not names or one in (*names, BASE, SHOAL)])


def quick(plan: Plan) -> Plan:
    """Return a plan of the same breadth that proves the machinery and measures little."""
    return replace(plan, rounds=1, count=plan.count // 100)


def _once(plan: Plan, how: str, peer: str, count: int, path: Path) -> dict[str, float]:
    command = [plan.python, str(WORK), how, peer, str(count), str(path)]
    found: dict[str, float] = json.loads(harness.run(command, {"PYTHONHASHSEED": "0"}))
    return found


def _write_inputs(plan: Plan, folder: Path) -> None:
    """Write what is read, once: the files are the same in every round."""
    for peer in [one for one in plan.peers if one in READERS]:
        writer = WRITTEN_BY.get(peer, peer)
        _once(plan, "write", writer, plan.count // SLOWNESS.get(peer, 1), folder / f"{peer}.in")


def measure(plan: Plan, output: Path) -> None:
    """Measure everything in turn."""
    jobs = [("write", peer) for peer in plan.peers if peer in WRITERS]
    jobs += [("read", peer) for peer in plan.peers if peer in READERS]
    jobs.append(("iterate", SHOAL))
    title = f"flat {harness.short_version(plan.python)}"
    with (
        tempfile.TemporaryDirectory() as scratch,
        harness.Results(output, harness.provenance(plan.python), COLUMNS) as results,
        harness.Progress(title, plan.rounds * len(jobs), SECONDS_EACH) as progress,
    ):
        folder = Path(scratch)
        _write_inputs(plan, folder)
        for number, (how, peer) in harness.turns(plan.rounds, jobs):
            count = plan.count // SLOWNESS.get(peer, 1)
            path = folder / ("out" if how == "write" else f"{peer}.in")
            found = _once(plan, how, peer, count, path)
            results.add(how=how, round=number, allocator=peer, count=count, **found)
            progress.done()


COMPARISON = Comparison(
    "flat", "Files of records beside others.", 7, planned, quick, measure, rows, shows=False
)


if __name__ == "__main__":
    harness.main(COMPARISON.main)
