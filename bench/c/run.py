"""C programs on every allocator, by LD_PRELOAD: CPU time, peak and what stays when all is freed.

    python -m bench.c.run                   everything: 15 rounds
    python -m bench.c.run --rounds 3 --only cfrac,pair
    python -m bench.c.run --show FILE       the tables of raw data measured before

Needs a C compiler and make. The programs are described in README.md in this directory.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from bench import harness, table
from bench.harness import MIB, ROOT, SHOAL, BenchError, Row, Spread
from bench.peers import FOR_PROGRAMS, KNOWN, Peer, find_all, versions

HERE = Path(__file__).resolve().parent
BUILD = ROOT / "build" / "bench-c"
SECTION = "As malloc: C programs"

SPEED_BASE = "mimalloc3"
MEMORY_BASE = "jemalloc"
NEVER = "shoal-never"
CHURN = "churn64"
PAIR_AIM = 3.0 / 3.9  # of mimalloc 3's time: 3 ns where it takes 3.9
CHURN_AIM = 1.10

MEASURED = ("cpu_ns", "wall_ns", "ns_per_operation", "peak_rss", "resident_end")
COLUMNS = ("round", "program", "allocator", "iterations", "operations", *MEASURED)
SECONDS_EACH = 0.3

Lines = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Program:
    """One program, or one variant of it (`pair:64` is of the family `pair`)."""

    name: str
    iterations: int

    @property
    def family(self) -> str:
        """What it is a variant of; a family counts as one program in a mean."""
        return family_of(self.name)


def family_of(program: str) -> str:
    """Return what a variant is a variant of: `batch` for `batch:fifo`."""
    return program.partition(":")[0]


# ---- Measuring ----------------------------------------------------------------------------------


def build() -> Path:
    """Compile the programs when they are not up to date and return their executable."""
    try:
        harness.run(["make", "-s", "-C", str(HERE), f"OUT={BUILD}"], os.environ)
    except OSError as error:
        raise BenchError(f"make: {error.strerror}") from None
    return BUILD / "loops"


def programs(executable: Path, only: Sequence[str] | None = None) -> list[Program]:
    """Return all programs, or those whose name or family is in `only`."""
    listed = [
        line.split() for line in harness.run([str(executable), "--list"], os.environ).splitlines()
    ]
    found = [Program(name, int(iterations)) for name, iterations in listed]
    if only is None:
        return found
    known = {program.name for program in found} | {program.family for program in found}
    for name in only:
        if name not in known:
            raise BenchError(f"no program is called '{name}'; known: {', '.join(sorted(known))}")
    return [program for program in found if program.name in only or program.family in only]


def prove(peer: Peer) -> None:
    """Raise BenchError unless a program run on `peer` really loads its library.

    A library that cannot be preloaded is only a warning of the dynamic linker's: the program would
    run on glibc and be reported as the peer.
    """
    maps = harness.run(["cat", "/proc/self/maps"], peer.for_program())
    if peer.library is not None and str(peer.library) not in maps:
        raise BenchError(f"{peer.name}: {peer.library} cannot be preloaded")


@dataclass(frozen=True)
class Plan:
    """What one run measures."""

    rounds: int
    peers: Sequence[Peer]
    only: Sequence[str] | None = None
    scale: float = 1.0  # times every program's usual iterations


def measure(plan: Plan, output: Path) -> None:
    """Run every program on every allocator in turn; raw data goes to `output`."""
    executable = build()
    selected = programs(executable, plan.only)
    for peer in plan.peers:
        prove(peer)
    compiler = harness.run(["cc", "--version"], os.environ).splitlines()[0]
    facts = harness.provenance(compiler=compiler, **versions(plan.peers))
    total = plan.rounds * len(selected) * len(plan.peers)
    with (
        harness.Results(output, facts, COLUMNS) as results,
        harness.Progress("C programs", total, SECONDS_EACH * plan.scale) as progress,
    ):
        for number, program in harness.turns(plan.rounds, selected):
            iterations = max(1, round(program.iterations * plan.scale))
            command = [str(executable), program.name, str(iterations)]
            # One program on all allocators at a stretch: what a ratio compares is close in time.
            seed = number * len(selected) + selected.index(program)
            for _, peer in harness.turns(1, plan.peers, seed):
                said = json.loads(harness.run(command, peer.for_program()))
                results.add(round=number, allocator=peer.name, **said)
                progress.done()


# ---- What was found -----------------------------------------------------------------------------


def in_order(values: Iterable[str]) -> list[str]:
    """Return the values in their order, each once."""
    return list(dict.fromkeys(values))


def family_ratios(lines: Lines, family: str, column: str, base: str) -> dict[str, list[float]]:
    """Return {allocator: a ratio to `base` for each round}, the geometric mean of the variants."""
    variants = [n for n in in_order(x["program"] for x in lines) if family_of(n) == family]
    each = [
        harness.paired(harness.by_allocator(lines, column, program=variant), base)
        for variant in variants
    ]
    return {
        name: [harness.geomean(round_) for round_ in zip(*(one[name] for one in each))]
        for name in each[0]
    }


def _overall(lines: Lines, column: str, base: str, title: str, aim: str) -> Row:
    """Return the row of geometric means over the families, with their 95 % intervals."""
    families = in_order(family_of(line["program"]) for line in lines)
    ratios = [family_ratios(lines, family, column, base) for family in families]
    names = [name for name in ratios[0] if name != NEVER]
    means = {name: harness.geomean_of_medians([one[name] for one in ratios]) for name in names}
    values = {name: mean.value for name, mean in means.items()}
    text = {n: f"{m.value:.3f} ({m.lower:.3f}-{m.upper:.3f})" for n, m in means.items()}
    met = values[SHOAL] <= 1.0 if aim and SHOAL in values else None
    return Row(SECTION, title.format(len(families)), values, aim, met, text=text)


def _family(lines: Lines, family: str) -> Row:
    """Return the row of one family: CPU time over mimalloc 3's."""
    ratios = family_ratios(lines, family, "cpu_ns", SPEED_BASE)
    values = {name: statistics.median(r) for name, r in ratios.items() if name != NEVER}
    if family != "pair":
        return Row(SECTION, f"{family}: CPU time over mimalloc 3's", values)
    met = values[SHOAL] <= PAIR_AIM if SHOAL in values else None
    title = "malloc+free pair, 16 to 1024 bytes: CPU time over mimalloc 3's"
    return Row(SECTION, title, values, f"<= {PAIR_AIM:.2f}", met)


