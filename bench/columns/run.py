"""Columns by shoal.flat beside flat.load, NumPy's loadtxt, csv with NumPy, and Arrow's CSV.

    python -m bench.columns.run --python PATH [--rounds 7] [--allocators load,shoal] [--cpu 1]

The records are those of experiment B: a million tuples of a float, a string of 20 letters and
a 64-bit integer, as lines and as CSV. Every measurement is a fresh process; --allocators names
peers here. A peer whose library is missing is left out.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench import harness
from bench.columns.rows import BASE, rows
from bench.comparison import Comparison
from bench.harness import ROOT, SHOAL, BenchError

COLUMNS = ("round", "allocator", "cpu", "extra_kib")
SECONDS_EACH = 2.0
COUNT = 1_000_000
PEERS = ("load", "shoal", "shoal-array", "shoal-arrow", "loadtxt", "csv+numpy", "arrow")
WORK = ROOT / "bench" / "columns" / "work.py"


@dataclass(frozen=True)
class Plan:
    """What one run measures."""

    python: str
    rounds: int
    peers: Sequence[str]
    count: int = COUNT


def planned(python: str, rounds: int, names: Sequence[str] | None = None) -> Plan:
    """Return the plan of `make bench`; what the others are compared with is always in it."""
    unknown = set(names or ()) - set(PEERS)
    if unknown:
        raise BenchError(f"{min(unknown)}: no such peer; there are {', '.join(PEERS)}")
    return Plan(python, rounds, [one for one in PEERS if not names or one in (*names, BASE, SHOAL)])


def quick(plan: Plan) -> Plan:
    """Return a plan of the same breadth that proves the machinery and measures little."""
    return replace(plan, rounds=1, count=plan.count // 100)


def _work(plan: Plan, *arguments: str) -> str:
    return harness.run([plan.python, str(WORK), *arguments], {"PYTHONHASHSEED": "0"})


def measure(plan: Plan, output: Path) -> None:
    """Measure everything in turn."""
    title = f"columns {harness.short_version(plan.python)}"
    with (
        tempfile.TemporaryDirectory() as scratch,
        harness.Results(output, harness.provenance(plan.python), COLUMNS) as results,
        harness.Progress(title, plan.rounds * len(plan.peers), SECONDS_EACH) as progress,
    ):
        (Path(scratch) / "few").mkdir()
        _work(plan, "make", str(plan.count), scratch)
        _work(plan, "make", "10", f"{scratch}/few")
        for number, peer in harness.turns(plan.rounds, plan.peers):
            found = json.loads(_work(plan, peer, scratch))
            if "missing" not in found:
                results.add(round=number, allocator=peer, **found)
            progress.done()


COMPARISON = Comparison(
    "columns",
    "Columns of a file of records beside others.",
    7,
    planned,
    quick,
    measure,
    rows,
    shows=False,
)


if __name__ == "__main__":
    harness.main(COMPARISON.main)
