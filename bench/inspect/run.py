"""`shoal inspect` beside memray, py-spy, guppy and gdb: time, how long the process stands, truth.

    python -m bench.inspect.run --python PATH [--rounds 5] [--allocators shoal,py-spy] [--cpu 1]

Processes of a known size wait to be looked at; the tools take turns. --allocators names tools here.
"""

from __future__ import annotations

import json
import mmap
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench import harness
from bench.comparison import Comparison
from bench.harness import ROOT, SHOAL, BenchError
from bench.inspect import tools
from bench.inspect.rows import rows
from bench.inspect.target import ASK_GUPPY, GO, GUPPY_BYTES, STOP_NS, WORDS
from bench.inspect.tools import NOBODY, Answer, Tool
from bench.peers import find

COLUMNS = (
    "heap", "mib", "share", "round", "allocator", "seconds", "cpu", "reading", "frozen", "stop_ms",
    "told", "live", "truth", "held", "pins",
)  # fmt: skip
SECONDS_EACH = 2.5
PYMALLOC = "pymalloc"
AROUND = 0.2  # seconds that the process is watched before and after


@dataclass(frozen=True)
class Heap:
    """What a process has that is looked at."""

    allocator: str
    mib: int
    share: float = 1.0


HEAPS = (
    Heap(PYMALLOC, 100), Heap(PYMALLOC, 1000), Heap(PYMALLOC, 1000, 0.02),
    Heap(SHOAL, 100), Heap(SHOAL, 1000), Heap(SHOAL, 1000, 0.02),
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """What one run measures."""

    python: str
    rounds: int
    tools: Sequence[Tool]
    heaps: Sequence[Heap] = HEAPS


def planned(python: str, rounds: int, names: Sequence[str] | None = None) -> Plan:
    """Return the plan of `make bench`."""
    return Plan(python, rounds, tools.chosen(names))


def quick(plan: Plan) -> Plan:
    """Return a plan of the same breadth that proves the machinery and measures little."""
    heaps = tuple(replace(heap, mib=heap.mib // 10) for heap in plan.heaps)
    return replace(plan, rounds=1, heaps=heaps)


class Target:
    """A process that is looked at."""

    def __init__(self, plan: Plan, heap: Heap, scratch: Path) -> None:
        self.errors = scratch / "errors"
        state = scratch / "state"
        state.write_bytes(bytes(8 * WORDS))
        with state.open("r+b") as file:
            self.state = memoryview(mmap.mmap(file.fileno(), 8 * WORDS)).cast("Q")
        environment = find(heap.allocator, plan.python).for_python()
        environment["PYTHONPATH"] = str(ROOT)
        command = [plan.python, tools.TARGET, str(state), str(heap.mib), str(heap.share)]
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise BenchError(f"{' '.join(command)}: {self.errors.read_text().strip()[-200:]}")
        self.live: int = json.loads(line)["live"]

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Have it watch the clock."""
        self.state[STOP_NS] = 0
        self.state[GO] = 1
        time.sleep(AROUND)
        yield
        time.sleep(AROUND)
        self.state[GO] = 0
        self._until(lambda: self.state[STOP_NS] > 0)

    def ask_guppy(self) -> int:
        """Have guppy look from inside; gives the bytes of all objects it finds."""
        self.state[ASK_GUPPY] = 1
        self._until(lambda: not self.state[ASK_GUPPY])
        return self.state[GUPPY_BYTES]

    def _until(self, happened) -> None:
        while not happened():
            if self.process.poll() is not None:
                raise BenchError(f"the process that is looked at ended: {self.errors.read_text()}")
            time.sleep(0.001)

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.communicate()


def _look(plan: Plan, tool: Tool, target: Target, output: Path) -> Answer:
    """Look once."""
    if tool.name == NOBODY:
        time.sleep(AROUND)
        return Answer()
    if not tool.command:
        return Answer(live=target.ask_guppy())
    before = target.errors.stat().st_size
    command = tools.filled(tool, plan.python, target.process.pid, output)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip() or "(it said nothing)").splitlines()[-1]
        raise BenchError(f"{tool.name}: exit status {done.returncode}: {said}")
    return tool.answer(done.stdout, target.errors.read_text()[before:])


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _measured(plan: Plan, tool: Tool, target: Target, output: Path) -> dict[str, object]:
    with target.watched():
        cpu, began = _cpu(), time.perf_counter()
        answer = _look(plan, tool, target, output)
        seconds, cpu = time.perf_counter() - began, _cpu() - cpu
    figures = {"live": answer.live, "held": answer.held, "pins": answer.pins}
    figures |= {"reading": answer.reading, "frozen": answer.frozen}
    known = {name: figure for name, figure in figures.items() if figure is not None}
    return {
        "seconds": seconds, "cpu": cpu, "stop_ms": target.state[STOP_NS] / 1e6,
        "told": answer.told(), "truth": target.live, **known,
    }  # fmt: skip


def _used(plan: Plan, heap: Heap) -> list[Tool]:
    return [tool for tool in plan.tools if heap.allocator == PYMALLOC or tool.on_shoal]


def _measure_heap(
    plan: Plan, heap: Heap, results: harness.Results, progress: harness.Progress
) -> None:
    used = _used(plan, heap)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        targets: dict[str, Target] = {}
        for tool in used:
            of = tool.name if tool.disturbs else ""
            if of not in targets:
                scratch = folder / f"for {of}"
                scratch.mkdir()
                targets[of] = Target(plan, heap, scratch)
                stack.callback(targets[of].close)
        for number, tool in harness.turns(plan.rounds, used):
            target = targets[tool.name if tool.disturbs else ""]
            found = _measured(plan, tool, target, folder / "output")
            results.add(
                heap=heap.allocator, mib=heap.mib, share=heap.share,
                round=number, allocator=tool.name, **found,
            )  # fmt: skip
            progress.done()


def measure(plan: Plan, output: Path) -> None:
    """Measure everything, one heap after the other."""
    facts = harness.provenance(plan.python, tools=tools.versions(plan.python, plan.tools))
    total = plan.rounds * sum(len(_used(plan, heap)) for heap in plan.heaps)
    title = f"inspect {harness.short_version(plan.python)}"
    with (
        harness.Results(output, facts, COLUMNS) as results,
        harness.Progress(title, total, SECONDS_EACH) as progress,
    ):
        for heap in plan.heaps:
            _measure_heap(plan, heap, results, progress)


COMPARISON = Comparison(
    "inspect", "`shoal inspect` beside others.", 5, planned, quick, measure, rows
)


if __name__ == "__main__":
    harness.main(COMPARISON.main)
