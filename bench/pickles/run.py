"""shoal.pickle beside pickle, marshal, msgpack, msgspec, orjson and cloudpickle.

    python -m bench.pickles.run --python PATH [--rounds 8] [--allocators shoal,msgpack] [--cpu 1]

Every dump and load of much data is a process of its own, on the interpreter's own allocator;
--allocators names serializers here.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench import harness
from bench.comparison import Comparison
from bench.harness import SHOAL, BenchError
from bench.pickles.data import COUNTS
from bench.pickles.rows import rows
from bench.pickles.serializers import BASE, SERIALIZERS, Serializer

COLUMNS = (
    "data", "operation", "round", "allocator", "count",
    "cpu", "load_cpu", "peak_kib", "left_kib", "file_bytes",
)  # fmt: skip
SECONDS_EACH = 1.0

Turn = tuple[str, str, str]  # data, operation, serializer


@dataclass(frozen=True)
class Plan:
    """What one run measures."""

    python: str
    rounds: int
    serializers: Sequence[Serializer]
    counts: dict[str, int] = field(default_factory=lambda: dict(COUNTS))


def planned(python: str, rounds: int, names: Sequence[str] | None = None) -> Plan:
    """Return the plan of `make bench`."""
    for name in names or ():
        if name not in SERIALIZERS:
            raise BenchError(f"unknown serializer '{name}'; known: {', '.join(SERIALIZERS)}")
    wanted = dict.fromkeys([BASE, *(names or SERIALIZERS)])
    return Plan(python, rounds, [SERIALIZERS[name] for name in wanted])


def quick(plan: Plan) -> Plan:
    """Return a plan of the same breadth that proves the machinery and measures little."""
    counts = {kind: count // 100 for kind, count in plan.counts.items()}
    return replace(plan, rounds=1, counts=counts)


def _turns(plan: Plan, kind: str) -> list[Turn]:
    """Return what a round does with one kind of data."""
    names = [one.name for one in plan.serializers if kind in one.kinds]
    if kind == "small":
        return [(kind, "small", name) for name in names]
    turns = [(kind, operation, name) for name in names for operation in ("dump", "load")]
    if SHOAL in names:
        turns += [
            (kind, "load shoal's", BASE),
            (kind, "load pickle's", SHOAL),
            (kind, "load shared", SHOAL),
        ]
    return turns


def _order(plan: Plan) -> Iterator[tuple[int, Turn]]:
    """Yield round and turn; what a ratio compares is measured at a stretch."""
    for place, (number, kind) in enumerate(harness.turns(plan.rounds, list(plan.counts))):
        for _, turn in harness.turns(1, _turns(plan, kind), seed=place):
            yield number, turn


@dataclass(frozen=True)
class Runs:
    """Runs measure_one.py, on files that are made once."""

    plan: Plan
    scratch: Path

    def file(self, kind: str, name: str) -> Path:
        """Return the file of a serializer; it is made when it is not there."""
        path = self.scratch / f"{kind}.{name}"
        if not path.exists():
            self._run("make", kind, name, str(path))
        return path

    def measure(self, turn: Turn) -> dict[str, object]:
        """Measure one turn."""
        kind, operation, name = turn
        if operation == "small":
            return self._run("small", kind, name)
        owner = {"dump": BASE, "load pickle's": BASE, "load": name}.get(operation, SHOAL)
        path = str(self.file(kind, owner))
        if operation == "dump":
            return self._run("dump", kind, name, path)
        return self._run("load", kind, name, path, *(["share"] if "shared" in operation else []))

    def _run(self, operation: str, kind: str, name: str, *more: str) -> dict[str, object]:
        count = str(self.plan.counts[kind])
        command = [self.plan.python, "-m", "bench.pickles.measure_one"]
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        line = harness.run([*command, operation, kind, count, name, *more], environment)
        found: dict[str, object] = json.loads(line)
        return found


def measure(plan: Plan, output: Path) -> None:
    """Measure everything in turn."""
    names = sorted({one.package for one in plan.serializers if one.package})
    facts = harness.provenance(
        plan.python, packages=harness.packages(plan.python, names, "pickles")
    )
    order = list(_order(plan))
    title = f"pickle {harness.short_version(plan.python)}"
    with tempfile.TemporaryDirectory() as scratch:
        runs = Runs(plan, Path(scratch))
        for kind in plan.counts:
            for one in plan.serializers:
                if kind in one.kinds and kind != "small":
                    runs.file(kind, one.name)
        with (
            harness.Results(output, facts, COLUMNS) as results,
            harness.Progress(title, len(order), SECONDS_EACH) as progress,
        ):
            for number, (kind, operation, name) in order:
                found = runs.measure((kind, operation, name))
                results.add(
                    data=kind, operation=operation, round=number, allocator=name,
                    count=plan.counts[kind], **found,
                )  # fmt: skip
                progress.done()


COMPARISON = Comparison("pickle", "shoal.pickle beside others.", 8, planned, quick, measure, rows)


if __name__ == "__main__":
    harness.main(COMPARISON.main)
