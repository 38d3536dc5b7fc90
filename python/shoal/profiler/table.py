"""A report as tables for people: in colour on a terminal, plain text elsewhere."""

from __future__ import annotations

import os

from shoal.profiler import paint
from shoal.profiler.layout import cells, lay_out
from shoal.profiler.units import checked_precision, format_bytes
from shoal.profiler.verdict import verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TextIO

    from shoal.profiler.layout import Layout
    from shoal.profiler.model import Function, Report
    from shoal.profiler.paint import Block

__all__ = ["is_coloured", "terminal_width", "write_report"]

_WHAT_LIVE_MAY_STILL_COUNT = (
    "Live is to the byte, but for a few freed objects that CPython keeps to use again "
    "(24 to 200 bytes each)."
)

HEAPS = {"shoal": "Shoal's heap", "pymalloc": "the interpreter's own heap"}


def write_report(
    report: Report,
    stream: TextIO,
    *,
    precision: int = 1,
    compat: bool = False,
    width: int | None = None,
    colour: bool | None = None,
) -> None:
    """Write the tables of a report.

    Parameters
    ----------
    report : Report
        What to show. Functions of which nothing ran are left out.
    stream : text file
        Where to. What its encoding lacks is written as escapes.
    precision : int
        Decimals of KiB and MiB.
    compat : bool
        Write memory_profiler's tables instead; the parameters below do not
        count then.
    width : int, optional
        Characters a line, for which columns are left out and source lines cut.
        By default the terminal's, or no limit where `stream` is none.
    colour : bool, optional
        By default on terminals, unless the environment has NO_COLOR.

    Raises
    ------
    ValueError
        `precision` is not a number of decimals.
    OSError
        `stream` cannot be written.
    """
    checked_precision(precision)
    if compat:
        from shoal.profiler.compat_table import write_compat

        write_compat(report, stream, precision)
        return
    if width is None:
        width = terminal_width(stream)
    write = paint.coloured if (is_coloured(stream) if colour is None else colour) else paint.plain
    write(_blocks(report, precision, width), stream, width)


def terminal_width(stream: TextIO) -> int | None:
    """Return the characters in a line of the terminal `stream`, None if it is none."""
    try:
        if not stream.isatty():
            return None
        named = os.environ.get("COLUMNS", "")
        if named.isdigit() and int(named):
            return int(named)
        return os.get_terminal_size(stream.fileno()).columns or None
    except (AttributeError, OSError, ValueError):
        return None


def is_coloured(stream: TextIO) -> bool:
    """Say whether colours are wanted: on a terminal that is not dumb, without NO_COLOR."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    try:
        return stream.isatty()
    except (AttributeError, ValueError):
        return False


def _blocks(report: Report, precision: int, width: int | None) -> Iterator[Block]:
    """Yield the parts of the report, each of lines that are written together."""
    called = [function for function in report.functions if _ran(function)]
    sources = [[paint.printable(line.text) for line in function.lines] for function in called]
    rows = [[cells(function, line, precision) for line in function.lines] for function in called]
    longest = max((paint.width_of(text) for source in sources for text in source), default=0)
    layout = lay_out([row for table in rows for row in table], longest, width)
    if layout.contents < longest:
        sources = [_dedent(source) for source in sources]
    for function, source, table in zip(called, sources, rows):
        yield _heading(function)
        yield _table(layout, source, table)
        yield [*(_said(s, "verdict") for s in verdict(function, report)), _said("", "")]
    if not called:
        yield [_said("No profiled function ran.", ""), _said("", "")]
    yield _ending(report, layout, precision)


def _ran(function: Function) -> bool:
    # A function that was already running when profiling began was not called.
    return function.calls > 0 or any(line.hits for line in function.lines)


def _said(text: str, role: str) -> paint.Row:
    return paint.Row([(paint.printable(text), role)])


def _heading(function: Function) -> Block:
    called = {0: "", 1: ", called once"}.get(function.calls, f", called {function.calls:,} times")
    return [
        _said(f"Filename: {function.filename}", ""),
        _said(f"Function: {function.name}{called}", ""),
        _said("", ""),
    ]


def _table(layout: Layout, source: Sequence[str], table: Sequence[dict[str, str]]) -> Block:
    header = layout.header()
    block = [paint.Row([(header, "title")]), paint.Row([("=" * len(header), "note")])]
    for text, row in zip(source, table):
        pieces = [(figure, _role(figure)) for figure in layout.figures(row)]
        block.append(paint.Row(pieces, text, layout.contents))
    return [*block, paint.Row([])]


def _role(figure: str) -> str:
    """Return how a figure shall look: MiB stand out, nothing recedes."""
    figure = figure.strip()
    if figure == "0 B":
        return "zero"
    return "large" if figure.endswith("MiB") else ""


def _dedent(source: list[str]) -> list[str]:
    import textwrap

    return textwrap.dedent("\n".join(source)).split("\n")


def _ending(report: Report, layout: Layout, precision: int) -> Block:
    figures = [("returned", report.returned), ("resident", report.rss)]
    if report.live or report.held:  # neither is known where pymalloc does not serve, either
        figures = [("live", report.live), ("held", report.held), *figures]
    said = ", ".join(f"{name} {format_bytes(amount, precision)}" for name, amount in figures)
    where = f"on {HEAPS[report.allocator]}, CPython {report.python}, process {report.pid}"
    block = [_said(f"At the end, after {report.seconds:.1f} s: {said} ({where}).", "note")]
    if any(line.live > 0 for function in report.functions for line in function.lines):
        block.append(_said(_WHAT_LIVE_MAY_STILL_COUNT, "note"))
    if layout.left_out:
        block.append(_said(f"No room for: {', '.join(layout.left_out)}.", "note"))
    return block
