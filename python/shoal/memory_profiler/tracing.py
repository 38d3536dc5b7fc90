"""Lines measured by a trace function: any reading, at a price.

For what Shoal's engine does not read: children, PSS, USS, tracemalloc, ps. A
reading of resident memory takes about 10 us a line, of PSS some hundred.

The interpreter has one trace function a thread. Here it is one for all engines
that are enabled, and it keeps calling the one that was there before, as a
debugger's or a coverage tool's.
"""

from __future__ import annotations

import sys
import threading
import time

from shoal.memory_profiler.backends import own_reading
from shoal.memory_profiler.reporting import function_of, report_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType
    from typing import Any

    from shoal.profiler.model import Function, Report
    from shoal.profiler.source import Source

    Trace = Callable[[FrameType, str, Any], Any]

__all__ = ["TracingEngine", "codes_within", "trace", "untrace"]


def codes_within(code: CodeType) -> list[CodeType]:
    """Return a code object and all that are defined within it.

    Not what makes annotations when they are asked for, since 3.14: nobody has written it.
    """
    found = [code]
    for constant in code.co_consts:
        if hasattr(constant, "co_code") and constant.co_name != "__annotate__":
            found += codes_within(constant)
    return found


# ---- One trace function for all engines ---------------------------------------------


class _Tracing(threading.local):
    """Of one thread: who wants events of new frames, and the trace function from before."""

    def __init__(self) -> None:
        self.engines: list[Trace] = []
        self.before: Any = None


_tracing = _Tracing()


def trace(on_call: Trace) -> None:
    """Call a trace function at every call in this thread; it returns one for the frame."""
    if not _tracing.engines:
        _tracing.before = sys.gettrace()
        sys.settrace(_on_call)
    _tracing.engines.append(on_call)


def untrace(on_call: Trace) -> None:
    """Take back one `trace`."""
    _tracing.engines.remove(on_call)
    if not _tracing.engines:
        sys.settrace(_tracing.before)
        _tracing.before = None


def _on_call(frame: FrameType, event: str, argument: Any) -> Any:
    # One that is enabled twice is called once.
    tracers = [engine(frame, event, argument) for engine in dict.fromkeys(_tracing.engines)]
    if _tracing.before is not None:
        tracers.append(_tracing.before(frame, event, argument))
    tracers = [tracer for tracer in tracers if tracer is not None]
    return _fan_out(tracers) if len(tracers) > 1 else tracers[0] if tracers else None


def _fan_out(tracers: list[Trace]) -> Trace:
    """Return one trace function for a frame that calls all; each may replace itself."""

    def on_event(frame: FrameType, event: str, argument: Any) -> Any:
        tracers[:] = [tracer(frame, event, argument) or tracer for tracer in tracers]
        return on_event

    return on_event


# ---- The engine -------------------------------------------------------------------


class _Figures:
    """Of one function."""

    def __init__(self, code: CodeType, source: Source) -> None:
        self.code = code
        self.source = source
        self.calls = 0
        self.before: int | None = None
        self.lines: dict[int, list[int]] = {}
        """By number: how often begun, bytes after it last ended, sum of growth."""

    def function(self) -> Function:
        """Return them as a report has them."""
        first = self.source.first_line
        return function_of(
            self.code,
            self.source,
            self.lines,
            calls=self.calls,
            rss_before=self.before,
            line_count=max(self.lines, default=first) - first + 1,
        )


