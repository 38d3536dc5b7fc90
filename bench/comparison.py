"""A part of the table that compares one thing Shoal has with its peers, and its command line.

What bench/profile, inspect, pickles, flat, columns, rounds, compact and large have in common: a
plan is made, for `make bench` or for the part alone, then measured into a file, then the file is
shown.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from bench import harness, table
from bench.harness import Row

Plan = TypeVar("Plan")


@dataclass(frozen=True)
class Comparison(Generic[Plan]):
    """How a part is measured.

    `name` is that of the file of raw data, `description` and `rounds` (the default) are for the
    command line. `planned` makes a plan of the interpreter, the rounds and the names of peers (None
    is all), `quick` one of the same breadth that measures little. `shows`: the command line has
    --show. A part with options of its own adds them by `adds`, and puts them into a plan by
    `takes`.
    """

    name: str
    description: str
    rounds: int
    planned: Callable[[str, int, Sequence[str] | None], Plan]
    quick: Callable[[Plan], Plan]
    measure: Callable[[Plan, Path], None]
    rows: Callable[[Path], list[Row]]
    shows: bool = True
    adds: Callable[[ArgumentParser], object] | None = None
    takes: Callable[[Plan, Namespace], Plan] | None = None

    def plan(
        self, python: str, rounds: int, names: Sequence[str] | None = None, *, quick: bool = False
    ) -> Plan:
        """Return what to measure; raise BenchError for a name that is no peer's."""
        plan = self.planned(python, rounds, names)
        return self.quick(plan) if quick else plan

    def main(self) -> None:
        """Do what the command line asks for."""
        options = harness.parser(self.description, self.rounds)
        options.add_argument("--quick", action="store_true", help="prove that everything runs")
        if self.shows:
            options.add_argument(
                "--show", type=Path, metavar="FILE", help="measure nothing: show raw data"
            )
        if self.adds is not None:
            self.adds(options)
        got = options.parse_args()
        if self.shows and got.show is not None:
            table.show(self.rows(got.show))
            return
        harness.pin(got.cpu)
        plan = self.plan(got.python, got.rounds, got.allocators, quick=got.quick)
        if self.takes is not None:
            plan = self.takes(plan, got)
        output = got.output or harness.result_file(self.name, got.python)
        self.measure(plan, output)
        table.show(self.rows(output))
