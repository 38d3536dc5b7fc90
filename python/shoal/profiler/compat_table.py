"""The table of memory_profiler 0.61, byte for byte.

For those who compare with older tables or read them with a program. Its rules
are memory_profiler's: MiB everywhere, a first row that counts the memory of
the whole process as its increment, source lines as they are in the file.
"""

from __future__ import annotations

from shoal.profiler.paint import write_escaped
from shoal.profiler.units import MIB, checked_precision

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

    from shoal.profiler.model import Function, Line, Report

    Measured = tuple[float, float, int]
    Row = tuple[int, Measured | None, str]

__all__ = ["measured", "write_compat", "write_rows"]

_ROW = "{0:>6} {1:>12} {2:>12}  {3:>10}   {4:<}"
_HEADER = _ROW.format("Line #", "Mem usage", "Increment", "Occurrences", "Line Contents")


def write_rows(filename: str, rows: Iterable[Row], stream: TextIO, precision: int = 1) -> None:
    """Write the table of one function.

    Parameters
    ----------
    filename : str
        Of the function's source.
    rows : iterable of (int, (float, float, int) or None, str)
        For each line its number; increment in MiB, memory in MiB and
        occurrences, or None if it was not measured; and its text, with the
        newline at its end.
    stream : text file
        Where to, in as many writes as memory_profiler makes: some streams, such
        as its LogFile, look at each.
    precision : int
        Decimals.

    Raises
    ------
    ValueError
        `precision` is not a number of decimals.
    """
    checked_precision(precision)
    mib = f"{{0:{precision + 4}.{precision}f}} MiB"
    write_escaped(stream, f"Filename: {filename}\n\n")
    stream.write(f"{_HEADER}\n")
    stream.write(f"{'=' * len(_HEADER)}\n")
    for number, measured, text in rows:
        memory, increment, occurrences = "", "", ""
        if measured:
            increment, memory = mib.format(measured[0]), mib.format(measured[1])
            occurrences = str(measured[2])
        write_escaped(stream, _ROW.format(number, memory, increment, occurrences, text))
    stream.write("\n\n")


def write_compat(report: Report, stream: TextIO, precision: int = 1) -> None:
    """Write memory_profiler's tables of a whole report.

    Functions of which nothing was measured have none.

    Parameters
    ----------
    report : Report
        What to show.
    stream : text file
        Where to.
    precision : int
        Decimals.

    Raises
    ------
    ValueError
        `precision` is not a number of decimals.
    """
    checked_precision(precision)
    for function in report.functions:
        rows = [
            (line.number, measured(function, line), line.text + "\n") for line in function.lines
        ]
        if any(figures for _, figures, _ in rows):
            write_rows(function.filename, rows, stream, precision)


def measured(function: Function, line: Line) -> Measured | None:
    """Return a line's increment in MiB, memory in MiB and occurrences; None if it has none.

    The first line of a function has what there was before its last call.
    """
    if line.hits and line.rss is not None:
        most = line.rss if line.rss_peak is None else line.rss_peak
        return (line.rss_growth or 0) / MIB, most / MIB, line.hits
    if line.number == function.first_line and function.calls and function.rss_before is not None:
        # What was there before the first line counts as the increment of the call.
        return function.rss_before / MIB, function.rss_before / MIB, function.calls
    return None