class TracingEngine:
    """Measures lines by a trace function; see `engine.Engine`.

    Of its figures only calls, hits and what is called resident are there; the
    latter is what the backend reads.

    Parameters
    ----------
    backend : str
        What is read at each line: one of `backends.BACKENDS`.
    include_children : bool
        Add what the descendants of this process occupy.
    """

    def __init__(self, backend: str, include_children: bool) -> None:
        self._read = own_reading(backend, include_children)
        # Where the reading is exact, the engine's own objects must not be in it.
        self._reads_twice = backend == "tracemalloc"
        self._figures: dict[CodeType, _Figures] = {}
        self._functions: list[_Figures] = []
        self._open = threading.local()
        self._enabled = 0
        self._started = time.time()

    def add(self, code: CodeType, source: Source) -> None:
        """Measure a function: its code and all code within it."""
        figures = _Figures(code, source)
        self._functions.append(figures)
        for inner in codes_within(code):
            self._figures[inner] = figures

    def enable(self) -> None:
        """Measure from now on what the calling thread runs, and threads begun meanwhile."""
        trace(self._on_call)
        self._enabled += 1
        if self._enabled == 1:
            _new_threads_also(self._on_call)

    def disable(self) -> None:
        """Take back one `enable` of the calling thread."""
        untrace(self._on_call)
        self._enabled -= 1
        if not self._enabled:
            _new_threads_no_more(self._on_call)

    def report(self) -> Report:
        """Return the figures so far."""
        functions = (figures.function() for figures in self._functions)
        return report_of(functions, started=self._started, read_rss=self._read)

    def _on_call(self, frame: FrameType, event: str, argument: Any) -> Any:
        figures = self._figures.get(frame.f_code)
        if figures is None or not self._enabled:
            return None
        return _Run(figures, self._read, self._reads_twice, self._stack(), frame).on_event

    def _stack(self) -> list[_Run]:
        """Return the runs that are open in this thread."""
        if not hasattr(self._open, "runs"):
            self._open.runs = []
        runs: list[_Run] = self._open.runs
        return runs


class _Run:
    """One uninterrupted run of a frame: from its call or resumption to its end or yield."""

    def __init__(
        self,
        figures: _Figures,
        read: Callable[[], int],
        reads_twice: bool,
        stack: list[_Run],
        frame: FrameType,
    ) -> None:
        self._lines = figures.lines
        self._read = read
        self._reads_twice = reads_twice
        self._stack = stack
        # Their lines of this function are open too: what is counted here is not
        # counted again there.
        self._outer = [run for run in stack if run._lines is self._lines]
        stack.append(self)
        self._before = read()
        # A frame that goes on after a yield is in the midst of a line.
        resumed = frame.f_lineno != frame.f_code.co_firstlineno
        self._number = frame.f_lineno if resumed else 0
        if not resumed and frame.f_code is figures.code:
            figures.calls += 1
            figures.before = self._before

    def on_event(self, frame: FrameType, event: str, argument: Any) -> Any:
        """Trace the frame."""
        if event == "line":
            self._close()
            self._number = frame.f_lineno
            self._lines.setdefault(self._number, [0, 0, 0])[0] += 1
        elif event == "return":
            self._close()
            if self in self._stack:  # Else the frame was run on in another thread.
                self._stack.remove(self)
        if self._reads_twice:
            self._before = self._read()
        return self.on_event

    def _close(self) -> None:
        """End the line that is open, if one is."""
        after = self._read()
        if self._number in self._lines:
            growth = after - self._before
            line = self._lines[self._number]
            line[1:] = [after, line[2] + growth]
            for run in self._outer:
                run._before += growth
        self._before = after


# ---- Threads that are begun while an engine is enabled ----------------------------------

_engines_of_new_threads: list[Trace] = []
_hook_before: list[Any] = []
"""What threading.settrace had been told before, while it is told of ours."""


def _new_threads_also(on_call: Trace) -> None:
    if not _engines_of_new_threads:
        _hook_before[:] = [getattr(threading, "_trace_hook", None)]
        threading.settrace(_begin_in_thread)
    _engines_of_new_threads.append(on_call)


def _new_threads_no_more(on_call: Trace) -> None:
    _engines_of_new_threads.remove(on_call)
    if not _engines_of_new_threads:
        threading.settrace(_hook_before[0])


def _begin_in_thread(frame: FrameType, event: str, argument: Any) -> Any:
    """Trace a new thread, from its first call, for all engines that are enabled."""
    sys.settrace(_hook_before[0])
    for on_call in list(_engines_of_new_threads):
        trace(on_call)
    return _on_call(frame, event, argument)
