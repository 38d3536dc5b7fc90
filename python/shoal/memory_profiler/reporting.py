"""What an engine measured, in the words of `shoal.profiler.model`."""

from __future__ import annotations

import os
import sys
import time

from shoal.profiler.model import Function, Line, Report
from shoal.profiler.source import NoSourceError, SourceChangedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import CodeType

    from shoal.profiler.source import Source

__all__ = ["function_of", "report_of"]


def function_of(
    code: CodeType,
    source: Source,
    figures: Mapping[int, Sequence[int]],
    *,
    calls: int,
    rss_before: int | None,
    line_count: int,
) -> Function:
    """Return a function and its lines.

    Parameters
    ----------
    code : CodeType
        Its code.
    source : Source
        Its source.
    figures : mapping of int to three int
        By the number of a line in the file: how often it was begun, resident bytes
        after it last ended, sum of their growth. A line that was never begun may be missing.
    calls : int
        How often it was called.
    rss_before : int or None
        Resident bytes when the last call began; None if there was none.
    line_count : int
        How many lines it has if their text cannot be had.
    """
    try:
        texts = source.lines()
    except (NoSourceError, SourceChangedError):  # The figures are right all the same.
        texts = ("",) * line_count
    lines = []
    for number, text in enumerate(texts, source.first_line):
        hits, rss, growth = figures.get(number, (0, 0, 0))
        if hits:
            lines.append(Line(number, text, hits, rss=rss, rss_growth=growth))
        else:
            lines.append(Line(number, text))
    name = getattr(code, "co_qualname", code.co_name)
    return Function(name, source.filename, source.first_line, calls, tuple(lines), rss_before)


def report_of(
    functions: Iterable[Function], *, started: float, read_rss: Callable[[], int]
) -> Report:
    """Return a report of this process at this moment.

    Of the allocator nothing was measured: what it has is zero.

    Parameters
    ----------
    functions : iterable of Function
        In the order they were added; gone through before `read_rss` is called.
    started : float
        When measuring began, as `time.time` gives it.
    read_rss : callable
        Gives the resident bytes of the process.
    """
    return Report(
        functions=tuple(functions),
        allocator="pymalloc",
        pid=os.getpid(),
        command=tuple(sys.argv),
        python=sys.version.partition(" ")[0],
        started=started,
        seconds=time.time() - started,
        live=0,
        held=0,
        returned=0,
        rss=read_rss(),
    )
