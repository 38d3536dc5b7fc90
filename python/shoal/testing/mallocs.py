"""What C code asked malloc for in a test and left alive, where malloc is Shoal's.

tracemalloc, which `leaks` goes by, knows of such blocks only what libraries tell it, as
numpy does of the data of its arrays. The profiler's engine knows all, by the line of
the test that ran.
"""

from __future__ import annotations

from collections import Counter
from tracemalloc import DomainFilter

from shoal import _heap, _profile
from shoal.testing.lines import TestLines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from tracemalloc import Snapshot
    from types import CodeType

    import pytest

__all__ = ["LinesOfMallocs"]

_LIVE = 8
"""Where it is in a line's figures."""


class LinesOfMallocs:
    """Accounts for what C code asks malloc for on the lines of tests."""

    def __init__(self) -> None:
        self._lines = TestLines()
        self._code: CodeType | None = None

    def choose(self, item: pytest.Item) -> None:
        """Account for the lines of a test, if that can be."""
        if not _heap.serves_malloc():
            return
        _profile.start(True)
        _profile.mark()  # Told of blocks before tracemalloc, which later puts back what it finds.
        self._code = self._lines.watch(item)

    def begin(self) -> None:
        """The test begins."""
        _profile.mallocs_only(self._code is not None)

    def end(self) -> None:
        """It has ended."""
        _profile.mallocs_only(False)

    def left(self, snapshot: Snapshot) -> Iterator[tuple[str, int, int]]:
        """Yield what lines left alive, but for what tracemalloc was told of.

        Parameters
        ----------
        snapshot : tracemalloc.Snapshot
            Taken when the test ended.

        Yields
        ------
        tuple of str, int and int
            The file, the line, and how many bytes.
        """
        if self._code is None:
            return
        name = self._code.co_filename
        told = _told(snapshot, name)
        _, figures = _profile.figures(self._code)
        for line, figure in enumerate(figures, self._code.co_firstlineno):
            left = figure[_LIVE] - told[line]
            if left > 0:
                yield name, line, left


def _told(snapshot: Snapshot, name: str) -> Counter[int]:
    """Return what tracemalloc was told of by libraries, by each line of a file it was below."""
    by_line: Counter[int] = Counter()
    of_libraries = snapshot.filter_traces([DomainFilter(False, 0)])
    for statistic in of_libraries.statistics("traceback"):
        for line in {frame.lineno for frame in statistic.traceback if frame.filename == name}:
            by_line[line] += statistic.size
    return by_line
