"""C programs on every allocator, by LD_PRELOAD: CPU time, peak and what stays when all is freed.

    python -m bench.c.run                   everything, about a quarter of an hour
    python -m bench.c.run --rounds 3 --only cfrac,pair
    python -m bench.c.run --show FILE       the tables of raw data measured before

Needs a C compiler and make. The programs are described in README.md in this directory.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.harness import (
    MIB,
    RESULTS,
    ROOT,
    SHOAL,
    BenchError,
    Progress,
    Results,
    Row,
    Spread,
    comma_list,
    geomean,
    geomean_of_medians,
    main,
    paired,
    parser,
    pin,
    provenance,
    read_results,
    run,
    turns,
)
from bench.peers import FOR_PROGRAMS, Peer, find_all, versions

HERE = Path(__file__).resolve().parent
BUILD = ROOT / "build" / "bench-c"
OUTPUT = RESULTS / "c.csv"
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
Rounds = dict[str, dict[int, float]]  # {allocator: {round: figure}}


@dataclass(frozen=True)
class Program:
    """One program, or one variant of it (`pair:64` is of the family `pair`)."""

    name: str
    iterations: int

    @property
    def family(self) -> str:
        """The variants of a family count as one program in a mean."""
        return family_of(self.name)


def family_of(program: str) -> str:
    """`batch:fifo` -> `batch`."""
    return program.partition(":")[0]


# ---- Measuring ----------------------------------------------------------------------------------


def build() -> Path:
    """Compiles the programs when they are not up to date and returns their executable."""
    try:
        run(["make", "-s", "-C", str(HERE), f"OUT={BUILD}"], os.environ)
    except OSError as error:
        raise BenchError(f"make: {error.strerror}") from None
    return BUILD / "loops"


def programs(executable: Path, only: Sequence[str] | None = None) -> list[Program]:
    """All programs, or those whose name or family is in `only`."""
    listed = [line.split() for line in run([str(executable), "--list"], os.environ).splitlines()]
    found = [Program(name, int(iterations)) for name, iterations in listed]
    if only is None:
        return found
    known = {program.name for program in found} | {program.family for program in found}
    for name in only:
        if name not in known:
            raise BenchError(f"no program is called '{name}'; known: {', '.join(sorted(known))}")
    return [program for program in found if program.name in only or program.family in only]


def prove(peer: Peer) -> None:
    """Raises BenchError unless a program run on `peer` really loads its library.

    A library that cannot be preloaded is only a warning of the dynamic linker's: the program would
    run on glibc and be reported as the peer.
    """
    maps = run(["cat", "/proc/self/maps"], peer.for_program())
    if peer.library is not None and str(peer.library) not in maps:
        raise BenchError(f"{peer.name}: {peer.library} cannot be preloaded")


def measure(chosen: argparse.Namespace) -> Path:
    """Runs every program on every allocator, `chosen.rounds` times, and returns the raw data."""
    executable = build()
    selected = programs(executable, chosen.only)
    names = list(chosen.allocators or (*FOR_PROGRAMS, NEVER))
    peers = {peer.name: peer for peer in find_all(names, chosen.python)}
    for peer in peers.values():
        prove(peer)
    facts = provenance(compiler=run(["cc", "--version"], os.environ).splitlines()[0])
    output = chosen.output or OUTPUT
    total = chosen.rounds * len(selected) * len(peers)
    with (
        Results(output, facts | versions(list(peers.values())), COLUMNS) as results,
        Progress("C programs", total, SECONDS_EACH * chosen.scale) as progress,
    ):
        for number, program in turns(chosen.rounds, selected):
            iterations = max(1, round(program.iterations * chosen.scale))
            command = [str(executable), program.name, str(iterations)]
            # One program on all allocators at a stretch: what a ratio compares is close in time.
            order = turns(1, list(peers), seed=number * len(selected) + selected.index(program))
            for _, name in order:
                said = json.loads(run(command, peers[name].for_program()))
                results.add(round=number, allocator=name, **said)
                progress.done()
    return output


# ---- What was found -----------------------------------------------------------------------------


def in_order(values: Iterable[str]) -> list[str]:
    """Without what was there before."""
    return list(dict.fromkeys(values))


def figures(lines: Lines, program: str, column: str) -> Rounds:
    """The figures of one program, by allocator and round."""
    found: Rounds = {}
    for line in lines:
        if line["program"] == program:
            found.setdefault(line["allocator"], {})[int(line["round"])] = float(line[column])
    return found


def family_ratios(lines: Lines, family: str, column: str, base: str) -> dict[str, list[float]]:
    """For each allocator one ratio to `base` a round: the geometric mean over the variants."""
    variants = [n for n in in_order(x["program"] for x in lines) if family_of(n) == family]
    each = [paired(figures(lines, variant, column), base) for variant in variants]
    return {
        name: [geomean(round_) for round_ in zip(*(one[name] for one in each))] for name in each[0]
    }


def _overall(lines: Lines, column: str, base: str, title: str, aim: str) -> Row:
    """The geometric mean over the families, with its 95 % interval in Shoal's case."""
    names = in_order(line["allocator"] for line in lines)
    families = in_order(family_of(line["program"]) for line in lines)
    ratios = [family_ratios(lines, family, column, base) for family in families]
    means = {name: geomean_of_medians([one[name] for one in ratios]) for name in names}
    values = {name: mean.value for name, mean in means.items() if name != NEVER}
    text = {
        name: f"{mean.value:.3f} [{mean.lower:.3f}, {mean.upper:.3f}]"
        for name, mean in means.items()
        if name == SHOAL
    }
    met = values[SHOAL] <= 1.0 if aim and SHOAL in values else None
    return Row(SECTION, title.format(len(families)), values, aim, met, text=text)


