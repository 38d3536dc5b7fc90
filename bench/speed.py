"""CPU time of Python programs on each allocator, over pymalloc's in the same interpreter.

    python -m bench.speed --python PATH [--rounds 15] [--benchmarks go,chaos] [--cpu 1]

The programs are pyperformance's, unchanged. Every measurement is a fresh process that does the
same work (a number of loops found once) for about 0.4 seconds; see bench/workers/time_benchmark.py.
"""

from __future__ import annotations

import importlib.metadata
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from bench import harness, table
from bench.harness import SHOAL, BenchError, Row
from bench.peers import Peer, find_all, proof_of, prove, versions, worker

BASE = "pymalloc"
COLUMNS = ("benchmark", "round", "allocator", "loops", "cpu", "peak_kib")

# What Shoal aims at: geometric mean over pymalloc, by version of Python; and the worst benchmark.
AIMS = {"3.11": 0.95, "3.13": 0.89, "3.14": 0.97, "3.15": 0.97}
WORST = 1.05

# {benchmark: {allocator: one ratio to the base for each round}}
Ratios = dict[str, dict[str, list[float]]]


@dataclass(frozen=True)
class Benchmark:
    """A benchmark of pyperformance: the directory bm_<directory>, its name there, its arguments."""

    name: str
    directory: str = ""
    arguments: tuple[str, ...] = ()

    def file(self) -> Path:
        """Return the program's path."""
        return _programs() / f"bm_{self.directory or self.name}" / "run_benchmark.py"


_LISTED = (
    Benchmark("async_tree_none", "async_tree", ("none",)),
    Benchmark("chaos"),
    Benchmark("comprehensions"),
    Benchmark("deepcopy"),
    Benchmark("deltablue"),
    Benchmark("float"),
    Benchmark("generators"),
    Benchmark("go"),
    Benchmark("hexiom"),
    Benchmark("json_dumps"),
    Benchmark("json_loads"),
    Benchmark("logging_format", "logging", ("format",)),
    Benchmark("nbody"),
    Benchmark("nqueens"),
    Benchmark("pickle_pure_python", "pickle", ("--pure-python", "pickle")),
    Benchmark("pyflate"),
    Benchmark("raytrace"),
    Benchmark("regex_compile"),
    Benchmark("richards"),
    Benchmark("spectral_norm"),
    Benchmark("tomli_loads"),
    Benchmark("unpickle_pure_python", "pickle", ("--pure-python", "unpickle")),
    Benchmark("xml_etree_process", "xml_etree", ("process",)),
)
BENCHMARKS = {one.name: one for one in _LISTED}

# Run when they are named: a second or more a loop, or hardly an allocation in them.
_ON_REQUEST = ("nqueens", "spectral_norm", "tomli_loads")


def _programs() -> Path:
    """Return the directory of pyperformance's benchmarks."""
    try:
        package = importlib.metadata.distribution("pyperformance")
    except importlib.metadata.PackageNotFoundError:
        raise BenchError("pyperformance: pip install -r bench/requirements.txt") from None
    return Path(str(package.locate_file("pyperformance/data-files/benchmarks")))


@dataclass(frozen=True)
class Plan:
    """What one run measures."""

    python: str
    rounds: int
    peers: Sequence[Peer]
    benchmarks: Sequence[Benchmark]
    seconds: float = 0.4
    title: str = "speed"


def measure_once(
    plan: Plan, benchmark: Benchmark, peer: Peer, loops: int, number: int
) -> dict[str, float]:
    """Run one benchmark once, in a process of its own; loops 0 finds their number."""
    command = worker(
        plan.python, "time_benchmark", str(benchmark.file()), benchmark.name, str(loops),
        str(plan.seconds), *proof_of(peer), *benchmark.arguments,
    )  # fmt: skip
    found = json.loads(harness.run(command, peer.for_python(number)).splitlines()[-1])
    return {key: float(found[key]) for key in ("loops", "cpu", "peak_kib")}


def order(plan: Plan) -> Iterator[tuple[int, Benchmark, Peer]]:
    """Yield round, benchmark and allocator.

    A round goes through all benchmarks, so that slow spells of the machine are shared out; one
    benchmark runs on all allocators at a stretch, as what a ratio compares must be close in time.
    """
    for turn, (number, one) in enumerate(harness.turns(plan.rounds, plan.benchmarks)):
        for _, peer in harness.turns(1, plan.peers, seed=turn):
            yield number, one, peer


