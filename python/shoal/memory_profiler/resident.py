"""Lines measured by Shoal's engine: resident memory, at below a microsecond a line.

The engine has one set of figures for each code object, of all threads and for
the whole life of the process. What one profiler measured is what they grew by
while it was enabled.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter

from shoal import _profile
from shoal.memory_profiler.backends import own_reading
from shoal.memory_profiler.reporting import function_of, report_of
from shoal.memory_profiler.tracing import codes_within
from shoal.profiler.source import line_count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType

    from shoal.profiler.model import Function, Report
    from shoal.profiler.source import Source

    Figures = tuple[int, list[tuple[int, ...]]]
    """Calls, and of each line what `_profile.figures` tells."""

__all__ = ["ResidentEngine"]

_HITS, _RSS, _RSS_GROWTH = 0, 1, 2
"""Where they are in a line's figures."""

_watching: Counter[CodeType] = Counter()
"""How many profilers that are enabled watch a code object."""

_guard = threading.Lock()


class ResidentEngine:
    """Measures lines by Shoal's engine; see `engine.Engine`.

    It watches code, whichever thread runs it: two profilers of one function
    that are enabled at once both have what either thread does.
    """

    def __init__(self) -> None:
        _profile.start(True)
        self._read_process = own_reading("psutil")
        self._functions: list[tuple[CodeType, Source]] = []
        self._before: dict[CodeType, Figures] = {}
        self._grown: dict[CodeType, list[list[int]]] = {}
        self._calls: Counter[CodeType] = Counter()
        self._enabled_at = 0  # resident bytes
        self._rss_before: dict[CodeType, int] = {}
        self._enabled = 0
        self._started = time.time()

    def add(self, code: CodeType, source: Source) -> None:
        """Measure a function and those defined within it."""
        with _guard:
            self._functions.append((code, source))
            if self._enabled:
                self._begin(code)

    def enable(self) -> None:
        """Measure from now on."""
        with _guard:
            self._enabled += 1
            if self._enabled > 1:
                return
            for code, _ in self._functions:
                self._begin(code)
            self._enabled_at = self._read()

    def disable(self) -> None:
        """Take back one `enable`."""
        with _guard:
            self._enabled -= 1
            if self._enabled:
                return
            for code in list(self._before):
                self._collect(code)
                _watching[code] -= 1
                if not _watching[code] and not _is_profiled(code):
                    _profile.unwatch(code)
            self._before.clear()

    def report(self) -> Report:
        """Return the figures so far."""
        with _guard:
            for code in self._before:
                self._collect(code)
            functions = tuple(self._function(*function) for function in self._functions)
        return report_of(functions, started=self._started, read_rss=self._read)

    def _read(self) -> int:
        """Return resident bytes without the engine's own, as it gives them of lines."""
        return self._read_process() - _profile.own_resident()

    def _begin(self, function: CodeType) -> None:
        for code in _watched_within(function):
            if code not in self._before:
                if not _watching[code]:
                    _profile.watch(code, line_count(code))
                _watching[code] += 1
                self._before[code] = _profile.figures(code)

    def _collect(self, code: CodeType) -> None:
        """Add what the figures grew by since they were looked at last."""
        calls, lines = _profile.figures(code)
        calls_before, lines_before = self._before[code]
        self._before[code] = calls, lines
        if calls != calls_before:
            self._calls[code] += calls - calls_before
            self._rss_before[code] = self._enabled_at
        grown = self._grown.setdefault(code, [[0, 0, 0] for _ in lines])
        for of, now, before in zip(grown, lines, lines_before):
            if now[_HITS] != before[_HITS] or now[_RSS_GROWTH] != before[_RSS_GROWTH]:
                of[_HITS] += now[_HITS] - before[_HITS]
                of[_RSS] = now[_RSS]
                of[_RSS_GROWTH] += now[_RSS_GROWTH] - before[_RSS_GROWTH]

    def _function(self, code: CodeType, source: Source) -> Function:
        by_number: dict[int, list[int]] = {}
        for inner in _watched_within(code):
            for number, of in enumerate(self._grown.get(inner, ()), inner.co_firstlineno):
                sums = by_number.setdefault(number, [0, 0, 0])
                sums[_HITS] += of[_HITS]
                sums[_RSS] = max(sums[_RSS], of[_RSS])
                sums[_RSS_GROWTH] += of[_RSS_GROWTH]
        return function_of(
            code,
            source,
            by_number,
            calls=self._calls[code],
            rss_before=self._rss_before.get(code),
            line_count=line_count(code),
        )


def _is_profiled(code: CodeType) -> bool:
    """Say whether `shoal.profile` wants its lines, too."""
    collect = sys.modules.get("shoal.profiler.collect")
    return collect is not None and collect.is_profiled(code)


def _watched_within(code: CodeType) -> list[CodeType]:
    """Return a function's code and that of functions defined within it.

    Not of lambdas and comprehensions: what they do is already on the line of
    the function that runs them, and would be counted twice.
    """
    _, *inner = codes_within(code)
    return [code, *(one for one in inner if not one.co_name.startswith("<"))]
