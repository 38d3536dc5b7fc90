"""The table of `make bench`: on the terminal, and as Markdown for the README."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from rich import box
from rich.console import Console
from rich.table import Table

from bench.harness import SHOAL, Row
from bench.peers import KNOWN

# How the sections begin in which other things are compared than allocators as they are.
_APART = ("Heaps of", "Profiler", "Inspect", "Pickles", "Files of records", "Columns")

# Wide enough for every allocator where there is no terminal to ask.
_FILE_WIDTH = 200


def columns(rows: Iterable[Row]) -> list[str]:
    """Return the allocators of these rows: Shoal, then the peers in the order of peers.py.

    What is none of them, a profiler, comes behind, as it comes in the rows.
    """
    names = dict.fromkeys(name for row in rows for name in row.values)
    order = dict.fromkeys((SHOAL, *KNOWN, *names))
    return [name for name in order if name in names]


def verdict(row: Row) -> str:
    """Return the aim and whether it is met: `<= 0.95 missed`."""
    if row.met is None:
        return row.aim
    return f"{row.aim} {'met' if row.met else 'missed'}"


def show(rows: Sequence[Row], console: Console | None = None) -> None:
    """Print one table a section; the best figure of a row is bold."""
    to = console or Console()
    if not to.is_terminal:
        to = Console(file=to.file, width=_FILE_WIDTH)
    for section, group in groupby(rows, key=lambda row: row.section):
        members = list(group)
        names = columns(members)
        grid = Table(title=section, title_justify="left", box=box.SIMPLE_HEAD)
        grid.add_column("")
        for name in names:
            grid.add_column(name, justify="right")
        grid.add_column("place")
        grid.add_column("aim")
        for row in members:
            best = _best(row)
            cells = [
                f"[bold]{row.shown(name)}[/bold]" if name in best else row.shown(name)
                for name in names
            ]
            grid.add_row(row.title, *cells, row.place(), verdict(row))
        to.print(grid)


def summary(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that have an aim and are no detail: what the README shows."""
    return [row for row in rows if row.aim and not row.detail]


def markdown(rows: Sequence[Row]) -> str:
    """Return the same tables in Markdown, figures without their intervals."""
    lines: list[str] = []
    for section, group in groupby(rows, key=lambda row: row.section):
        members = list(group)
        names = columns(members)
        lines += [f"**{section}**", "", *_head(names), *(_row(row, names) for row in members), ""]
    return "\n".join(lines)


def markdown_of_all(rows: Sequence[Row]) -> str:
    """Return a table in Markdown, with a line for each section: what the README has.

    What compares other things than allocators as they are has a table of its own.
    """
    groups = groupby(
        rows, key=lambda row: row.section.startswith(_APART) and row.section.split(",")[0]
    )
    return "\n\n".join(_one_table(list(group)) for _, group in groups)


def _one_table(rows: Sequence[Row]) -> str:
    names = columns(rows)
    lines = _head(names)
    for section, group in groupby(rows, key=lambda row: row.section):
        lines.append(_line([f"**{section}**", *[""] * len(names), "", ""]))
        lines += [_row(row, names) for row in group]
    return "\n".join(lines)


def _head(names: Sequence[str]) -> list[str]:
    return [_line(["", *names, "place", "aim"]), "|---|" + "---:|" * len(names) + "---|---|"]


def _row(row: Row, names: Sequence[str]) -> str:
    best = _best(row)
    cells = [f"**{_plain(row, n)}**" if n in best else _plain(row, n) for n in names]
    return _line([row.title, *cells, row.place(), verdict(row).replace("missed", "**missed**")])


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _plain(row: Row, name: str) -> str:
    return f"{row.values[name]:.{row.digits}f}" if name in row.values else "-"


def _best(row: Row) -> set[str]:
    """Return the allocators whose printed figure is the best of the row."""
    if not row.values or not row.ranked:
        return set()
    best = min(row.values.values()) if row.less_is_better else max(row.values.values())
    return {
        name for name, value in row.values.items() if _plain(row, name) == f"{best:.{row.digits}f}"
    }