def _family(lines: Lines, family: str) -> Row:
    """The CPU time of one family over mimalloc 3's."""
    ratios = family_ratios(lines, family, "cpu_ns", SPEED_BASE)
    values = {name: statistics.median(r) for name, r in ratios.items() if name != NEVER}
    if family != "pair":
        return Row(SECTION, f"{family}: CPU time over mimalloc 3's", values)
    met = values[SHOAL] <= PAIR_AIM if SHOAL in values else None
    title = "malloc+free pair, 16 to 1024 bytes: CPU time over mimalloc 3's"
    return Row(SECTION, title, values, f"<= {PAIR_AIM:.2f}", met)


def _pair_ns(lines: Lines) -> Row:
    """Nanoseconds of one malloc and free, over the sizes."""
    variants = [n for n in in_order(x["program"] for x in lines) if family_of(n) == "pair"]
    each = [figures(lines, variant, "ns_per_operation") for variant in variants]
    values = {
        name: geomean(statistics.median(one[name].values()) for one in each)
        for name in each[0]
        if name != NEVER
    }
    return Row(SECTION, "malloc+free pair, 16 to 1024 bytes, ns", values, digits=2)


def _releasing(lines: Lines) -> Row:
    """What releasing costs in the loop that asks for 64 MB and frees it over and over."""
    ratios = family_ratios(lines, CHURN, "cpu_ns", NEVER)
    value = statistics.median(ratios[SHOAL])
    title = f"{CHURN}: CPU time over never releasing"
    aim = f"<= {CHURN_AIM:.2f}"
    return Row(SECTION, title, {SHOAL: value}, aim, value <= CHURN_AIM)


def rows(path: Path) -> list[Row]:
    """The lines of the table of `make bench`, from raw data."""
    _, lines = read_results(path)
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
    if CHURN in families and {SHOAL, NEVER} <= set(names):
        found.append(_releasing(lines))
    return found


# ---- Showing it ---------------------------------------------------------------------------------


def duration(ns: float) -> str:
    """`33789090.0` -> `33.8 ms`."""
    for unit, size in (("ms", 1e6), ("us", 1e3)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}"
    return f"{ns:.3g} ns"


def mebibytes(size: float) -> str:
    """`1572864.0` -> `1.5`."""
    return f"{size / MIB:.1f}"


def _spread_table(lines: Lines, column: str, title: str, form: Callable[[float], str]) -> Table:
    """Medians with quartiles, a line for each program and a column for each allocator."""
    names = in_order(line["allocator"] for line in sorted(lines, key=lambda x: x["allocator"]))
    table = Table(title=title, title_justify="left")
    table.add_column("program")
    for name in names:
        table.add_column(name, justify="right")
    for program in sorted({line["program"] for line in lines}):
        values = figures(lines, program, column)
        cells = []
        for name in names:
            spread = Spread.of(values[name].values())
            quartiles = f"{form(spread.lower)} - {form(spread.upper)}"
            cells.append(f"{form(spread.median)}\n[dim]{quartiles}[/dim]")
        table.add_row(program, *cells)
    return table


def show(path: Path) -> None:
    """Prints the medians of every program and the lines of the table of `make bench`."""
    facts, lines = read_results(path)
    console = Console(width=None if Console().is_terminal else 200)
    for key, value in facts.items():
        console.print(f"{key}: {value}", markup=False, highlight=False)
    for column, title, form in (
        ("ns_per_operation", "CPU time of one operation (median, quartiles)", duration),
        ("peak_rss", "Peak RSS, MiB", mebibytes),
        ("resident_end", "Resident when all is freed, MiB", mebibytes),
    ):
        console.print(_spread_table(lines, column, title, form))
    names = [n for n in in_order(line["allocator"] for line in lines) if n != NEVER]
    summary = Table("", *sorted(names), "aim", "met", "place", title=SECTION, title_justify="left")
    for row in rows(path):
        met = {None: "", True: "yes", False: "NO"}[row.met]
        shown = (row.shown(name) for name in sorted(names))
        summary.add_row(row.title, *shown, row.aim, met, row.place())
    console.print(summary)


def options() -> argparse.ArgumentParser:
    """The command line."""
    found = parser("C programs on every allocator, by LD_PRELOAD.", rounds=15)
    found.add_argument("--only", type=comma_list, metavar="A,B", help="these programs or families")
    found.add_argument("--scale", type=float, default=1.0, help="times the usual iterations")
    found.add_argument("--show", type=Path, metavar="FILE", help="measure nothing: show raw data")
    return found


def _main() -> None:
    chosen = options().parse_args()
    if chosen.show is not None:
        if not chosen.show.is_file():
            raise BenchError(f"--show: {chosen.show}: no such file")
        show(chosen.show)
        return
    pin(chosen.cpu)
    show(measure(chosen))


if __name__ == "__main__":
    main(_main)
