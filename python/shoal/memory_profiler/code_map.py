"""`CodeMap`: what was measured of each line of the functions that are profiled."""

from __future__ import annotations

from shoal.memory_profiler.backends import MIB
from shoal.profiler.source import take

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType
    from typing import Any

    from shoal.profiler.model import Function, Line, Report
    from shoal.profiler.source import Source

    Measure = tuple[float, float, int]
    """Increment in MiB, memory in MiB, occurrences."""
    Base = dict[CodeType, dict[int, Measure]]
else:
    Base = dict

__all__ = ["CodeMap"]


class CodeMap(Base):
    """Measures by code object, then by line number, in the order of the file.

    Code that is defined within a function shares the function's measures.
    `items` is of whole functions, in the order they were added.

    Parameters
    ----------
    include_children : bool
        Whether memory includes that of the descendants of this process.
    backend : str
        What was read: one of `backends.BACKENDS`.

    Attributes
    ----------
    sources : list of Source
        Of the functions, in the order they were added.
    """

    def __init__(self, include_children: bool, backend: str) -> None:
        super().__init__()
        self.include_children = include_children
        self.backend = backend
        self.sources: list[Source] = []
        self._lines: dict[CodeType, tuple[Line, ...]] = {}

    def add(self, code: CodeType, toplevel_code: CodeType | None = None) -> Source | None:
        """Make room for the measures of a function.

        Parameters
        ----------
        code : CodeType
            The function's.
        toplevel_code : CodeType, optional
            Of the function that it is defined within.

        Returns
        -------
        Source or None
            Where its lines are; None if it was here already.

        Raises
        ------
        NoSourceError
            It has no source lines.
        """
        if code in self:
            return None
        source = None
        if toplevel_code is None:
            source = take(code)
            self.sources.append(source)
            self[code] = {}
        else:
            self[code] = self[toplevel_code]
        for inner in code.co_consts:
            if hasattr(inner, "co_code"):
                self.add(inner, toplevel_code or code)
        return source

    def fill(self, report: Report) -> None:
        """Take the figures of a report of the same functions in the same order."""
        for source, function in zip(self.sources, report.functions):
            self._lines[source.code] = function.lines
            measures = self[source.code]
            measures.clear()
            measures.update(_measures(function))

    def items(self) -> Any:
        """Iterate over the functions of which something was measured.

        Yields
        ------
        tuple of str and iterator
            File name, and for each line of the function its number and its
            measure or None: increment in MiB, memory in MiB, occurrences.
        """
        for filename, rows in self.tables():
            yield filename, ((number, measure) for number, measure, _ in rows)

    def tables(self) -> Iterator[tuple[str, list[tuple[int, Measure | None, str]]]]:
        """Iterate as `items` does, over lists, with the text of each line, newline included."""
        for source in self.sources:
            measures = self[source.code]
            if measures:
                yield (
                    source.filename,
                    [
                        (line.number, measures.get(line.number), f"{line.text}\n")
                        for line in self._lines[source.code]
                    ],
                )


def _measures(function: Function) -> Iterator[tuple[int, Measure]]:
    """Yield number and measure of each line; the first one has what was there before."""
    for line in function.lines:
        if line.hits and line.rss is not None:
            yield line.number, ((line.rss_growth or 0) / MIB, line.rss / MIB, line.hits)
        elif line.number == function.first_line and function.rss_before is not None:
            before = function.rss_before / MIB
            yield line.number, (before, before, function.calls)