def measure(plan: Plan, output: Path) -> None:
    """Measure everything in turn: benchmark by benchmark, each in `plan.rounds` rounds."""
    for peer in plan.peers:
        prove(peer, plan.python)
    started = time.monotonic()
    loops = {
        one.name: int(measure_once(plan, one, plan.peers[0], 0, 0)["loops"])
        for one in plan.benchmarks
    }
    each = (time.monotonic() - started) / len(loops)  # a calibration takes a little longer
    facts = harness.provenance(plan.python, **versions(plan.peers))
    total = len(loops) * len(plan.peers) * plan.rounds
    title = f"{plan.title} {harness.short_version(plan.python)}"
    with (
        harness.Results(output, facts, COLUMNS) as results,
        harness.Progress(title, total, each) as progress,
    ):
        for number, one, peer in order(plan):
            found = measure_once(plan, one, peer, loops[one.name], number)
            found["peak_kib"] = int(found["peak_kib"])
            results.add(
                benchmark=one.name, round=number, allocator=peer.name,
                **{**found, "loops": loops[one.name]},
            )  # fmt: skip
            progress.done()


# ---- Results ------------------------------------------------------------------------------------


def ratios(path: Path, column: str = "cpu", base: str = BASE) -> Ratios:
    """Return the ratios to `base` of a column of a file."""
    _, lines = harness.read_results(path)
    names = sorted({line["benchmark"] for line in lines})
    return {
        name: harness.paired(harness.by_allocator(lines, column, benchmark=name), base)
        for name in names
    }


def rows(path: Path) -> list[Row]:
    """Return the lines of the table: the geometric mean, each benchmark, the peaks."""
    facts, _ = harness.read_results(path)
    version = ".".join(facts["python"].split(".")[:2])
    found = ratios(path)
    section = f"Speed, Python {version}: CPU time over pymalloc's"
    return [
        geomean_row(section, f"geomean of {len(found)} benchmarks", found, AIMS.get(version)),
        slowest_row(section, found),
        *(harness.ratio_row(section, name, of, WORST, detail=True) for name, of in found.items()),
        geomean_row(
            f"Peak RSS, Python {version}: over pymalloc's",
            f"geomean of {len(found)} benchmarks", ratios(path, "peak_kib"), 1.02,
        ),
    ]  # fmt: skip


def geomean_row(section: str, title: str, found: Ratios, aim: float | None) -> Row:
    """Return a row of geometric means over benchmarks, with their intervals."""
    names = list(next(iter(found.values())))
    means = {n: harness.geomean_of_medians([of[n] for of in found.values()]) for n in names}
    return Row(
        section, title, {name: mean.value for name, mean in means.items()},
        aim=f"<= {aim}" if aim else "",
        met=means[SHOAL].value <= aim if aim and SHOAL in means else None,
        text={n: f"{m.value:.3f} ({m.lower:.3f}-{m.upper:.3f})" for n, m in means.items()},
    )  # fmt: skip


def slowest_row(section: str, found: Ratios) -> Row:
    """Return a row with the benchmark that each allocator is slowest in."""
    medians = {
        peer: max((median(of[peer]), name) for name, of in found.items())
        for peer in next(iter(found.values()))
    }
    values = {peer: value for peer, (value, _) in medians.items()}
    text = {peer: f"{value:.3f} {name}" for peer, (value, name) in medians.items()}
    met = values[SHOAL] <= WORST if SHOAL in values else None
    return Row(section, "the slowest of them", values, f"<= {WORST}", met, text=text)


def chosen(names: Sequence[str] | None) -> list[Benchmark]:
    """Return the benchmarks named, or the usual ones; BenchError for a name that is none."""
    for name in names or ():
        if name not in BENCHMARKS:
            raise BenchError(f"unknown benchmark '{name}'; known: {', '.join(BENCHMARKS)}")
    usual = [name for name in BENCHMARKS if name not in _ON_REQUEST]
    return [BENCHMARKS[name] for name in names or usual]


def _main() -> None:
    options = harness.parser("CPU time of Python programs on each allocator.", rounds=15)
    options.add_argument("--benchmarks", type=harness.comma_list, metavar="A,B")
    options.add_argument("--seconds", type=float, default=0.4, help="per measurement")
    got = options.parse_args()
    harness.pin(got.cpu)
    peers = with_base(got.allocators, got.python)
    plan = Plan(got.python, got.rounds, peers, chosen(got.benchmarks), got.seconds)
    output = got.output or harness.result_file("speed", got.python)
    measure(plan, output)
    table.show(rows(output))


def with_base(names: Sequence[str] | None, python: str) -> list[Peer]:
    """Return the allocators named (or all) with pymalloc first: ratios are to it."""
    peers = find_all(names, python)
    if not any(peer.name == BASE for peer in peers):
        peers += find_all([BASE], python)
    return sorted(peers, key=lambda peer: peer.name != BASE)


def planned(python: str, rounds: int, names: Sequence[str] | None = None) -> Plan:
    """Return the plan of `make bench`."""
    return Plan(python, rounds, with_base(names, python), chosen(None))


def quick(plan: Plan) -> Plan:
    """Return a plan of the same breadth that proves the machinery and measures little."""
    return replace(plan, rounds=2, seconds=0.05)


if __name__ == "__main__":
    harness.main(_main)
