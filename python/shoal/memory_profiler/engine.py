"""The boundary to what measures lines; nothing else of this package knows it.

`line_engine` chooses. Shoal's own engine measures resident memory (resident.py).
For every other reading, and where that engine is not to be had, functions are
traced in Python (tracing.py), which is slow.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Protocol

    from shoal.profiler.model import Report
    from shoal.profiler.source import Source

    class Engine(Protocol):
        """Measures lines of functions, from nothing, while it is enabled.

        Several may be enabled at once, also for the same functions; each has
        its own figures.
        """

        def add(self, code: CodeType, source: Source) -> None:
            """Measure a function: its code and the functions defined within it.

            Those count on its lines; what a lambda or a comprehension does may
            instead be on the line that runs it.
            """

        def enable(self) -> None:
            """Measure from now on what the calling thread runs; may measure all threads.

            Threads that are begun meanwhile are measured too. Calls of it nest.
            """

        def disable(self) -> None:
            """Take back one `enable` of the calling thread."""

        def report(self) -> Report:
            """Return the figures so far: the functions in the order they were added."""


__all__ = ["line_engine"]


def line_engine(backend: str, include_children: bool, max_mem: float | None = None) -> Engine:
    """Return a new engine.

    Parameters
    ----------
    backend : str
        What is read at each line: one of `backends.BACKENDS`.
    include_children : bool
        Add what the descendants of this process occupy.
    max_mem : float, optional
        MiB: measure nothing, but open the debugger at the first line that
        leaves this process with as much.
    """
    if max_mem is not None:
        from shoal.memory_profiler.debugger import DebuggerEngine

        return DebuggerEngine(backend, include_children, max_mem)
    # Before 3.12 Shoal's engine takes the place of a trace function, as of a debugger.
    traced = sys.version_info < (3, 12) and sys.gettrace() is not None
    if backend == "psutil" and not include_children and not traced:
        try:
            from shoal.memory_profiler.resident import ResidentEngine

            return ResidentEngine()
        except (ImportError, RuntimeError):
            pass  # Not built for this interpreter, or it cannot tell of lines here.
    from shoal.memory_profiler.tracing import TracingEngine

    return TracingEngine(backend, include_children)