def _pair_ns(lines: Lines) -> Row:
    """Return the row of nanoseconds for one malloc and free, the mean over the sizes."""
    variants = [n for n in in_order(x["program"] for x in lines) if family_of(n) == "pair"]
    each = [
        harness.by_allocator(lines, "ns_per_operation", program=variant) for variant in variants
    ]
    values = {
        name: harness.geomean(statistics.median(one[name].values()) for one in each)
        for name in each[0]
        if name != NEVER
    }
    return Row(SECTION, "malloc+free pair, 16 to 1024 bytes, ns", values, digits=2)


def _releasing(lines: Lines, program: str) -> Row:
    """Return what releasing costs in a loop that asks for 64 MB and frees it over and over."""
    spent = harness.paired(harness.by_allocator(lines, "cpu_ns", program=program), NEVER)
    value = statistics.median(spent[SHOAL])
    title = f"CPU time over never releasing, {program}"
    return Row(SECTION, title, {SHOAL: value}, f"<= {CHURN_AIM:.2f}", value <= CHURN_AIM)


def rows(path: Path) -> list[Row]:
    """Return the lines of the table of `make bench`, from raw data."""
    _, lines = harness.read_results(path)
    names = in_order(line["allocator"] for line in lines)
    families = in_order(family_of(line["program"]) for line in lines)
    found: list[Row] = []
    if SPEED_BASE in names:
        title = "CPU time over mimalloc 3's, geomean of {} programs"
        found.append(_overall(lines, "cpu_ns", SPEED_BASE, title, "<= 1"))
        found += [_family(lines, family) for family in sorted(families)]
    if "pair" in families:
        found.append(_pair_ns(lines))
    if MEMORY_BASE in names:
        title = "peak RSS over jemalloc's, geomean of {} programs"
        found.append(_overall(lines, "peak_rss", MEMORY_BASE, title, "<= 1"))
        title = "resident when all is freed, over jemalloc's, geomean of {} programs"
        found.append(_overall(lines, "resident_end", MEMORY_BASE, title, ""))
    if {SHOAL, NEVER} <= set(names):
        found += [
            _releasing(lines, name)
            for name in in_order(x["program"] for x in lines)
            if family_of(name) == CHURN
        ]
    return found


# ---- Command line -------------------------------------------------------------------------------


def duration(ns: float) -> str:
    """Return a time in its unit: `33.8 ms` for 33789090.0."""
    for unit, size in (("ms", 1e6), ("us", 1e3)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}"
    return f"{ns:.3g} ns"


def mebibytes(size: float) -> str:
    """Return a size in MiB: `1.5` for 1572864.0."""
    return f"{size / MIB:.1f}"


def detail(lines: Lines, column: str, title: str, form: Callable[[float], str]) -> Table:
    """Return medians with quartiles, a line for each program, a column for each allocator."""
    grid = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    names = [name for name in KNOWN if any(line["allocator"] == name for line in lines)]
    grid.add_column("")
    for name in names:
        grid.add_column(name, justify="right")
    for program in sorted({line["program"] for line in lines}):
        values = harness.by_allocator(lines, column, program=program)
        spreads = [Spread.of(values[name].values()) for name in names]
        cells = (f"{form(s.median)} ({form(s.lower)}-{form(s.upper)})" for s in spreads)
        grid.add_row(program, *cells)
    return grid


def show(path: Path) -> None:
    """Print the medians of every program, then the lines of the table of `make bench`."""
    _, lines = harness.read_results(path)
    console = Console()
    if not console.is_terminal:
        console = Console(width=240)
    for column, title, form in (
        ("ns_per_operation", "CPU time of one operation: median (quartiles)", duration),
        ("peak_rss", "Peak RSS, MiB", mebibytes),
        ("resident_end", "Resident when all is freed, MiB", mebibytes),
    ):
        console.print(detail(lines, column, title, form))
    table.show(rows(path))


def planned(rounds: int, names: Sequence[str] | None = None, python: str = sys.executable) -> Plan:
    """Return the plan of `make bench`. `python` is where Shoal is looked for."""
    return Plan(rounds, find_all(names or (*FOR_PROGRAMS, NEVER), python))


def quick(plan: Plan) -> Plan:
    """Return a plan of the same breadth that proves the machinery and measures little."""
    return replace(plan, rounds=2, scale=0.02)


def _main() -> None:
    options = harness.parser("C programs on every allocator, by LD_PRELOAD.", rounds=15)
    options.add_argument("--only", type=harness.comma_list, metavar="A,B",
                         help="these programs or families")  # fmt: skip
    options.add_argument("--scale", type=_scale, default=1.0, help="times the usual iterations")
    options.add_argument("--show", type=Path, metavar="FILE", help="measure nothing: show raw data")
    got = options.parse_args()
    if got.show is not None:
        if not got.show.is_file():
            raise BenchError(f"--show: {got.show}: no such file")
        show(got.show)
        return
    harness.pin(got.cpu)
    plan = planned(got.rounds, got.allocators, got.python)
    output = got.output or harness.result_file("c")
    measure(replace(plan, only=got.only, scale=got.scale), output)
    show(output)


def _scale(text: str) -> float:
    """Read a factor above 0: an argparse type."""
    factor = float(text)
    if not 0 < factor <= 1000:
        raise argparse.ArgumentTypeError("above 0, at most 1000")
    return factor


if __name__ == "__main__":
    harness.main(_main)
